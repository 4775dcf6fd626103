"""Matplotlib artists with a shortcut to the window's pixels.

Texts and images are most of the cost of a redraw, and half of the texts change in every frame.
On the Agg canvas of a window these draw in a tenth of matplotlib's own time; on anything else, a
PDF for example, they are what they are derived from.
"""

import math
import re
from functools import cached_property, lru_cache

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.font_manager import findfont
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from PIL import Image, ImageDraw, ImageFont

PIECES = re.compile(r"\d|\D+")
PAPER_OPACITY = 200 / 255  # behind a text: what it covers stays to be guessed
LABEL_SHARE = 0.8  # of the room between two of them, at the most


class SwiftText(Annotation):
    """Text at an offset, in points, from a point.

    Understands ha "left", "center", "right" and va "baseline", "center", "top", and lines that are
    flush at the left. On a translucent ground if `paper` is a colour.
    """

    def __init__(self, text, xy, offset, xycoords, *, paper=None, **style):
        super().__init__(
            text,
            xy,
            xytext=offset,
            xycoords=xycoords,
            textcoords="offset points",
            annotation_clip=False,
            clip_on=False,
            bbox=paper and {"facecolor": paper, "alpha": PAPER_OPACITY, "linewidth": 0, "pad": 1},
            **style,
        )
        self._paper = paper

    def pixels_wide(self, line=None):
        """How wide the text, or a line in its style, is in pixels of its figure."""
        pieces = PIECES.findall(self.get_text() if line is None else line)
        size = self.get_size() * self.figure.dpi / 72
        return sum(_width_of_piece(piece, self._font_path, size) for piece in pieces)

    def write(self, room, *versions):
        """Take the first of these texts that is not wider than so many pixels; none if all are."""
        self.set_text(next((text for text in versions if self.pixels_wide(text) <= room), ""))

    @cached_property
    def _font_path(self):
        # Matplotlib looks its settings over whenever it is asked for a font; ours seldom changes.
        # Its paths are slow to look up in a cache, plain strings are not.
        return str(findfont(self.get_fontproperties()))

    def get_animated(self):
        # What is drawn apart on the screen, above a figure that stays, belongs to a file as well.
        return super().get_animated() and not self.figure.canvas.is_saving()

    def set_fontweight(self, weight):
        if weight != self.get_fontweight():
            super().set_fontweight(weight)
            vars(self).pop("_font_path", None)

    def draw(self, renderer):
        text = self.get_text()
        if not (isinstance(renderer, RendererAgg) and self.get_visible() and text):
            super().draw(renderer)
            return
        self.update_positions(renderer)
        x, y = self.get_transform().transform(self.get_unitless_position())
        pixels, descent = _write(
            text,
            self._font_path,
            renderer.points_to_pixels(self.get_size()),
            self.get_color(),
            self._paper,
        )
        height, width = pixels.shape[:2]
        left = {"left": 0, "center": width / 2, "right": width}[self.get_ha()]
        below = {"baseline": descent, "center": height / 2, "top": height}[self.get_va()]
        context = renderer.new_gc()
        renderer.draw_image(context, round(x - left), round(y - below), pixels)
        context.restore()


class SwiftImage(AxesImage):
    """An opaque image that fills its axes, but for the half of their frame that is inside."""

    _pixels, _exact = None, False

    def show(self, pixels, exact):
        """Take over uint8 [height, width, 4]; `exact` tells that these are the screen's pixels."""
        self._pixels, self._exact = pixels, exact
        self.stale = True

    def get_cursor_data(self, event):
        return None  # the panel says what is under the mouse

    def draw(self, renderer):
        if not (self._exact and isinstance(renderer, RendererAgg)):
            self.set_data(self._pixels)
            super().draw(renderer)
            return
        screen = np.asarray(renderer.buffer_rgba())
        left, top = round(self.axes.bbox.x0), round(len(screen) - self.axes.bbox.y1)
        place = screen[max(top, 0) :, max(left, 0) :]
        # At least one, also where the window is so small that the axes stand outside.
        height, width = np.clip(self._pixels.shape[:2], 1, np.maximum(place.shape[:2], 1))
        place[1 : height - 1, 1 : width - 1] = self._pixels[1 : height - 1, 1 : width - 1]


class SwiftScale(Artist):
    """The labels and grid lines of one of the axes' scales, in place of matplotlib's own.

    which   "x" or "y"
    ticks   a function of the lower and the upper limit: where the labels stand
    label   a function of such a position and of the distance to the next: the text
    grid    the colour of the lines, None for none
    """

    def __init__(self, axes, which, ticks, label, *, grid=None, **style):
        super().__init__()
        self.axes, self._which, self._ticks, self._label = axes, which, ticks, label
        self.set_figure(axes.figure)
        self.zorder = 0.5
        getattr(axes, f"{which}axis").set_visible(False)
        if which == "x":
            where, style = (0, -4), {"ha": "center", "va": "top", **style}
        else:
            where, style = (-5, 0), {"ha": "right", "va": "center", **style}
        self._text = SwiftText("", (0, 0), where, "figure pixels", **style)
        self._text.set_figure(axes.figure)
        self._line = Line2D([], [], color=grid, linewidth=0.8)
        self._line.set_figure(axes.figure)
        self._line.set_visible(grid is not None)

    def draw(self, renderer):
        limits = sorted(self.axes.get_xlim() if self._which == "x" else self.axes.get_ylim())
        box = self.axes.bbox
        ticks = [tick for tick in self._ticks(*limits) if limits[0] <= tick <= limits[1]]
        distance = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        labels = [self._label(tick, distance) for tick in ticks]
        every = self._labelled(ticks, labels)
        for number, (tick, label) in enumerate(zip(ticks, labels, strict=True)):
            x, y = self.axes.transData.transform((tick, tick))
            if self._which == "x":
                self._line.set_data([x, x], [box.y0, box.y1])
                self._text.xy = x, box.y0
            else:
                self._line.set_data([box.x0, box.x1], [y, y])
                self._text.xy = box.x0, y
            self._line.draw(renderer)
            self._text.set_text(label if number % every == 0 else "")
            self._text.draw(renderer)

    def _labelled(self, ticks, labels):
        """How many lines share a label, so that none runs into the next."""
        if self._which == "y" or len(ticks) < 2:
            return 1
        between = np.diff(self.axes.transData.transform([(tick, 0) for tick in ticks[:2]])[:, 0])[0]
        widest = max(self._text.pixels_wide(label) for label in labels)
        return max(math.ceil(widest / (LABEL_SHARE * between)), 1)


def _write(text, font_path, size, colour, paper):
    """A text's pixels, uint8 [height, width, 4] from the bottom up, and its descent in pixels."""
    if "\n" in text:
        lines = [_write(line, font_path, size, colour, paper) for line in text.split("\n")]
        width = max(pixels.shape[1] for pixels, _ in lines)
        padded = [
            np.pad(pixels, ((0, 0), (0, width - pixels.shape[1]), (0, 0)))
            for pixels, _ in reversed(lines)
        ]
        return np.concatenate(padded), lines[-1][1]
    # Most texts that change are numbers: digits are written once, and then put side by side.
    pieces = [_write_piece(p, font_path, size, colour, paper) for p in PIECES.findall(text)]
    return np.concatenate([pixels for pixels, _ in pieces], axis=1), pieces[0][1]


@lru_cache(maxsize=1000)
def _write_piece(text, font_path, size, colour, paper):
    font = _font(font_path, size)
    ascent, descent = font.getmetrics()
    ink = _bytes(colour, 1)
    # Transparent text colour, not transparent white: the edges of the letters are blended with it.
    ground = _bytes(paper, PAPER_OPACITY) if paper else _bytes(colour, 0)
    width = _width_of_piece(text, font_path, size)
    tile = Image.new("RGBA", (width, ascent + descent), ground)
    ImageDraw.Draw(tile).text((0, 0), text, font=font, fill=ink)
    return np.asarray(tile)[::-1], descent


@lru_cache(maxsize=1000)
def _width_of_piece(text, font_path, size):
    return round(_font(font_path, size).getlength(text))


def _bytes(colour, opacity):
    return tuple(round(255 * part) for part in to_rgba(colour, opacity))


@lru_cache
def _font(path, pixels):
    return ImageFont.truetype(path, pixels)
