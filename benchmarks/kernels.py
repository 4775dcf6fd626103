"""The lessons' own ways through a training step, one by one, against TensorFlow's and Keras'.

    python3 -m benchmarks.kernels        # the layers of lessons 3.0, 3.1 and 4.2: a minute

`visu.convolution`, `visu.bias` and `visu.adam`, each in turns with what it replaces, in one process
that computes on one processor, with 50 images: the share of each of two. Wide layers, as those of
lesson 4.2 are, are left to TensorFlow: this table shows what that gains, or gives away.
"""

import argparse
import statistics
import time

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from benchmarks import COUNT
from visu import startup
from visu.adam import keras_update_step
from visu.bias import bias_gradient
from visu.convolution import input_gradient

SHARE, STRIDE = 50, 2
# Lesson, height and width, side of the kernel, channels in and out.
CONVOLUTIONS = (
    ("3.0", 28, 4, 4, 8),
    ("3.0", 14, 4, 8, 12),
    ("3.1", 28, 5, 6, 12),
    ("3.1", 14, 4, 12, 24),
    ("4.2", 28, 5, 24, 48),
    ("4.2", 14, 4, 48, 64),
)
# Lesson, height and width, channels.
BIASES = ("3.0", 28, 4), ("3.0", 14, 8), ("3.1", 28, 6), ("3.1", 14, 12), ("4.2", 28, 24)
# Of lesson 3.1; its biases add next to nothing.
WEIGHTS = ([6, 6, 1, 6], [5, 5, 6, 12], [4, 4, 12, 24], [1176, 200], [200, 10])
CALLS = 50


class KerasAdam(tf.keras.optimizers.Adam):
    update_step = keras_update_step


def convolution(side, kernel, channels_in, channels_out):
    """Functions without arguments: TensorFlow's way, and ours."""
    W = tf.random.normal([kernel, kernel, channels_in, channels_out])
    dY = tf.random.normal([SHARE, side // STRIDE, side // STRIDE, channels_out])

    def theirs():
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=[SHARE, side, side, channels_in],
            filter=W,
            out_backprop=dY,
            strides=[1, STRIDE, STRIDE, 1],
            padding="SAME",
        )

    def ours():
        return input_gradient(W, dY, STRIDE, (side, side))

    return theirs, ours


def bias(side, channels):
    dY = tf.random.normal([SHARE, side, side, channels])
    return (lambda: tf.reduce_sum(dY, [0, 1, 2])), (lambda: bias_gradient(dY, (side, channels)))


def adam(*shapes):
    weights = [tf.Variable(tf.random.normal(shape)) for shape in shapes]
    gradients = [tf.random.normal(shape) for shape in shapes]

    def way(optimizer):
        optimizer.build(weights)

        def step():
            optimizer.apply(gradients)
            return weights[0].read_value()

        return step

    return way(KerasAdam()), way(tf.keras.optimizers.Adam())


def comparisons():
    """What is compared, as the table says it, and its two ways."""
    for lesson, side, kernel, *channels in CONVOLUTIONS:
        image, filters = f"{side} x {side} x {channels[0]}", f"{kernel} x {kernel} x {channels[1]}"
        ways = convolution(side, kernel, *channels)
        yield f"| {lesson} | gradient of {image}, kernel {filters}", ways
    for lesson, side, channels in BIASES:
        yield f"| {lesson} | gradient of {channels} biases, {side} x {side}", bias(side, channels)
    yield "| 3.1 | Adam's step, 239,696 weights", adam(*WEIGHTS)


def milliseconds(way):
    began = time.perf_counter()
    for _ in range(CALLS):
        result = way()
    result.numpy()  # waits
    return 1000 * (time.perf_counter() - began) / CALLS


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=COUNT, default=9)
    given = parser.parse_args()
    startup.warm_up(threads=1)
    print(
        "| lesson | what | theirs, ms | ours, ms "
        "| ratio, median (lowest to highest) |\n|---|---|---|---|---|"
    )
    for name, ways in comparisons():
        ways = [tf.function(way) for way in ways]
        for way in ways:
            way()  # compiles
        rounds = [[milliseconds(way) for way in ways] for _ in range(given.rounds)]
        ratios = sorted(theirs / ours for theirs, ours in rounds)
        theirs, ours = map(statistics.median, zip(*rounds, strict=True))
        print(
            f"{name} | {theirs:.2f} | {ours:.2f} "
            f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
