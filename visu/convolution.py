"""A faster way back through narrow convolutions with a stride, for CPUs.

The gradient with respect to the input of a strided convolution is the slowest kernel of lessons
3.0 and 3.1: it took a third of a training step. A convolution without stride makes the same sums,
when it computes the pixels between two strides as channels, which are then laid out as pixels (Shi
et al. 2016, "Is the deconvolution layer the same as a convolutional layer?", arXiv:1609.07009).
Nothing else changes; results agree up to rounding. `python -m benchmarks.kernels` compares.
"""

import numpy as np
import tensorflow as tf

from visu.gradients import WIDE


def faster_gradient(op, dY):
    """The gradients of `tf.nn.conv2d(X, W, stride, "SAME")`; None where this is no faster way."""
    X, W = op.inputs
    stride = _stride(op)
    if stride is None:
        return None
    dW = tf.raw_ops.Conv2DBackpropFilter(
        input=X,
        filter_sizes=W.shape,
        out_backprop=dY,
        strides=[1, stride, stride, 1],
        padding="SAME",
    )
    return input_gradient(W, dY, stride, X.shape[1:3]), dW


def _stride(op):
    """The stride of a convolution that this module handles; None for all others."""
    X, W = op.inputs
    _, down, across, _ = op.get_attr("strides")
    handled = (
        down == across > 1
        and op.get_attr("padding") == b"SAME"
        and op.get_attr("data_format") == b"NHWC"
        and list(op.get_attr("dilations")) == [1, 1, 1, 1]
        and X.shape.rank == 4
        and X.shape[3] == W.shape[2] < WIDE  # if not equal, in groups
        and W.shape.is_fully_defined()
        and all(side is not None and side % down == 0 for side in X.shape[1:3])
    )
    return down if handled else None


def input_gradient(W, dY, stride, size):
    """The gradient with respect to X of `tf.nn.conv2d(X, W, stride, "SAME")`.

    W     [k, l, channels in, channels out]
    dY    [n, height / stride, width / stride, channels out]
    size  (height, width) of X, multiples of the stride
    Returns [n, height, width, channels in].
    """
    (rows, above, below), (columns, left, right) = (
        _taps(kernel, stride, side) for kernel, side in zip(W.shape[:2], size, strict=True)
    )
    height, width, channels_in, channels_out = W.shape
    # For each offset from a pixel of dY and each pixel of a stride, the weight that joins them: one
    # of the kernel's, or of the zeros appended to it.
    padded = tf.reshape(
        tf.pad(W, [[0, 1], [0, 1], [0, 0], [0, 0]]),
        [(height + 1) * (width + 1), channels_in, channels_out],
    )
    chosen = rows[:, np.newaxis, :, np.newaxis] * (width + 1) + columns[:, np.newaxis, :]
    joined = tf.reshape(
        tf.gather(padded, chosen.reshape(-1)),
        [len(rows), len(columns), stride**2 * channels_in, channels_out],
    )
    dX = tf.nn.conv2d(
        dY,
        tf.transpose(joined, [0, 1, 3, 2]),
        strides=1,
        padding=[[0, 0], [above, below], [left, right], [0, 0]],
    )
    # What `tf.nn.depth_to_space` does, but in longer pieces.
    lines = tf.reshape(dX, [-1, size[1] // stride, stride, stride * channels_in])
    return tf.reshape(tf.transpose(lines, [0, 2, 1, 3]), [-1, *size, channels_in])


def _taps(kernel, stride, side):
    """Along one axis, which entry of the kernel joins an output pixel with an input pixel.

    Input pixel stride * u + a meets output pixel u + d through entry k of the kernel where
    stride * d = a + padding - k, with so many pixels of padding in front of the input.

    Returns (entries, before, after): entries[before + d, a] is that k, or `kernel` where there is
    none, for d from -before to after.
    """
    padding = max((side // stride - 1) * stride + kernel - side, 0) // 2
    met = [
        ((a + padding - k) // stride, a, k)
        for a in range(stride)
        for k in range(kernel)
        if (a + padding - k) % stride == 0
    ]
    before, after = -min(d for d, _, _ in met), max(d for d, _, _ in met)
    entries = np.full((before + after + 1, stride), kernel)
    for d, a, k in met:
        entries[before + d, a] = k
    return entries, before, after
