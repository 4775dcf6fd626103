"""A run that goes on beside a notebook's cells, in a thread; one at a time."""

import atexit
import contextvars
import sys
import threading
import traceback

_running = None  # the thread, what ends it soon, and what it needs


def start(work, end):
    """Call `work` in a thread; returns at once. `end` is called to make `work` return soon."""
    from IPython import get_ipython  # late: who has no notebooks does without

    global _running
    end_earlier()
    # In this context, what is printed belongs to this cell.
    work_here = contextvars.copy_context().run
    thread = threading.Thread(target=work_here, args=(_explained, work), name="run", daemon=True)
    # The variables outlive their names, which another cell may use for something else; and the next
    # `%run` of a script is not to clear the names that this one's functions go by.
    _running = thread, end, dict(vars(sys.modules["__main__"]))
    get_ipython().clear_main_mod_cache()
    thread.start()


def _explained(work):
    global _running
    try:
        work()
    except Exception:  # nobody else would print it below this cell
        traceback.print_exc()
    running = _running  # the main thread may let go of it at the same time
    if running and running[0] is threading.current_thread():
        _running = None  # digits and network are not needed any longer


def end_earlier():
    """If there is such a run, let it come to its end now."""
    global _running
    if running := _running:
        thread, end, _ = running
        end()
        thread.join()
        _running = None


atexit.register(end_earlier)
