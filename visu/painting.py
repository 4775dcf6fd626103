"""Draws on a window's canvas only what changed: the rest is kept as pixels."""

from typing import NamedTuple

from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox, IdentityTransform

from visu.layout import FOOT, HEAD


class _Kept(NamedTuple):
    look: tuple  # of the axes
    pixels: object  # as the canvas restores them
    drawn: object  # what `Panel.ink` said is in them


class Painter:
    """Keeps, for every view, the pixels of each panel without its moving artists.

    A panel whose axes are as they were is brought back from these pixels, so that a new picture
    costs little more than its new data; a panel whose axes changed is drawn again, it alone.

    panels  `visu.panels.Panels`, on a figure whose canvas is drawn by Agg
    """

    def __init__(self, panels):
        self._panels, self._figure, self._canvas = panels, panels.figure, panels.figure.canvas
        self._kept = {}  # (view, panel): _Kept
        self._lines = {panels.status: self._status_box, panels.advice: self._advice_box}
        self._written = {}  # line: what stands there
        self._size = None
        paper = self._figure.get_facecolor()
        self._blank = Rectangle((0, 0), 1, 1, facecolor=paper, transform=IdentityTransform())
        self._blank.set_figure(self._figure)

    def paint_all(self):
        """Show the view as it is now, at once."""
        if self._outdated():
            self._canvas.draw()
            return
        self._erase(self._figure.bbox)
        self._written.clear()
        self._draw([self._panels.heading])
        self._paint(self._panels.cells)
        self._canvas.blit(self._figure.bbox)

    def paint(self, changed):
        """Show the panels that changed, as far as they are in view, status and advice."""
        if self._outdated():
            self._canvas.draw()
            return
        visible = [number for number in sorted(changed) if number in self._panels.cells]
        boxes = [box() for line, box in self._lines.items() if self._is_new(line)]
        for box in boxes:
            self._erase(box)
        self._paint(visible)
        if len(visible) == len(self._panels.cells):
            self._canvas.blit()  # faster than a box around all
            return
        for box in boxes:
            self._canvas.blit(box)
        if visible:
            self._canvas.blit(Bbox.union([self._box(number) for number in visible]))

    def adopt(self):
        """Matplotlib has just drawn the whole figure by itself: keep that, and add what moves."""
        self._size = self._size_now()
        self._kept.clear()
        self._written.clear()
        for number in self._panels.cells:
            self._draw_data(number, None)
        self._write_lines()

    def _paint(self, numbers):
        for number in numbers:
            kept = self._kept.get((self._panels.view, number))
            if kept and kept.look == self._look(number):
                self._canvas.restore_region(kept.pixels)
            else:
                kept = None
                axes = self._panels[number].axes
                self._erase(self._box(number))
                axes.apply_aspect()
                self._draw([axes])
            self._draw_data(number, kept)
        self._write_lines()

    def _write_lines(self):
        for line in filter(self._is_new, self._lines):
            self._written[line] = line.get_text()
            self._draw([line])

    def _is_new(self, line):
        return self._written.get(line) != line.get_text()

    def _draw_data(self, number, kept):
        panel = self._panels[number]
        panel.paint()
        ink, drawn = panel.ink(kept and kept.drawn)
        if not kept or drawn != kept.drawn:
            self._draw(ink)
            pixels = self._canvas.copy_from_bbox(self._box(number))
            self._kept[self._panels.view, number] = _Kept(self._look(number), pixels, drawn)
        self._draw(panel.artists)

    def _draw(self, artists):
        renderer = self._canvas.get_renderer()
        for artist in artists:
            artist.draw(renderer)

    def _look(self, number):
        axes = self._panels[number].axes
        return axes.get_xlim(), axes.get_ylim()

    def _outdated(self):
        """Whether matplotlib has to draw all: the window is new, or larger, or can't do parts."""
        return self._size != self._size_now() or not self._canvas.supports_blit

    def _size_now(self):
        return (*self._figure.bbox.size, self._figure.dpi)

    def _box(self, number):
        left, bottom, width, height = self._panels.cells[number]
        # A pixel of the canvas at least, also where the window is too low for any panel.
        right, top = self._figure.bbox.size
        x, y = min(left, right - 1), min(bottom, top - 1)
        return Bbox.from_extents(x, y, max(left + width, x + 1), max(bottom + height, y + 1))

    def _status_box(self):
        width, height = self._figure.bbox.size
        left, head = self._panels.status_from, round(HEAD * self._figure.dpi)
        return Bbox.from_bounds(left, height - head, width - left, head)

    def _advice_box(self):
        return Bbox.from_bounds(0, 0, self._figure.bbox.width, round(FOOT * self._figure.dpi))

    def _erase(self, box):
        self._blank.set_bounds(*box.bounds)
        self._draw([self._blank])
