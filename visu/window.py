"""The live window: it shows what has arrived from a run, and passes on what its user wants."""

import time

import matplotlib

from visu.history import History
from visu.layout import VIEWS
from visu.messages import Closed, Drawn, Paused
from visu.painting import Painter
from visu.panels import Panels

SIZE = (12.8, 7.2)  # inches; 1280 x 720 pixels at 100 dots an inch
TICK = 0.02  # seconds between looks at what has arrived
# A fast run is not there to be watched. What a picture costs is taken from the training: the curves
# are cheap, all else is shown less often.
CURVES, SECONDS_BETWEEN_OTHERS = {1, 2}, 0.4
DRAWING_SHARE = 0.4  # of one processor at the most, while the run goes on


def choose_toolkit():
    """Import pyplot and the toolkit that it finds; raises whatever that raises."""
    matplotlib.get_backend()


def open_figure(name):
    """A pyplot figure in a window of its own; raises whatever matplotlib and the toolkit raise."""
    import matplotlib.pyplot as plt  # late: it chooses the toolkit

    matplotlib.rcParams["figure.raise_window"] = False  # who is typing elsewhere keeps the keyboard
    matplotlib.rcParams["keymap.home"] = [
        key for key in matplotlib.rcParams["keymap.home"] if key != "h"
    ]
    figure = plt.figure(name, figsize=SIZE, dpi=100, layout="none")
    if not figure.canvas.required_interactive_framework:
        raise RuntimeError(f"matplotlib's {matplotlib.get_backend()} draws, but shows nothing")
    return figure


class Window:
    """Shows the six panels until the user closes it.

    figure   from `open_figure`
    scene    `visu.measurement.Scene`
    arrived  a deque that another thread fills with `visu.messages.News`, and None at the end
    tell     to be called with the messages for the run
    """

    def __init__(self, figure, scene, arrived, tell):
        self._figure, self._scene, self._arrived, self._tell = figure, scene, arrived, tell
        self._panels, self._history = Panels(figure, scene), History(scene)
        self._painter = Painter(self._panels)
        self._canvas = figure.canvas
        self._keys = {
            **{key: lambda view=view: self._show(view) for key, view in VIEWS.items()},
            " ": self._pause,
            "h": self._reset_zoom,
        }
        self._iteration, self._result, self._paused = 0, None, False
        self._stale = self._repaint = False
        self._title = None
        self._unpainted = set()  # panels with news
        self._next_frame = self._next_of_others = 0.0
        self._frames, self._drawing_seconds = 0, 0.0
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

    def _let_go(self):
        """The window is going: draw no more, or the toolkit complains about what it misses."""
        self._timer.stop()
        self._canvas.draw_idle = lambda: None
        self._tell(Closed())

    def _on_key(self, event):
        if event.key in self._keys:
            self._keys[event.key]()

    def _show(self, view):
        self._panels.show(view)
        self._painter.paint_all()

    def _pause(self):
        if self._result is None:
            self._paused = not self._paused
            self._tell(Paused(self._paused))
            self._write_status()
            self._painter.paint(())

    def _reset_zoom(self):
        self._panels.reset_zoom()
        toolbar = self._canvas.manager.toolbar
        if toolbar is not None:
            toolbar.update()  # forgets the views that "back" would go to
        self._painter.paint_all()

    def _tick(self):
        began = time.perf_counter()
        while self._arrived:
            news = self._arrived.popleft()
            if news is None:
                import matplotlib.pyplot as plt

                plt.close(self._figure)
                return
            self._take(news)
        if self._repaint:
            self._repaint = False
            self._painter.paint_all()
        elif self._stale and began >= self._next_frame:
            self._stale = False
            self._write_status()
            self._unpainted |= self._panels.update(self._history)
            now = self._unpainted if self._others_are_due(began) else self._unpainted & CURVES
            self._painter.paint(now)
            self._unpainted -= now
            spent = time.perf_counter() - began
            self._frames += 1
            self._drawing_seconds += spent
            self._next_frame = began + spent / DRAWING_SHARE

    def _others_are_due(self, now):
        at_rest = self._paused or self._result is not None
        if now < self._next_of_others and not at_rest:
            return False
        self._next_of_others = now + self._scene.fast * SECONDS_BETWEEN_OTHERS
        return True

    def _take(self, news):
        for measurement in news.measurements:
            self._history.add(measurement)
        self._iteration = news.iteration
        self._stale = True
        if news.result is not None and self._result is None:
            self._result, self._paused = news.result, False
            self._tell(Drawn(self._frames, self._drawing_seconds))

    def _write_status(self):
        iteration, iterations = self._iteration, self._scene.iterations
        if self._result is not None:
            state = "finished"
        elif self._paused:
            state = "paused, Space goes on"
        else:
            state = f"epoch {int(iteration / self._scene.epoch) + 1}"
        self._panels.status.set_text(f"iteration {iteration:,} of {iterations:,} · {state}")
        progress = self._result or f"{'paused at ' * self._paused}{iteration / iterations:.0%}"
        title = f"{self._scene.name} · {progress}"
        if title != self._title and self._canvas.manager is not None:
            self._title = title
            self._canvas.manager.set_window_title(title)

    def _on_draw(self, _):
        if self._canvas.is_saving():
            # A saved picture is drawn at its own size, over the pixels that the window shows.
            self._repaint = True
        else:
            self._painter.adopt()
