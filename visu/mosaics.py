"""Many digits as one picture. Pure functions of arrays."""

import numpy as np
from PIL import Image

# Behind misread digits. White is behind the others: red against white is told apart by its
# brightness too.
WRONG = (240, 106, 88)
ON_RED = (np.arange(256)[:, None] * np.array(WRONG) // 255).astype(np.uint8)  # by brightness
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

    images  [n, height, width, 1], uint8 0 ... 255 or float 0 ... 1
    Returns uint8 [n, side, side].
    """
    ink = images[..., 0]
    if ink.dtype != np.uint8:
        ink = np.rint(255 * ink).astype(np.uint8)
    count, height, width = ink.shape
    if (height, width) == (side, side) or not count:
        return ink
    # As one tall picture: Pillow works the faster, the fewer pictures it is given.
    tower = Image.fromarray(ink.reshape(count * height, width))
    scaled = tower.resize((side, count * side), Image.Resampling.BICUBIC)
    return np.asarray(scaled).reshape(count, side, side)


def mosaic(ink, labels, computed, rows, columns):
    """Paint digits in reading order, misread ones on red with their labels.

    ink               uint8 [n, side, side], n at most rows x columns, 255 for black
    labels, computed  int [n], what they are and what the network takes them for
    Returns uint8 [rows * side, columns * side, 4]. A misread digit has its true label small at its
    left edge, in black, and what the network computed at its right edge, in white, as far as there
    is room for both.
    """
    count, side = ink.shape[:2]
    canvas = np.full((rows, side, columns, side, 4), 255, np.uint8)
    tiles = canvas.swapaxes(1, 2)  # [row, column, y, x, channel], the same memory
    row, column = np.divmod(np.arange(rows * columns), columns)
    tiles[row[:count], column[:count], :, :, :3] = 255 - ink[..., None]
    tiles[row[count:], column[count:], :, :, :3] = GAP
    wrong = np.flatnonzero(labels != computed)
    tiles[row[wrong], column[wrong], :, :, :3] = ON_RED[255 - ink[wrong]]
    if side >= ROOM_FOR_GLYPHS:
        glyphs = GLYPHS.repeat(max(side // 28, 1), axis=1).repeat(max(side // 28, 1), axis=2)
        glyph_height, glyph_width = glyphs.shape[1:]
        above = side - 1 - glyph_height
        for shown, left, colour in (
            (labels, 0, LABEL_INK),
            (computed, side - glyph_width, COMPUTED_INK),
        ):
            which, y, x = np.nonzero(glyphs[np.asarray(shown, int)[wrong] % len(glyphs)])
            of = wrong[which]
            tiles[row[of], column[of], above + y, left + x, :3] = colour
    return canvas.reshape(rows * side, columns * side, 4)
