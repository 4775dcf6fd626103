"""Few digits to train on, a validation set to judge by, and training over several seeds."""

from functools import cache
from typing import NamedTuple

import numpy as np

import visu.startup  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

import mnistdata  # isort: skip

HELD_OUT = 10_000  # digits of the validation set
BATCH = 100


class Measured(NamedTuple):
    """What a network has reached: mean cross-entropies, and accuracies from 0 to 1."""

    training_loss: float
    training_accuracy: float
    validation_loss: float
    validation_accuracy: float


@cache
def _held_out():
    return mnistdata.read_data_sets().held_out(HELD_OUT)


def sample_digits(amount, seed):
    """Training and validation digits, two `mnistdata.DataSet`s.

    amount  how many to train on, up to 50,000, drawn from all but the validation set
    seed    of the draw, and of the shuffles; the validation set is always the same
    """
    everything, validation, _ = _held_out()
    chosen = np.random.default_rng(seed).permutation(len(everything))[:amount]
    pixels, classes = everything.pixels[chosen], everything.classes[chosen]
    return mnistdata.DataSet(pixels, classes, seed), validation


def set_seed(seed):
    """Of the weights and of dropout."""
    tf.keras.utils.set_random_seed(seed)


def measure(network, training, validation):
    """What a `Network` reaches on two `DataSet`s, a `Measured`."""
    return Measured(*network.test(training), *network.test(validation))


def epochs(network, training, validation, count):
    """Train for so many epochs of the `training` digits; yield a `Measured` after each."""
    for _ in range(count):
        network.train(*training.next_block(len(training) // BATCH, BATCH))
        yield measure(network, training, validation)


def over_seeds(make_network, amount, epoch_count, seeds):
    """Train networks on `amount` digits. Returns a `Measured` of arrays [seeds, epochs]."""
    runs = []
    for seed in range(seeds):
        set_seed(seed)
        runs.append(list(epochs(make_network(), *sample_digits(amount, seed), epoch_count)))
    return Measured(*np.moveaxis(np.array(runs), -1, 0))
