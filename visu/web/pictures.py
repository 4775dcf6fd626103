"""What has to be sent so that someone who has one picture sees the next. Pure functions."""

from io import BytesIO

import numpy as np
from PIL import Image


def difference(before, after):
    """What turns one picture into the next: (left, top, PNG), None if nothing does.

    before  uint32 [height, width], a number for each opaque RGBA pixel; None or another size if
            all is new
    after   likewise
    The PNG is transparent where nothing has changed.
    """
    if before is None or before.shape != after.shape:
        return 0, 0, _encode(after)
    changed = before != after
    rows = np.flatnonzero(changed.any(axis=1))
    if not len(rows):
        return None
    top, bottom = rows[0], rows[-1] + 1
    columns = np.flatnonzero(changed[top:bottom].any(axis=0))
    box = slice(top, bottom), slice(columns[0], columns[-1] + 1)
    return int(columns[0]), int(top), _encode(np.where(changed[box], after[box], 0))


def _encode(pixels):
    channels = pixels.view(np.uint8).reshape(*pixels.shape, 4)
    png = BytesIO()
    Image.fromarray(channels).save(png, format="png", compress_level=1)
    return png.getvalue()
