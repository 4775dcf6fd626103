"""The live window: it shows what has arrived from a run, and passes on what its user wants."""

import sys
import time

import matplotlib
import numpy as np
from matplotlib.backend_bases import FigureManagerBase

from visu.channels import CHANNELS, ChannelsView
from visu.closer import CLOSER, CloserLook
from visu.history import History
from visu.layout import ALL, VIEWS
from visu.messages import Answer, Asked, Closed, Drawn, Pace, Paused, Step
from visu.painting import Painter
from visu.panels import Panels

SIZE = (12.8, 7.2)  # inches; 1280 x 720 pixels at 100 dots an inch
SMALLEST = (640, 480)  # pixels, at 96 dots an inch: in a smaller window, nothing can be read
# Keys of matplotlib's that do something else here, or nothing: the panels draw their own scales and
# grids, and a mosaic has no logarithm.
OURS = {
    "home": ["h"],
    "back": ["left"],
    "forward": ["right"],
    "xscale": ["k", "L"],
    "yscale": ["l"],
    "grid": ["g"],
    "grid_minor": ["G"],
}
TICK = 0.02  # seconds between looks at what has arrived
# A fast run is not there to be watched. What a picture costs is taken from the training: the curves
# are cheap, all else is shown less often.
AT_ONCE, SECONDS_BETWEEN_OTHERS = {1, 2, CLOSER, CHANNELS}, 0.4
DIGITS = (3, 6)  # the panels whose digits can be looked at
PACES = (1, 2, 5, 10, 30, None)  # measurements a second, to watch
DRAWING_SHARE = 0.4  # of one processor at the most, while the run goes on


def choose_toolkit(backend=None):
    """Import pyplot and this backend, or the toolkit that it finds; raises whatever that raises."""
    if backend:
        matplotlib.use(backend)
    matplotlib.get_backend()


def keymaps():
    """Matplotlib's settings for the keys that it may keep."""
    return {
        name: [key for key in matplotlib.rcParams[name] if key not in ours]
        for name, ours in ((f"keymap.{action}", ours) for action, ours in OURS.items())
    }


def open_figure(name):
    """A pyplot figure in a window of its own; raises whatever matplotlib and the toolkit raise."""
    import matplotlib.pyplot as plt  # late: it chooses the toolkit

    matplotlib.rcParams["savefig.directory"] = "."  # as --save: not the user's home
    matplotlib.rcParams["figure.raise_window"] = False  # who is typing elsewhere keeps the keyboard
    matplotlib.rcParams.update(keymaps())
    figure = plt.figure(name, figsize=SIZE, dpi=100, layout="none")
    main_loop = figure.canvas.manager.start_main_loop
    if main_loop.__func__ is FigureManagerBase.start_main_loop.__func__:
        raise RuntimeError(f"matplotlib's {matplotlib.get_backend()} draws, but shows nothing")
    _fit_on_screen(figure)
    return figure


def _fit_on_screen(figure):
    """Make Tk's window no larger than the screen; other toolkits see to that themselves."""
    window = getattr(figure.canvas.manager, "window", None)
    if not hasattr(window, "winfo_fpixels"):
        return
    # A canvas learns the screen's dots an inch when it is shown, and then asks for more pixels; in
    # macOS it does not.
    zoom = 1 if sys.platform == "darwin" else max(window.winfo_fpixels("1i") / 96, 1)
    wanted = figure.get_size_inches() * figure.dpi * zoom
    window.update_idletasks()  # or it does not know how much of it is not canvas
    canvas = figure.canvas.get_tk_widget()
    wanted += 0, window.winfo_reqheight() - canvas.winfo_reqheight()
    room = window.maxsize()  # the screen without a frame and a title bar
    window.minsize(*(int(each) for each in np.minimum(np.multiply(SMALLEST, zoom), room)))
    if any(wanted > room):
        window.geometry("{:.0f}x{:.0f}".format(*np.minimum(wanted, room)))


class Window:
    """Shows the six panels until the user closes it.

    figure   from `open_figure`, or another one with a manager
    scene    `visu.measurement.Scene`
    arrived  a deque, or the like, that another thread fills with `visu.messages.News` and `Answer`,
             and None at the end
    tell     to be called with the messages for the run
    """

    def __init__(self, figure, scene, arrived, tell):
        self._figure, self._scene, self._arrived, self._tell = figure, scene, arrived, tell
        self._panels, self._history = Panels(figure, scene), History(scene)
        self._closer = CloserLook(figure.add_axes((0, 0, 1, 1), label="closer"), scene)
        self._panels.add(CLOSER, self._closer)
        inside = figure.add_axes((0, 0, 1, 1), label="channels")
        self._channels = ChannelsView(inside, scene, self._closer)
        self._panels.add(CHANNELS, self._channels)
        self._painter = Painter(self._panels)
        self._canvas = figure.canvas
        self._keys = {
            **{key: lambda view=view: self._show(view) for key, view in VIEWS.items()},
            " ": self._pause,
            "h": self._reset_zoom,
            "escape": self._back,
            **({"d": self._open_pad} if scene.drawable else {}),
            "w": self._look_inside,
            "n": self._step,
            "-": lambda: self._change_pace(-1),
            "+": lambda: self._change_pace(1),
            "left": lambda: self._walk(-1),
            "right": lambda: self._walk(1),
        }
        self._iteration, self._result, self._paused = 0, None, False
        self._stale = self._repaint = False
        self._title = None
        self._unpainted = set()  # panels with news
        self._next_frame = self._next_of_others = 0.0
        self._frames, self._drawing_seconds = 0, 0.0
        self._drawing, self._asked, self._looked_from = False, None, ALL
        self._pace = self._usual_pace = len(PACES) - 1 if scene.fast else PACES.index(30)
        if scene.digit is not None:
            self._closer.open_picture(scene.digit)
            self._look_closer()
        connect = self._canvas.mpl_connect
        connect("draw_event", self._on_draw)
        connect("key_press_event", self._on_key)
        connect("button_press_event", self._on_press)
        connect("motion_notify_event", self._on_motion)
        connect("button_release_event", lambda _: self._lift_pen())
        connect("resize_event", lambda _: self._on_resize())
        connect("close_event", lambda _: self._let_go())
        self._keep_keyboard()
        self._tidy_toolbar(scene.style)
        # Matplotlib's own proposal for a picture is the title, which says how far the run is. It
        # takes what follows a dot for the picture's format.
        file = f"{scene.name.replace('.', '_')}.{self._canvas.get_default_filetype()}"
        self._canvas.get_default_filename = lambda: file
        # Toolkits announce the end when all is over; this is when it begins.
        manager = self._canvas.manager
        destroy = manager.destroy
        manager.destroy = lambda *arguments: (self._let_go(), destroy(*arguments))
        self._timer = self._canvas.new_timer(interval=int(TICK * 1000))
        self._timer.add_callback(self._tick)

    def _keep_keyboard(self):
        """In Tk, not all keys are the canvas's by themselves."""
        manager = self._canvas.manager
        # The Tab key would move the keyboard to the toolbar: Space would then press a button.
        for button in getattr(manager.toolbar, "_buttons", {}).values():
            if hasattr(button, "winfo_toplevel"):
                button.configure(takefocus=False)
        # A window has the keyboard from the beginning, its canvas only when it is seen: what is
        # pressed before that would be lost.
        window = getattr(manager, "window", None)
        if hasattr(window, "winfo_toplevel"):
            window.bind(
                "<Key>", lambda event: event.widget is window and self._canvas.key_press(event)
            )

    def _tidy_toolbar(self, style):
        """In Tk: the style's colours, no button without effect. Others look as the desktop does."""
        toolbar = self._canvas.manager.toolbar
        if not hasattr(toolbar, "tk_setPalette"):
            return
        toolbar._buttons["Subplots"].pack_forget()  # the panels see to their places themselves
        if style.is_dark:
            toolbar.tk_setPalette(
                background=style.paper,
                foreground=style.ink,
                activeBackground=style.grid,
                activeForeground=style.ink,
                highlightBackground=style.paper,
                selectColor=style.frame,
            )
            toolbar._rescale()  # it draws its icons again, in the new colours
        # Tk hatches what is disabled, which looks broken: nothing is.
        toolbar.set_history_buttons = lambda: None
        for button in toolbar._buttons.values():
            button.configure(state="normal")

    def main_loop(self):
        """Return when the window has been closed."""
        import matplotlib.pyplot as plt

        self.start()
        plt.show(block=True)

    def start(self):
        """Look from now on, whenever the toolkit's loop runs, at what has arrived."""
        self._timer.start()

    def _let_go(self):
        """The window is going: draw no more, or the toolkit complains about what it misses."""
        self._timer.stop()
        self._canvas.draw_idle = lambda: None
        self._tell(Closed())

    def _on_key(self, event):
        if event.key in self._keys:
            self._keys[event.key]()

    def _show(self, view):
        self._closer.close()
        self._turn_to(view)
        self._painter.paint_all()

    def _on_resize(self):
        self._panels.arrange()
        self._let_toolbar_forget()

    def _let_toolbar_forget(self):
        """What it says of the mouse was true of another view or size; and its "back" and "home"
        would bring back not only the limits of the axes but also their places, as they were there.
        """
        toolbar = self._canvas.manager.toolbar
        if toolbar is not None:
            toolbar.set_message("")
            toolbar.update()

    def _turn_to(self, view):
        self._lift_pen()  # a stroke may have been on its way
        if hasattr(self._canvas, "fit"):  # a page's, which may be small
            self._canvas.fit(view)
        self._panels.show(view)
        self._let_toolbar_forget()

    def _look_closer(self, panel=CLOSER):
        if not self._is_looking():
            self._looked_from = self._panels.view
        self._turn_to((panel,))
        self._repaint = True

    def _look_inside(self):
        """From the bars of a closer look to the channels, and back."""
        if not self._is_looking():
            if not self._history.test_digits:
                return
            kind = self._scene.held_out
            self._closer.open_digit(kind, self._history.test_digits, 0, self._history)
        self._look_closer(CLOSER if self._panels.view == (CHANNELS,) else CHANNELS)

    def _is_looking(self):
        return self._panels.view in ((CLOSER,), (CHANNELS,))

    def _back(self):
        self._show(self._looked_from if self._is_looking() else ALL)

    def _open_pad(self):
        self._closer.open_pad()
        self._look_closer()

    def _walk(self, step):
        if self._is_looking():
            self._closer.walk(step)
            self._stale = True

    def _on_press(self, event):
        if event.button != 1:
            return
        if self._panels.view == (CLOSER,):  # where there is nothing to zoom
            self._drawing = self._closer.pen_down(event.x, event.y)
            self._stale = True
            return
        toolbar = self._canvas.manager.toolbar
        if toolbar is not None and toolbar.mode:
            return
        for number in DIGITS:
            panel = self._panels[number]
            if number in self._panels.cells and (at := panel.at(event.x, event.y)):
                self._closer.open_digit(panel.kind, *at, self._history)
                self._look_closer()

    def _on_motion(self, event):
        if self._drawing:
            self._closer.pen_moved(event.x, event.y)
            self._stale = True

    def _lift_pen(self):
        self._drawing = False

    def _pause(self):
        if self._result is None:
            self._paused = not self._paused
            self._tell(Paused(self._paused))
            self._write_status()
            self._painter.paint(())

    def _step(self):
        if self._paused:
            self._tell(Step())

    def _change_pace(self, step):
        self._pace = min(max(self._pace + step, 0), len(PACES) - 1)
        self._tell(Pace(PACES[self._pace]))
        self._write_status()
        self._painter.paint(())

    def _reset_zoom(self):
        self._panels.reset_zoom()
        self._let_toolbar_forget()
        self._painter.paint_all()

    def _tick(self):
        began = time.perf_counter()
        while self._arrived:
            news = self._arrived.popleft()
            if news is None:
                import matplotlib.pyplot as plt

                plt.close(self._figure)
                return
            if isinstance(news, Answer):
                self._closer.take(news)
                self._channels.take(news)
                self._stale = True
            else:
                self._take(news)
        if self._closer.question is not self._asked:
            self._asked = self._closer.question
            self._tell(Asked(self._asked))
        if self._repaint:
            self._repaint = False
            self._painter.paint_all()
        elif self._stale and began >= self._next_frame and self._is_watched():
            self._stale = False
            self._write_status()
            self._unpainted |= self._panels.update(self._history)
            now = self._unpainted if self._others_are_due(began) else self._unpainted & AT_ONCE
            self._painter.paint(now)
            self._unpainted -= now
            spent = time.perf_counter() - began
            self._frames += 1
            self._drawing_seconds += spent
            self._next_frame = began + spent / DRAWING_SHARE

    def _is_watched(self):
        """A browser's page may be closed, and opened again later."""
        return getattr(self._canvas.manager, "is_watched", True)

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
            state = self._result.partition(",")[0]  # finished, or failed
        elif self._paused:
            state = "paused · Space goes on, n a step"
        else:
            state = f"epoch {self._scene.epoch_at(iteration)}"
            if self._pace != self._usual_pace:
                pace = PACES[self._pace]
                state += (
                    f" · {pace} measurement{'s' * (pace > 1)} a second" if pace else " · full speed"
                )
        self._panels.write_status(iteration, state)
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
