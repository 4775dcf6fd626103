"""Pure training against other libraries: the same networks, side by side.

    python3 -m benchmarks.compare                    # all three, about twenty minutes
    python3 -m benchmarks.compare --quick            # each library's fastest way, within five
    python3 -m benchmarks.compare --peers fastest    # these, as many rounds as one wants
    python3 -m benchmarks.compare --peers none       # without the other libraries
    python3 -m benchmarks.compare --peers none --beside PYTHON   # one with another TensorFlow

Needs `pip install -r benchmarks/requirements.txt`. The same layers, batches of 100, optimizer,
32-bit floats and two threads; everybody shuffles every epoch and gathers the batches. Each
contender is a process of its own that gets ready once, compilation included, and then trains in
turns with the others. One of them does nothing but multiply matrices: what share of that are a
lesson's own multiplications? Others are our own lesson, without what it does for its speed.

Needs Linux: elsewhere, not everybody can be held to the same processors.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks import COUNT, SECONDS, check, check_lessons
from visu.files import complete, unfinished

ROOT = Path(__file__).resolve().parent.parent
THREADS = 2
THREAD_SETTINGS = (
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
LESSONS = ("1.0", "2.1", "3.1")
PEERS = {
    "Keras": ["keras_fit", "1", "plain"],
    "Keras, 20 steps a call": ["keras_fit", "20", "plain"],
    "Keras, XLA": ["keras_fit", "1", "xla"],
    "Keras, 20 steps a call, XLA": ["keras_fit", "20", "xla"],
    "PyTorch": ["pytorch", "eager"],
    "PyTorch, compiled": ["pytorch", "compile"],
    "JAX, jit": ["jax_loop", "step"],
    "JAX, scan": ["jax_loop", "scan"],
}
OURS, PRODUCTS = "this project", "matrix products alone"
BESIDE = "this project, the other Python"
# What its speed would be without two of its settings.
DIVIDED, ANEW = "this project, operations divided", "this project, kernels prepared anew"
WITHOUT = {"1.0": (DIVIDED,), "2.1": (), "3.1": (DIVIDED, ANEW)}
WAYS = {
    OURS: ["ours"],
    PRODUCTS: ["products"],
    DIVIDED: ["ours", "divided"],
    ANEW: ["ours"],
    BESIDE: ["ours"],
    **PEERS,
}
# What the lessons switch on for themselves shall not be missing in Keras.
ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE": "false"}
SETTINGS = {ANEW: {"TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE": "true"}}
# Of each library's ways the fastest, on a machine with two cores.
FASTEST = {
    "1.0": ("Keras, 20 steps a call", "PyTorch", "JAX, scan"),
    "2.1": ("Keras, 20 steps a call, XLA", "PyTorch", "JAX, scan"),
    "3.1": ("Keras, 20 steps a call", "PyTorch", "JAX, jit"),
}
# Multiplications with additions, for one image on its way forward; the way back costs twice that.
OPERATIONS = {
    "1.0": 784 * 10,
    "2.1": 784 * 200 + 200 * 100 + 100 * 60 + 60 * 30 + 30 * 10,
    "3.1": 28**2 * 36 * 6 + 14**2 * 150 * 12 + 7**2 * 192 * 24 + 1176 * 200 + 200 * 10,
}
# The first layer needs no gradient with respect to the image.
FIRST = {"1.0": 784 * 10, "2.1": 784 * 200, "3.1": 28**2 * 36 * 6}


class Contender:
    """A process that trains on demand, on `threads` processors, run by `python`."""

    def __init__(self, lesson, name, batch, threads, python=sys.executable):
        module, *arguments = WAYS[name]
        self.name, self.rates = name, []
        # Links are not followed: where the one to a Python lies says which packages it has.
        command = Path(python).absolute(), "-m", f"benchmarks.peers.{module}"
        self._process = subprocess.Popen(
            [*command, lesson, str(batch), *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                **dict.fromkeys(THREAD_SETTINGS, str(threads)),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                **ONEDNN,
                **SETTINGS.get(name, {}),
            },
            # Not every library can be told how many threads to use; all look how many processors
            # they may use.
            preexec_fn=partial(use_processors, threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self):
        """Whether it is; if not, why, on standard error."""
        if self._process.stdout.readline() == "ready\n":
            return True
        lines = self._process.communicate()[1].strip().splitlines()
        print(f"{self.name} is left out: {lines[-1] if lines else 'it ended'}", file=sys.stderr)
        return False

    def train(self, seconds):
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        self.rates.append(float(self._process.stdout.readline()))

    def end(self):
        self._process.kill()
        self._process.communicate()


def use_processors(count):
    """From now on, this thread and all that it starts use so many processors at the most."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def compare(lesson, names, rounds, seconds, batch=100, threads=THREADS, beside=None):
    """Iterations a second of each contender that runs here: {name: [one for each round]}.

    beside  runs the contender of this name: another Python than this one
    """
    contenders = []
    for name in names:  # one after the other: compilers would take each other's time
        python = beside if name == BESIDE else sys.executable
        contender = Contender(lesson, name, batch, threads, python)
        if contender.wait_until_ready():
            contenders.append(contender)
        else:
            contender.end()
    for _ in range(rounds):
        for contender in contenders:
            contender.train(seconds)
    for contender in contenders:
        contender.end()
    return {contender.name: contender.rates for contender in contenders}


def limit(lesson, rate, batch=100):
    """Iterations a second if a lesson were nothing but its multiplications.

    rate  of these, with additions, in 10**9 a second
    """
    return rate * 1e9 / (batch * (3 * OPERATIONS[lesson] - FIRST[lesson]))


def table(found):
    """What `compare` found for each lesson, as a Markdown table."""
    lines = [
        "| network | contender | iterations/s, median (lowest to highest) | ours : theirs |",
        "|---|---|---|---|",
    ]
    for lesson, rates in found.items():
        if not {OURS, PRODUCTS} <= set(rates):
            continue
        ours = rates[OURS]
        others = [name for name in rates if name != PRODUCTS]
        for name in sorted(others, key=lambda name: -statistics.median(rates[name])):
            ratio = statistics.median(a / b for a, b in zip(ours, rates[name], strict=True))
            shown = "" if name == OURS else f"{ratio:.2f}"
            lines.append(
                f"| {lesson} | {name} | {statistics.median(rates[name]):.0f} "
                f"({min(rates[name]):.0f} to {max(rates[name]):.0f}) | {shown} |"
            )
        most = [limit(lesson, rate) for rate in rates[PRODUCTS]]
        share = statistics.median(a / b for a, b in zip(ours, most, strict=True))
        lines.append(
            f"| {lesson} | {PRODUCTS} | {statistics.median(most):.0f} "
            f"({min(most):.0f} to {max(most):.0f}) | {share:.2f} |"
        )
    return "\n".join(lines)


def parse(parser):
    """What `parser` reads; the end of the program where nothing of it can be compared."""
    given = parser.parse_args()
    if not hasattr(os, "sched_setaffinity"):
        parser.error("this needs Linux: elsewhere, processes can't be held to two processors")
    check_lessons(parser, given.lessons, LESSONS)
    return given


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=f"of {' '.join(LESSONS)}")
    parser.add_argument("--rounds", type=COUNT, default=7)
    parser.add_argument("--seconds", type=SECONDS, default=3.0, help="of each turn")
    parser.add_argument("--peers", choices=("all", "fastest", "none"), default="all")
    parser.add_argument(
        "--beside", metavar="PYTHON", help="once more by this one, which has another TensorFlow"
    )
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 second, fewer ways")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the rates, for machines")
    given = parse(parser)
    beside = given.beside and shutil.which(given.beside)
    if given.beside and not beside:
        parser.error(f"--beside {given.beside}: expected a Python, found no such program")
    check(parser, "--json", given.json, ".json")
    rounds, seconds = (3, 1.0) if given.quick else (given.rounds, given.seconds)
    ways = "fastest" if given.quick and given.peers == "all" else given.peers
    found = {}
    for lesson in given.lessons or LESSONS:
        names = [OURS, PRODUCTS, *(() if given.quick else WITHOUT[lesson])]
        names += {"all": PEERS, "fastest": FASTEST[lesson], "none": ()}[ways]
        names += (BESIDE,) if given.beside else ()
        found[lesson] = compare(lesson, names, rounds, seconds, beside=beside)
    rates = [rate for each in found.values() for rate in each.get(PRODUCTS, ())]
    if rates:
        print(
            f"{statistics.median(rates):.0f} x 10^9 multiplications with additions a second "
            f"({min(rates):.0f} to {max(rates):.0f}), {rounds} rounds\n"
        )
    print(table(found))
    if given.json:
        growing = unfinished(given.json)
        growing.write_text(json.dumps(found, indent=1))
        complete(given.json)


if __name__ == "__main__":
    main()
