"""JAX, with each step compiled or 20 at a time.

python3 -m benchmarks.peers.jax_loop LESSON BATCH step|scan
"""

import itertools
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.pace import RATES, digits, repeat, serve

CHUNK = 20
CONVOLUTIONS = ((6, 1, 6, 1), (5, 6, 12, 2), (4, 12, 24, 2))  # side, channels in, out, stride
DENSE = {"1.0": (784, 10), "2.1": (784, 200, 100, 60, 30, 10), "3.1": (1176, 200, 10)}
PKEEP = 0.75


def parameters(number, random):
    shapes = [(side, side, i, o) for side, i, o, _ in CONVOLUTIONS] if number == "3.1" else []
    sizes = DENSE[number]
    shapes += list(itertools.pairwise(sizes))
    return [
        # The type is said here: without, the second call would compile once more.
        (jnp.asarray(0.1 * random.normal(size=s), jnp.float32), jnp.full(s[-1], 0.1, jnp.float32))
        for s in shapes
    ]


def loss_of(parameters, number, X, Y_, key):
    layers = iter(parameters)
    if number == "3.1":
        for *_, stride in CONVOLUTIONS:
            W, B = next(layers)
            X = jax.lax.conv_general_dilated(
                X, W, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            X = jax.nn.relu(X + B)
    X = X.reshape(len(X), -1)
    *hidden, last = layers
    for W, B in hidden:
        X = jax.nn.relu(X @ W + B)
    if number == "3.1":
        X = X * jax.random.bernoulli(key, PKEEP, X.shape) / PKEEP
    Y = jax.nn.log_softmax(X @ last[0] + last[1])
    return -jnp.mean(jnp.sum(Y_ * Y, axis=1))


def adam(gradients, state, rate):
    """Kingma and Ba (2014), algorithm 1."""
    step, mean, square = state
    step = step + 1
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradients)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradients)
    scale = rate * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    change = jax.tree.map(lambda m, v: scale * m / (jnp.sqrt(v) + 1e-7), mean, square)
    return change, (step, mean, square)


def main():
    number, batch, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    random = np.random.default_rng(0)
    pixels, classes = digits()
    images = jnp.asarray(pixels[..., None])
    labels = jnp.asarray(np.eye(10, dtype=np.float32)[classes])

    def step(data, carry, chosen):
        images, labels = data
        parameters, state, key = carry
        key, mine = jax.random.split(key)
        X, Y_ = images[chosen].astype(jnp.float32) / 255, labels[chosen]
        gradients = jax.grad(loss_of)(parameters, number, X, Y_, mine)
        if number == "1.0":
            change = jax.tree.map(lambda g: RATES[number] * g, gradients)
        else:
            change, state = adam(gradients, state, RATES[number])
        return (jax.tree.map(jnp.subtract, parameters, change), state, key), None

    data = (images, labels)

    @partial(jax.jit, donate_argnums=1)
    def one(data, carry, chosen):
        return step(data, carry, chosen)[0]

    @partial(jax.jit, donate_argnums=1)
    def many(data, carry, chosen):
        return jax.lax.scan(partial(step, data), carry, chosen)[0]

    start = parameters(number, random)
    zeros = [jax.tree.map(jnp.zeros_like, start) for _ in range(2)]
    carry = (start, (jnp.zeros(()), *zeros), jax.random.key(0))

    def batches():
        while True:
            yield from random.permutation(len(pixels)).astype(np.int32).reshape(-1, batch)

    upcoming = batches()

    def chunk():
        nonlocal carry
        block = np.stack([next(upcoming) for _ in range(CHUNK)])
        if way == "scan":
            carry = many(data, carry, block)
        else:
            for chosen in block:
                carry = one(data, carry, chosen)
        jax.block_until_ready(carry)

    serve(repeat(chunk, CHUNK))


if __name__ == "__main__":
    main()
