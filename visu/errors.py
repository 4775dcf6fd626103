"""Mistakes that the user can mend: one clear message, exit code 2, no traceback."""

import os
import signal
import sys
from contextlib import suppress


class UsageError(Exception):
    """What was asked for can't be done. The message says why, and what to do."""

    exit_code = 2


def report_mistakes_plainly():
    """From now on an uncaught error with an `exit_code` ends the program by its message alone.

    So does Ctrl-C, without one, and an output that nobody reads any more.
    """
    default = sys.excepthook

    def excepthook(kind, error, traceback):
        if issubclass(kind, KeyboardInterrupt):
            raise SystemExit(128 + signal.SIGINT)
        if issubclass(kind, BrokenPipeError):
            _say_nothing_more()
            raise SystemExit(128 + 13)  # as of SIGPIPE, which Windows does not know
        code = getattr(error, "exit_code", None)
        if code is None:
            default(kind, error, traceback)
            return
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(code)

    sys.excepthook = excepthook


def _say_nothing_more():
    """Whoever read the output has had enough of it, as `head` has; Python would try once more."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
