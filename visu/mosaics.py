"""Many images as one picture. Pure functions of arrays."""

from functools import lru_cache

import numpy as np

from visu.tiles import words

# Behind misread ink, and around misread pictures, which have colours of their own to outdo. White
# is with the others: red against white is told apart by its brightness too.
WRONG, WRONG_MAT, WHITE = (240, 106, 88), (222, 30, 36), (255, 255, 255)
GAP = (226, 229, 233)  # where there is no image to show
ROOM_FOR_LABELS = 20  # pixels; in smaller tiles they would hide the image itself
APART = 6  # pixels between the two labels of a tile
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


def mosaic(tiles, labels, computed, rows, columns, classes=10):
    """Paint images in reading order, misread ones on red with their labels, the others on white.

    tiles             n of them, at most rows x columns, as `visu.tiles` makes them: ink, uint8
                      [n, side, side], 255 for black; or mounted pictures, uint32 [n, side, side]
    labels, computed  int [n], what they are and what the network takes them for
    classes           how many there are
    Returns uint8 [rows * side, columns * side, 4]. A misread image has its true label small at its
    left edge, in black, and what the network computed at its right edge, in white, as far as there
    is room for both.
    """
    count, side = tiles.shape[:2]
    painted = np.empty((rows * columns, side, side), np.uint32)
    painted[count:] = words(GAP)
    wrong = np.flatnonzero(labels != computed)
    is_ink = tiles.dtype == np.uint8
    if is_ink:
        painted[:count] = INK_ON_WHITE[tiles]
        painted[wrong] = INK_ON_RED[tiles[wrong]]
    else:
        mats = np.where(labels != computed, words(WRONG_MAT), words(WHITE))
        painted[:count] = np.where(tiles == 0, mats[:, None, None], tiles)
    if enlarged := label_size(side, classes, is_ink):
        left, right = _labels(classes, enlarged, is_ink)
        lower = painted[:, side - left.shape[2] :]
        _stamp(lower[..., : left.shape[3]], left, labels, wrong, (WHITE, LABEL_INK))
        _stamp(lower[..., -right.shape[3] :], right, computed, wrong, (WRONG_MAT, COMPUTED_INK))
    canvas = painted.reshape(rows, columns, side, side).swapaxes(1, 2)
    return np.ascontiguousarray(canvas).view(np.uint8).reshape(rows * side, columns * side, 4)


def label_size(side, classes, is_ink=True):
    """How many pixels of a tile a pixel of the labels takes; 0 where there is no room for them."""
    for enlarged in range(max(side // 28, 1), 0, -1):
        width = enlarged * sum(_label_columns(classes - 1, classes, is_ink))
        if side >= max(ROOM_FOR_LABELS, 2 * width + APART):
            return enlarged
    return 0


def _label_columns(number, classes, is_ink):
    """How wide a label is, in its own pixels: before its digits, the digits, and behind them.

    A single digit stands in the empty margin of an MNIST digit. On pictures, and where labels have
    several digits, they would not be seen without a ground of their own: white behind the right
    answer, red behind the other.
    """
    digits = 5 * len(str(number)) - 1
    return (0, digits, int(classes > 10)) if is_ink else (1, digits, 1)


@lru_cache
def _labels(classes, enlarged, is_ink):
    """All labels as they stand in the lower left corner of a tile, and in the lower right one.

    Returns two arrays, bool [2, classes, height, width]: the pixels of the ground and of the ink.
    """
    width = sum(_label_columns(classes - 1, classes, is_ink))
    left, right = np.zeros((2, 2, classes, 9, width), bool)
    for number in range(classes):
        before, digits, behind = _label_columns(number, classes, is_ink)
        glyphs = [np.pad(GLYPHS[int(digit)], ((0, 0), (0, 1))) for digit in str(number)]
        ink = np.concatenate(glyphs, axis=1)[:, :-1]
        left[1, number, 1:8, before : before + digits] = ink
        right[1, number, 1:8, width - before - digits : width - before] = ink
        if behind:
            left[0, number, :, : before + digits + behind] = True
            right[0, number, :, width - before - digits - behind :] = True
    return [
        stamps.repeat(enlarged, axis=2).repeat(enlarged, axis=3)[:, :, : 8 * enlarged + 1]
        for stamps in (left, right)
    ]


def _stamp(corners, stamps, numbers, wrong, colours):
    """Print their numbers, the ground and then the ink, into these corners of misread tiles."""
    chosen = np.asarray(numbers, int)[wrong] % stamps.shape[1]
    for stamp, colour in zip(stamps, colours, strict=True):
        which, y, x = np.nonzero(stamp[chosen])
        corners[wrong[which], y, x] = words(colour)


_brightness = (255 - np.arange(256))[:, None]
INK_ON_WHITE = words(_brightness.repeat(3, axis=1))  # by ink, 0 ... 255
INK_ON_RED = words(_brightness * np.array(WRONG) // 255)
