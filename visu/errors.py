"""Mistakes that the user can mend: one clear message, exit code 2, no traceback."""

import select
import signal
import sys

INTERRUPTED = 128 + signal.SIGINT  # the exit code of a program ended by Ctrl-C


class UsageError(Exception):
    """What was asked for can't be done. The message says why, and what to do."""

    exit_code = 2

    def _render_traceback_(self):
        """What a notebook shows in place of a traceback."""
        return [f"error: {self}"]


def report_mistakes_plainly():
    """From now on an uncaught error with an `exit_code` ends the program by its message alone.

    Ctrl-C ends it without one, and so does an output that nobody reads any more. An interactive
    Python goes on, as ever.
    """
    default = sys.excepthook

    def excepthook(kind, error, traceback):
        code = getattr(error, "exit_code", None)
        if hasattr(sys, "ps1"):
            code = None
        elif issubclass(kind, KeyboardInterrupt):
            code = INTERRUPTED
        elif issubclass(kind, BrokenPipeError) and _is_unread(sys.stdout):
            code = 128 + signal.SIGPIPE
        elif code is not None:
            print(f"error: {error}", file=sys.stderr)
        if code is None:
            default(kind, error, traceback)
        else:
            raise SystemExit(code)

    sys.excepthook = excepthook


def _is_unread(stream):
    """Whether it is a pipe whose reader has had enough, as `head` has."""
    if not hasattr(select, "poll"):  # as in Windows, where that is not the custom
        return False
    polled = select.poll()
    polled.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in polled.poll(0))
