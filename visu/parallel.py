"""Gives each processor its share of a batch, from the first layer to the last.

TensorFlow divides every operation among the processors, and at its end one of them waits for the
others. A small convolutional network has some thirty operations a training step, and each is so
short that this costs more than it gains. So each operation runs on one processor, and the images
are divided instead: then the processors only wait for each other at the loss, and where the
gradients of their shares are added up. `python -m benchmarks.compare` shows what it brings.
"""

import os

import tensorflow as tf

MOST = 8  # shares: each has operations of its own, which a dozen images are hardly worth


def shares():
    """Into how many parts images are best divided in a process whose operations run on one
    processor each: 1 if they don't, or if there is a GPU, which takes all images at once.
    """
    divided_anyway = tf.config.threading.get_intra_op_parallelism_threads() != 1
    if divided_anyway or tf.config.list_logical_devices("GPU"):
        return 1
    return min(processors(), tf.config.threading.get_inter_op_parallelism_threads() or MOST, MOST)


def processors():
    """How many this process may use, by the system or by who started it."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    # Whoever runs several programs at a time tells TensorFlow in this way.
    told = (os.environ.get(f"TF_NUM_{which}_THREADS", "") for which in ("INTRAOP", "INTEROP"))
    return min([allowed, *(int(count) for count in told if count.isdigit() and int(count))])


def in_shares(model, count, X, *arguments):
    """`model(X, *arguments)`, with X in so many parts that can be computed at the same time.

    model  returns a tensor with a row for each image, which depends on no other image
    X      images [n, ...]
    """
    # A compiled model would have one seed for its dropout, and so the same one in every share.
    model = getattr(model, "python_function", model)
    found = [model(part, *arguments) for part in divided(X, count)]
    return tf.concat(found, axis=0) if len(found) > 1 else found[0]


def divided(tensor, count):
    """A list of so many parts of nearly the same length; fewer where there are not enough rows,
    and one where it is not known how many there will be."""
    rows = tensor.shape[0]
    count = 1 if rows is None else max(min(count, rows), 1)
    if count == 1:
        return [tensor]
    return tf.split(tensor, [rows // count + (i < rows % count) for i in range(count)])
