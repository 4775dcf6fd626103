"""Stands for the page where a notebook's cell shows the view, through a widget of ipympl's.

The widget lives in the run's process, which passes on what is said here and there.
"""

import json

import numpy as np
from tornado.ioloop import IOLoop

from visu.messages import Sight
from visu.web.events import understood
from visu.web.pictures import encode

# Pixels of CSS: a cell of a small screen has room for them, and they for all texts side by side.
CELL = (925, 556)
SAVES = ({"type": "key_press", "key": "ctrl+ks"}, {"type": "toolbar_button", "name": "save_figure"})


class Relay:
    """The one viewer of a `visu.web.canvas.FigureManager`.

    manager  the canvas's
    tell     to be called with `visu.messages.Sight`
    """

    def __init__(self, manager, tell):
        self._manager, self._tell, self._loop = manager, tell, IOLoop.current()
        self._size, self._ratio = CELL, 1.0
        self._seen, self._on_the_way, self._is_delivering = None, False, False
        self._fit()

    def hear(self, event):
        """Take a message of ipympl's front end. From any thread."""
        self._loop.add_callback(self._heed, event)

    def tell(self, kind):
        """There is something new of this kind in the manager's state."""
        self._tell(Sight({kind: self._manager.state[kind]}))

    def deliver(self):
        """Send the newest picture soon: one, even if this one is painted in several strokes."""
        if not self._is_delivering:
            self._is_delivering = True
            self._loop.add_callback(self._deliver_now)

    def close(self, _):
        """Nothing to do: the widget keeps the last picture."""

    def _deliver_now(self):
        self._is_delivering = False
        picture = self._manager.picture
        if self._on_the_way or picture is None or np.array_equal(picture, self._seen):
            return
        self._seen, self._on_the_way = picture, True
        # All of it: ipympl can also lay what has changed over what it has, but two such pictures in
        # quick succession can lose the first.
        self._tell(Sight({}, encode(picture)))

    def _heed(self, event):
        kind = event["type"]
        if kind == "draw":  # the answer to a picture: there may be another
            self._on_the_way = False
            self.deliver()
        elif kind == "refresh":  # somebody new
            self._seen, self._on_the_way = None, False
            self._tell(Sight(self._manager.state))
            self._manager.add_web_socket(self)
        elif kind == "set_device_pixel_ratio":
            self._ratio = event["device_pixel_ratio"]
            self._fit()
        elif kind == "resize":
            self._size = int(event["width"]), int(event["height"])
            self._fit()
        elif any(saves.items() <= event.items() for saves in SAVES):
            self._tell(Sight({"save": {}}))
        elif known := understood(json.dumps(event)):
            self._manager.handle_json(known)

    def _fit(self):
        """Draw as many pixels as the widget has on the screen, and have it show them all."""
        width, height = (round(length * self._ratio) for length in self._size)
        self._manager.handle_json(
            {"type": "resize", "width": width, "height": height, "ratio": self._ratio}
        )
        drawn = self._manager.canvas.get_width_height(physical=True)
        size = [length / self._ratio for length in drawn]
        self._tell(Sight({"resize": {"size": size, "forward": True}}))
