"""One image, large, and what the network reads in it: a test digit, or one drawn by hand."""

import numpy as np
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from visu.captions import cut
from visu.handwriting import PAD, as_mnist, draw
from visu.layout import is_upright
from visu.messages import Question
from visu.panels import Panel, ink_map
from visu.swift import SwiftText

CLOSER = 7  # the panel's number
SHOWN = 10  # classes, the likeliest where there are more
FEW = 6  # with fewer classes, the bars grow no broader
THUMB_SHARE = 0.3  # of the pad's side: the image as the network gets it
BACK = "w  look inside     Esc  back"
WALK, DRAW = "← →  misread {}s     ", "draw with the mouse     d  a new sheet     "


class CloserLook(Panel):
    """The image at the left, a bar for each class at the right; upright, below it.

    scene  `visu.measurement.Scene`
    """

    def __init__(self, axes, scene):
        super().__init__(axes, scene, "")
        axes.set_axis_off()
        axes.set_navigate(False)
        axes.set_zorder(1)
        self._names, self._shape = scene.class_names, scene.test_images.shape[1:3]
        self._side = self._shape[0]
        self._one = scene.subject.removesuffix("s")
        self._cmap = ink_map(self.style) if scene.ink else "gray"
        self.question, self._number, self._first_number = None, 0, 0
        self._answer, self._label, self._index, self._digits = None, None, None, None
        self._strokes, self._history = None, None
        self._fresh = True  # something is to be drawn
        self._big, self._thumb = (self._add_image() for _ in range(2))
        self._frame, self._thumb_frame = (
            axes.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=self.style.frame))
            for _ in range(2)
        )
        ink, faint = self.style.ink, self.style.faint
        self._heading = self._text(size=13, weight="bold", color=ink)
        self._hint = self._text(size=9, color=faint)
        self._caption = self._text(size=9, color=faint, ha="center", va="top")
        self._caption.set_text("what the network gets")
        self._rows = [
            (
                axes.add_patch(Rectangle((0, 0), 0, 1, linewidth=0)),
                self._text(size=11, color=ink, ha="right", va="center"),
                self._text(size=10, color=faint, va="center"),
            )
            for _ in range(min(SHOWN, len(self._names)))
        ]
        bars, names, values = zip(*self._rows, strict=True)
        self._animate(self._big, self._thumb, self._frame, self._thumb_frame)
        self._animate(*bars, *names, *values, self._heading, self._hint, self._caption)

    def _add_image(self):
        image = AxesImage(self.axes, cmap=self._cmap, interpolation="nearest", origin="upper")
        image.set_clim(0, 255)
        return self.axes.add_image(image)

    def _text(self, **style):
        text = SwiftText("", (0, 0), (0, 0), self.axes.transData, **style)
        return self.axes.add_artist(text)

    def open_digit(self, kind, digits, index, history):
        """Look at a digit, which is in `Digits`, and of this kind, as `DigitsPanel` has it."""
        self._kind, self._digits, self._index, self._history = kind, digits, index, history
        self._strokes, self._answer, self._label = None, None, int(digits.labels[index])
        self._ask(digits.images[index])

    def open_pad(self):
        """Take an empty sheet to draw on."""
        self._strokes, self._digits, self._label, self._answer = [], None, None, None
        self._ask(np.zeros((self._side, self._side, 1), np.uint8))

    def open_picture(self, image):
        """Look at somebody's own image, uint8 [h, w, 1]."""
        self._strokes, self._digits, self._label, self._answer = None, None, None, None
        self._kind = "own"
        self._ask(image)

    def close(self):
        self.question = None

    def walk(self, step):
        """Go to the next misread digit, or to the one before."""
        if self._digits is None:
            return
        if self._kind != "training":
            self._digits = self._history.test_digits
        # Of a large batch, only the first images are there.
        wrong = np.flatnonzero(self._digits.labels != self._digits.computed)
        wrong = wrong[wrong < len(self._digits.images)]
        if not len(wrong):
            return
        if step > 0:
            place = np.searchsorted(wrong, self._index, side="right")
        else:
            place = np.searchsorted(wrong, self._index) - 1
        self.open_digit(self._kind, self._digits, int(wrong[place % len(wrong)]), self._history)

    def pen_down(self, x, y):
        """Begin a stroke at a pixel of the figure, if it is on the pad. Returns whether it is."""
        point = self._on_pad(x, y)
        if self._strokes is None or not all(0 <= part <= PAD for part in point):
            return False
        self._strokes.append([point])
        self._ask(as_mnist(draw(self._strokes), self._side))
        return True

    def pen_moved(self, x, y):
        """Go on with the stroke."""
        self._strokes[-1].append(self._on_pad(x, y))
        self._ask(as_mnist(draw(self._strokes), self._side))

    def _on_pad(self, x, y):
        left, right, _, top = self._big.get_extent()
        x, y = x - self.axes.bbox.x0, y - self.axes.bbox.y0
        scale = PAD / (right - left)
        return (x - left) * scale, (top - y) * scale

    def _ask(self, image):
        self._number += 1
        if self._answer is None:
            self._first_number = self._number  # older answers are to other images
        self.question = Question(self._number, image)
        self._fresh = True

    def take(self, answer):
        """Hear a `visu.messages.Answer`."""
        if self.question and answer.number >= self._first_number:
            self._answer, self._fresh = answer, True

    def update(self, history):
        fresh, self._fresh = self._fresh, False
        return fresh and self.question is not None

    def fit(self, size, room):
        super().fit(size, room)
        width, height = size
        self.axes.set(xlim=(0, width), ylim=(0, height))
        dpi = self.axes.figure.dpi
        below, above = 0.45 * dpi, 0.55 * dpi
        high = height - below - above
        if is_upright(*self.axes.figure.bbox.size):  # the bars stand below the images
            most = (width - 0.3 * dpi) / (1 + THUMB_SHARE)
            side = max(min(high / 2, most, width - 1.5 * dpi), 8)
            bottom = height - above - side
            bars_top, self._bars_from = bottom - 0.4 * dpi, dpi
            bars_high = max(bars_top - below, 8)
        else:
            side = bars_high = max(min(high, 0.45 * width), 8)
            bottom = below + (high - side) / 2
            bars_top = bottom + side
            self._bars_from = side + max(1.9 * dpi, THUMB_SHARE * side + 1.2 * dpi)
        self._place(self._big, self._frame, 0, bottom, side)
        thumb = THUMB_SHARE * side
        beside = side + 0.25 * dpi
        self._place(self._thumb, self._thumb_frame, beside, bottom, thumb)
        # Below the middle of the small image, but not below the large one.
        across = max(thumb, self._caption.pixels_wide())
        self._caption.xy = (beside + across / 2, bottom - 0.05 * dpi)
        self._heading.xy, self._hint.xy = (0, height - 0.3 * dpi), (0, 0.05 * dpi)
        self._bars_to = width - 0.7 * dpi
        pitch = bars_high / max(len(self._rows), FEW)
        for place, (bar, name, value) in enumerate(self._rows):
            middle = bars_top - (place + 0.5) * pitch
            bar.set(x=self._bars_from, y=middle - 0.35 * pitch, height=0.7 * pitch)
            name.xy = (self._bars_from - 0.12 * dpi, middle)
            value.xy = (self._bars_from, middle)
        self._fresh = True

    def _place(self, image, frame, left, bottom, side):
        height, width = (side * length / max(self._shape) for length in self._shape)
        bottom += side - height  # flush with the uppermost bar
        image.set_extent((left, left + width, bottom, bottom + height))
        frame.set_bounds(left, bottom, width, height)

    def paint(self):
        if self.question is None:
            return
        image = self.question.image
        on_pad = self._strokes is not None
        self._big.set_data(draw(self._strokes) if on_pad else image)
        for part in (self._thumb, self._thumb_frame, self._caption):
            part.set_visible(on_pad)
        self._thumb.set_data(image)
        hint = DRAW if on_pad else self.walk_hint()
        self._hint.set_text(hint + BACK)
        probabilities, computed = self._reading()
        shown = np.arange(len(self._names))
        if len(shown) > SHOWN:
            shown = np.argsort(-probabilities, kind="stable")[:SHOWN]
        self._heading.set_text(self.title(self._heading, self._width))
        for place, (bar, name, value) in zip(shown, self._rows, strict=True):
            probability = float(probabilities[place])
            bar.set_width(probability * (self._bars_to - self._bars_from))
            bar.set_facecolor(self._colour(place, computed))
            name.set_text(self._names[place])
            name.set_fontweight("bold" if place == self._label else "normal")
            value.xy = (self._bars_from + bar.get_width() + 6, value.xy[1])
            value.set_text("" if computed is None else f"{100 * probability:.1f} %")

    def _colour(self, place, computed):
        if place == self._label or (self._label is None and place == computed):
            return self.style.right_bar
        return self.style.wrong_bar if place == computed else self.style.other_bar

    def _is_blank(self):
        return self._strokes is not None and not self.question.image.any()

    def _reading(self):
        """The probabilities and the class that was read; zeros and None without, or with NaN."""
        if self._answer is None or self._is_blank() or np.isnan(self._answer.probabilities).any():
            return np.zeros(len(self._names)), None
        probabilities = self._answer.probabilities
        return probabilities, int(probabilities.argmax())

    def walk_hint(self):
        """What to press for others like it, if there are any."""
        return WALK.format(self._one) if self._digits else ""

    def title(self, text, room):
        """As much of `in_words` as fits into so many pixels, written as this `SwiftText` is."""
        return cut(self.in_words(), lambda line: text.pixels_wide(line) <= room)

    def in_words(self):
        """Which image it is, and what it is read as."""
        probabilities, computed = self._reading()
        if self._digits is not None:
            which = f"{self._kind.capitalize()} {self._one} {self._index:,}"
            what = f"{which}: a {self._names[self._label]}"
        else:
            what = "Draw here" if self._is_blank() else f"Your {self._one}"
        if computed is None:
            return what
        return f"{what}, read as {self._names[computed]} ({100 * probabilities[computed]:.0f} %)"
