"""How long until 99 %: from the shell's Enter to the first test evaluation of at least 0.99.

    python3 -m benchmarks.time_to_accuracy                  # five seeds, about half an hour
    python3 -m benchmarks.time_to_accuracy --peers none     # lesson 3.1 alone

Needs `pip install -r benchmarks/requirements.txt`. Lesson 3.1 against the networks that newcomers
to Keras and to PyTorch start with, written from their descriptions (`benchmarks/peers/stock_*.py`),
in turns on the same machine. Everything counts: the start of the process, imports, reading the
digits (which everybody finds on the disk), compilation, evaluations.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.screen import ROOT, lesson_file

OURS = "lesson 3.1"
PEERS = {"Keras' convnet example": "stock_keras", "PyTorch's MNIST example": "stock_pytorch"}


def ours(seed, goal):
    """Seconds until the lesson's log has a test accuracy of `goal`."""
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--no-window", "--seed", str(seed), "--log", "run.csv"]
        log = Path(folder, ".run.csv.unfinished")  # its name while it grows

        def reached(_):
            if not log.exists():
                return False
            # The line that is being written may lack its end.
            lines = log.read_text().rpartition("\n")[0].splitlines()[1:]
            return any(float(line.split(",")[3] or 0) >= goal for line in lines)

        return _seconds_until(reached, [lesson_file("3.1"), *flags], folder)


def peer(module, seed, goal):
    """Seconds until the example has printed a test accuracy of `goal`."""

    def reached(process):
        line = process.stdout.readline()
        return bool(line) and float(line) >= goal

    return _seconds_until(reached, ["-m", f"benchmarks.peers.{module}", str(seed)], ROOT)


def _seconds_until(reached, command, folder):
    """Start Python with `command` and stop it once `reached`; None if it ends before."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        while not reached(process):
            if process.poll() is not None:
                return None
            time.sleep(0.02)
        return time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def table(found):
    """The seconds of each contender, a list with None where the goal was missed, as Markdown."""
    lines = ["| contender | seconds, median (all) |", "|---|---|"]
    for name, seconds in found.items():
        reached = [s for s in seconds if s is not None]
        # A run that misses the goal takes longer than any that does not.
        ordered = sorted(reached) + [float("inf")] * (len(seconds) - len(reached))
        each = ", ".join("never" if s is None else f"{s:.1f}" for s in seconds)
        lines.append(f"| {name} | {statistics.median(ordered):.1f} ({each}) |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--accuracy", type=float, default=0.99)
    parser.add_argument("--peers", choices=("all", "none"), default="all")
    given = parser.parse_args()
    peers = PEERS if given.peers == "all" else {}
    found = {name: [] for name in (OURS, *peers)}
    for seed in range(given.seeds):
        found[OURS].append(ours(seed, given.accuracy))
        for name, module in peers.items():
            found[name].append(peer(module, seed, given.accuracy))
    print(f"Seconds from the shell to a test accuracy of {given.accuracy}, n = {given.seeds}\n")
    print(table(found))


if __name__ == "__main__":
    main()
