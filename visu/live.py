"""The run's end of the live window, which is a process of its own.

Beside the training in one process, a window would wait for Python's lock, and the training would
wait for the window. Apart from it, neither can hold up or bring down the other.
"""

import sys
import threading
import time

from visu import nowindow
from visu.companion import Companion, current_folder
from visu.errors import UsageError
from visu.messages import Bundle, Closed, Drawn, News, NoWindow, Serving, receive, send
from visu.wishes import grant

# How often the window hears news. A fast run is not there to be watched: every picture costs time.
FRAMES_A_SECOND, FRAMES_A_SECOND_FAST = 15, 12
PATIENCE = 5  # seconds for a window that was told to close


class LiveView:
    """Starts the window's process, tells it the news, and passes on what its user wants.

    fast     whether speed counts more than smoothness
    verbose  whether to let its process speak for itself
    address  `visu.web.address.Address`: show it there, in a browser; None for a window

    Its attribute `url` says where a browser finds it; None if none does, or not any longer. Raises
    UsageError if it can't be served at `address`.
    """

    takes_thread = False  # whether the thread that calls `show` is needed for drawing from then on

    def __init__(self, fast, verbose, address=None):
        self._frame_seconds = 1 / (FRAMES_A_SECOND_FAST if fast else FRAMES_A_SECOND)
        self._news = threading.Condition()
        self._bundle = Bundle()
        self._result = self._drawn = self._answer = None
        self._ending = False
        self._gone = threading.Event()
        self._process = Companion(
            "visu.viewer", current_folder(), *map(str, address or ()), verbose=verbose
        )
        self.url = self._wait_for_url() if address else None

    def show(self, scene, training, control, on_lost):
        """Open the window.

        scene     `visu.measurement.Scene`
        training  tells by its attribute `iteration` how far it is, and has a `pace`
        control   `visu.control.Control`, which hears what the user wants
        on_lost   called, by another thread, with the reason why there is no window, or no longer
        """
        self._scene, self._training, self._control = scene, training, control
        self._on_lost = on_lost
        for work in (self._tell, self._listen):
            threading.Thread(target=work, name=f"window {work.__name__}", daemon=True).start()

    def add(self, measurement):
        """Show this measurement soon; returns at once."""
        with self._news:
            self._bundle.add(measurement)

    def answer(self, answer):
        """Pass on a `visu.messages.Answer`, at once."""
        with self._news:
            self._answer = answer
            self._news.notify_all()

    def finish(self, result):
        """The run has ended, with this result to read in the title."""
        self._result = result

    def drawn(self):
        """After `finish`: what the window did, as `visu.messages.Drawn`; None if it can't tell."""
        with self._news:
            self._news.wait_for(lambda: self._drawn or self._gone.is_set(), PATIENCE)
        return self._drawn

    def close(self):
        """Close the window soon. From any thread, and from signal handlers."""
        self._ending = True

    def wait(self):
        """Return when the window is gone; until then, its user may go on asking."""
        while not self._gone.is_set():
            self._control.attend(0.1)
            if self._ending and not self._gone.wait(PATIENCE):
                self._process.kill()

    def _wait_for_url(self):
        answer = receive(self._process.inbox)
        if isinstance(answer, Serving):
            return answer.url
        _, said = self._process.wait()
        sys.stderr.write(said)
        raise UsageError(answer.reason if answer else "--web: its process ended unexpectedly")

    def _tell(self):
        told = None
        message = self._scene
        try:
            while not self._ending:
                if message is not None:
                    send(self._process.outbox, message)
                self._pass_on_answers(time.monotonic() + self._frame_seconds)
                with self._news:
                    measurements = self._bundle.take()
                state = (self._training.iteration, self._result)
                changed = measurements or state != told
                message = News(state[0], measurements, state[1]) if changed else None
                told = state
            self._process.outbox.close()
        except OSError:
            pass  # the window is gone, as `_listen` hears too

    def _pass_on_answers(self, until):
        while (left := until - time.monotonic()) > 0:
            with self._news:
                self._news.wait_for(lambda: self._answer, left)
                answer, self._answer = self._answer, None
            if answer:
                send(self._process.outbox, answer)

    def _listen(self):
        try:
            self._hear()
        finally:
            with self._news:
                self._gone.set()
                self._news.notify_all()

    def _hear(self):
        reason = None
        while (wish := receive(self._process.inbox)) is not None:
            grant(wish, self._training, self._control)
            if isinstance(wish, Closed):
                self._ending = True
            elif isinstance(wish, NoWindow):
                reason = wish.reason
            elif isinstance(wish, Drawn):
                with self._news:
                    self._drawn = wish
                    self._news.notify_all()
        _, said = self._process.wait()
        if not self._ending:
            self._ending = True
            if reason is None and nowindow.display_went_away(said):
                reason, said = "the display is gone", ""
            self.url = None
            self._on_lost(reason or "it ended unexpectedly")
        sys.stderr.write(said)
