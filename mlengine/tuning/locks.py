"""Files that only one process at a time may hold, and with it those that inherit them."""

import fcntl
import time

LOOK_EVERY = 0.1  # seconds


def hold(path, patience=0.0):
    """Lock the file at `path`. Returns it open, or None if others keep it longer than `patience`.

    The lock ends when the last process that has this open file ends, in whatever way.
    """
    file = path.open("a")
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > until:
                file.close()
                return None
        time.sleep(LOOK_EVERY)
