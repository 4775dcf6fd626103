"""A faster way back through the biases of narrow convolutions, for CPUs.

The gradient with respect to a bias is a sum over all pixels of all images, one for each channel.
Where these are few, TensorFlow adds up a handful of numbers at a time, which took 4 % of a training
step of lesson 3.1. A row of pixels with all their channels is long: first those are added up, then
the pixels of the one row that is left. Results agree up to rounding. `python -m benchmarks.kernels`
compares.
"""

import math

import tensorflow as tf

from visu.gradients import WIDE


def faster_gradient(op, dY):
    """The gradients of `X + B`, B a bias for each channel; None for all other sums."""
    X, B = op.inputs
    if X.shape.rank != 4 or B.shape.rank != 1:
        return None
    row = width, channels = X.shape[2:]
    if width is None or channels is None or channels >= WIDE or B.shape[0] != channels:
        return None
    return dY, bias_gradient(dY, row)  # what comes back may not know its shape


def bias_gradient(dY, row):
    """The sum of dY [n, height, width, channels] over all its pixels: [channels].

    row  (width, channels)
    """
    rows = tf.reshape(dY, [-1, math.prod(row)])
    return tf.reduce_sum(tf.reshape(tf.reduce_sum(rows, axis=0), row), axis=0)
