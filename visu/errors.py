"""Mistakes that the user can mend: one clear message, exit code 2, no traceback."""

import sys


class UsageError(Exception):
    """What was asked for can't be done. The message says why, and what to do."""

    exit_code = 2


def report_mistakes_plainly():
    """From now on an uncaught error with an `exit_code` ends the program by its message alone."""
    default = sys.excepthook

    def excepthook(kind, error, traceback):
        code = getattr(error, "exit_code", None)
        if code is None:
            default(kind, error, traceback)
            return
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(code)

    sys.excepthook = excepthook
