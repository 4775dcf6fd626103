"""The gradient of a strided convolution with respect to its input: ours against TensorFlow's own.

    python3 -m benchmarks.convolution        # the layers of lessons 3.0, 3.1 and 4.2: a minute

Batches of 100, in one process, in turns. `visu.convolution` says what ours is, and leaves wide
layers, as those of lesson 4.2 are, to TensorFlow.
"""

import argparse
import statistics
import time

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from visu.convolution import input_gradient

BATCH, STRIDE = 100, 2
# Lesson, height and width, side of the kernel, channels in and out.
LAYERS = (
    ("3.0", 28, 4, 4, 8),
    ("3.0", 14, 4, 8, 12),
    ("3.1", 28, 5, 6, 12),
    ("3.1", 14, 4, 12, 24),
    ("4.2", 28, 5, 24, 48),
    ("4.2", 14, 4, 48, 64),
)
CALLS = 50


def both_ways(side, kernel, channels_in, channels_out):
    """Compiled functions without arguments: TensorFlow's way, and ours."""
    W = tf.random.normal([kernel, kernel, channels_in, channels_out])
    dY = tf.random.normal([BATCH, side // STRIDE, side // STRIDE, channels_out])

    @tf.function
    def theirs():
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=[BATCH, side, side, channels_in],
            filter=W,
            out_backprop=dY,
            strides=[1, STRIDE, STRIDE, 1],
            padding="SAME",
        )

    @tf.function
    def ours():
        return input_gradient(W, dY, STRIDE, (side, side))

    return theirs, ours


def milliseconds(way):
    began = time.perf_counter()
    for _ in range(CALLS):
        result = way()
    result.numpy()  # waits
    return 1000 * (time.perf_counter() - began) / CALLS


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    print(
        "| lesson | image | kernel | TensorFlow's, ms | ours, ms "
        "| ratio, median (lowest to highest) |\n|---|---|---|---|---|---|"
    )
    for lesson, side, kernel, *channels in LAYERS:
        ways = both_ways(side, kernel, *channels)
        for way in ways:
            way()  # compiles
        rounds = [[milliseconds(way) for way in ways] for _ in range(given.rounds)]
        ratios = sorted(theirs / ours for theirs, ours in rounds)
        theirs, ours = map(statistics.median, zip(*rounds, strict=True))
        print(
            f"| {lesson} | {side} x {side} x {channels[0]} | {kernel} x {kernel} x {channels[1]} "
            f"| {theirs:.2f} | {ours:.2f} "
            f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
