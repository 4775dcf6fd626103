"""Digits by other hands, made like those of MNIST. Pure functions of arrays, but for one file."""

import warnings

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from visu.errors import UsageError

PAD = 280  # pixels along each side of the pad that one draws on
PEN = 24  # pixels: a digit that fills the pad has strokes as wide as MNIST's
DIGIT_SHARE = 20 / 28  # of an image's side: MNIST's digits were fitted into 20 x 20 of 28 x 28
FAINTEST = 0.3  # of the darkest ink; what is fainter, in a photograph, is paper
FAINT_PAGE = 0.08  # of the paper's brightness: what is no darker than that is no digit
LARGEST = 50_000_000  # pixels of a picture
BLOCKS = 8  # along a picture's longer side: in each, the paper is about as bright everywhere
DEEP = 0.5  # of the brightest paper


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
    contrast = _contrast(np.asarray(Image.alpha_composite(paper, upright).convert("L"), float))
    if contrast.max() < FAINT_PAGE:
        raise UsageError(
            f"{flag}: expected a digit, found an empty page; draw it dark on light paper"
        )
    ink = contrast / contrast.max()
    return np.round(255 * np.where(ink < FAINTEST, 0, ink)).astype(np.uint8)


def _contrast(grey):
    """How much darker each pixel is than the paper around it, 0 to 1; float [h, w], as `grey`.

    A digit that is lighter than its paper counts as if it were darker.
    """
    ring = np.concatenate([grey[0], grey[:, -1], grey[-1, ::-1], grey[::-1, 0]])
    around = np.median(ring)
    if grey.max() - around > around - grey.min():
        grey, ring, around = 255 - grey, 255 - ring, 255 - around
    paper = _paper(grey) if _is_shaded(ring, around - grey.min()) else np.full(grey.shape, around)
    # In deep shadow, a camera's noise is as large a share of the light as ink.
    return np.clip((paper - grey) / np.maximum(paper, max(DEEP * paper.max(), 1)), 0, 1)


def _is_shaded(ring, contrast):
    """Whether the pixels along a picture's edges tell of shadows: much darker somewhere, but
    nowhere all at once, as where a stroke meets the edge.
    """
    darker = np.median(ring) - ring
    near = np.roll(darker, len(ring) // 50 + 1)
    shadow = (darker >= FAINTEST * contrast).mean() > 0.05
    return shadow and np.abs(darker - near).max() < darker.max() / 2


def _paper(grey):
    """How bright the paper is at each pixel, under the ink too: photographs have shadows."""
    height, width = grey.shape
    block = -(-max(height, width) // BLOCKS)
    rows, columns = -(-height // block), -(-width // block)
    size = rows * block, columns * block
    filled = np.pad(grey, [(0, size[0] - height), (0, size[1] - width)], mode="edge")
    blocks = filled.reshape(rows, block, columns, block).swapaxes(1, 2)
    brightness = np.percentile(blocks, 60, axis=(2, 3))
    # What is dark between brighter blocks is ink. Beyond the edges, shadows go on as they came.
    for axis, reach in ((0, min(2, rows - 1)), (1, min(2, columns - 1))):
        ends = [(0, 0), (0, 0)]
        ends[axis] = (reach, reach)
        brightness = np.pad(brightness, ends, mode="reflect", reflect_type="odd")
    closed = Image.fromarray(brightness.astype(np.float32))
    for extreme in (np.max, np.min):
        around = sliding_window_view(np.pad(np.asarray(closed), 1, mode="edge"), (3, 3))
        closed = Image.fromarray(extreme(around, axis=(2, 3)))
    inside = (min(2, columns - 1), min(2, rows - 1))
    box = (*inside, inside[0] + width / block, inside[1] + height / block)
    return np.asarray(closed.resize((width, height), Image.Resampling.BILINEAR, box=box), float)


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
