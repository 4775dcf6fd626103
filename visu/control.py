"""The only thing that passes from those who watch a run to the run itself."""

import threading
import time


class Control:
    """Stop, pause, go on, and questions: put by any thread, heeded by the one that trains.

    on_question  called, by the thread that trains, whenever there is a new `question`
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._paused = self._stopped = self._stepping = False
        self.paused_seconds = 0.0
        self.question = None  # `visu.messages.Question` to answer now and whenever training went on
        self.on_question = None
        self._asked = False

    @property
    def paused(self):
        return self._paused

    @property
    def stopped(self):
        return self._stopped

    def stop(self):
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def pause(self, paused=True):
        with self._changed:
            self._paused, self._stepping = paused, False
            self._changed.notify_all()

    def step(self):
        """Go on until the next `step_done`, if paused."""
        with self._changed:
            self._stepping, self._paused = self._paused or self._stepping, False
            self._changed.notify_all()

    def step_done(self):
        """Called by the training thread after a measurement."""
        with self._changed:
            self._paused, self._stepping = self._paused or self._stepping, False

    def ask(self, question):
        """Put a question, in place of the one before; None for no more."""
        with self._changed:
            self.question, self._asked = question, True
            self._changed.notify_all()

    def attend(self, seconds):
        """Heed a new question, if need be after waiting for it so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._asked, seconds)
        self._heed()

    def _heed(self):
        if self._asked:
            self._asked = False
            self.on_question()

    def checkpoint(self, due=0.0):
        """Called by the training thread wherever it may be held up.

        Returns when the clock (`time.perf_counter`) has reached `due` and the run is not paused,
        or at once when it is to stop.
        """
        while not self._stopped:
            self._heed()
            with self._changed:
                now = time.perf_counter()
                if self._asked or self._stopped:
                    continue
                if self._paused:
                    # With a time-out: on Windows, Ctrl-C does not interrupt a wait without one.
                    self._changed.wait(0.1)
                    self.paused_seconds += time.perf_counter() - now
                elif now < due:
                    self._changed.wait(due - now)
                else:
                    return
