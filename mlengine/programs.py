"""How the programs of this folder start one another, from whatever folder, and how they ended."""

import os
from pathlib import Path

MLENGINE = Path(__file__).resolve().parent


def with_modules(environment):
    """The same environment variables, with a PYTHONPATH that begins here."""
    search = os.pathsep.join(filter(None, (str(MLENGINE), environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": search}


def as_a_shell_has_it(code):
    """The exit code of a process that a signal may have ended."""
    return code if code >= 0 else 128 - code
