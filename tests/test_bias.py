"""The faster gradient of biases against a plain sum, and where it is taken."""

import itertools

import numpy as np
import pytest

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from visu import gradients
from visu.bias import bias_gradient, faster_gradient
from visu.gradients import WIDE

IMAGES = [3, 4, 5]  # with height and width


def test_it_is_the_sum_over_all_pixels():
    random = np.random.default_rng(0)
    for height, width, channels in itertools.product((1, 2, 28), (1, 7, 28), (1, 4, 12)):
        dY = random.normal(size=(5, height, width, channels)).astype(np.float32)
        found = bias_gradient(dY, (width, channels))
        np.testing.assert_allclose(found, dY.sum(axis=(0, 1, 2)), atol=1e-4)


def back(compiled, X, B, images=None):
    """Gradients of a sum of squares of X + B, and the ranks of what is summed up for them.

    images  how many the compiled function is told there are, None for any number
    """

    def way(X, B):
        with tf.GradientTape() as tape:
            tape.watch([X, B])
            loss = tf.reduce_sum(tf.square(X + B))
        return tape.gradient(loss, [X, B])

    signature = [tf.TensorSpec([images, *X.shape[1:]]), tf.TensorSpec(B.shape)]
    function = tf.function(way, input_signature=signature)
    operations = function.get_concrete_function().graph.get_operations()
    ranks = [operation.inputs[0].shape.rank for operation in operations if operation.type == "Sum"]
    ranks.remove(X.shape.rank)  # the loss, which nobody asks for
    return (function if compiled else way)(X, B), ranks


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("images", [None, IMAGES[0]])
def test_the_tape_goes_the_fast_way(compiled, images):
    random = tf.random.Generator.from_seed(0)
    X, B = random.normal([*IMAGES, 6]), random.normal([6])
    (dX, dB), ranks = back(compiled, X, B, images)
    assert ranks == [2, 2]  # rows of pixels, and then pixels
    np.testing.assert_allclose(dX, 2 * (X + B), rtol=1e-5)
    np.testing.assert_allclose(dB, tf.reduce_sum(2 * (X + B), [0, 1, 2]), rtol=1e-4, atol=1e-4)


def test_what_comes_back_may_not_know_its_shape():
    """As behind somebody's own gradient, written in NumPy."""

    @tf.custom_gradient
    def untouched(Y):
        return Y, lambda dY: tf.numpy_function(np.copy, [dY], tf.float32)

    @tf.function
    def gradient(X, B):
        with tf.GradientTape() as tape:
            tape.watch(B)
            loss = tf.reduce_sum(tf.square(untouched(X + B)))
        return tape.gradient(loss, B)

    X, B = tf.ones([*IMAGES, 6]), tf.range(6.0)
    np.testing.assert_allclose(gradient(X, B), 2 * 3 * 4 * 5 * (1 + B))


@pytest.mark.parametrize(
    ("X", "B"),
    [
        ([*IMAGES, WIDE], [WIDE]),
        ([*IMAGES, 6], [1]),  # one for all channels
        ([*IMAGES, 1], [6]),
        ([*IMAGES, 6], [5, 6]),
        ([*IMAGES, 6], [1, 1, 1, 6]),
        ([6], [*IMAGES, 6]),
        ([3, 4, 6], [6]),
        ([3, 4, None, 6], [6]),
        ([*IMAGES, None], [6]),
        ([*IMAGES, 6], [None]),
        (None, [6]),
        ([*IMAGES, 6], None),
    ],
)
def test_other_sums_are_left_to_tensorflow(X, B):
    with tf.Graph().as_default():
        added = tf.compat.v1.placeholder(tf.float32, X) + tf.compat.v1.placeholder(tf.float32, B)
        assert added.op.type == "AddV2"
        assert faster_gradient(added.op, added) is None


def test_an_operation_without_a_gradient_is_left_alone():
    gradients.speed_up("NoSuchOperation", lambda op, dY: None)
    with pytest.raises(LookupError):
        gradients.ops.gradient_registry.lookup("NoSuchOperation")
