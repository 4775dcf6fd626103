"""Matplotlib's canvas in a browser: its WebAgg, with a page and a way to send pictures of our own.

A backend of matplotlib's, "module://visu.web.canvas". Matplotlib sends each picture as what differs
from the one before to everyone, however slow; here each viewer is sent what differs from the one
that it has, when it can take it.
"""

import matplotlib
import numpy as np
from matplotlib.backend_bases import ResizeEvent
from matplotlib.backends.backend_webagg_core import (
    FigureCanvasWebAggCore,
    FigureManagerWebAgg,
    NavigationToolbar2WebAgg,
    TimerTornado,
)
from tornado.ioloop import IOLoop

from visu.layout import ALL, wanted

# What a page has to know beside the picture. Only the newest of each kind counts.
STATE = {"figure_label", "message", "cursor", "rubberband", "navigate_mode", "history_buttons"}
GOING_AWAY = 1001  # the WebSocket protocol's code for a server that ends
SMALLEST, LARGEST = (160, 120), (7680, 4320)  # pixels
DOTS = 100  # an inch, pixels of CSS


class FigureManager(FigureManagerWebAgg):
    """Keeps the viewers, who come and go, up to date.

    state    {kind: what the page needs to know of it}
    picture  the newest, uint32 [height, width], a number for each pixel; None while nobody looks
    """

    _toolbar2_class = NavigationToolbar2WebAgg

    def __init__(self, canvas, num):
        self.state, self.picture = {}, None
        matplotlib.rcParams["keymap.quit"] = []  # whoever leaves the page ends nothing
        super().__init__(canvas, num)

    @property
    def is_watched(self):
        """Whether there is anyone to draw for."""
        return bool(self.web_sockets)

    @classmethod
    def start_main_loop(cls):
        IOLoop.current().start()

    def destroy(self, *_):
        for viewer in list(self.web_sockets):
            viewer.close(GOING_AWAY)
        IOLoop.current().add_callback(IOLoop.current().stop)

    def add_web_socket(self, web_socket):
        self.web_sockets.add(web_socket)
        if self.picture is None:
            self.canvas.draw_idle()
        web_socket.deliver()

    def remove_web_socket(self, web_socket):
        self.web_sockets.discard(web_socket)
        if not self.is_watched:
            self.picture = None

    def refresh_all(self):
        if self.is_watched:
            pixels = np.asarray(self.canvas.renderer.buffer_rgba())
            self.picture = pixels.view(np.uint32)[..., 0].copy()
        for viewer in self.web_sockets:
            viewer.deliver()

    def resize(self, w, h, forward=True):
        """Nothing to do: each page shows every picture as large as it has room for."""

    def _send_event(self, event_type, **kwargs):
        if event_type in STATE:
            self.state[event_type] = kwargs
            for viewer in self.web_sockets:
                viewer.tell(event_type)


class FigureCanvas(FigureCanvasWebAggCore):
    manager_class = FigureManager
    supports_blit = True
    _timer_cls = TimerTornado
    _is_to_be_drawn = False
    _view, _page = ALL, None  # what is shown, and in which room

    def draw_idle(self):
        if not self._is_to_be_drawn:
            self._is_to_be_drawn = True
            IOLoop.current().add_callback(self._draw_now)

    def _draw_now(self):
        self._is_to_be_drawn = False
        self.draw()

    def handle_resize(self, event):
        """A page has room for so many pixels of the screen, `ratio` of them to one of CSS."""
        self._page = event
        self.fit(self._view)

    def fit(self, view):
        """Draw as large as the panels of this view have room for: in a small page, smaller."""
        self._view = view
        if self._page is None:
            return
        asked = zip((self._page["width"], self._page["height"]), SMALLEST, LARGEST, strict=True)
        size = tuple(min(max(pixels, least), most) for pixels, least, most in asked)
        enough = zip(size, wanted(view, *size), strict=True)
        ratio = min(self._page["ratio"], *(pixels / (inches * DOTS) for pixels, inches in enough))
        if (size, ratio) == (self.get_width_height(physical=True), self.device_pixel_ratio):
            return
        self._set_device_pixel_ratio(ratio)
        # A little more, because what is less than a pixel is cut off when it is multiplied again.
        inches = ((pixels + 0.001) / self.figure.dpi for pixels in size)
        self.figure.set_size_inches(*inches, forward=False)
        ResizeEvent("resize_event", self)._process()
        self.draw_idle()
