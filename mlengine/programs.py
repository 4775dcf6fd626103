"""How the programs of this folder start one another, what they say, and how they ended."""

import os
import signal
import sys
from pathlib import Path

MLENGINE = Path(__file__).resolve().parent
UNREAD = 141  # the exit code of a program whose output nobody reads any more, as after `| head`


def with_modules(environment):
    """The same environment variables, with a PYTHONPATH that begins here."""
    search = os.pathsep.join(filter(None, (str(MLENGINE), environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": search}


class Stop:
    """Remembers that a signal asked this process to end; `asked` is its number, or None.

    second_kills  whether the same signal ends the process at once when it comes again
    """

    def __init__(self, second_kills):
        self.asked, self._second_kills = None, second_kills
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number, _):
        self.asked = number
        if self._second_kills:
            signal.signal(number, signal.SIG_DFL)


def as_a_shell_has_it(code):
    """The exit code of a process that a signal may have ended."""
    return code if code >= 0 else 128 - code


def say(*lines):
    """Print lines, at once. Ends the program where that can't be done."""
    try:
        print(*lines, sep="\n", flush=True)
    except OSError as error:
        raise SystemExit(fall_silent(error)) from None


def fall_silent(error):
    """Write nothing more to standard output, which brought this error. Returns the exit code."""
    # What is still to be written would be tried once more at the end, and complained of.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return UNREAD
    print(
        f"error: standard output: can't be written ({error.strerror}); make room, or send it "
        "elsewhere",
        file=sys.stderr,
    )
    return 2
