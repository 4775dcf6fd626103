"""How long until 99 %: from the shell's Enter to the first test evaluation of at least 0.99.

    python3 -m benchmarks.time_to_accuracy                  # five seeds, about half an hour
    python3 -m benchmarks.time_to_accuracy --peers none     # lesson 3.1 alone

Needs `pip install -r benchmarks/requirements.txt`. Lesson 3.1 against the networks that newcomers
to Keras and to PyTorch start with, written from their descriptions (`benchmarks/peers/stock_*.py`),
in turns on the same machine. Everything counts: the start of the process, imports, reading the
digits (which everybody finds on the disk), compilation, evaluations. Keras is given the oneDNN
kernels that the lessons switch on for themselves.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks import COUNT, positive_number
from benchmarks.compare import ONEDNN
from tests.screen import ROOT, lesson_file
from visu.files import unfinished

OURS = "lesson 3.1"
PEERS = {"Keras' convnet example": "stock_keras", "PyTorch's MNIST example": "stock_pytorch"}


class FailedError(Exception):
    """A contender ended with an error: its last words."""


def ours(seed, goal):
    """Seconds until the lesson's log has a test accuracy of `goal`; None if that never comes."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--no-window", "--seed", str(seed), "--log", "run.csv"]
        whole = Path(folder, "run.csv")

        def reached(process):
            log = whole if whole.exists() else unfinished(whole, process.pid)
            if not log.exists():
                return False
            # The line that is being written may lack its end.
            lines = log.read_text().rpartition("\n")[0].splitlines()[1:]
            return any(float(line.split(",")[3] or 0) >= goal for line in lines)

        return _seconds_until(reached, [lesson_file("3.1"), *flags], folder)


def peer(module, seed, goal):
    """Seconds until the example has printed a test accuracy of `goal`; None if it never does."""

    def reached(process):
        return any(float(line) >= goal for line in process.stdout)

    return _seconds_until(reached, ["-m", f"benchmarks.peers.{module}", str(seed)], ROOT)


def _seconds_until(reached, command, folder):
    """Start Python with `command` and stop it once `reached`; None if it ends before.

    Raises FailedError if it ends with an error.
    """
    with tempfile.TemporaryFile("w+") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **ONEDNN},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        try:
            while not (at_goal := reached(process)) and process.poll() is None:
                time.sleep(0.02)
            # What it did last, it may have done between the two looks.
            if at_goal or reached(process):
                return time.perf_counter() - began
        finally:
            # Not Ctrl-C, which programs that are started in the background may be deaf to.
            process.kill()
            process.communicate()
        if process.returncode:
            said.seek(0)
            lines = said.read().strip().splitlines()
            raise FailedError(lines[-1] if lines else f"exit code {process.returncode}")
        return None


def table(found):
    """The seconds of each contender, a list with None where the goal was missed, as Markdown."""
    lines = ["| contender | seconds, median (all) |", "|---|---|"]
    for name, seconds in found.items():
        reached = [s for s in seconds if s is not None]
        # A run that misses the goal takes longer than any that does not.
        ordered = sorted(reached) + [float("inf")] * (len(seconds) - len(reached))
        each = ", ".join(map(_shown, seconds))
        lines.append(f"| {name} | {statistics.median(ordered):.1f} ({each}) |")
    return "\n".join(lines)


def _shown(seconds):
    return "never" if seconds is None else f"{seconds:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=COUNT, default=5)
    parser.add_argument("--accuracy", type=positive_number(1), default=0.99)
    parser.add_argument("--peers", choices=("all", "none"), default="all")
    given = parser.parse_args()
    contenders = {OURS: ours}
    if given.peers == "all":
        contenders |= {name: partial(peer, module) for name, module in PEERS.items()}
    found = {name: [] for name in contenders}
    for seed in range(given.seeds):
        for name in list(found):
            try:
                found[name].append(contenders[name](seed, given.accuracy))
            except FailedError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                del found[name]
            else:
                print(f"{name}, seed {seed}: {_shown(found[name][-1])}", file=sys.stderr)
    print(f"Seconds from the shell to a test accuracy of {given.accuracy}, n = {given.seeds}\n")
    print(table(found))


if __name__ == "__main__":
    main()
