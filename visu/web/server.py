"""Serves the page, and talks with it through a WebSocket."""

import json
import logging
from contextlib import suppress
from pathlib import Path

import matplotlib
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler, StaticFileHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from visu.web.address import is_loopback
from visu.web.events import understood
from visu.web.pictures import difference

PAGE = Path(__file__).parent / "page"
ICONS = Path(matplotlib.get_data_path()) / "images"
# A site that gives its name the address 127.0.0.1 has the browser believe that it is here.
OUR_NAMES = r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])"
ANY_NAME = ".*"
AT_ONCE = 2  # messages on the way to a page: it draws one while the next arrives
LARGEST_MESSAGE = 10_000  # bytes, from a page
PING_SECONDS = 30
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
UNREADABLE = 1003  # the WebSocket protocol's code for a message that is none


def keys(scene):
    """Buttons for who has no keyboard: groups of (key, as browsers name it; label; meaning)."""
    one, many = scene.subject.removesuffix("s"), scene.subject
    test, (fourth, fifth) = f"{scene.held_out} {many}", scene.spreads
    alone = ("accuracy", "loss", f"training {many}", fourth, fifth, test)
    yield [(str(panel), str(panel), name) for panel, name in enumerate(alone, 1)]
    yield [
        ("7", "7", "accuracy and loss"),
        ("8", "8", f"{fourth} and {fifth}"),
        ("9", "9", f"training and {test}"),
        ("0", "0", "all panels"),
    ]
    yield [
        (" ", "Space", "pause, go on"),
        ("n", "n", "in a pause: on to the next measurement"),
        ("-", "−", "slower"),
        ("+", "+", "faster"),
    ]
    yield [
        *[("d", "d", f"draw a {one}")] * scene.drawable,
        ("w", "w", "the first weights, the channels"),
        ("ArrowLeft", "←", f"the misread {one} before"),
        ("ArrowRight", "→", f"the next misread {one}"),
        ("Escape", "Esc", "back"),
    ]


def serve(sockets, manager, scene):
    """Answer browsers as soon as the main loop runs.

    sockets  that listen
    manager  `visu.web.canvas.FigureManager`
    scene    `visu.measurement.Scene`
    """
    manager.state["style"] = {"dark": scene.style.is_dark}
    logging.getLogger("tornado").setLevel(logging.ERROR)  # what browsers ask for is not our news
    application = Application(
        default_handler_class=Unknown,
        log_function=lambda _: None,
        template_path=str(PAGE),
        websocket_max_message_size=LARGEST_MESSAGE,
        websocket_ping_interval=PING_SECONDS,
    )
    application.add_handlers(
        OUR_NAMES if is_loopback(sockets) else ANY_NAME,
        [
            (
                "/",
                Page,
                {"name": scene.name, "buttons": manager.toolbar.toolitems, "keys": [*keys(scene)]},
            ),
            ("/socket", Viewer, {"manager": manager}),
            (r"/(page\.(?:css|js))", File, {"path": PAGE}),
            (r"/icons/([a-z_]+\.svg)", File, {"path": ICONS}),
        ],
    )
    HTTPServer(application).add_sockets(sockets)


class Page(RequestHandler):
    def initialize(self, **texts):
        self._texts = texts

    def set_default_headers(self):
        for header, value in HEADERS.items():
            self.set_header(header, value)

    def get(self):
        self.render("page.html", **self._texts)


class File(StaticFileHandler):
    def set_extra_headers(self, _):
        for header, value in HEADERS.items():
            self.set_header(header, value)


class Unknown(RequestHandler):
    def prepare(self):
        self.set_status(404)
        self.finish("There is nothing here. The live view is at the address in the terminal.\n")


class Viewer(WebSocketHandler):
    """A page that somebody looks at.

    It is sent one message after the other, but no more than `AT_ONCE` before it has acknowledged
    them: four bytes that tell the length of what follows, an object in JSON, and, if that has the
    `size` of the picture, a PNG, a column of tiles that belong `at` these places.
    """

    def initialize(self, manager):
        self._manager = manager

    def open(self):
        self.set_nodelay(True)
        self._on_the_way, self._seen = 0, None
        self._untold = set(self._manager.state)
        self._manager.add_web_socket(self)

    def on_close(self):
        self._manager.remove_web_socket(self)

    def on_message(self, message):
        event = understood(message)
        if event is None:
            self.close(UNREADABLE)
        elif event["type"] == "ack":
            self._on_the_way = max(self._on_the_way - 1, 0)
            self.deliver()
        else:
            self._manager.handle_json(event)

    def tell(self, kind):
        """There is something new of this kind in the manager's state."""
        self._untold.add(kind)
        self.deliver()

    def deliver(self):
        """Send what the page does not have yet, unless it still has to do with earlier messages."""
        if self._on_the_way == AT_ONCE:
            return
        message = {}
        if self._untold:
            message["told"] = {kind: self._manager.state[kind] for kind in self._untold}
            self._untold.clear()
        png, picture = b"", self._manager.picture
        if picture is not self._seen and picture is not None:
            changed = difference(self._seen, picture)
            self._seen = picture
            if changed:
                message["at"], png = changed
                message["size"] = picture.shape[::-1]
        if message:
            self._on_the_way += 1
            header = json.dumps(message).encode()
            self._send(len(header).to_bytes(4, "big") + header + png)

    def _send(self, message):
        with suppress(WebSocketClosedError):
            sent = self.write_message(message, binary=True)
            sent.add_done_callback(lambda done: done.cancelled() or done.exception())
