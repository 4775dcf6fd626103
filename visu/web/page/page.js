// Shows the pictures that arrive, and passes on what keys and mouse do. All else is decided there.

const AGAIN = 1000; // milliseconds between attempts to connect
const SETTLED = 80; // milliseconds after which a window that is being resized is asked for its size
const MOTION = 30; // milliseconds between reports of where the mouse is
const GOING_AWAY = 1001;
const ALONE = ["Control", "Shift", "Alt", "Meta"];

const view = document.querySelector("main");
const canvas = document.querySelector("canvas");
const context = canvas.getContext("2d");
const rubberband = document.getElementById("rubberband");
const keys = document.getElementById("keys");
const trouble = document.getElementById("trouble");
const buttons = [...document.querySelectorAll("button[data-action]")]; // of matplotlib's toolbar

let socket;
let room = [0, 0]; // for the picture, in pixels of the screen
let resizing; // the timer
let motion; // the newest that has not been reported

function connect() {
  const address = new URL("socket", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  let shown = Promise.resolve();
  socket.onopen = () => {
    complain("");
    askForRoom();
  };
  socket.onmessage = ({ data }) => {
    shown = shown
      .then(() => show(data))
      .catch((error) => {
        console.error(error);
        socket.close(); // the next connection starts with a whole picture
      });
  };
  socket.onclose = ({ code }) => {
    complain(
      code === GOING_AWAY
        ? "The program has ended; this is its last picture."
        : "No connection to the program; trying again …",
    );
    setTimeout(connect, AGAIN);
  };
}

function complain(text) {
  // A program that has ended stays so, however often the connection fails.
  if (!text || !trouble.textContent) {
    trouble.textContent = text;
  }
  keys.hidden = Boolean(text);
}

function send(event) {
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify(event));
  }
}

// A message: four bytes with the length of its first part, that part in JSON, and a PNG, a column of
// tiles that belong at these places.
async function show(data) {
  const length = new DataView(data).getUint32(0);
  const { told, size, at } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  for (const [kind, news] of Object.entries(told ?? {})) {
    tell[kind](news);
  }
  if (size) {
    const png = new Blob([new Uint8Array(data, 4 + length)], { type: "image/png" });
    const picture = await createImageBitmap(png);
    if (canvas.width !== size[0] || canvas.height !== size[1]) {
      [canvas.width, canvas.height] = size;
      fit();
    }
    const { width } = picture;
    const height = picture.height / at.length;
    for (const [index, place] of at.entries()) {
      context.drawImage(picture, 0, index * height, width, height, ...place, width, height);
    }
    picture.close();
  }
  send({ type: "ack" });
}

const tell = {
  style({ dark }) {
    document.documentElement.classList.toggle("dark", dark);
  },
  figure_label({ label }) {
    document.title = label;
  },
  message({ message }) {
    document.getElementById("message").textContent = message;
  },
  cursor({ cursor }) {
    canvas.style.cursor = cursor;
  },
  navigate_mode({ mode }) {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", button.dataset.action.toUpperCase() === mode);
    }
  },
  history_buttons(possible) {
    for (const button of buttons) {
      button.disabled = possible[button.dataset.text] === false;
    }
  },
  rubberband({ x0, y0, x1, y1 }) {
    const scale = canvas.offsetWidth / canvas.width;
    rubberband.hidden = x0 < 0 && x1 < 0;
    rubberband.style.left = `${canvas.offsetLeft + Math.min(x0, x1) * scale}px`;
    rubberband.style.top = `${canvas.offsetTop + (canvas.height - Math.max(y0, y1)) * scale}px`;
    rubberband.style.width = `${Math.abs(x1 - x0) * scale}px`;
    rubberband.style.height = `${Math.abs(y1 - y0) * scale}px`;
  },
};

// Show the picture pixel by pixel if it was made for this room, else as large as fits.
function fit() {
  const ratio = devicePixelRatio;
  const scale = Math.min(room[0] / canvas.width, room[1] / canvas.height);
  const made = Math.abs(room[0] - canvas.width) < 2 && Math.abs(room[1] - canvas.height) < 2;
  const [width, height] = [canvas.width, canvas.height].map(
    (pixels) => (pixels * (made ? 1 : scale)) / ratio,
  );
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.style.left = `${made ? 0 : (room[0] / ratio - width) / 2}px`;
  canvas.style.top = `${made ? 0 : (room[1] / ratio - height) / 2}px`;
}

// The picture is as large as the page that was resized or looked at last has room for.
function askForRoom() {
  if (document.visibilityState === "visible" && room[0]) {
    send({ type: "resize", width: room[0], height: room[1], ratio: devicePixelRatio });
  }
}

new ResizeObserver(([{ contentRect }]) => {
  const { width, height } = contentRect;
  room = [width, height].map((length) => Math.round(length * devicePixelRatio));
  fit();
  clearTimeout(resizing);
  resizing = setTimeout(askForRoom, SETTLED);
}).observe(view);
addEventListener("focus", askForRoom);
document.addEventListener("visibilitychange", askForRoom);

function onKey(event) {
  const { key, target } = event;
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  if (key.toLowerCase() === "s" && !event.altKey) {
    event.preventDefault();
    if (event.type === "keydown" && !event.repeat) {
      save();
    }
    return;
  }
  // The browser keeps what is its own: reload, close, the next tab, its tools.
  const theirs = (modified && !ALONE.includes(key)) || /^(F\d+|Tab)$/.test(key);
  const pressesButton = target instanceof HTMLButtonElement && [" ", "Enter"].includes(key);
  if (theirs || pressesButton) {
    return;
  }
  if (!ALONE.includes(key)) {
    event.preventDefault();
  }
  if (!event.repeat) {
    const type = event.type === "keydown" ? "key_press" : "key_release";
    send({ type, key: `${event.shiftKey && key !== "Shift" ? "shift+" : ""}k${key}` });
  }
}
addEventListener("keydown", onKey);
addEventListener("keyup", onKey);

function mouse(type, event, more) {
  motion = undefined;
  const box = canvas.getBoundingClientRect();
  send({
    type,
    x: ((event.clientX - box.left) * canvas.width) / box.width,
    y: ((event.clientY - box.top) * canvas.height) / box.height,
    button: event.button,
    buttons: event.buttons,
    modifiers: ["ctrl", "shift", "alt", "meta"].filter((name) => event[`${name}Key`]),
    ...more,
  });
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  mouse("button_press", event);
});
canvas.addEventListener("pointerup", (event) => mouse("button_release", event));
canvas.addEventListener("pointerenter", (event) => mouse("figure_enter", event));
canvas.addEventListener("pointerleave", (event) => mouse("figure_leave", event));
canvas.addEventListener("pointermove", (event) => {
  if (!motion) {
    setTimeout(() => motion && mouse("motion_notify", motion), MOTION);
  }
  motion = event;
});
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    mouse("scroll", event, { step: Math.max(-1, Math.min(1, -event.deltaY / 100)) });
  },
  { passive: false },
);
canvas.addEventListener("contextmenu", (event) => event.preventDefault());

function save() {
  canvas.toBlob((png) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(png);
    link.download = `${document.body.dataset.name}.png`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

for (const button of document.querySelectorAll("button")) {
  // Keys are for the picture, also after a click on a button.
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", () => {
    if (button.dataset.action === "download") {
      save();
    } else if (button.dataset.key) {
      send({ type: "key_press", key: `k${button.dataset.key}` });
      send({ type: "key_release", key: `k${button.dataset.key}` });
    } else {
      send({ type: "toolbar_button", name: button.dataset.action });
    }
  });
}

connect();
