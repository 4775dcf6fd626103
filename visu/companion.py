"""A process of the project's own that does a part of the work beside the training."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from visu.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
# Ctrl-C in the terminal is for the run to obey; its companions hear through their pipes what to do.
if os.name == "nt":
    APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    APART = {"start_new_session": True}


def current_folder():
    """Where the user is, for companions to go to. Raises UsageError if it has been removed."""
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            f"the current folder: expected one that exists, found none ({error.strerror}); change "
            "to another one and start again"
        ) from None


class Companion:
    """Such a process, and the pipes to it and from it.

    module     of this project, to be run as a program
    arguments  for it
    verbose    whether to let it speak for itself
    """

    def __init__(self, module, *arguments, verbose):
        self._said = None if verbose else tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            # The processors are for the training.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            **APART,
        )
        self.inbox, self.outbox = self._process.stdout, self._process.stdin
        self.id = self._process.pid

    def kill(self):
        self._process.kill()

    def wait(self):
        """Its exit code, and what it said on standard error and nobody has seen yet."""
        code = self._process.wait()
        if self._said is None:
            return code, ""
        with self._said:
            self._said.seek(0)
            return code, self._said.read().decode(errors="replace")
