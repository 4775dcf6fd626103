"""The faster gradient of convolutions against TensorFlow's own kernel."""

import itertools

import numpy as np
import pytest

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from visu.convolution import input_gradient
from visu.gradients import WIDE


def stock(W, dY, stride, size):
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=[len(dY), *size, W.shape[2]],
        filter=W,
        out_backprop=dY,
        strides=[1, stride, stride, 1],
        padding="SAME",
    )


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("size", [(12, 24), (24, 12)])
def test_it_agrees_with_tensorflow(stride, size):
    random = tf.random.Generator.from_seed(0)
    for height, width in itertools.product((1, 2, 3, 4, 5, 6, 7), (1, 3, 6)):
        W = random.normal([height, width, 3, 5])
        dY = random.normal([2, size[0] // stride, size[1] // stride, 5])
        np.testing.assert_allclose(
            input_gradient(W, dY, stride, size), stock(W, dY, stride, size), atol=1e-4
        )


def layers_back(compiled, channels=4, **convolution):
    """Gradients through one convolution: what is differentiated, in its operations, and values."""
    random = tf.random.Generator.from_seed(1)
    X, W = random.normal([3, 12, 12, channels]), random.normal([5, 5, channels, 6])

    def gradients(X, W):
        with tf.GradientTape() as tape:
            tape.watch([X, W])
            loss = tf.reduce_sum(tf.nn.conv2d(X, W, **convolution) ** 2)
        return tape.gradient(loss, [X, W])

    function = tf.function(gradients)
    graph = function.get_concrete_function(X, W).graph
    operations = {operation.type for operation in graph.get_operations()}
    return operations, (function if compiled else gradients)(X, W), (X, W)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_tape_goes_the_fast_way(compiled):
    operations, (dX, dW), (X, W) = layers_back(compiled, strides=2, padding="SAME")
    assert "Conv2DBackpropInput" not in operations
    assert "Transpose" in operations  # which lays the pixels of the phases side by side
    # The loss is a sum of squares of Y, so dY is 2 Y.
    dY = 2 * tf.nn.conv2d(X, W, 2, "SAME")
    np.testing.assert_allclose(dX, stock(W, dY, 2, (12, 12)), rtol=1e-4, atol=1e-2)
    expected = tf.raw_ops.Conv2DBackpropFilter(
        input=X, filter_sizes=W.shape, out_backprop=dY, strides=[1, 2, 2, 1], padding="SAME"
    )
    np.testing.assert_allclose(dW, expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    "convolution",
    [
        {"strides": 1, "padding": "SAME"},
        {"strides": 2, "padding": "VALID"},
        {"strides": 5, "padding": "SAME"},  # 12 pixels are no multiple
        {"strides": [2, 3], "padding": "SAME"},
        {"strides": 2, "padding": "SAME", "channels": WIDE},
        {"strides": 1, "padding": "SAME", "dilations": 2},
        {"strides": 2, "padding": [[0, 0], [2, 2], [2, 2], [0, 0]]},
    ],
)
def test_what_it_does_not_handle_stays_as_it_was(convolution):
    operations, _, _ = layers_back(True, **convolution)
    assert "Conv2DBackpropInput" in operations
