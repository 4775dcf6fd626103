"""Mistakes that whoever started a program can mend: one clear message, no traceback."""

import importlib
import signal
import sys

# What those extras of pyproject.toml are for that a program can miss, and where alone they work.
EXTRAS = {"serve": ("serving", ""), "tune": ("tuning", " (on Windows: in WSL2)")}


class UsageError(Exception):
    """A program can't do what it was asked to. The message says why, and what to do."""

    exit_code = 2


def require(extra, *packages):
    """Raise UsageError unless these packages, which an extra brings, can be imported.

    To be called before a module of ours that uses them is imported: one of ours that is missing is
    a mistake of ours, which no extra mends.
    """
    for package in packages:
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as error:
            purpose, where = EXTRAS[extra]
            raise UsageError(
                f"{error.name} is missing; install what {purpose} needs, in the project's folder, "
                f"with `pip install -e './mlengine[{extra}]'`{where}"
            ) from None


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
