"""Pure training: a block of iterations per compiled call, against one compiled call per iteration.

    python3 -m benchmarks.speed              # lessons 1.0, 2.1 and 3.1, about two minutes

The same variables, model, loss and optimizer, the lesson's own code, in turns, in a process for
each lesson; no view, no evaluation, compilation excluded. Both sides get their batches from
`next_block`; to take them apart for single calls is not counted. The table gives the medians over
the rounds of iterations a second, and the ratio of each round. Before it, how long the digits take
to load, each time in a fresh process.
"""

import argparse
import importlib.util
import multiprocessing
import statistics
import subprocess
import sys
import time

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from benchmarks import COUNT, SECONDS, check_lessons
from benchmarks.variants import lesson_files
from tests.screen import ROOT, lesson_file
from visu.training import BLOCK


def load(number):
    """Import a lesson, whose file name is no Python name."""
    spec = importlib.util.spec_from_file_location(f"lesson_{number}", lesson_file(number))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one_call_per_iteration(lesson):
    """The lesson's training step as a compiled function of one batch, the way most tutorials do."""

    # From one Python number to the next, AutoGraph leaves nothing of the loop but its body.
    @tf.function
    def step(X, Y_):
        lesson.train.python_function(X[tf.newaxis], Y_[tf.newaxis], 0, 1)

    return step


def iterations_per_second(lesson, way, seconds):
    """way  two functions: one prepares a block, the other trains on it"""
    prepare, train = way
    done, spent = 0, 0.0
    while spent < seconds:
        began = time.perf_counter()
        block = lesson.mnist.train.next_block(BLOCK)
        spent += time.perf_counter() - began
        prepared = prepare(*block)
        began = time.perf_counter()
        train(prepared)
        spent += time.perf_counter() - began
        done += BLOCK
    return done / spent


def compare(number, rounds, seconds):
    """Iterations a second of both ways: two lists with a figure for each round."""
    lesson = load(number)
    step = one_call_per_iteration(lesson)

    def as_it_is(*block):
        return block

    def in_blocks(block):
        lesson.train(*block, tf.constant(0), tf.constant(BLOCK))

    def apart(images, labels):
        return list(zip(tf.unstack(images), tf.unstack(labels), strict=True))

    def one_by_one(batches):
        for X, Y_ in batches:
            step(X, Y_)

    ways = ((as_it_is, in_blocks), (apart, one_by_one))
    for prepare, train in ways:  # compiles
        train(prepare(*lesson.mnist.train.next_block(BLOCK)))
    found = [[iterations_per_second(lesson, way, seconds) for way in ways] for _ in range(rounds)]
    return [list(figures) for figures in zip(*found, strict=True)]


def loading_seconds(times):
    """Seconds that `read_data_sets` takes in a process that has TensorFlow already."""
    program = (
        "import tensorflowvisu, mnistdata, time; began = time.perf_counter();"
        "mnistdata.read_data_sets(); print(time.perf_counter() - began)"
    )
    command = [sys.executable, "-c", program]
    runs = (
        subprocess.run(command, capture_output=True, check=True, cwd=ROOT) for _ in range(times)
    )
    return [float(run.stdout) for run in runs]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", default=["1.0", "2.1", "3.1"], metavar="LESSON")
    parser.add_argument("--rounds", type=COUNT, default=7)
    parser.add_argument("--seconds", type=SECONDS, default=3.0, help="for each side of a round")
    given = parser.parse_args()
    check_lessons(parser, given.lessons, lesson_files())
    loading = loading_seconds(given.rounds)
    print(
        f"Loading the digits: median {statistics.median(loading):.2f} s "
        f"({min(loading):.2f} to {max(loading):.2f}), n = {len(loading)}\n"
    )
    print("| lesson | blocks, it/s | one call each, it/s | ratio, median (lowest to highest) |")
    print("|---|---|---|---|")
    for number in given.lessons:
        # A process computes with the threads of its first lesson.
        with multiprocessing.get_context("spawn").Pool(1) as process:
            blocks, single = process.apply(compare, (number, given.rounds, given.seconds))
        ratios = sorted(b / s for b, s in zip(blocks, single, strict=True))
        print(
            f"| {number} | {statistics.median(blocks):.0f} | {statistics.median(single):.0f} "
            f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
