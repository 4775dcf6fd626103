"""Digits by other hands, made like those of MNIST. Pure functions of arrays, but for one file."""

import warnings

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from visu.errors import UsageError

PAD = 280  # pixels along each side of the pad that one draws on
PEN = 24  # pixels: a digit that fills the pad has strokes as wide as MNIST's
DIGIT_SHARE = 20 / 28  # of an image's side: MNIST's digits were fitted into 20 x 20 of 28 x 28
FAINTEST = 0.3  # of the darkest ink; what is fainter, in a photograph, is paper
LARGEST = 50_000_000  # pixels of a picture


def as_mnist(ink, side):
    """Cut out, scale and centre a digit as those of MNIST were.

    ink   uint8 [h, w], 0 for paper
    side  pixels of the result
    Returns uint8 [side, side, 1]: the digit's longer side takes 20/28 of it, its centre of mass is
    in the middle (LeCun et al. 1998, "Gradient-based learning applied to document recognition",
    section III A).
    """
    result = Image.new("L", (side, side))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows):
        digit = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        scale = round(DIGIT_SHARE * side) / max(digit.size)
        size = [max(round(scale * length), 1) for length in digit.size]
        digit = digit.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
        weight = np.asarray(digit, float)
        centre = [
            (weight.sum(axis=axis) * (np.arange(length) + 0.5)).sum() / max(weight.sum(), 1)
            for axis, length in enumerate(digit.size)
        ]
        # No ink over the edge, however unevenly it is spread.
        corner = [
            min(max(round(side / 2 - middle), 0), side - length)
            for middle, length in zip(centre, digit.size, strict=True)
        ]
        result.paste(digit, corner)
    return np.asarray(result)[..., np.newaxis]


def draw(strokes):
    """Ink, uint8 [PAD, PAD], of strokes: lists of points (x, y) in pixels from the upper left."""
    pad = Image.new("L", (PAD, PAD))
    pen = ImageDraw.Draw(pad)
    for stroke in strokes:
        pen.line(stroke, fill=255, width=PEN)
        for x, y in stroke:  # round ends, and round joints
            pen.ellipse((x - PEN / 2, y - PEN / 2, x + PEN / 2, y + PEN / 2), fill=255)
    return np.asarray(pad)


def read_picture(path, source="picture"):
    """The ink, uint8 [h, w], in a picture of one digit, dark on light or light on dark.

    source  what to call it in messages, for example the flag that named it

    Raises UsageError if there is no such picture, or nothing on it.
    """
    flag = f"{source} {path}"
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            if picture.width * picture.height > LARGEST:
                raise UsageError(
                    f"{flag}: expected a picture of one digit, found {picture.width} x "
                    f"{picture.height} pixels; make it smaller"
                )
            upright = _in_bytes(ImageOps.exif_transpose(picture)).convert("RGBA")
    except UnidentifiedImageError:
        raise UsageError(
            f"{flag}: expected a picture (PNG, JPEG, ...), found none; save the digit as one"
        ) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{flag}: can't be read ({reason}); name a picture of a digit") from None
    paper = Image.new("RGBA", upright.size, "white")
    grey = np.asarray(Image.alpha_composite(paper, upright).convert("L"), float)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    contrast = np.abs(grey - np.median(edge))
    if contrast.max() < 20:
        raise UsageError(
            f"{flag}: expected a digit, found an empty page; draw it dark on light paper"
        )
    ink = contrast / contrast.max()
    return np.round(255 * np.where(ink < FAINTEST, 0, ink)).astype(np.uint8)


def _in_bytes(picture):
    """A grey picture of 16 bits or floats, as of a scanner, in 8 bits; others as they are.

    Pillow would take all above 255 for white.
    """
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.nan_to_num(np.asarray(picture, float), posinf=0, neginf=0)
    values -= min(values.min(), 0)
    white = next((white for white in (1, 255, 65535) if values.max() <= white), values.max())
    return Image.fromarray(np.round(255 * values / white).astype(np.uint8))
