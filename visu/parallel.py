"""Gives each processor its share of a batch, from the first layer to the last.

TensorFlow divides every operation among the processors, and at its end one of them waits for the
others. A small convolutional network has some thirty operations a training step, and each is so
short that this costs more than the work on it gains. So each operation runs on one processor, and
the images are divided instead: then the processors only wait for each other at the loss.
"""

import os

import tensorflow as tf

MOST = 8  # shares: of a batch of 100, smaller ones would be hardly worth an operation


def shares():
    """Into how many parts images are best divided here: 1 where each operation itself is divided,
    or where there is a GPU, which takes them all at once."""
    one_by_one = tf.config.threading.get_intra_op_parallelism_threads() == 1
    if not one_by_one or tf.config.list_logical_devices("GPU"):
        return 1
    return min(_processors(), MOST)


def _processors():
    """How many this process may use, by the system or by who started it."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    # Whoever runs several programs at a time tells TensorFlow in this way.
    told = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return min(allowed, int(told)) if told.isdigit() and int(told) else allowed


def in_shares(model, count, X, *arguments):
    """`model(X, *arguments)`, with X in so many parts that can be computed at the same time.

    model  returns a tensor with a row for each image, which depends on no other image
    X      images [n, ...]; n is known
    """
    parts = divided(X, count)
    if len(parts) == 1:
        return model(X, *arguments)
    return tf.concat([model(part, *arguments) for part in parts], axis=0)


def divided(tensor, count):
    """A list of so many parts of nearly the same length, or of fewer where there are not enough."""
    rows = tensor.shape[0]
    count = max(min(count, rows), 1)
    if count == 1:
        return [tensor]
    return tf.split(tensor, [rows // count + (i < rows % count) for i in range(count)])
