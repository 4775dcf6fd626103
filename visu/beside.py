"""A run that goes on beside a notebook's cells, in a thread; one at a time."""

import atexit
import contextvars
import sys
import threading

_running = None  # the thread, what ends it soon, and what it needs


def start(work, end):
    """Call `work` in a thread; returns at once. `end` is called to make `work` return soon."""
    global _running
    # In this context, what is printed belongs to this cell.
    work_here = contextvars.copy_context().run
    thread = threading.Thread(target=work_here, args=(work,), name="run", daemon=True)
    # The script's variables outlive their names, which another cell may use for something else.
    _running = thread, end, dict(vars(sys.modules["__main__"]))
    thread.start()


def end_earlier():
    """If there is such a run, let it come to its end now."""
    global _running
    if _running:
        thread, end, _ = _running
        end()
        thread.join()
        _running = None


atexit.register(end_earlier)
