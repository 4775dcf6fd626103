"""Many images as one picture. Pure functions of arrays."""

from functools import lru_cache

import numpy as np

from visu.style import LIGHT, bytes_of
from visu.tiles import words

ROOM_FOR_LABELS = 20  # pixels; in smaller tiles they would hide the image itself
APART = 6  # pixels between the two labels of a tile

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


def mosaic(tiles, labels, computed, rows, columns, classes=10, style=LIGHT):
    """Paint images in reading order, misread ones on red with their labels, the others on paper.

    tiles             n of them, at most rows x columns, as `visu.tiles` makes them: ink, uint8
                      [n, side, side], 255 for the most; or mounted pictures, uint32 [n, side, side]
    labels, computed  int [n], what they are and what the network takes them for
    classes           how many there are
    style             `visu.style.Style`
    Returns uint8 [rows * side, columns * side, 4]. A misread image has its true label small at its
    left edge, in the colour of the ink, and what the network computed at its right edge, in the
    other one, as far as there is room for both.
    """
    count, side = tiles.shape[:2]
    painted = np.empty((rows * columns, side, side), np.uint32)
    painted[count:] = words(bytes_of(style.gap))
    wrong = np.flatnonzero(labels != computed)
    is_ink = tiles.dtype == np.uint8
    if is_ink:
        on_paper, on_wrong = _inks(style)
        painted[:count] = on_paper[tiles]
        painted[wrong] = on_wrong[tiles[wrong]]
    else:
        right_mat, wrong_mat = (words(bytes_of(mat)) for mat in (style.paper, style.wrong_mat))
        mats = np.where(labels != computed, wrong_mat, right_mat)
        painted[:count] = np.where(tiles == 0, mats[:, None, None], tiles)
    if enlarged := label_size(side, classes, is_ink):
        left, right = _labels(classes, enlarged, is_ink)
        lower = painted[:, side - left.shape[2] :]
        grounds = (
            (style.paper, style.wrong_mat) if _have_ground(classes, is_ink) else (style.wrong,) * 2
        )
        of_labels, of_computed = zip(grounds, (style.pen, style.paper), strict=True)
        _stamp(lower[..., : left.shape[3]], left, labels, wrong, of_labels)
        _stamp(lower[..., -right.shape[3] :], right, computed, wrong, of_computed)
    canvas = painted.reshape(rows, columns, side, side).swapaxes(1, 2)
    return np.ascontiguousarray(canvas).view(np.uint8).reshape(rows * side, columns * side, 4)


def label_size(side, classes, is_ink=True):
    """How many pixels of a tile a pixel of the labels takes; 0 where there is no room for them."""
    # Twice as large from 36 pixels on: at their own size they can hardly be read there.
    for enlarged in range(max((side + 20) // 28, 1), 0, -1):
        width = enlarged * sum(_label_columns(classes - 1, classes, is_ink))
        if side >= max(ROOM_FOR_LABELS, 2 * width + APART):
            return enlarged
    return 0


def _label_columns(number, classes, is_ink):
    """How wide a label is, in its own pixels: before its digits, the digits, and behind them.

    The pixel before them is for the frame, which covers the edge of the outer tiles.
    """
    return 1, 5 * len(str(number)) - 1, int(_have_ground(classes, is_ink))


def _have_ground(classes, is_ink):
    """Whether labels have a ground of their own: paper for the right answer, red for the other.

    A single digit stands in the empty margin of an MNIST digit, and has only a contour, against the
    ink that reaches further. On pictures, and where labels have several digits, they would not be
    seen like that.
    """
    return classes > 10 or not is_ink


@lru_cache
def _labels(classes, enlarged, is_ink):
    """All labels as they stand in the lower left corner of a tile, and in the lower right one.

    Returns two arrays, bool [2, classes, height, width]: the pixels of the ground, or of the
    contour, and of the ink.
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
    left, right = (
        stamps.repeat(enlarged, axis=2).repeat(enlarged, axis=3)[:, :, : 8 * enlarged + 1]
        for stamps in (left, right)
    )
    if not _have_ground(classes, is_ink):
        none = ((0, 0),) * 3
        left, right = np.pad(left, (*none, (0, 1))), np.pad(right, (*none, (1, 0)))
        for ground, ink in (left, right):
            around = np.lib.stride_tricks.sliding_window_view(
                np.pad(ink, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2)
            )
            ground |= around.any(axis=(3, 4))
    return left, right


def _stamp(corners, stamps, numbers, wrong, colours):
    """Print their numbers, the ground and then the ink, into these corners of misread tiles."""
    chosen = np.asarray(numbers, int)[wrong] % stamps.shape[1]
    for stamp, colour in zip(stamps, colours, strict=True):
        which, y, x = np.nonzero(stamp[chosen])
        corners[wrong[which], y, x] = words(bytes_of(colour))


@lru_cache
def _inks(style):
    """By ink, 0 ... 255, the pixels of a digit on paper, and of a misread one."""
    ink, pen = np.arange(256)[:, None], np.array(bytes_of(style.pen))
    return [
        words((np.array(bytes_of(ground)) * (255 - ink) + pen * ink) // 255)
        for ground in (style.paper, style.wrong)
    ]
