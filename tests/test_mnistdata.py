"""The loader, on the real digits and on everything that is not."""

import gzip
import hashlib
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mnistdata
from mnistdata import DataError, parse_idx, read_data_sets
from tests.digits import idx

FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
PUBLISHED = {  # SHA-256 of the four files as LeCun publishes them, unpacked
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@pytest.fixture(scope="module")
def mnist():
    return read_data_sets()


def small_set(folder, train=250, test=120, classes=10, side=28, pack=False):
    """Write a small data set of random pixels; image i is recognisable by its first pixel."""
    random = np.random.default_rng(0)
    for prefix, count in (("train", train), ("t10k", test)):
        images = random.integers(0, 256, (count, side, side), np.uint8)
        images[:, 0, 0] = np.arange(count) % 256
        labels = np.arange(count) % classes
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            raw = idx(array)
            path = folder / f"{prefix}-{name}-ubyte{'.gz' * pack}"
            path.write_bytes(gzip.compress(raw) if pack else raw)
    return folder


def test_the_digits_are_those_that_lecun_published():
    for name, digest in PUBLISHED.items():
        raw = gzip.decompress((mnistdata.CARRIED / f"{name}.gz").read_bytes())
        assert hashlib.sha256(raw).hexdigest() == digest


def test_images_and_labels_have_the_promised_form(mnist):
    for data, count in ((mnist.train, 60_000), (mnist.test, 10_000)):
        assert data.images.shape == (count, 28, 28, 1)
        assert data.images.dtype == data.labels.dtype == np.float32
        assert data.images.min() == 0
        assert data.images.max() == 1
        assert data.labels.shape == (count, 10)
        assert (data.labels.sum(axis=1) == 1).all()
        assert (data.labels.argmax(axis=1) == data.classes).all()
    # The first digits, as everybody knows them, and one whose ink can be counted by hand.
    assert mnist.train.classes[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test.classes[[0, 5, 87, 95]].tolist() == [7, 1, 3, 4]
    assert mnist.class_names == tuple("0123456789")


def test_an_epoch_uses_every_example_once():
    mnist = read_data_sets()
    seen = np.concatenate([mnist.train.next_batch(100)[0][:, 14, 14, 0] for _ in range(600)])
    assert np.array_equal(np.sort(seen), np.sort(mnist.train.images[:, 14, 14, 0]))


def test_a_partial_batch_is_neither_lost_nor_repeated(tmp_path):
    train = read_data_sets(small_set(tmp_path)).train
    seen = [np.rint(255 * train.next_batch(100)[0][:, 0, 0, 0]).astype(int) for _ in range(5)]
    assert {len(batch) for batch in seen} == {100}
    assert (np.bincount(np.concatenate(seen)) == 2).all()  # two epochs of 250
    assert len(set(np.concatenate(seen)[:250])) == 250  # the first of them whole


def test_what_is_held_out_is_the_end_of_the_training_set():
    whole = read_data_sets(seed=3)
    part = whole.held_out(10_000)
    assert (len(part.train), len(part.test)) == (50_000, 10_000)
    assert (part.train.pixels == whole.train.pixels[:50_000]).all()
    assert (part.test.pixels == whole.train.pixels[50_000:]).all()
    assert (part.test.classes == whole.train.classes[50_000:]).all()
    assert part.class_names == whole.class_names
    again = read_data_sets(seed=3).held_out(10_000)
    assert np.array_equal(part.train.next_batch(100)[0], again.train.next_batch(100)[0])


@pytest.mark.parametrize("count", [0, -1, 60_000, 70_000])
def test_no_more_can_be_held_out_than_there_is(count):
    with pytest.raises(DataError, match=f"expected a part of the 60000 .* found {count}; hold"):
        read_data_sets().held_out(count)


def test_epochs_differ_and_follow_the_seed():
    first, same, other = (read_data_sets(seed=seed).train for seed in (1, 1, 2))
    batches = [first.next_batch(100)[0] for _ in range(601)]
    assert all(np.array_equal(same.next_batch(100)[0], batch) for batch in batches[:3])
    assert not np.array_equal(other.next_batch(100)[0], batches[0])
    assert not np.array_equal(batches[0], batches[600])


def test_blocks_are_the_batches_on_the_device():
    blocks, batches = (read_data_sets(seed=5).train for _ in range(2))
    # The next block is gathered in advance; whatever is asked for then, it is what comes next.
    for count, size in ((3, 100), (3, 100), (1, 300), (2, 100), (2, 100), (590, 100), (2, 100)):
        images, labels = blocks.next_block(count, size)
        for i in range(count):
            X, Y_ = batches.next_batch(size)
            assert np.array_equal(images[i], X)
            assert np.array_equal(labels[i], Y_)
    assert np.array_equal(blocks.next_batch(7)[0], batches.next_batch(7)[0])
    assert np.array_equal(blocks.next_block(2, 100)[0][1], batches.next_batch(200)[0][100:])


@pytest.mark.parametrize("pack", [False, True])
def test_any_folder_with_the_four_files_serves(tmp_path, pack):
    mnist = read_data_sets(small_set(tmp_path, pack=pack))
    assert (len(mnist.train), len(mnist.test)) == (250, 120)


def test_files_that_were_unpacked_under_their_old_name_serve(tmp_path):
    small_set(tmp_path)
    for path in tmp_path.iterdir():
        path.rename(f"{path}.gz")
    assert len(read_data_sets(tmp_path).train) == 250


def test_files_that_were_packed_under_their_old_name_serve(tmp_path):
    for path in small_set(tmp_path, pack=True).iterdir():
        path.rename(path.with_suffix(""))
    assert len(read_data_sets(tmp_path).train) == 250


def test_fashion_mnist_is_a_drop_in(tmp_path):
    fashion = read_data_sets(FASHION)
    assert (len(fashion.train), len(fashion.test)) == (60_000, 10_000)
    assert fashion.class_names == mnistdata.FASHION
    assert fashion.class_names[fashion.test.classes[0]] == "Ankle boot"
    for path in FASHION.glob("*.gz"):
        shutil.copy(path, tmp_path)
    names = [
        "T-shirt",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Boot",
    ]
    for encoding in ("utf-8", "utf-8-sig"):  # Windows likes to begin a text with its encoding
        (tmp_path / "classes.txt").write_text("\n".join(names) + "\n", encoding)
        assert read_data_sets(tmp_path).class_names == tuple(names)


def spoil(name, change):
    def spoiler(folder):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return spoiler


def replace(name, content):
    return spoil(name, lambda _: content)


def instead(name, make):
    """Something else than a file is there under this name."""

    def spoiler(folder):
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return spoiler


TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
PACKED = gzip.compress(idx(np.random.default_rng(1).integers(0, 256, (250, 28, 28))))
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0b36\nsize 9719438\n"
BAD = {
    "missing file": (lambda folder: (folder / TRAIN_LABELS).unlink(), "there is no train-labels"),
    "missing file, and a cure": (lambda folder: (folder / TRAIN_LABELS).unlink(), "copy the files"),
    "a folder of that name": (instead(TRAIN_IMAGES, Path.mkdir), f"but {TRAIN_IMAGES} is a folder"),
    "a pipe": (instead(TRAIN_IMAGES, os.mkfifo), "is a pipe or a device; copy the files there"),
    "a link to nothing": (
        instead(TRAIN_IMAGES, lambda path: path.symlink_to("nowhere")),
        f"but {TRAIN_IMAGES} is a link that leads nowhere",
    ),
    "a link to itself": (
        instead(TRAIN_IMAGES, lambda path: path.symlink_to(path)),
        "is a link that leads nowhere",
    ),
    "cut off": (
        spoil(TRAIN_IMAGES, lambda raw: raw[:-100]),
        "promises 250 x 28 x 28 = 196000 bytes behind it, found 195900; it may be",
    ),
    "labels cut off": (
        spoil(TRAIN_LABELS, lambda raw: raw[:-100]),
        "promises 250 bytes behind it, found 150; it may be",
    ),
    "too long": (spoil(TRAIN_IMAGES, lambda raw: raw + b"more"), "promises"),
    "empty": (replace(TRAIN_IMAGES, b""), "only 0 bytes"),
    "wrong magic number": (spoil(TRAIN_IMAGES, lambda raw: b"\0\0\x0d\3" + raw[4:]), "begins with"),
    "labels in place of images": (replace(TRAIN_IMAGES, idx(np.zeros(250))), "begins with"),
    "wrong count": (spoil(TRAIN_LABELS, lambda raw: raw[:7] + b"\1" + raw[8:]), "promises 1 byte "),
    "not as many labels": (replace(TRAIN_LABELS, idx(np.zeros(249))), "250 images"),
    "eleven classes": (replace(TRAIN_LABELS, idx(np.arange(250) % 11)), "found 10 at index 10"),
    "large images": (replace(TRAIN_IMAGES, idx(np.zeros((250, 32, 32)))), "found 32 x 32"),
    "no images": (
        lambda folder: (
            replace(TRAIN_IMAGES, idx(np.zeros((0, 28, 28))))(folder),
            replace(TRAIN_LABELS, idx(np.zeros(0)))(folder),
        ),
        "at least one",
    ),
    "a web page": (replace(TRAIN_IMAGES, b"<!DOCTYPE html><title>404</title>"), "web page"),
    "a web page with a mark": (replace(TRAIN_IMAGES, b"\xef\xbb\xbf<html>"), "web page"),
    "a web page after blanks": (replace(TRAIN_IMAGES, b"\r\n" * 40 + b"<html>"), "web page"),
    "a web server's answer": (
        replace(TRAIN_IMAGES, b"HTTP/1.1 200 OK\r\n\r\n"),
        "with its headers",
    ),
    "a pointer": (replace(TRAIN_LABELS, LFS_POINTER), "found a Git LFS pointer, which only stands"),
    "an archive": (replace(TRAIN_IMAGES, b"PK\3\4" + bytes(500)), "found a ZIP archive; copy the"),
    "gzip cut off": (replace(TRAIN_IMAGES, PACKED[:-3000]), "ends too early"),
    "gzip damaged": (
        replace(TRAIN_IMAGES, PACKED[:5000] + bytes(50) + PACKED[5050:]),
        "damaged",
    ),
    "gzip with more behind it": (
        replace(TRAIN_IMAGES, PACKED + b"more"),
        "found 4 more bytes behind",
    ),
    "gzip with a part cut off": (replace(TRAIN_IMAGES, PACKED * 2 + PACKED[:99]), "ends too early"),
    "gzip with half a beginning": (
        replace(TRAIN_IMAGES, PACKED + PACKED[:1]),
        "found 1 more byte behind",
    ),
    "gzip bomb in parts": (
        replace(TRAIN_IMAGES, gzip.compress(bytes(500_000)) * 100),
        "unpacks to more",
    ),
    "gzip bomb": (replace(TRAIN_IMAGES, gzip.compress(bytes(50_000_000))), "unpacks to more"),
    "nine names": (lambda folder: (folder / "classes.txt").write_text("a\n" * 9), "found 9"),
    "names of bytes": (lambda folder: (folder / "classes.txt").write_bytes(b"\xff\xfe\n"), "UTF-8"),
    "names in a pipe": (instead("classes.txt", os.mkfifo), "10 class names, found a pipe"),
    "names nowhere": (
        instead("classes.txt", lambda path: path.symlink_to("nowhere")),
        "10 class names, found a link that leads nowhere",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_gets_one_clear_message(tmp_path, case):
    damage, message = BAD[case]
    damage(small_set(tmp_path))
    if "gzip" in case:
        (tmp_path / TRAIN_IMAGES).rename(tmp_path / f"{TRAIN_IMAGES}.gz")
    with pytest.raises(DataError) as caught:
        read_data_sets(tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "does not exist; copy the files there"),
        ("a_file", "is a file"),
        ("a_link", "is a link that leads nowhere"),
        ("a_circle", "is a link that leads nowhere"),
        ("a_pipe", "is a pipe or a device"),
    ],
)
def test_a_folder_that_is_none(tmp_path, place, message):
    (tmp_path / "a_file").touch()
    (tmp_path / "a_link").symlink_to("nowhere")
    (tmp_path / "a_circle").symlink_to("a_circle")
    os.mkfifo(tmp_path / "a_pipe")
    with pytest.raises(DataError, match=message):
        read_data_sets(tmp_path / place)


def test_no_name_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(small_set(tmp_path))
    assert len(read_data_sets(".").train) == 250
    with pytest.raises(DataError, match="expected a name, found ''; leave it out"):
        read_data_sets("")


@pytest.fixture
def carried(tmp_path, monkeypatch):
    """A copy of the carried files, which is taken for them."""
    folder = tmp_path / "data"
    shutil.copytree(mnistdata.CARRIED, folder)
    monkeypatch.setattr(mnistdata, "CARRIED", folder)
    return folder


def test_carried_files_are_checked_against_their_sum(carried):
    assert len(read_data_sets().train) == 60_000
    labels = carried / "t10k-labels-idx1-ubyte.gz"
    raw = bytearray(gzip.decompress(labels.read_bytes()))
    raw[8] = 1 - raw[8] % 2  # a plausible label, but not the published one
    labels.write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(DataError, match=r"SHA-256 differs.*git checkout"):
        read_data_sets()
    labels.unlink()
    labels.with_suffix("").write_bytes(raw)
    with pytest.raises(DataError, match=r"SHA-256 differs.*git checkout"):
        read_data_sets()


def test_carried_files_are_known_behind_a_link(carried, tmp_path):
    carried.rename(tmp_path / "elsewhere")
    carried.symlink_to(tmp_path / "elsewhere")
    assert read_data_sets().test.digits


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_carried_files_may_be_unpacked_in_their_place(carried, ending):
    for path in carried.glob("*.gz"):
        raw = gzip.decompress(path.read_bytes())
        path.unlink()
        path.with_suffix(ending).write_bytes(raw)
    assert read_data_sets().test.digits


def test_carried_files_that_are_missing_can_be_brought_back(carried):
    (carried / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"no t10k-labels.*; `git checkout -- data` brings it back"):
        read_data_sets()
    shutil.rmtree(carried)
    with pytest.raises(DataError, match="does not exist; `git checkout -- data` brings it back"):
        read_data_sets()


def parses_or_refuses(raw, dimensions):
    tracemalloc.start()
    try:
        found = parse_idx(raw, dimensions, "bytes")
        assert found.ndim == dimensions
        assert found.nbytes + 4 + 4 * dimensions == len(raw)
    except DataError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < len(raw) + 100_000


@given(st.binary(max_size=300), st.sampled_from([1, 3]))
def test_the_parser_survives_arbitrary_bytes(raw, dimensions):
    parses_or_refuses(raw, dimensions)


@given(
    st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 5), min_size=3, max_size=3),
    st.binary(max_size=200),
)
def test_the_parser_survives_arbitrary_headers(sizes, body):
    header = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    parses_or_refuses(header + body, 3)


@given(st.lists(st.integers(0, 4), min_size=3, max_size=3), st.randoms())
def test_what_was_written_is_read(shape, random):
    array = np.array([random.randrange(256) for _ in range(int(np.prod(shape)))], np.uint8)
    array = array.reshape(shape)
    assert np.array_equal(parse_idx(idx(array), 3, "bytes"), array)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255), st.integers(0, len(PACKED)))
def test_a_damaged_gzip_file_is_refused_or_read(tmp_path_factory, where, flip, length):
    folder = small_set(tmp_path_factory.mktemp("data"))
    damaged = bytearray(PACKED)
    damaged[where] ^= flip
    (folder / TRAIN_IMAGES).unlink()
    (folder / f"{TRAIN_IMAGES}.gz").write_bytes(damaged[: max(length, where + 1)])
    try:
        images = read_data_sets(folder).train.pixels
    except DataError:
        return
    # A flipped bit in gzip's header, its time stamp for example, harms nothing.
    assert np.array_equal(images[..., 0], parse_idx(gzip.decompress(PACKED), 3, "bytes"))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 250 * 28 * 28 + 16), max_size=8),
    st.lists(st.integers(0, 9), min_size=9, max_size=9),
    st.integers(0, 100_000),
)
def test_a_gzip_file_of_several_parts_is_read(tmp_path_factory, cuts, levels, padding):
    folder = small_set(tmp_path_factory.mktemp("data"))
    raw, cuts = (folder / TRAIN_IMAGES).read_bytes(), sorted(cuts)
    parts = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    packed = b"".join(
        gzip.compress(part, level) for part, level in zip(parts, levels, strict=False)
    )
    path = folder / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(packed + bytes(padding))
    images = read_data_sets(folder).train.pixels
    assert np.array_equal(images[..., 0], parse_idx(raw, 3, "bytes"))


@pytest.mark.parametrize("parts", [1, 1000])
def test_unpacking_takes_no_more_memory_than_the_file_is_worth(tmp_path, parts):
    small_set(tmp_path)
    packed = gzip.compress(bytes(300_000_000 // parts)) * parts
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(packed)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="unpacks to more than 100 times its size"):
            read_data_sets(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 300 * len(packed) < 300_000_000
