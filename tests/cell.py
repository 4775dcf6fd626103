"""A notebook's front end without a browser: what JupyterLab and ipympl's scripts do there."""

import io
import json
import os
import time
from contextlib import contextmanager, suppress
from queue import Empty

import numpy as np
from jupyter_client.manager import start_new_kernel
from PIL import Image


@contextmanager
def notebook(folder):
    """A kernel that works in `folder`, and a `FrontEnd` for it."""
    # As where a user starts it: without the display of whoever runs the tests.
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MPLBACKEND")}
    manager, client = start_new_kernel(cwd=str(folder), env=environment)
    try:
        yield FrontEnd(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


class FrontEnd:
    """Runs cells, and shows the figures that they open.

    figures  one after the other, the newest last
    widgets  the state of all that are no figures, by their comm
    """

    def __init__(self, manager, client):
        self.interrupt, self._client = manager.interrupt_kernel, client
        self.figures, self.widgets, self._cells = [], {}, {}

    def run(self, code):
        """Start a cell, or have it wait for those before it."""
        cell = Cell()
        self._cells[self._client.execute(code)] = cell
        return cell

    def finish(self, code):
        """Run a cell to its end."""
        cell = self.run(code)
        self.wait_for(lambda: cell.done)
        return cell

    def wait_for(self, condition, seconds=60):
        """Take what the kernel says until `condition()` is true; AssertionError if it never is."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < end, f"waited {seconds} s in vain"
            with suppress(Empty):
                self._take(self._client.get_iopub_msg(timeout=0.1))
        return value

    def pass_time(self, seconds):
        """Take what the kernel says meanwhile."""
        end = time.monotonic() + seconds
        self.wait_for(lambda: time.monotonic() > end, seconds + 1)

    def send(self, comm_id, data):
        """What a widget's script tells its counterpart in the kernel."""
        message = self._client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        self._client.shell_channel.send(message)

    def _take(self, message):
        kind, content = message["msg_type"], message["content"]
        cell = self._cells.get(message["parent_header"].get("msg_id"))
        if kind == "comm_open":
            self._open(content["comm_id"], content["data"]["state"])
        elif kind in ("comm_msg", "comm_close"):
            for figure in self.figures:
                if figure.comm_id == content["comm_id"]:
                    figure.hear(kind, content["data"], message["buffers"])
            if content["comm_id"] in self.widgets and kind == "comm_msg":
                self.widgets[content["comm_id"]].update(content["data"].get("state", {}))
        elif cell:
            cell.take(kind, content)

    def _open(self, comm_id, state):
        if state.get("_model_name") == "MPLCanvasModel":
            self.figures.append(Figure(self, comm_id, state))
        else:
            self.widgets[comm_id] = state


class Cell:
    """What a cell has left."""

    def __init__(self):
        self.started = self.done = False
        self.text = self.errors = ""
        self.displayed = []

    def take(self, kind, content):
        if kind == "stream":
            self.text += content["text"]
        elif kind == "error":
            self.errors += content["evalue"]
        elif kind in ("display_data", "execute_result"):
            self.displayed.append(content["data"])
        elif kind == "status":
            self.started = True
            self.done = content["execution_state"] == "idle"


class Figure:
    """What ipympl's JavaScript keeps of a figure, and what it does with what it hears."""

    def __init__(self, front_end, comm_id, state):
        self._front_end, self.comm_id, self._state = front_end, comm_id, state
        self.pixels, self.saved, self.closed = None, 0, False
        for kind in ("refresh", "send_image_mode", "initialized"):
            self.do(kind)

    @property
    def title(self):
        return self._state["_figure_label"]

    @property
    def size(self):
        return self._state["_size"]

    @property
    def message(self):
        return self._state["_message"]

    def do(self, kind, **event):
        content = {"type": kind, **event}
        self._front_end.send(self.comm_id, {"method": "custom", "content": content})

    def key(self, *keys):
        for key in keys:
            self.do("key_press", key=f"k{key}", guiEvent={})
            self.do("key_release", key=f"k{key}", guiEvent={})

    def mouse(self, kind, x, y, pressed=True):
        """An event at a pixel of the picture, counted from its upper left corner."""
        where = {"x": x, "y": y, "button": 0, "buttons": int(pressed)}
        self.do(kind, **where, modifiers=[], guiEvent={})

    def drag(self, *points):
        self.mouse("button_press", *points[0])
        for point in points:
            self.mouse("motion_notify", *point)
        self.mouse("button_release", *points[-1], pressed=False)

    def hear(self, kind, data, buffers):
        if kind == "comm_close":
            self.closed = True
        elif data["method"] == "update":
            self._state.update(data["state"])
        elif data["method"] == "custom":
            said = json.loads(data["content"]["data"])
            self._heed(said["type"], buffers)

    def _heed(self, kind, buffers):
        if kind == "binary":
            self.pixels = Image.open(io.BytesIO(buffers[0])).convert("RGB")
        elif kind == "draw":
            self.do("draw")
        elif kind == "resize":
            self.pixels = None
            self.do("refresh")
        elif kind == "save":
            self.saved += 1

    def look(self):
        """What is to be seen, int16 [height, width, 3]; nothing, before there is a picture."""
        if self.pixels is None:
            return np.zeros((0, 0, 3), np.int16)
        return np.asarray(self.pixels, np.int16)
