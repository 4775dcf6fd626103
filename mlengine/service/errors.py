"""What can go wrong by somebody else's doing, with one clear message for them."""

import signal
import sys


class UsageError(Exception):
    """A program can't do what it was asked to. The message says why, and what to do."""

    exit_code = 2


class RefusedError(Exception):
    """A request is not answered, with this HTTP status. The message says why."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


def explain_and_exit(main):
    """Run `main`; where it raises UsageError, print the message alone and exit with code 2.

    Ctrl-C needs no message.
    """
    try:
        main()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
