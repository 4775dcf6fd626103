"""Many digits as one picture. Pure functions of arrays."""

import numpy as np

RIGHT = (255, 255, 255)  # behind digits that were read correctly
# Behind misread ones. Darker than white by far: red against white is told apart by brightness too.
WRONG = (240, 106, 88)
GAP = (226, 229, 233)  # where there is no digit to show
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


def mosaic(digits, rows, columns):
    """Paint digits in reading order, misread ones on red with their labels.

    digits  `visu.measurement.Digits` with at most rows x columns images of any one size
    Returns uint8 [rows * height, columns * width, 3]. A misread digit has its true label small at
    its left edge, in black, and what the network computed at its right edge, in white.
    """
    count = len(digits.images)
    wrong = digits.labels != digits.computed
    ink = digits.images[..., 0]
    paper = np.where(wrong[:, None], np.uint8(WRONG), np.uint8(RIGHT))
    tiles = (paper[:, None, None, :] * (1 - ink[..., None])).astype(np.uint8)
    for i in np.flatnonzero(wrong):
        _stamp(tiles[i], GLYPHS[digits.labels[i] % 10], "left", LABEL_INK)
        _stamp(tiles[i], GLYPHS[digits.computed[i] % 10], "right", COMPUTED_INK)
    height, width = ink.shape[1:]
    canvas = np.empty((rows * columns, height, width, 3), np.uint8)
    canvas[:count], canvas[count:] = tiles, GAP
    grid = canvas.reshape(rows, columns, height, width, 3).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, 3)


def _stamp(tile, glyph, side, ink):
    height, width = glyph.shape
    bottom = tile.shape[0] - 1
    left = 0 if side == "left" else tile.shape[1] - width
    tile[bottom - height : bottom, left : left + width][glyph] = ink
