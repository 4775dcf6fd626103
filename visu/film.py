"""The run's end of its film, which a process of its own draws and writes.

Like the window, it can neither hold up nor bring down the training. It works behind it, in what
the training leaves of the processors, and may need a while longer.
"""

import queue
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from visu.companion import Companion, current_folder
from visu.errors import UsageError
from visu.files import unfinished
from visu.messages import Bundle, Filmed, Kept, NoFilm, Ready, Shot, receive, send
from visu.pacing import is_shown

PICTURE_SECONDS = 60  # without a new picture, and it is taken for stuck
PATIENCE = 5  # seconds for a process that was told to give up


class Film:
    """The six panels of a run, from the first measurement to the last.

    path     of the file, ending in .mp4 or .gif
    verbose  whether to let its process speak for itself
    """

    def __init__(self, path, verbose):
        self._path = Path(path)
        self._bundle, self._to_tell = Bundle(), queue.SimpleQueue()
        self._measured = self._shown = self._filmed = 0
        self._failure = None  # why there is no film
        self._ending = False
        self._gone = threading.Event()
        self._process = Companion("visu.camera", current_folder(), path, verbose=verbose)

    def begin(self, scene, measurements):
        """Return when it can take pictures. Raises UsageError if there can't be a film.

        scene         `visu.measurement.Scene`
        measurements  how many there will be, if nothing ends the run earlier
        """
        if self._failure:
            raise UsageError(self._failure)
        self._measurements = measurements
        answer = receive(self._process.inbox)
        for work in (self._tell, self._listen):
            threading.Thread(target=work, name=f"film {work.__name__}", daemon=True).start()
        if isinstance(answer, Ready):
            self._to_tell.put(scene)
            return
        if isinstance(answer, NoFilm):
            self._failure = answer.reason
        self.close()
        raise UsageError(self._failure)

    def add(self, measurement):
        """Film this measurement soon; returns at once."""
        if self._gone.is_set():
            return
        self._bundle.add(measurement)
        if is_shown(self._measured, self._measurements):
            self._take_picture()
        self._measured += 1

    def finish(self, tell):
        """Return when the film is whole. Raises UsageError if it could not be made.

        tell  called ten times a second with how many pictures the film has, and will have
        """
        if self._bundle:
            self._take_picture()
        for message in (Kept(), None):
            self._to_tell.put(message)
        last, patient_until = -1, 0.0
        # With a time-out, because on Windows Ctrl-C does not interrupt a wait without one.
        while not self._gone.wait(0.1):
            tell(self._filmed, self._shown)
            if self._filmed > last:
                last, patient_until = self._filmed, time.monotonic() + PICTURE_SECONDS
            elif time.monotonic() > patient_until:
                self._failure = f"--save {self._path}: no new picture for {PICTURE_SECONDS} seconds"
                self._kill()
        if self._failure is not None:
            raise UsageError(self._failure)

    def close(self):
        """Give up the film if it is not whole by now; no part of it stays."""
        self._ending = True
        self._to_tell.put(None)
        if not self._gone.wait(PATIENCE):
            self._kill()

    def _take_picture(self):
        self._to_tell.put(Shot(self._bundle.take()))
        self._shown += 1

    def _kill(self):
        self._process.kill()
        self._gone.wait()

    def _tell(self):
        try:
            while (message := self._to_tell.get()) is not None and not self._ending:
                send(self._process.outbox, message)
            self._process.outbox.close()
        except OSError:
            pass  # its process is gone, as `_listen` hears too

    def _listen(self):
        try:
            self._hear()
        finally:
            self._gone.set()

    def _hear(self):
        while (message := receive(self._process.inbox)) is not None:
            if isinstance(message, Filmed):
                self._filmed = message.pictures
            elif isinstance(message, NoFilm):
                self._failure = message.reason
        code, said = self._process.wait()
        if code:
            with suppress(OSError):
                unfinished(self._path, self._process.id).unlink()
            if self._failure is None:
                self._failure = f"--save {self._path}: the film's process ended unexpectedly"
                sys.stderr.write(said)
