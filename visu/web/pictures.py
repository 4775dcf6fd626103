"""What has to be sent so that someone who has one picture sees the next. Pure functions."""

from io import BytesIO

import numpy as np
from PIL import Image

TILES_A_ROW, SMALLEST_TILE = 40, 32  # pixels
HIGHEST_STRIP = 16_000  # pixels; browsers have limits


def difference(before, after):
    """What turns one picture into the next: ([(left, top), ...], PNG), None if nothing does.

    before  uint32 [height, width], a number for each opaque RGBA pixel; None or another size if
            all is new
    after   likewise
    The PNG holds the tiles that have changed, of the same size, one below the other: most of a
    picture stays as it is, and compression is what takes time.
    """
    if before is None or before.shape != after.shape:
        return [(0, 0)], _encode(after)
    height, width = after.shape
    side = min(max(width // TILES_A_ROW, SMALLEST_TILE), height, width)
    tops, lefts = _changed(before, after, side)
    if not len(tops):
        return None
    if len(tops) * side > HIGHEST_STRIP:
        return [(0, 0)], _encode(after)
    # Tiles that would stand out at the right or below are moved inside.
    places = list(
        zip(
            np.minimum(lefts, width - side).tolist(),
            np.minimum(tops, height - side).tolist(),
            strict=True,
        )
    )
    tiles = [after[top : top + side, left : left + side] for left, top in places]
    return places, _encode(np.concatenate(tiles))


def _changed(before, after, side):
    """The tops and the lefts of the tiles, of a grid from the upper left, that differ."""
    rows, columns = (-(-length // side) for length in after.shape)
    differs = np.zeros((rows * side, columns * side), bool)
    np.not_equal(before, after, out=differs[: after.shape[0], : after.shape[1]])
    tops, lefts = differs.reshape(rows, side, columns, side).any(axis=(1, 3)).nonzero()
    return tops * side, lefts * side


def _encode(pixels):
    channels = pixels.view(np.uint8).reshape(*pixels.shape, 4)
    png = BytesIO()
    Image.fromarray(channels).convert("RGB").save(png, format="png", compress_level=1)
    return png.getvalue()
