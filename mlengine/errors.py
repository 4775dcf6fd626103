"""Mistakes that whoever started a program can mend: one clear message, no traceback."""

import signal
import sys


class UsageError(Exception):
    """A program can't do what it was asked to. The message says why, and what to do."""

    exit_code = 2


def explain_and_exit(main):
    """Run `main`, and end the program with the exit code that it returns.

    Of an error that has an `exit_code` of its own, print the message alone. Ctrl-C needs none.
    """
    try:
        code = main()
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        print(f"error: {error}", file=sys.stderr)
    sys.exit(code)
