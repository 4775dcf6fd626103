"""MNIST, or any drop-in for it, as arrays to look at and as batches to train on.

The project carries the digits in `data/`; nothing is ever downloaded. Any folder with the same
four IDX files, gzipped or not, can stand in for them (Fashion-MNIST for example).
"""

import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

CARRIED = Path(__file__).resolve().parent / "data"
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
SHA256 = {
    "train-images-idx3-ubyte.gz": "0b367032e93c5d0cea0925647cfdb186"
    "14af8ee15f83e6f2fc2ad904a6835971",
    "train-labels-idx1-ubyte.gz": "1787548bbe0bff1ec2ecdc0ef292b02d"
    "f999e2d1a6002d27500982c652b17203",
    "t10k-images-idx3-ubyte.gz": "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be",
    "t10k-labels-idx1-ubyte.gz": "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
}
SIDE, CLASSES = 28, 10
TO_UNIT = np.float32(1 / 255)  # 255 times this is exactly 1 in float32
# Scanned digits shrink about fivefold; a file that swells a hundredfold holds no pictures.
LARGEST_EXPANSION = 100


class DataError(ValueError):
    """The data can't be used. The message says what was expected, what was found, what to do."""

    exit_code = 2


class DataSets(NamedTuple):
    """What `read_data_sets` returns."""

    train: "DataSet"
    test: "DataSet"
    class_names: tuple[str, ...]  # "0" ... "9" unless the folder has a classes.txt


class DataSet:
    """Labelled images, handed out in batches from a shuffle that is renewed every epoch.

    pixels   uint8 [n, 28, 28, 1], 0 ... 255, as they are in the file
    classes  uint8 [n], 0 ... 9
    images   float32 [n, 28, 28, 1], 0 ... 1 (made when first asked for: 188 MB for 60,000)
    labels   float32 [n, 10], one-hot
    """

    def __init__(self, pixels, classes, seed=0):
        self.pixels, self.classes = pixels, classes
        self._random = np.random.default_rng(seed)
        self._upcoming = np.empty(0, np.int32)
        self._ahead = None  # the indices [batches, size] of a block being gathered, its future

    def __len__(self):
        return len(self.classes)

    @cached_property
    def images(self):
        return np.multiply(self.pixels, TO_UNIT, dtype=np.float32)

    @cached_property
    def labels(self):
        return np.eye(CLASSES, dtype=np.float32)[self.classes]

    def next_batch(self, size=100):
        """The next `size` shuffled examples: images [size, 28, 28, 1], labels [size, 10]."""
        chosen = self._next_indices(size)
        return self.images[chosen], self.labels[chosen]

    def next_block(self, batches, size=100):
        """Several batches at once, as tensors on the training device, for a compiled loop.

        Returns images [batches, size, 28, 28, 1] and labels [batches, size, 10]: the batches that
        as many calls of `next_batch` would have given.
        """
        chosen = self._next_indices(batches * size).reshape(batches, size)
        ahead, self._ahead = self._ahead, None
        if ahead is not None and np.array_equal(ahead[0], chosen):
            block = ahead[1].result()
        else:
            block = _gather(*self._on_device, tf.constant(chosen))
        # While this block is trained on, the next one is gathered.
        following = self._look_ahead(batches * size).reshape(batches, size)
        future = _BACKGROUND.submit(_gather, *self._on_device, tf.constant(following))
        self._ahead = following, future
        return block

    @cached_property
    def _on_device(self):
        return tf.constant(self.pixels), tf.constant(self.classes)

    def _next_indices(self, count):
        chosen = self._look_ahead(count)
        self._upcoming = self._upcoming[count:]
        return chosen

    def _look_ahead(self, count):
        # A batch that reaches past the end of an epoch takes its rest from the next one: over any
        # number of epochs every example is used equally often, and no batch is ever short.
        while len(self._upcoming) < count:
            epoch = self._random.permutation(len(self)).astype(np.int32)
            self._upcoming = np.concatenate([self._upcoming, epoch])
        return self._upcoming[:count]


_BACKGROUND = ThreadPoolExecutor(1, thread_name_prefix="next block")


@tf.function
def _gather(pixels, classes, chosen):
    # Bytes are kept on the device and become floats a block at a time: a quarter of the memory.
    images = tf.cast(tf.gather(pixels, chosen), tf.float32) * TO_UNIT
    return images, tf.one_hot(tf.gather(classes, chosen), CLASSES)


def read_data_sets(data_dir=None, *, seed=0):
    """Read the four IDX files of a folder: MNIST itself when no folder is named.

    data_dir  a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and the two t10k-...
              files, each as it is or with .gz; a classes.txt there names the ten classes, a line
              each
    seed      of the shuffles

    Returns `DataSets(train, test, class_names)`. Raises DataError for anything that is not such
    data. The format: http://yann.lecun.com/exdb/mnist/, "FILE FORMATS FOR THE MNIST DATABASE".
    """
    folder = CARRIED if data_dir is None else Path(data_dir)
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise DataError(
            f"data folder {folder}: expected a folder with {_all_names()}, but it {found}"
        )
    train, test = (
        DataSet(*_read_pair(folder, *names), seed=seed) for names in (FILES["train"], FILES["test"])
    )
    return DataSets(train, test, _read_class_names(folder))


def parse_idx(raw, dimensions, source):
    """Decode one IDX file of unsigned bytes, the format of MNIST.

    raw         the file's content, bytes, not compressed
    dimensions  how many it must have: 3 for images, 1 for labels
    source      what to call it in messages

    Returns a uint8 array that shares the memory of `raw`. Raises DataError.
    """
    header = 4 + 4 * dimensions
    expected = f"an IDX file of unsigned bytes with {dimensions} dimension{'s'[: dimensions > 1]}"
    if raw.lstrip()[:1] == b"<":
        raise DataError(
            f"{source}: expected {expected}, found a web page, probably an error page saved under "
            "this name; download the file again"
        )
    if len(raw) < header:
        raise DataError(f"{source}: expected {expected}, found only {len(raw)} bytes; {_AGAIN}")
    magic = bytes([0, 0, 8, dimensions])
    if raw[:4] != magic:
        raise DataError(
            f"{source}: expected {expected}, which begins with {magic.hex(' ')}, found "
            f"{raw[:4].hex(' ')}; check that the file is the one that its name says"
        )
    shape = tuple(int.from_bytes(raw[i : i + 4], "big") for i in range(4, header, 4))
    size = 1
    for length in shape:
        size *= length
    if len(raw) - header != size:
        raise DataError(
            f"{source}: its header promises {' x '.join(map(str, shape))} = {size} bytes, found "
            f"{len(raw) - header}; {_AGAIN}"
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


_AGAIN = "it may be cut off or damaged: copy it again"


def _all_names():
    return ", ".join(name for pair in FILES.values() for name in pair) + " (gzipped or not)"


def _read_pair(folder, images_name, labels_name):
    images = _read_idx(folder, images_name, dimensions=3)
    labels = _read_idx(folder, labels_name, dimensions=1)
    if images.shape[1:] != (SIDE, SIDE):
        raise DataError(
            f"{folder / images_name}: expected images of 28 x 28 pixels, found "
            f"{images.shape[1]} x {images.shape[2]}; scale them first"
        )
    if len(images) != len(labels):
        raise DataError(
            f"{folder}: expected a label for each image, found {len(images)} images in "
            f"{images_name} and {len(labels)} labels in {labels_name}; take both from one data set"
        )
    if not len(images):
        raise DataError(f"{folder / images_name}: expected at least one image, found none")
    if labels.max() >= CLASSES:
        where = int(np.argmax(labels >= CLASSES))
        raise DataError(
            f"{folder / labels_name}: expected labels from 0 to 9, found {labels[where]} at index "
            f"{where}; this data set has more classes than the lessons' ten"
        )
    return images[..., np.newaxis], labels


def _read_idx(folder, name, dimensions):
    path = next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)
    if path is None:
        raise DataError(f"{folder}: expected {_all_names()}, but there is no {name}[.gz]")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: can't be read ({error.strerror}); check its permissions"
        ) from None
    if folder.resolve() == CARRIED and hashlib.sha256(raw).hexdigest() != SHA256.get(path.name):
        raise DataError(
            f"{path}: expected MNIST's own file, but its SHA-256 differs; `git checkout -- data` "
            "brings it back"
        )
    if path.suffix == ".gz":
        raw = _gunzip(raw, path)
    return parse_idx(raw, dimensions, path)


def _gunzip(packed, path):
    if packed[:2] != b"\x1f\x8b":
        # Browsers and tools often unpack a file and leave the name as it was.
        return packed
    limit = max(2**20, LARGEST_EXPANSION * len(packed))
    unpacker, raw = zlib.decompressobj(wbits=31), bytearray()
    try:
        for start in range(0, len(packed), 2**16):
            raw += unpacker.decompress(packed[start : start + 2**16], limit + 1 - len(raw))
            if len(raw) > limit:
                raise DataError(
                    f"{path}: expected scanned images or labels, but it unpacks to more than "
                    f"{LARGEST_EXPANSION} times its size; check where the file came from"
                )
    except zlib.error as error:
        raise DataError(
            f"{path}: expected a gzip file, but it is damaged ({error}); {_AGAIN}"
        ) from None
    if not unpacker.eof:
        raise DataError(f"{path}: expected a whole gzip file, but it ends too early; {_AGAIN}")
    return raw


def _read_class_names(folder):
    path = folder / "classes.txt"
    if not path.exists():
        return tuple(map(str, range(CLASSES)))
    try:
        names = tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected {CLASSES} class names in UTF-8, but {error}") from None
    if len(names) != CLASSES:
        raise DataError(f"{path}: expected {CLASSES} class names, a line each, found {len(names)}")
    return names
