"""The only thing that passes from those who watch a run to the run itself."""

import threading
import time


class Control:
    """Stop, pause and go on: said by any thread, obeyed by the one that trains."""

    def __init__(self):
        self._changed = threading.Condition()
        self._paused = self._stopped = False
        self.paused_seconds = 0.0

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
            self._paused = paused
            self._changed.notify_all()

    def checkpoint(self, due=0.0):
        """Called by the training thread wherever it may be held up.

        Returns when the clock (`time.perf_counter`) has reached `due` and the run is not paused,
        or at once when it is to stop.
        """
        with self._changed:
            while not self._stopped:
                now = time.perf_counter()
                if self._paused:
                    self._changed.wait()
                    self.paused_seconds += time.perf_counter() - now
                elif now < due:
                    self._changed.wait(due - now)
                else:
                    return
