"""Images at the size of the tiles that show them. Pure functions of arrays."""

import itertools
from functools import lru_cache, partial

import numpy as np
from PIL import Image


class Tiles:
    """Images as tiles, each resampled when it is first asked for: most never are.

    images  uint8 [n, height, width, 1 or 3]
    side    pixels
    ink     whether to `scale` them, rather than to `mount` them
    """

    def __init__(self, images, side, ink=True):
        if ink:
            self._right = self._wrong = _Resampled(images, side, scale)
        else:
            self._right, self._wrong = (
                _Resampled(images, side, partial(mount, margin=margin(side, wrong)))
                for wrong in (False, True)
            )

    def pick(self, chosen, wrong):
        """The tiles of images with indices [m], of which those are `wrong`, bool [m].

        Returns what `scale` or `mount` makes of them, [m, side, side].
        """
        tiles = self._right[chosen]
        if self._wrong is not self._right:
            tiles[wrong] = self._wrong[chosen[wrong]]
        return tiles


class _Resampled:
    """What a function makes of images, kept."""

    def __init__(self, images, side, resampled):
        self._images, self._side, self._resampled = images, side, resampled
        self._kept = np.empty((len(images), side, side), resampled(images[:0], side).dtype)
        self._ready = np.zeros(len(images), bool)

    def __getitem__(self, chosen):
        missing = chosen[~self._ready[chosen]]
        if len(missing):
            self._kept[missing] = self._resampled(self._images[missing], self._side)
            self._ready[missing] = True
        return self._kept[chosen]


def scale(images, side):
    """Resample ink on paper to side x side pixels, sharply, with empty paper around if need be.

    images  uint8 [n, height, width, 1]
    Returns uint8 [n, side, side].
    """
    size = _fitting(images.shape[1:3], side)
    ink = resample(images, *size)[..., 0]
    if size == (side, side):
        return ink
    paper = np.zeros((len(images), side, side), np.uint8)
    paper[_centred(size, side)] = ink
    return paper


def mount(images, side, margin):
    """Resample pictures and centre them on mats of side x side pixels.

    images  uint8 [n, height, width, 1 or 3]
    margin  how much of the mat is seen on each side of a square picture, in pixels
    Returns pixels as `words` makes them, uint32 [n, side, side]; 0 where the mat is seen.
    """
    mats = np.zeros((len(images), side, side), np.uint32)
    if side > 2 * margin:
        size = _fitting(images.shape[1:3], side - 2 * margin)
        pictures = np.broadcast_to(resample(images, *size), (len(images), *size, 3))
        mats[_centred(size, side)] = words(pictures)
    return mats


def margin(side, wrong):
    """How wide the mat of a picture is, in pixels: a fine line, or so wide that it strikes."""
    return 2 + side // 12 if wrong else max(side // 14, 1)


def side_around(picture):
    """The side of the smallest tile in which a wrong picture of that side has its own pixels."""
    return next(s for s in itertools.count(picture) if s - 2 * margin(s, wrong=True) >= picture)


def resample(images, height, width):
    """Bicubic interpolation; where images shrink, of all pixels that go into a new one.

    images  uint8 [n, ..., ..., channels]
    Returns uint8 [n, height, width, channels].
    """
    count, *size, channels = images.shape
    if size == [height, width]:
        return images
    # Resampling is linear, so all images take two matrix products: their rows, then their columns.
    planes = np.moveaxis(images, 3, 1).astype(np.float32)
    rows = planes.reshape(count * channels * size[0], size[1]) @ _resampling(size[1], width)
    columns = rows.reshape(count * channels, size[0], width).swapaxes(1, 2)
    columns = columns.reshape(count * channels * width, size[0]) @ _resampling(size[0], height)
    scaled = columns.reshape(count, channels, width, height).transpose(0, 3, 2, 1)
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


@lru_cache
def _resampling(before, after):
    """float32 [before, after]: what each of `before` pixels in a row gives to each of `after`."""
    unit = Image.fromarray(np.eye(before, dtype=np.float32))
    return np.asarray(unit.resize((after, before), Image.Resampling.BICUBIC))


def words(colours):
    """RGB colours [..., 3] as opaque pixels, uint32 [...], which are faster to move than bytes."""
    colours = np.asarray(colours, np.uint8)
    opaque = np.full((*colours.shape[:-1], 4), 255, np.uint8)
    opaque[..., :3] = colours
    return opaque.view(np.uint32)[..., 0]


def _fitting(size, side):
    """The largest (height, width) of the same shape in side x side pixels."""
    return tuple(max(round(length * side / max(size)), 1) for length in size)


def _centred(size, side):
    """The indices of images of that size in the middle of square ones."""
    starts = [(side - length) // 2 for length in size]
    return slice(None), *(slice(a, a + length) for a, length in zip(starts, size, strict=True))
