"""The live window: it shows a run and passes keys on; the run never waits for it."""

import ctypes
import os
import sys
import time

import matplotlib

from visu.layout import VIEWS
from visu.painting import Painter

SIZE = (12.8, 7.2)  # inches; 1280 x 720 pixels at 100 dots an inch
TICK = 0.02  # seconds between looks at the run
# A fast run is not there to be watched: every frame takes time from the training.
FRAMES_A_SECOND, FRAMES_A_SECOND_FAST = 15, 9
DRAWING_SHARE = 0.4  # of the main thread's time at the most, while the run goes on


class NoWindowError(Exception):
    """No window can open here. The message says why, and the cure."""


def open_figure(name):
    """A pyplot figure in a window of its own. Raises NoWindowError."""
    ours = {
        "figure.raise_window": False,  # whoever is typing elsewhere keeps the keyboard
        "keymap.home": [key for key in matplotlib.rcParams["keymap.home"] if key != "h"],
    }
    try:
        with matplotlib.rc_context(ours):
            import matplotlib.pyplot as plt  # late: it chooses the toolkit

            figure = plt.figure(name, figsize=SIZE, dpi=100, layout="none")
            matplotlib.rcParams["keymap.home"] = ours["keymap.home"]
    except Exception as error:  # every toolkit has exceptions of its own for a missing display
        raise NoWindowError(_why(error)) from None
    if not figure.canvas.required_interactive_framework:
        plt.close(figure)
        raise NoWindowError(_why())
    return figure


def _why(error=None):
    if "ipykernel" in sys.modules:
        return "a notebook shows no live window yet"
    if chosen := os.environ.get("MPLBACKEND"):
        return f"MPLBACKEND={chosen} opens none here{f' ({error})' if error else ''}; unset it"
    if sys.platform.startswith("linux"):
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            return "there is no display; on a remote machine, connect with `ssh -X`"
        try:
            import tkinter  # noqa: F401
        except ImportError:
            return "Python has no window toolkit; install python3-tk (see install.txt)"
        shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        return f"the display {shown} does not answer; check DISPLAY, or log in again"
    return f"matplotlib found no window toolkit{f' ({error})' if error else ''}; see install.txt"


def outlive_display(action):
    """Have `action` called, which must not return, if the X server of our window goes away.

    Xlib would end the program at once, and the training with it. Anywhere but on X11 this does
    nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        xlib = ctypes.CDLL("libX11.so.6")
    except OSError:
        return
    handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: action())
    _handlers.append(handler)
    xlib.XSetIOErrorHandler(handler)


_handlers = []  # C code holds them, which Python doesn't see


class Window:
    """Shows `panels`, fed from `history`, until the user closes it.

    figure       from `open_figure`
    panels       `visu.panels.Panels` on that figure
    history      `visu.history.History`, filled by the training thread
    control      `visu.control.Control`
    name         of the lesson, for the title
    iterations   of the whole run
    fast         whether speed counts more than smoothness
    """

    def __init__(self, figure, panels, history, control, name, iterations, fast=False):
        self._figure, self._panels, self._history, self._control = figure, panels, history, control
        self._name, self._iterations = name, iterations
        self._canvas = figure.canvas
        self._keys = {
            **{key: lambda view=view: self._show(view) for key, view in VIEWS.items()},
            " ": self._pause,
            "h": self._reset_zoom,
        }
        self._painter = Painter(panels)
        self._last_shown = self._title = None
        self._repaint = False
        self._next_frame = 0.0
        self._frame_seconds = 1 / (FRAMES_A_SECOND_FAST if fast else FRAMES_A_SECOND)
        self._closing = False
        self._result = None
        self.frames, self.drawing_seconds = 0, 0.0
        connect = self._canvas.mpl_connect
        connect("draw_event", self._on_draw)
        connect("key_press_event", self._on_key)
        connect("resize_event", lambda _: self._panels.arrange())
        connect("close_event", lambda _: self._let_go())
        # Toolkits announce the end when all is over; this is when it begins.
        manager = self._canvas.manager
        destroy = manager.destroy
        manager.destroy = lambda *arguments: (self._let_go(), destroy(*arguments))
        self._timer = self._canvas.new_timer(interval=int(TICK * 1000))
        self._timer.add_callback(self._tick)

    def main_loop(self):
        """Return when the window has been closed."""
        import matplotlib.pyplot as plt

        self._timer.start()
        plt.show(block=True)

    def finish(self, result):
        """The run has ended, with this result to read in the title. From any thread."""
        self._result = result

    def close(self):
        """Close as soon as the main loop gets to it. From any thread, and from signal handlers."""
        self._closing = True

    def _let_go(self):
        """The window is going: draw no more, or the toolkit complains about what it misses."""
        self._timer.stop()
        self._canvas.draw_idle = lambda: None
        self._control.stop()

    def _on_key(self, event):
        if event.key in self._keys:
            self._keys[event.key]()

    def _show(self, view):
        self._panels.show(view)
        self._painter.paint_all()

    def _pause(self):
        if self._result is None:
            self._control.toggle_pause()
            self._write_status()
            self._painter.paint(())

    def _reset_zoom(self):
        self._panels.reset_zoom()
        toolbar = self._canvas.manager.toolbar
        if toolbar is not None:
            toolbar.update()  # forgets the views that "back" would go to
        self._painter.paint_all()

    def _tick(self):
        if self._closing:
            import matplotlib.pyplot as plt

            plt.close(self._figure)
            return
        began = time.perf_counter()
        last = self._history.last
        state = (last and last.iteration, self._control.paused, self._result)
        if self._repaint:
            self._repaint = False
            self._painter.paint_all()
        elif state != self._last_shown and began >= self._next_frame:
            self._last_shown = state
            self._write_status()
            self._painter.paint(self._panels.update(self._history))
            spent = time.perf_counter() - began
            self.frames += 1
            self.drawing_seconds += spent
            self._next_frame = began + max(self._frame_seconds, spent / DRAWING_SHARE)

    def _write_status(self):
        last = self._history.last
        iteration = last.iteration if last else 0
        if self._result is not None:
            state = "finished"
        elif self._control.paused:
            state = "paused, Space goes on"
        else:
            state = f"epoch {int(last.epoch) + 1 if last else 1}"
        self._panels.status.set_text(f"iteration {iteration:,} of {self._iterations:,} · {state}")
        progress = (
            self._result
            or f"{'paused at ' * self._control.paused}{iteration / self._iterations:.0%}"
        )
        title = f"{self._name} · {progress}"
        if title != self._title and self._canvas.manager is not None:
            self._title = title
            self._canvas.manager.set_window_title(title)

    def _on_draw(self, _):
        if self._canvas.is_saving():
            # A saved picture is drawn at its own size, over the pixels that the window shows.
            self._repaint = True
        else:
            self._painter.adopt()
