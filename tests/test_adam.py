"""The faster step of Adam against its formula, and what still goes Keras' way."""

import numpy as np
import pytest

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

STEPS, RATES = 5, (0.1, 0.05, 0.02, 0.01, 0.005)


def gradients():
    return np.random.default_rng(0).normal(size=(STEPS, 40, 3))


def formula(beta_1, beta_2, epsilon, decay=0):
    """Algorithm 1 of Kingma and Ba 2015, in the form before section 2.1, in 64 bits; with the
    decoupled weight decay of Loshchilov and Hutter 2019."""
    W, m, v = np.ones((40, 3)), 0, 0
    for t, (g, rate) in enumerate(zip(gradients(), RATES, strict=True), start=1):
        W = W - W * decay * rate
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        W = W - rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)
    return W


def step(optimizer, W):
    @tf.function
    def step(rate, gradient):
        optimizer.learning_rate.assign(rate)
        optimizer.apply([gradient])

    optimizer.build([W])
    return step


def operations_of(optimizer, gradient):
    function = step(optimizer, tf.Variable(tf.ones_like(gradient)))
    graph = function.get_concrete_function(0.1, gradient).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("compiled", ["eagerly", "as a graph", "by XLA"])
@pytest.mark.parametrize("betas", [(0.9, 0.999, 1e-7), (0.5, 0.9, 1e-3)])
def test_it_follows_the_formula(compiled, betas):
    W = tf.Variable(tf.ones([40, 3]))
    optimizer = tf.keras.optimizers.Adam(beta_1=betas[0], beta_2=betas[1], epsilon=betas[2])
    function = step(optimizer, W)
    if compiled == "eagerly":
        function = function.python_function
    elif compiled == "by XLA":
        function = tf.function(function.python_function, jit_compile=True)
    for rate, gradient in zip(RATES, gradients(), strict=True):
        function(tf.constant(rate), tf.constant(gradient, tf.float32))
    np.testing.assert_allclose(W, formula(*betas), rtol=1e-4, atol=1e-5)
    assert optimizer.iterations == STEPS


def test_weight_decay_stays():
    W = tf.Variable(tf.ones([40, 3]))
    function = step(tf.keras.optimizers.AdamW(weight_decay=0.3), W)
    for rate, gradient in zip(RATES, gradients(), strict=True):
        function(tf.constant(rate), tf.constant(gradient, tf.float32))
    np.testing.assert_allclose(W, formula(0.9, 0.999, 1e-7, 0.3), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [tf.keras.optimizers.Adam, tf.keras.optimizers.AdamW])
def test_it_is_one_operation(kind):
    assert "ResourceApplyAdam" in operations_of(kind(), tf.ones([3]))


def test_what_it_does_not_handle_goes_keras_way():
    for optimizer, gradient in (
        (tf.keras.optimizers.Adam(amsgrad=True), tf.ones([3])),
        (tf.keras.optimizers.Adam(), tf.ones([3], tf.float64)),
        (tf.keras.optimizers.Adam(), tf.ones([3], tf.float16)),
        (tf.keras.optimizers.Nadam(), tf.ones([3])),
    ):
        operations = operations_of(optimizer, gradient)
        assert "ResourceApplyAdam" not in operations
        assert "Sqrt" in operations


def test_gradients_of_a_few_rows_leave_the_others_alone():
    W = tf.Variable(tf.ones([4, 2]))
    optimizer = tf.keras.optimizers.Adam(0.1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(W, [1, 3]) ** 2)
    optimizer.apply([tape.gradient(loss, W)], [W])
    np.testing.assert_allclose(W, [[1, 1], [0.9, 0.9]] * 2, atol=1e-4)


def test_a_strategy_keeps_its_variables_alike():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        W = tf.Variable([1.0, 2.0])
        optimizer = tf.keras.optimizers.Adam(0.1)
        optimizer.build([W])
    strategy.run(lambda: optimizer.apply([tf.constant([1.0, -1.0])], [W]))
    np.testing.assert_allclose(W, [0.9, 2.1], atol=1e-4)
