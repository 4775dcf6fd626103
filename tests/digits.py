"""A few of MNIST's digits, as a folder for --data."""

import numpy as np

import mnistdata


def idx(array):
    """An array as an IDX file's bytes."""
    array = np.asarray(array, np.uint8)
    sizes = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_first(folder, training, test):
    """Write the first so many training and test digits of MNIST into a folder. Returns it."""
    sets = mnistdata.read_data_sets()
    for name, digits, count in (("train", sets.train, training), ("test", sets.test, test)):
        part = digits.part(None, count)
        images, labels = mnistdata.FILES[name]
        (folder / images).write_bytes(idx(part.pixels[..., 0]))
        (folder / labels).write_bytes(idx(part.classes))
    return folder
