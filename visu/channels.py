"""What a network looks for, and what it sees: its first weights and its layers as pictures."""

import numpy as np
from matplotlib.image import AxesImage

from visu.panels import Panel, ink_map
from visu.swift import SwiftText

CHANNELS = 8  # the panel's number
MOST = 24  # pictures in a row
EDGE = 65  # of 255, ink
TITLE, GAP, APART = 0.3, 0.06, 0.3  # inches: a row's title, between pictures, beside the image
BARS, BACK = "w  back to the bars     ", "Esc  back"


def as_signed(patches):
    """Weights, float [h, w, n], as ink, uint8: middle grey is 0, full ink the largest.

    What is not finite is drawn as 0.
    """
    patches = np.nan_to_num(patches, posinf=0, neginf=0)
    largest = np.abs(patches).max(initial=1e-9)
    return np.rint(127.5 + 127.5 * patches / largest).astype(np.uint8)


def as_ink(outputs):
    """Outputs, float [h, w, n], as ink, uint8; the strongest of the layer is full ink.

    What is not finite is drawn as 0.
    """
    outputs = np.nan_to_num(outputs, posinf=0, neginf=0)
    lowest = min(outputs.min(initial=0), 0)
    share = (outputs - lowest) / max(outputs.max(initial=0) - lowest, 1e-9)
    return np.rint(255 * share).astype(np.uint8)


def side_by_side(pictures, side, gap):
    """Pictures, uint8 [h, w, n], in a row, uint8 [side + 2, ...], each with an edge around it."""
    height, width, count = pictures.shape
    rows, columns = (np.arange(side) * length // side for length in (height, width))
    row = np.zeros((side + 2, count * (side + 2 + gap) - gap), np.uint8)
    for number in range(count):
        left = number * (side + 2 + gap)
        row[:, left : left + side + 2] = EDGE
        row[1:-1, left + 1 : left + 1 + side] = pictures[rows][:, columns, number]
    return row


class ChannelsView(Panel):
    """The image, a row of pictures for the first weights, and one for each layer of the lesson's.

    closer  `visu.closer.CloserLook`, which knows the image
    layers  how many there is room for
    """

    def __init__(self, axes, scene, closer, layers=4):
        super().__init__(axes, scene, "")
        axes.set_axis_off()
        axes.set_navigate(False)
        self._closer, self._answer, self._fresh = closer, None, True
        self._ink, self._names = scene.ink, scene.class_names
        self._heading = self._text(size=13, weight="bold", color=self.style.ink)
        self._hint = self._text(size=9, color=self.style.faint)
        self._rows = []
        for _ in range(2 + layers):
            image = AxesImage(axes, interpolation="nearest", origin="upper")
            image.set_cmap(ink_map(self.style))
            image.set_clim(0, 255)
            title = self._text(size=10, color=self.style.faint)
            self._rows.append((axes.add_image(image), title))
        images, titles = zip(*self._rows, strict=True)
        self._animate(*images, *titles, self._heading, self._hint)

    def _text(self, **style):
        return self.axes.add_artist(SwiftText("", (0, 0), (0, 0), self.axes.transData, **style))

    def take(self, answer):
        """Hear a `visu.messages.Answer`."""
        self._answer, self._fresh = answer, True

    def update(self, history):
        fresh, self._fresh = self._fresh, False
        return fresh

    def fit(self, size, room):
        super().fit(size, room)
        self._height = size[1]
        self.axes.set(xlim=(0, self._width), ylim=(0, self._height))
        dpi = self.axes.figure.dpi
        self._heading.xy = (0, self._height - 0.3 * dpi)
        self._hint.xy = (0, 0.05 * dpi)
        self._fresh = True

    def paint(self):
        rows = list(self._contents())
        dpi = self.axes.figure.dpi
        top, bottom = self._height - 0.45 * dpi, 0.35 * dpi
        # The first weights stand beside the image if there are layers, which need the height.
        beside = len(rows) > 2 and self._answer.patches is not None
        pitch = (top - bottom) / max(len(rows) - beside, 1)
        gap = max(round(GAP * dpi), 1)
        left, upper = 0, top
        for number, (image, title) in enumerate(self._rows):
            shown = number < len(rows)
            image.set_visible(shown)
            title.set_visible(shown)
            if not shown:
                continue
            *texts, pictures = rows[number]
            across = (self._width - left) / max(pictures.shape[2], 1) - gap
            side = max(int(min(pitch - TITLE * dpi, across)) - 2, 1)
            row = side_by_side(pictures, side, gap)
            title.write(self._width - left, *texts)
            title.xy = (left, upper - 0.2 * dpi)
            below = upper - TITLE * dpi
            image.set_data(row)
            image.set_extent((left, left + row.shape[1], below - row.shape[0], below))
            if beside and number == 0:
                left = round(max(row.shape[1], title.pixels_wide()) + APART * dpi)
            else:
                left, upper = 0, upper - pitch
        self._heading.set_text(self._closer.title(self._heading, self._width))
        self._hint.set_text(BARS + self._closer.walk_hint() + BACK)

    def _contents(self):
        """The titles of each row, the longest first, and its pictures, uint8 [h, w, n]."""
        answer, question = self._answer, self._closer.question
        if answer is None or question is None:
            return
        yield "the image", self._in_ink(question.image)
        if answer.patches is not None:
            height, width, count = answer.patches.shape
            patches = f"{_counted(count, answer.patches_in_all)} patches of {height} x {width}"
            more, less = ("white", "black") if self.style.is_dark else ("black", "white")
            # Those of a single layer, which are as large as the image, are the classes' own.
            alone = (height, width) == question.image.shape[:2] and count == len(self._names)
            names = f" for {self._names[0]} to {self._names[-1]}" if alone else ""
            signs = f"{names}, {more} adds, {less} takes away"
            title = "the first weights"
            short = f"{title}, {patches}"
            yield f"{short}{signs}", short, title, as_signed(answer.patches)
        for number, outputs in enumerate(answer.layers[: len(self._rows) - 2], start=1):
            height, width, count = outputs.shape
            channels = f"{_counted(min(count, MOST), count)} channels of {height} x {width}"
            title = f"layer {number}"
            yield f"{title}, {channels}", title, as_ink(outputs[..., :MOST])

    def _in_ink(self, image):
        grey = image.mean(axis=2, keepdims=True).astype(np.uint8)
        return grey if self._ink or self.style.is_dark else 255 - grey


def _counted(shown, in_all):
    return f"{shown} of {in_all}" if shown < in_all else f"{in_all}"
