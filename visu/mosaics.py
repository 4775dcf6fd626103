"""Many digits as one picture. Pure functions of arrays."""

import numpy as np

# Behind misread digits. White is behind the others: red against white is told apart by its
# brightness too.
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
    count, height, width = digits.images.shape[:3]
    paper = np.rint(255 * (1 - digits.images[..., 0])).astype(np.uint8)
    canvas = np.empty((rows * columns, height, width, 3), np.uint8)
    canvas[:count], canvas[count:] = paper[..., None], GAP
    wrong = np.flatnonzero(digits.labels != digits.computed)
    canvas[wrong] = canvas[wrong] / 255.0 * WRONG
    glyph_height, glyph_width = GLYPHS.shape[1:]
    above = height - 1 - glyph_height
    for labels, left, ink in (
        (digits.labels, 0, LABEL_INK),
        (digits.computed, width - glyph_width, COMPUTED_INK),
    ):
        which, y, x = np.nonzero(GLYPHS[np.asarray(labels, int)[wrong] % len(GLYPHS)])
        canvas[wrong[which], above + y, left + x] = ink
    grid = canvas.reshape(rows, columns, height, width, 3).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width, 3)
