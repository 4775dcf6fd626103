"""The live view in a notebook that has ipympl: the window itself, which keys and mouse reach.

A notebook's kernel hears of them only between cells. So the cell that starts a run ends at once;
training goes on in a thread, and the kernel's own thread draws, between the cells that follow.
"""

import threading

import matplotlib
from ipympl.backend_nbagg import Canvas as IpymplCanvas
from ipympl.backend_nbagg import FigureManager
from IPython.display import display
from matplotlib.backend_bases import key_press_handler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tornado.ioloop import IOLoop

from visu.messages import Bundle, Closed, Drawn, News
from visu.window import Window, keymaps
from visu.wishes import grant

SIZE, DPI = (12.8, 7.2), 80  # 1024 x 576 pixels: a notebook's page has a margin
PATIENCE = 5  # seconds for the kernel's thread, which may have another cell to run
ASK_AGAIN, ASK_AT_LEAST, WHOLE_EVERY = 0.05, 10.0, 1.0  # seconds


class WidgetView:
    """Does what `visu.live.LiveView` does, within one process.

    `show` is for the kernel's own thread, all else for the one that trains.
    """

    url, takes_thread = None, True

    def __init__(self):
        self._letters, self._run = Letterbox(), None
        self._drawn, self._has_drawn = None, threading.Event()

    def show(self, scene, training, control, on_lost):
        """Put the window below the cell."""
        self._run = training, control
        figure = _open_figure(scene.name)
        Window(figure, scene, self._letters, self._hear).start()
        display(figure.canvas)

    def add(self, measurement):
        """Show this measurement soon; returns at once."""
        self._letters.add(measurement)

    def answer(self, answer):
        """Pass on a `visu.messages.Answer`."""
        self._letters.answer(answer)

    def finish(self, result):
        """The run has ended, with this result to read in the title."""
        self._letters.finish(result)

    def drawn(self):
        """After `finish`: what the window did, as `visu.messages.Drawn`; None if it can't tell."""
        self._has_drawn.wait(PATIENCE)
        return self._drawn

    def close(self):
        """Nobody answers any longer; what is shown stays. From any thread."""
        # That lasts as long as the kernel, and would keep digits and network with it.
        self._run = None

    def wait(self):
        """Return when it is closed; until then, the user may go on asking."""
        while run := self._run:
            _, control = run
            control.attend(0.1)

    def _hear(self, wish):
        if run := self._run:
            grant(wish, *run)
        if isinstance(wish, Closed):
            self.close()
        elif isinstance(wish, Drawn):
            self._drawn = wish
            self._has_drawn.set()


class Letterbox:
    """What waits for the window, for it to take from the left, as from a deque: all measurements,
    but only the newest digits and the newest answer.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._iteration, self._bundle, self._result = 0, Bundle(), None
        self._has_news, self._answer = False, None

    def add(self, measurement):
        with self._lock:
            self._bundle.add(measurement)
            self._iteration, self._has_news = measurement.iteration, True

    def finish(self, result):
        with self._lock:
            self._result, self._has_news = result, True

    def answer(self, answer):
        with self._lock:
            self._answer = answer

    def __bool__(self):
        return self._has_news or self._answer is not None

    def popleft(self):
        with self._lock:
            if self._has_news:
                self._has_news = False
                return News(self._iteration, self._bundle.take(), self._result)
            answer, self._answer = self._answer, None
            return answer


class Canvas(IpymplCanvas):
    """Shows what was painted of a figure without drawing the whole of it again.

    A page is asked to take a picture; while it waits for one, it does not hear that. Most pictures
    are what differs from the one before. A page that gets the next while it still unpacks one
    drops that, which leaves a hole; so it gets a whole one every now and then, and in the end.
    """

    supports_blit = True
    _is_outdated = _is_painted = _is_in_pieces = False
    _next_whole, _pause, _asking = 0.0, ASK_AGAIN, None

    def draw_idle(self):
        self._is_outdated = True
        self.send_event("draw")
        self._ask()

    def draw(self):
        self._is_outdated = False
        FigureCanvasAgg.draw(self)
        self.blit()

    def blit(self, bbox=None):
        self._is_painted = True
        self._ask()

    def handle_draw(self, event):
        """The page waits for a picture."""
        if self._is_outdated:
            self.draw()
        now = IOLoop.current().time()
        self._is_in_pieces = now < self._next_whole
        if not self._is_in_pieces:
            self._force_full, self._next_whole = True, now + WHOLE_EVERY
        self._is_painted, self._png_is_old = False, True
        self.manager.refresh_all()
        if self._asking:
            IOLoop.current().remove_timeout(self._asking)
        self._pause = ASK_AGAIN
        self._ask_until_taken()

    def _ask(self):
        if not self._asking:
            self._ask_until_taken()

    def _ask_until_taken(self):
        self._asking, now = None, IOLoop.current().time()
        if (
            self._is_outdated
            or self._is_painted
            or (self._is_in_pieces and now >= self._next_whole)
        ):
            self.send_event("draw")
            # Where nobody looks any more, servers keep what is said for whoever comes back.
            self._pause = min(2 * self._pause, ASK_AT_LEAST)
        elif not self._is_in_pieces:
            return
        self._asking = IOLoop.current().call_later(self._pause, self._ask_until_taken)


def _open_figure(name):
    """One that pyplot does not know of: what the user plots next belongs elsewhere."""
    canvas = Canvas(Figure(SIZE, dpi=DPI, layout="none"))
    canvas.toolbar_position = "top"  # where it hides nothing while it is there
    manager = FigureManager(canvas, 0)
    manager.set_window_title(name)
    ours = keymaps()

    def press(event):
        with matplotlib.rc_context(ours):  # the user's other figures keep matplotlib's keys
            key_press_handler(event)

    canvas.mpl_disconnect(manager.key_press_handler_id)
    canvas.mpl_connect("key_press_event", press)
    return canvas.figure
