"""Many digits as one picture. Pure functions of arrays."""

from functools import lru_cache

import numpy as np
from PIL import Image

# Behind misread digits. White is behind the others: red against white is told apart by its
# brightness too.
WRONG = (240, 106, 88)
GAP = (226, 229, 233)  # where there is no digit to show
ROOM_FOR_GLYPHS = 20  # pixels; in smaller tiles they would hide the digit itself
LABEL_INK, COMPUTED_INK = (0, 0, 0), (255, 255, 255)

# 0 to 9, 4 x 7 pixels each, a row a word: as wide as the empty margin around an MNIST digit.
GLYPHS = np.array(
    [
        [[pixel == "#" for pixel in row] for row in glyph.split()]
        for glyph in (
            ".##. #..# #..# #..# #..# #..# .##.",
            "..#. .##. ..#. ..#. ..#. ..#. .###",
            ".##. #..# ...# ..#. .#.. #... ####",
            "###. ...# ...# .##. ...# ...# ###.",
            "..#. .##. .##. #.#. #### ..#. ..#.",
            "#### #... ###. ...# ...# #..# .##.",
            ".##. #... #... ###. #..# #..# .##.",
            "#### ...# ...# ..#. ..#. .#.. .#..",
            ".##. #..# #..# .##. #..# #..# .##.",
            ".##. #..# #..# .### ...# ...# .##.",
        )
    ]
)


def misread_first(digits, at_most):
    """The indices [at_most or fewer] of the digits to show: misread ones first, in their order."""
    wrong = digits.labels != digits.computed
    return np.argsort(~wrong, kind="stable")[:at_most]


def scale(images, side):
    """Resample images to side x side pixels, sharply.

    images  uint8 [n, height, width, 1]
    Returns uint8 [n, side, side].
    """
    ink = images[..., 0]
    count, height, width = ink.shape
    if (height, width) == (side, side) or not count:
        return ink
    # Resampling is linear, so all images take two matrix products: their rows, then their columns.
    rows = ink.reshape(-1, width).astype(np.float32) @ _resampling(width, side)
    columns = rows.reshape(count, height, side).swapaxes(1, 2).reshape(-1, height)
    scaled = (columns @ _resampling(height, side)).reshape(count, side, side).swapaxes(1, 2)
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


@lru_cache
def _resampling(before, after):
    """float32 [before, after]: what each of `before` pixels in a row gives to each of `after`."""
    unit = Image.fromarray(np.eye(before, dtype=np.float32))
    return np.asarray(unit.resize((after, before), Image.Resampling.BICUBIC))


class Scaled:
    """Images at another size, each resampled when it is first asked for: most never are.

    images  uint8 [n, height, width, 1]
    side    pixels
    """

    def __init__(self, images, side):
        self.images, self.side = images, side
        count = 0 if images is None else len(images)
        self._scaled = np.empty((count, side, side), np.uint8)
        self._ready = np.zeros(count, bool)

    def __getitem__(self, chosen):
        """uint8 [m, side, side] for indices [m]."""
        missing = chosen[~self._ready[chosen]]
        if len(missing):
            self._scaled[missing] = scale(self.images[missing], self.side)
            self._ready[missing] = True
        return self._scaled[chosen]


def mosaic(ink, labels, computed, rows, columns):
    """Paint digits in reading order, misread ones on red with their labels.

    ink               uint8 [n, side, side], n at most rows x columns, 255 for black
    labels, computed  int [n], what they are and what the network takes them for
    Returns uint8 [rows * side, columns * side, 4]. A misread digit has its true label small at its
    left edge, in black, and what the network computed at its right edge, in white, as far as there
    is room for both.
    """
    count, side = ink.shape[:2]
    tiles = np.empty((rows * columns, side, side), np.uint32)
    tiles[:count] = INK_ON_WHITE[ink]
    tiles[count:] = _words(GAP)
    wrong = np.flatnonzero(labels != computed)
    tiles[wrong] = INK_ON_RED[ink[wrong]]
    if side >= ROOM_FOR_GLYPHS:
        glyphs = GLYPHS.repeat(max(side // 28, 1), axis=1).repeat(max(side // 28, 1), axis=2)
        glyph_height, glyph_width = glyphs.shape[1:]
        above = side - 1 - glyph_height
        for shown, left, colour in (
            (labels, 0, LABEL_INK),
            (computed, side - glyph_width, COMPUTED_INK),
        ):
            which, y, x = np.nonzero(glyphs[np.asarray(shown, int)[wrong] % len(glyphs)])
            tiles[wrong[which], above + y, left + x] = _words(colour)
    canvas = tiles.reshape(rows, columns, side, side).swapaxes(1, 2)
    return np.ascontiguousarray(canvas).view(np.uint8).reshape(rows * side, columns * side, 4)


def _words(colours):
    """RGB colours [..., 3] as opaque pixels, uint32 [...], which are faster to move than bytes."""
    colours = np.asarray(colours, np.uint8)
    opaque = np.full((*colours.shape[:-1], 1), 255, np.uint8)
    return np.concatenate([colours, opaque], axis=-1).view(np.uint32)[..., 0]


_brightness = (255 - np.arange(256))[:, None]
INK_ON_WHITE = _words(_brightness.repeat(3, axis=1))  # by ink, 0 ... 255
INK_ON_RED = _words(_brightness * np.array(WRONG) // 255)
