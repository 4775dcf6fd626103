"""MNIST, or other labelled images, as arrays to look at and as batches to train on.

The project carries the digits in `data/`; nothing is ever downloaded. Any folder with the same
four IDX files, gzipped or not, can stand in for them (Fashion-MNIST for example), and so can any
arrays of small images, grey or in colour.
"""

import hashlib
import os
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
SHA256 = {  # of the carried files, and of what is in them
    "train-images-idx3-ubyte": (
        "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": (
        "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": (
        "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": (
        "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
# What the classes of Fashion-MNIST are called, which is told by its test labels.
FASHION_SHA256 = "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9"
FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
GZIP = b"\x1f\x8b"  # how such a file begins
# What is often found under a data file's name instead, by its beginning.
MISTAKEN = {
    b"<": "a web page, probably an error page saved under this name",
    b"HTTP/": "a web server's answer with its headers",
    b"version https://git-lfs": "a Git LFS pointer, which only stands for a file",
    b"PK\3\4": "a ZIP archive",
}
SIDE, CLASSES = 28, 10
TO_UNIT = np.float32(1 / 255)  # 255 times this is exactly 1 in float32
# Scanned digits shrink about fivefold; a file that swells a hundredfold holds no pictures.
LARGEST_EXPANSION = 100
LARGEST_SIDE, MOST_CLASSES = 64, 1000  # what the live view can still show
# Grey images of which more than this is 0 are ink on empty paper, like MNIST, not photographs.
EMPTY = 0.5


class DataError(ValueError):
    """The data can't be used. The message says what was expected, what was found, what to do."""

    exit_code = 2

    def _render_traceback_(self):
        """What a notebook shows in place of a traceback."""
        return [f"error: {self}"]


class DataSets(NamedTuple):
    """What `read_data_sets` and `from_arrays` return."""

    train: "DataSet"
    test: "DataSet"
    class_names: tuple[str, ...]  # "0" ... "9" unless the folder has a classes.txt

    def held_out(self, count):
        """The same without the last `count` training examples, which are the test set now.

        Who chooses by them, a learning rate for example, leaves the real test set untouched.
        Raises DataError unless there are more than so many.
        """
        if not 0 < count < len(self.train):
            raise DataError(
                f"validation set: expected a part of the {len(self.train)} training images, found "
                f"{count}; hold fewer out"
            )
        rest, last = self.train.part(None, -count), self.train.part(-count, None)
        return self._replace(train=rest, test=last)


class DataSet:
    """Labelled images, handed out in batches from a shuffle that is renewed every epoch.

    The shapes below are MNIST's; others may be larger or smaller, have three channels and more or
    fewer classes.

    pixels       uint8 [n, 28, 28, 1], 0 ... 255
    classes      integers [n], 0 ... 9
    class_count  how many classes there are
    digits       whether they are those of MNIST, rather than other images
    ink          whether 0 stands for empty paper and 255 for ink, rather than for dark and light
    images       float32 [n, 28, 28, 1], 0 ... 1 (made when first asked for: 188 MB for 60,000)
    labels       float32 [n, 10], one-hot
    """

    def __init__(self, pixels, classes, seed=0, class_count=CLASSES, ink=True, digits=False):
        self.pixels, self.classes = pixels, classes
        self.class_count, self.ink, self.digits, self._seed = class_count, ink, digits, seed
        self._random = np.random.default_rng(seed)
        self._upcoming = np.empty(0, np.int32)
        self._ahead = None  # the indices [batches, size] of a block being gathered, its future

    def __len__(self):
        return len(self.classes)

    def part(self, start, stop):
        """The examples from `start` up to `stop`, as a set of its own with the same seed."""
        chosen = slice(start, stop)
        kind = self.class_count, self.ink, self.digits
        return DataSet(self.pixels[chosen], self.classes[chosen], self._seed, *kind)

    @cached_property
    def images(self):
        return np.multiply(self.pixels, TO_UNIT, dtype=np.float32)

    @cached_property
    def labels(self):
        return np.eye(self.class_count, dtype=np.float32)[self.classes]

    def next_batch(self, size=100):
        """The next `size` shuffled examples: images [size, 28, 28, 1] and labels [size, 10]."""
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
            block = self._gather(chosen)
        # While this block is trained on, the next one is gathered.
        following = self._look_ahead(batches * size).reshape(batches, size)
        self._ahead = following, _BACKGROUND.submit(self._gather, following)
        return block

    def in_order(self, size):
        """All examples as tensors: images and labels of `size` examples each time, or the rest."""
        for start in range(0, len(self), size):
            yield self._gather(np.arange(start, min(start + size, len(self))))

    def _gather(self, chosen):
        return _gather(*self._on_device, tf.constant(chosen, tf.int32), self.class_count)

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
        missing = count - len(self._upcoming)
        if missing > 0:
            epochs = range(0, missing, len(self))
            added = [self._random.permutation(len(self)).astype(np.int32) for _ in epochs]
            self._upcoming = np.concatenate([self._upcoming, *added])
        return self._upcoming[:count]


_BACKGROUND = ThreadPoolExecutor(1, thread_name_prefix="next block")


@tf.function(autograph=False)  # there is no loop in it that AutoGraph would compile
def _gather(pixels, classes, chosen, class_count):
    # Bytes are kept on the device and become floats a block at a time: a quarter of the memory.
    images = tf.cast(tf.gather(pixels, chosen), tf.float32) * TO_UNIT
    return images, tf.one_hot(tf.gather(classes, chosen), class_count)


def read_data_sets(data_dir=None, *, seed=0):
    """Read the four IDX files of a folder: MNIST itself when no folder is named.

    data_dir  a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and the two t10k-...
              files, each as it is or with .gz; a classes.txt there names the ten classes, a line
              each (those of Fashion-MNIST are known)
    seed      of the shuffles

    Returns `DataSets(train, test, class_names)`. Raises DataError for anything that is not such
    data. The format: http://yann.lecun.com/exdb/mnist/, "FILE FORMATS FOR THE MNIST DATABASE".
    """
    if data_dir == "":
        raise DataError("data folder: expected a name, found ''; leave it out for MNIST itself")
    folder = CARRIED if data_dir is None else Path(data_dir)
    try:
        if not folder.is_dir():
            kind = _kind(folder)
            raise DataError(
                f"data folder {folder}: expected a folder with {_all_names()}, but it "
                f"{f'is {kind}' if kind else 'does not exist'}; {_cure(folder)}"
            )
        digits = _is_carried(folder)
        train, test = (
            DataSet(*_read_pair(folder, *FILES[part]), seed=seed, digits=digits)
            for part in ("train", "test")
        )
        return DataSets(train, test, _class_names_of(folder, test))
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: can't be read ({error.strerror}); check its name and its "
            "permissions"
        ) from None


def from_arrays(train, test, class_names=None, *, seed=0):
    """Make `DataSets` of arrays: small images of any kind, grey or in colour, in any classes.

    train, test  (images, labels) each, as `tf.keras.datasets.cifar10.load_data()` returns them.
                 Images [n, height, width], [n, height, width, 1] or [n, height, width, 3], up to
                 64 x 64 pixels: uint8 from 0 to 255, or floats from 0 to 1, which are rounded to
                 256 levels. Labels [n] or [n, 1], counted from 0, or one-hot [n, classes]
    class_names  in the order of the labels; without them, the labels tell how many classes there
                 are, 2 to 1,000
    seed         of the shuffles

    Returns `DataSets(train, test, class_names)`. Raises DataError for anything that is not such
    data.
    """
    train, test = _examples(train, "training"), _examples(test, "test")
    shape, test_shape = train.pixels.shape[1:], test.pixels.shape[1:]
    if test_shape != shape:
        raise DataError(
            f"test images: expected them like the training images, {_times(shape)}, found "
            f"{_times(test_shape)}; scale them alike"
        )
    names = _class_names(class_names, train, test)
    _check_range(train.classes, names, "training labels")
    _check_range(test.classes, names, "test labels")
    ink = shape[-1] == 1 and bool(np.mean(train.pixels == 0) > EMPTY)
    sets = [DataSet(part.pixels, part.classes, seed, len(names), ink) for part in (train, test)]
    return DataSets(*sets, names)


def read_digit(path):
    """Read a picture of one digit, dark on light or light on dark, as one of MNIST's.

    Returns uint8 [28, 28, 1], cut out, scaled and centred as theirs were. Raises DataError if there
    is no such picture, or nothing on it.
    """
    from visu.errors import UsageError  # late: for most of what this module does there is no need
    from visu.handwriting import as_mnist, read_picture

    try:
        return as_mnist(read_picture(path), SIDE)
    except UsageError as error:
        raise DataError(str(error)) from None


def parse_idx(raw, dimensions, source):
    """Decode one IDX file of unsigned bytes, the format of MNIST.

    raw         the file's content, bytes, not compressed
    dimensions  how many it must have: 3 for images, 1 for labels
    source      what to call it in messages

    Returns a uint8 array that shares the memory of `raw`. Raises DataError.
    """
    header = 4 + 4 * dimensions
    expected = f"an IDX file of unsigned bytes with {dimensions} dimension{'s'[: dimensions > 1]}"
    beginning = bytes(raw[:1000]).removeprefix(b"\xef\xbb\xbf").lstrip()  # UTF-8's mark, blanks
    for other, kind in MISTAKEN.items():
        if beginning.startswith(other):
            raise DataError(
                f"{source}: expected {expected}, found {kind}; copy the real file there"
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
        product = f"{_times(shape)} = " if dimensions > 1 else ""
        raise DataError(
            f"{source}: its header promises {product}{size} byte{'s'[: size != 1]} behind it, "
            f"found {len(raw) - header}; {_AGAIN}"
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


_AGAIN = "it may be cut off or damaged: copy it again"


def _all_names():
    return ", ".join(name for pair in FILES.values() for name in pair) + " (gzipped or not)"


def _kind(path):
    """What there is where something else was expected; None if there is nothing."""
    if path.is_symlink() and not path.exists():
        return "a link that leads nowhere"
    if path.exists():
        return "a folder" if path.is_dir() else "a file" if path.is_file() else "a pipe or a device"
    return None


def _is_carried(folder):
    # `resolve` fails where links go in a circle.
    return os.path.realpath(folder) == os.path.realpath(CARRIED)


def _cure(folder):
    if _is_carried(folder):
        return "`git checkout -- data` brings it back"
    return "copy the files there, or name another folder"


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
    paths = folder / f"{name}.gz", folder / name
    path = next((path for path in paths if path.is_file()), None)  # a pipe would keep it waiting
    if path is None:
        others = [f"{path.name} is {kind}" for path in paths if (kind := _kind(path))]
        found = " and ".join(others) or f"there is no {name}[.gz]"
        raise DataError(f"{folder}: expected {_all_names()}, but {found}; {_cure(folder)}")
    raw = path.read_bytes()
    if _is_carried(folder) and hashlib.sha256(raw).hexdigest() not in SHA256[name]:
        raise DataError(
            f"{path}: expected MNIST's own file, but its SHA-256 differs; {_cure(folder)}"
        )
    # Browsers and tools often unpack a file and leave the name as it was.
    return parse_idx(_gunzip(raw, path) if raw.startswith(GZIP) else raw, dimensions, path)


def _gunzip(packed, path):
    """The content of a gzip file: of all its parts, which some programs make, one after another."""
    limit = max(2**20, LARGEST_EXPANSION * len(packed))
    raw, at = bytearray(), 0
    try:
        while packed.startswith(GZIP, at):
            unpacker = zlib.decompressobj(wbits=31)
            while not unpacker.eof and at < len(packed):
                piece = packed[at : at + 2**16]
                raw += unpacker.decompress(piece, limit + 1 - len(raw))
                at += len(piece) - len(unpacker.unused_data)
                if len(raw) > limit:
                    raise DataError(
                        f"{path}: expected scanned images or labels, but it unpacks to more than "
                        f"{LARGEST_EXPANSION} times its size; check where the file came from"
                    )
            if not unpacker.eof:
                raise DataError(
                    f"{path}: expected a whole gzip file, but it ends too early; {_AGAIN}"
                )
    except zlib.error as error:
        raise DataError(
            f"{path}: expected a gzip file, but it is damaged ({error}); {_AGAIN}"
        ) from None
    if more := len(packed[at:].lstrip(b"\0")):  # zeros may fill a block up
        raise DataError(
            f"{path}: expected a gzip file, found {more} more byte{'s'[: more != 1]} behind its "
            f"end; {_AGAIN}"
        )
    return raw


def _class_names_of(folder, test):
    path = folder / "classes.txt"
    if not path.is_file():
        if kind := _kind(path):
            raise DataError(
                f"{path}: expected a file with {CLASSES} class names, found {kind}; take it away, "
                "or write one"
            )
        is_fashion = hashlib.sha256(test.classes).hexdigest() == FASHION_SHA256
        return FASHION if is_fashion else tuple(map(str, range(CLASSES)))
    try:
        names = tuple(
            line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()
        )
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected {CLASSES} class names in UTF-8, but {error}") from None
    if len(names) != CLASSES:
        raise DataError(f"{path}: expected {CLASSES} class names, a line each, found {len(names)}")
    return names


class _Examples(NamedTuple):
    pixels: np.ndarray  # uint8 [n, height, width, channels]
    classes: np.ndarray  # int32 [n]
    width: int | None  # of the one-hot labels, if they were such


def _examples(pair, part):
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise DataError(
            f"{part} set: expected a pair, (images, labels), found {_described(pair)}; write "
            "from_arrays((images, labels), (test_images, test_labels))"
        )
    pixels = _pixels(_array(pair[0], f"{part} images"), f"{part} images")
    classes, width = _classes(_array(pair[1], f"{part} labels"), f"{part} labels")
    if len(pixels) != len(classes):
        raise DataError(
            f"{part} set: expected a label for each image, found {len(pixels)} images and "
            f"{len(classes)} labels; take both from one data set"
        )
    return _Examples(pixels, classes, width)


def _array(values, source):
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise DataError(
            f"{source}: expected an array, found {_described(values)} of unequal parts; scale or "
            "cut them to one size"
        ) from None


def _pixels(images, source):
    """Any images that `from_arrays` takes, as uint8 [n, height, width, 1 or 3]."""
    shape = images.shape
    images = images[..., np.newaxis] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        cure = "reshape them"
        if images.ndim == 4 and images.shape[3] == 4:
            cure = "leave the fourth channel out: images[..., :3]"
        elif images.ndim == 4 and images.shape[1] in (1, 3):
            cure = "move the channels to the end: np.moveaxis(images, 1, 3)"
        raise DataError(
            f"{source}: expected the shape [n, height, width], [n, height, width, 1] or "
            f"[n, height, width, 3], found {list(shape)}; {cure}"
        )
    if not images.size:
        raise DataError(f"{source}: expected at least one image, found the shape {list(shape)}")
    if max(images.shape[1:3]) > LARGEST_SIDE:
        raise DataError(
            f"{source}: expected at most {LARGEST_SIDE} x {LARGEST_SIDE} pixels, found "
            f"{_times(images.shape[1:3])}; scale them down, for example with tf.image.resize"
        )
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    expected = "uint8 from 0 to 255, or floats from 0 to 1"
    if images.dtype.kind != "f":
        raise DataError(
            f"{source}: expected {expected}, found {images.dtype}; if they are from 0 to 255, "
            "images.astype(np.uint8) will do"
        )
    lowest, highest = images.min(), images.max()  # NaN if there is one anywhere
    if np.isnan(lowest):
        where = int(np.isnan(images).any(axis=(1, 2, 3)).argmax())
        raise DataError(
            f"{source}: expected {expected}, found NaN, first in image {where}; leave such images "
            "out, or mend them with np.nan_to_num"
        )
    if lowest < 0 or highest > 1:
        cure = (
            "divide them by 255"
            if lowest >= 0 and highest <= 255
            else "scale them, or begin the model with a layer that does"
        )
        raise DataError(
            f"{source}: expected {expected}, found floats from {lowest:g} to {highest:g}; {cure}"
        )
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), 1000):  # so many at a time, for the sake of memory
        part = slice(start, start + 1000)
        np.rint(255 * images[part].astype(np.float32), out=pixels[part], casting="unsafe")
    return pixels


def _classes(labels, source):
    """Any labels that `from_arrays` takes, as int32 [n], and the width of one-hot ones."""
    if labels.dtype.kind not in "biuf":
        raise DataError(
            f"{source}: expected numbers from 0 on, found {labels.reshape(-1)[:1].tolist()}; "
            "number the classes, and hand their names in as class_names"
        )
    if labels.ndim == 2 and labels.shape[1] > 1:
        one_hot = (np.sum(labels == 1, axis=1) == 1) & (np.sum(labels != 0, axis=1) == 1)
        if not one_hot.all():
            where = int(one_hot.argmin())
            raise DataError(
                f"{source}: expected one-hot rows, a single 1 among zeros, found something else in "
                f"row {where}; hand in the classes' numbers, [n], instead"
            )
        return labels.argmax(axis=1).astype(np.int32), labels.shape[1]
    if labels.ndim not in (1, 2):
        raise DataError(
            f"{source}: expected the shape [n], or one-hot [n, classes], found "
            f"{list(labels.shape)}; reshape them"
        )
    labels = labels.reshape(-1).astype(float)
    wrong = (labels < 0) | (labels >= MOST_CLASSES) | (labels != np.rint(labels))
    if wrong.any():
        where = int(wrong.argmax())
        raise DataError(
            f"{source}: expected whole numbers from 0 to {MOST_CLASSES - 1} at the most, found "
            f"{labels[where]:g} at index {where}; number the classes 0, 1, 2 ..."
        )
    return labels.astype(np.int32), None


def _class_names(given, train, test):
    if isinstance(given, str):
        raise DataError(f"class_names: expected a list of names, found the text {given!r}")
    if given is None:
        largest = max(train.classes.max(), test.classes.max())
        count = train.width or test.width or int(largest) + 1
        names = tuple(map(str, range(count)))
    else:
        names = tuple(" ".join(str(name).split()) for name in given)
    if not 2 <= len(names) <= MOST_CLASSES:
        raise DataError(
            f"classes: expected 2 to {MOST_CLASSES:,}, found {len(names)}; check the labels and "
            "class_names"
        )
    for width, part in ((train.width, "training"), (test.width, "test")):
        if width not in (None, len(names)):
            raise DataError(
                f"{part} labels: expected {len(names)} classes, found one-hot labels for {width}; "
                "make them for the same classes, or hand in the classes' numbers, [n]"
            )
    return names


def _check_range(classes, names, source):
    outside = classes >= len(names)
    if outside.any():
        where = int(outside.argmax())
        raise DataError(
            f"{source}: expected labels from 0 to {len(names) - 1}, one for each of the "
            f"{len(names)} classes, found {classes[where]} at index {where}; count from 0, or name "
            "all classes"
        )


def _described(value):
    if isinstance(value, np.ndarray):
        return f"an array of shape {list(value.shape)}"
    return repr(value) if isinstance(value, str) else f"a {type(value).__name__}"


def _times(lengths):
    return " x ".join(map(str, lengths))
