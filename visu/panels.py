"""The six panels: matplotlib artists that are made once and then only given new data."""

import math
from collections import deque

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator

from visu.captions import confusions, cut, decimals, names
from visu.coach import Coach, curves_of
from visu.layout import ALL, FOOT, HEAD, LEFT, axes_rectangle, cells
from visu.measurement import BANDS
from visu.mosaics import label_size, misread_first, mosaic
from visu.ranges import accuracy_floor, iteration_limit, loss_ceiling, spread_limits
from visu.style import bytes_of
from visu.swift import SwiftImage, SwiftScale, SwiftText
from visu.tiles import Tiles, side_around

TRAINING_GRID, TEST_GRID = (10, 10), (25, 40)  # rows, columns, at the most
MARGIN = 0.2  # inches beside the texts above the panels
GAP = 0.1  # inches between a title and what stands beside it
OVERLAP = 3  # pixels
DOT = 0.02  # of the axes' width: room for half of one at the end
LEGEND = 0.75  # of the axes' width, at the most: what is wider hides the curves
LINE = 15  # points from one line of it to the next
HIGHEST_STRIP = 0.3  # of the axes' height, for the legend above the losses
MARGIN_OF_CURVES = 0.015  # of the range that is shown
# The title has all the room that the status leaves: always the same, or it would flicker.
LONGEST_STATE = "epoch 100 · 10 measurements a second"
HOW_TO_READ = (
    "On red: misread. The\nlittle {} at its left\nis the right answer, the\n"
    "one at its right is what\nthe network saw in it."
)
HOW_TO_READ_INCHES = 1.6, 1.1  # beside or below a panel, with its labels
TILE = 28  # pixels; zoomed in, a tile has at least as many
FOLLOWED = 50  # limits of an axis
# Few steps, and no thirds: the end of an axis, an accuracy of 1 above all, is to have its line.
ROUNDED = MaxNLocator(6, steps=[1, 2, 5, 10])
WHOLE = MaxNLocator(4, integer=True, steps=[1, 2, 2.5, 3, 5, 10])
KEPT_SIZES = 4  # of tiles: beside others, in a pair, alone, and zoomed in


class Panels:
    """All six, on one figure.

    figure  a `matplotlib.figure.Figure`, of any size
    scene   `visu.measurement.Scene`
    """

    def __init__(self, figure, scene):
        self.figure = figure
        self._scene, style = scene, scene.style
        figure.set_facecolor(style.paper)
        # In a PDF or an SVG, hidden images would be put together with those that are shown.
        figure.suppressComposite = True
        self.heading = SwiftText(
            scene.title,
            (0, 1),
            (72 * MARGIN, -72 * HEAD / 2),
            "figure fraction",
            size=12,
            weight="bold",
            color=style.ink,
            va="center",
        )
        figure.add_artist(self.heading)
        self.status = SwiftText(
            "",
            (1, 1),
            (-72 * MARGIN, -72 * HEAD / 2),
            "figure fraction",
            size=10,
            color=style.faint,
            ha="right",
            va="center",
            animated=True,
        )
        figure.add_artist(self.status)
        self._said = ()  # the status, the longest version first
        self._coach, self._diagnosis = Coach(), None
        self.advice = SwiftText(
            "",
            (0, 0),
            (72 * LEFT, 72 * FOOT / 2),
            "figure fraction",
            size=9,
            color=style.ink,
            va="center",
            animated=True,
        )
        figure.add_artist(self.advice)
        axes = {number: figure.add_axes((0, 0, 1, 1), label=str(number)) for number in ALL}
        self._panels = {
            1: Curves(axes[1], scene, "Accuracy", 1),
            2: Curves(axes[2], scene, "Cross-entropy loss", 2),
            3: TrainingDigits(axes[3], scene),
            4: Bands(axes[4], scene, which=0),
            5: Bands(axes[5], scene, which=1),
            6: TestDigits(axes[6], scene),
        }
        figure.add_artist(_Prelude(self._panels))
        self.show(ALL)

    def __getitem__(self, number):
        return self._panels[number]

    def add(self, number, panel):
        """One more, which no picture of all panels shows."""
        self._panels[number] = panel
        self.arrange()

    def show(self, view):
        """Show these panels alone, as large as the figure allows."""
        self.view = view
        self.arrange()

    def arrange(self):
        """Fit the panels of the view into the figure as large as it is now."""
        dpi = self.figure.dpi
        width, height = self.figure.bbox.size
        self.cells = cells(self.view, round(width), round(height), dpi)
        for number, panel in self._panels.items():
            panel.axes.set_visible(number in self.cells)
            if number in self.cells:
                cell = self.cells[number]
                x, y, w, h = axes_rectangle(cell, dpi, panel.grid)
                panel.axes.set_position((x / width, y / height, w / width, h / height))
                panel.axes.apply_aspect()  # of digits that are zoomed: not all drawing does it
                panel.fit((w, h), room=((sum(cell[::2]) - x - w) / dpi, (y - cell[1]) / dpi))
        longest = self._status(self._scene.iterations, LONGEST_STATE)
        status = self.status.pixels_wide(longest) + MARGIN * dpi
        self.status_from = max(round(width - status), 0)
        room = self.status_from - 2 * MARGIN * dpi
        title = cut(self._scene.title, lambda line: self.heading.pixels_wide(line) <= room)
        self.heading.set_text(title)
        self._write_status()
        self._write_advice()

    def write_status(self, iteration, state=None):
        """Say at the upper right how far the run is, and in words how it is."""
        whole = self._status(iteration, state)
        self._said = whole, whole.rpartition(" · ")[0], self._status(iteration, None)
        self._write_status()

    def _write_status(self):
        """As much of it as there is room for."""
        room = self.figure.bbox.width - 2 * MARGIN * self.figure.dpi
        self.status.write(room, *self._said)

    def _status(self, iteration, state):
        done = f"iteration {iteration:,} of {self._scene.iterations:,}"
        return f"{done} · {state}" if state else done

    def update(self, history):
        """Take over what is new. Returns the numbers of the panels that changed."""
        diagnosis = self._coach.hear(curves_of(self._scene, history))
        if diagnosis != self._diagnosis:
            self._diagnosis = diagnosis
            self._panels[2].mark(diagnosis and diagnosis.since)
            self._write_advice()
        return {number for number, panel in self._panels.items() if panel.update(history)}

    def _write_advice(self):
        """As much of what the coach says as there is room for."""
        room = self.figure.bbox.width - (LEFT + MARGIN) * self.figure.dpi
        said = self._diagnosis
        versions = (str(said), f"{said.name}. {said.cure}.", said.name) if said else ()
        self.advice.write(room, *versions)

    def reset_zoom(self):
        """Let the axes follow the data again."""
        for panel in self._panels.values():
            panel.reset_zoom()


class _Prelude(Artist):
    """Draws nothing, but first: the panels are up to date whenever matplotlib draws them."""

    def __init__(self, panels):
        super().__init__()
        self._panels = panels
        self.zorder = -1

    def draw(self, renderer):
        for panel in self._panels.values():
            if panel.axes.get_visible():
                panel.prepare()


class Panel:
    """What the panels have in common.

    scene    `visu.measurement.Scene`
    axes     the panel's axes; all that is not mentioned below changes only with their limits
    artists  what changes with the data, in drawing order; being animated, it is drawn apart
    grid     (rows, columns) of tiles in the axes, None for whatever there is room for
    """

    grid = None

    def __init__(self, axes, scene, title):
        self.axes, self.style = axes, scene.style
        self.artists = []
        axes.set(xticks=[], yticks=[], facecolor=self.style.paper)
        style = {"size": 11, "weight": "bold", "color": self.style.ink}
        self._whole_title = title
        self._title = SwiftText(title, (0, 1), (0, 7), axes.transAxes, **style)
        axes.add_artist(self._title)
        style = {"size": 9, "color": self.style.faint, "ha": "right"}
        self._note = SwiftText("", (1, 1), (0, 7), axes.transAxes, **style)
        axes.add_artist(self._note)
        for spine in axes.spines.values():
            spine.set_color(self.style.frame)
        self._width = 0  # pixels
        # The last limits that were set here; all others are the user's zoom.
        self._followed = deque(maxlen=FOLLOWED)
        axes.format_coord = self.under_mouse

    def fit(self, size, room):
        """The axes are now this large, in pixels.

        room  inches to their right, and below them
        """
        self._width = size[0]
        until = size[0] + (room[0] - GAP) * self.axes.figure.dpi
        title = cut(self._whole_title, lambda line: self._title.pixels_wide(line) <= until)
        self._title.set_text(title)

    def under_mouse(self, x, y):
        """In words, what is to be seen at a point of the axes; the toolbar shows it."""
        return ""

    def paint(self):
        """Called before the artists are drawn: the time for work that only shows in pixels."""

    def prepare(self):
        """Called before matplotlib draws the panel by itself: everything is up to date then."""
        self.paint()

    def ink(self, drawn):
        """What only ever grows, and is drawn below the artists: a curve.

        drawn  what an earlier call returned, None for a panel without ink
        Returns the artists that draw what has been added since, and what is drawn then.
        """
        return (), None

    def reset_zoom(self):
        if self._followed:
            self._set_limits(self._followed[-1])

    def _animate(self, *artists):
        for artist in artists:
            artist.set_animated(True)
            self.artists.append(artist)

    def _write_note(self, *versions):
        """Write the first of these texts that has room at the right of the title."""
        gap = GAP * self.axes.figure.dpi
        self._note.write(self._width - self._title.pixels_wide() - gap, *versions)

    def _follow(self, x_limits, y_limits):
        """Set the limits, unless the user zoomed."""
        limits = (x_limits, y_limits)
        # The toolbar may have gone back to some that are older.
        if not self._zoomed() and limits != (self.axes.get_xlim(), self.axes.get_ylim()):
            self._set_limits(limits)
        if not self._followed or limits != self._followed[-1]:
            self._followed.append(limits)

    def _set_limits(self, limits):
        self.axes.set_xlim(*limits[0])
        self.axes.set_ylim(*limits[1])

    def _zoomed(self):
        shown = (self.axes.get_xlim(), self.axes.get_ylim())
        return bool(self._followed) and not any(np.allclose(shown, f) for f in self._followed)


class Curves(Panel):
    """Accuracy or loss over iterations, in training and in the test.

    column  of the points that it shows: 1 accuracy, 2 loss
    """

    def __init__(self, axes, scene, title, column):
        super().__init__(axes, scene, title)
        self._column, self._shown, self._classes = column, (-1, -1), len(scene.class_names)
        self._iterations, self._height = scene.iterations, 0  # pixels
        self._training = self._test = np.empty((0, 3))
        self._held_out, colours = scene.held_out, self.style
        self._test_once = scene.test_once
        self._earlier = earlier = scene.earlier
        _scales(axes, colours, DOT * scene.test_once)
        if earlier:
            style = {"scalex": False, "scaley": False}
            for points, colour, width in (
                (earlier.training, colours.earlier_training, 0.9),
                (earlier.test, colours.earlier_test, 1.6),
            ):
                x, y = points[:, 0], points[:, column]
                axes.plot(x, y, color=colour, linewidth=width, zorder=1, **style)
        styles = (
            {"color": colours.training, "linewidth": 0.9},
            {"color": colours.test, "linewidth": 2, "solid_capstyle": "round"},
        )
        if scene.test_once:
            styles[1]["marker"] = "o"  # a line of one point is none
        self._lines = [axes.plot([], [], animated=True, **style)[0] for style in styles]
        self._pens = [_pen(axes, Line2D([], [], **style)) for style in styles]
        written = (colours.training, colours.test) + (colours.faint,) * (earlier is not None)
        # Rising accuracies leave the lower right corner free; above the losses, there is a strip.
        corner, first = ((1, 0), LINE * len(written) - 5) if column == 1 else ((1, 1), -10)
        self._legend = [
            axes.add_artist(
                SwiftText(
                    "",
                    corner,
                    (-6, first - LINE * line),
                    axes.transAxes,
                    paper=colours.paper,
                    ha="right",
                    va="center",
                    size=10,
                    color=colour,
                )
            )
            for line, colour in enumerate(written)
        ]
        style = {"color": colours.faint, "linewidth": 1, "linestyle": (0, (1, 2))}
        self._mark = axes.axvline(0, visible=False, **style)
        self._animate(self._mark, *self._legend)
        self._follow((0.0, 1.0), (0.0, 1.0))

    def mark(self, iteration):
        """Draw a line at an iteration that the coach speaks of; at none, if it is None."""
        self._mark.set_visible(iteration is not None)
        self._mark.set_xdata([iteration or 0] * 2)

    def update(self, history):
        self._training, self._test = training, test = history.training, history.test
        if (len(training), len(test)) == self._shown:
            return False
        self._shown = (len(training), len(test))
        self._write_legend()
        self._follow_curves()
        return True

    def fit(self, size, room):
        super().fit(size, room)
        self._height = size[1]
        self._write_legend()
        if len(self._training):
            self._follow_curves()

    def _follow_curves(self):
        training, test = self._training, self._test
        last = training[-1, 0] if len(training) else 0
        if self._earlier:
            test = np.concatenate([test, self._earlier_test()])
        below = above = MARGIN_OF_CURVES
        if self._column == 1:
            lower, upper = accuracy_floor(training, test), 1.0
        else:
            lower, upper = 0.0, loss_ceiling(training, test, self._classes)
            strip = LINE * len(self._legend) * self.axes.figure.dpi / 72
            covered = min(strip / max(self._height, 1), HIGHEST_STRIP)
            above += covered / (1 - covered)
        range_ = upper - lower
        right = iteration_limit(last, self._iterations) * (1 + DOT * self._test_once)
        self._follow((0.0, right), (lower - below * range_, upper + above * range_))

    def _write_legend(self):
        room = LEGEND * self._width
        for text, versions in zip(self._legend, self._values(), strict=True):
            text.write(room, *(f"— {version}" for version in versions))

    def _values(self):
        """What the legend says of each curve: the newest value, in the test also the best.

        Each in several versions, the longest first.
        """
        best = (np.fmax if self._column == 1 else np.fmin).reduce
        for name, rows in self._curves():
            values = rows[:, self._column]
            if not len(values):
                yield [f"{name} …", "…"]
                continue
            newest = decimals(values[-1])
            alone = name == "training" or self._test_once
            longest = [] if alone else [f"{name} {newest}, best {decimals(best(values))}"]
            yield [*longest, f"{name} {newest}", newest]
        if self._earlier:
            name, until = self._earlier.name, self._earlier_test()[:, self._column]
            yield [f"{name}: {decimals(until[-1])}", name] if len(until) else [name]

    def _curves(self):
        return ("training", self._training), (self._held_out, self._test)

    def _earlier_test(self):
        """As much of the earlier run's test curve as there is of this run."""
        last = self._training[-1, 0] if len(self._training) else 0
        return self._earlier.test[self._earlier.test[:, 0] <= last]

    def prepare(self):
        for line, points in zip(self._lines, self._points(), strict=True):
            line.set_data(points[:, 0], points[:, self._column])

    def ink(self, drawn):
        curves = self._points()
        if drawn is None:
            self.prepare()
            return self._lines, tuple(map(len, curves))
        moved = []
        for pen, points, before in zip(self._pens, curves, drawn, strict=True):
            if len(points) > before:
                added = points[max(before - 1, 0) :]
                pen.set_data(added[:, 0], added[:, self._column])
                moved.append(pen)
        return moved, tuple(map(len, curves))

    def under_mouse(self, x, y):
        found = [
            f"{name} {decimals(rows[_nearest(rows, x), self._column])}"
            for name, rows in self._curves()
            if len(rows)
        ]
        if not found:
            return ""
        return (
            f"iteration {self._training[_nearest(self._training, x), 0]:,.0f}: {', '.join(found)}"
        )

    def _points(self):
        """The training curve, as dense as the pixels are, and the test curve."""
        if len(self._training) < 2:
            return self._training, self._test
        left, right = self.axes.get_xlim()
        every = self._training[1, 0] - self._training[0, 0]
        step = max(int((right - left) / self.axes.bbox.width / every), 1)
        return self._training[::step], self._test


class Bands(Panel):
    """How the values of many variables spread: bands that hold a seventh of them each."""

    def __init__(self, axes, scene, which):
        super().__init__(axes, scene, scene.spreads[which])
        self._which, self._shown, self._iterations = which, (0, 0.0), scene.iterations
        _scales(axes, self.style)
        self._rows = np.empty((0, 1 + BANDS + 1))
        # Smoothed edges would leave a light seam between the bands, and cost time.
        styles = [
            {"facecolor": colour, "linewidth": 0, "antialiased": False}
            for colour in self.style.all_bands
        ]
        self._bands = [Polygon([[0, 0]], animated=True, **style) for style in styles]
        for band in self._bands:
            axes.add_patch(band)
        self._pens = [_pen(axes, Polygon([[0, 0]], **style)) for style in styles]
        self._follow((0.0, 1.0), (-1.0, 1.0))

    def fit(self, size, room):
        super().fit(size, room)
        bands = f"{BANDS} bands"
        self._write_note(f"{bands}, 1/{BANDS} of the values each", bands)

    def update(self, history):
        rows = history.spread(self._which)
        if not len(rows):
            return False
        # Not of its own last row, which may be older: the other panels' iterations stand above.
        right = iteration_limit(history.last.iteration, self._iterations)
        if (len(rows), right) == self._shown:
            return False
        self._shown, self._rows = (len(rows), right), rows
        self._follow((0.0, right), spread_limits(rows[:, 1:]))
        return True

    def under_mouse(self, x, y):
        if not len(self._rows):
            return ""
        iteration, *limits = self._rows[_nearest(self._rows, x)]
        band = int(np.searchsorted(limits, y))
        where = f"iteration {iteration:,.0f}: "
        if not 0 < band < len(limits):
            return f"{where}all values between {limits[0]:.3g} and {limits[-1]:.3g}"
        return (
            f"{where}1/{BANDS} of the values between {limits[band - 1]:.3g} and {limits[band]:.3g}"
        )

    def prepare(self):
        _set_bands(self._bands, self._rows)

    def ink(self, drawn):
        if drawn is None:
            self.prepare()
            return self._bands, len(self._rows)
        # From a little to the left: a piece that is narrower than a pixel leaves it empty.
        left, right = self.axes.get_xlim()
        overlap = OVERLAP * (right - left) / self.axes.bbox.width
        known = self._rows[:drawn, 0]
        first = np.searchsorted(known, known[-1] - overlap) if drawn else 0
        _set_bands(self._pens, self._rows[max(first - 1, 0) :])
        return self._pens, len(self._rows)


class DigitsPanel(Panel):
    """A mosaic of digits, or of other images.

    kind       which: "training", "test" or "validation"
    explained  whether it says how to read them wherever there is room, not only beside them
    """

    explained = False

    def __init__(self, axes, scene, kind, grid):
        super().__init__(axes, scene, f"{kind.capitalize()} {scene.subject}")
        self.kind = kind
        self.grid, self._class_names = grid, scene.class_names
        self._ink, self._classes = scene.ink, len(scene.class_names)
        self._one = scene.subject.removesuffix("s")
        self._digits, self._side, self._painted = None, 1, True
        self._chosen = ()
        self._tiles = {}  # by their side
        axes.set_facecolor(self.style.gap)
        # One unit of the axes is one digit; the first row is at the top.
        rows, columns = grid
        extent = (0, columns, rows, 0)
        self._image = SwiftImage(axes, extent=extent, interpolation="nearest", origin="upper")
        gap = np.array([[(*bytes_of(self.style.gap), 255)]], np.uint8)
        self._image.show(gap, exact=False)
        axes.add_image(self._image)
        explanation = HOW_TO_READ.format("digit" if self._classes <= 10 else "number")
        style = {"size": 8, "color": self.style.faint}
        self._beside = SwiftText(explanation, (1, 0), (8, 0), axes.transAxes, **style)
        self._below = SwiftText(explanation, (0, 0), (0, -8), axes.transAxes, va="top", **style)
        for text in (self._beside, self._below):
            axes.add_artist(text)
        self._room = (0.0, 0.0)
        self._animate(self._image, self._note, self._beside, self._below)
        self._follow((0.0, columns), (rows, 0.0))
        for change in ("xlim_changed", "ylim_changed"):
            axes.callbacks.connect(change, self._on_limits)

    def fit(self, size, room):
        super().fit(size, room)
        self._side = size[0] // self.grid[1]
        self._painted = False
        self._write_misread()
        self._room = room
        self._explain()

    def _explain(self):
        """Say how to read the labels, if there are any, where there is room for it."""
        labelled = self._digits is not None and label_size(self._side, self._classes, self._ink) > 0
        beside, below = np.greater(self._room, HOW_TO_READ_INCHES)
        wide = self._width > HOW_TO_READ_INCHES[0] * self.axes.figure.dpi
        self._beside.set_visible(labelled and beside)
        self._below.set_visible(labelled and below and wide and not beside and self.explained)

    def paint(self):
        """Make the picture that `_take` and `fit` have left to be made until somebody looks."""
        if self._painted or self._digits is None:
            return
        self._painted = True
        zoomed = self._zoomed()
        images, labels, computed = self._digits
        # Zoomed in, the digits are drawn with their own pixels, and matplotlib cuts and enlarges.
        side = self._own_side(images) if zoomed else self._side
        rows, columns = self.grid
        chosen = self._chosen = self._choose(self._digits, rows * columns)
        labels, computed = labels[chosen], computed[chosen]
        tiles = self._tiles_of(images, side).pick(chosen, labels != computed)
        pixels = mosaic(tiles, labels, computed, rows, columns, self._classes, self.style)
        self.axes.set_aspect("equal" if zoomed else "auto")
        self._image.show(pixels, exact=not zoomed)

    def _tiles_of(self, images, side):
        """Those of the newest images, kept at the sizes of the last few views."""
        if side not in self._tiles:
            while len(self._tiles) >= KEPT_SIZES:
                del self._tiles[next(iter(self._tiles))]
            self._tiles[side] = Tiles(images, side, self._ink)
        return self._tiles[side]

    def at(self, x, y):
        """The `Digits`, and the index in them of the one at a pixel; None if there is none."""
        if self._digits is None or not self.axes.bbox.contains(x, y):
            return None
        column, row = np.floor(self.axes.transData.inverted().transform((x, y))).astype(int)
        rows, columns = self.grid
        place = row * columns + column
        if not (0 <= row < rows and 0 <= column < columns and place < len(self._chosen)):
            return None
        return self._digits, int(self._chosen[place])

    def under_mouse(self, x, y):
        if not (found := self.at(*self.axes.transData.transform((x, y)))):
            return ""
        digits, index = found
        label, computed = (
            self._class_names[int(which[index])] for which in (digits.labels, digits.computed)
        )
        return f"{self.kind} {self._one} {index:,}: a {label}, read as {computed}"

    def _own_side(self, images):
        """The side of a tile for images in their own pixels, or a multiple of them."""
        longest = max(images.shape[1:3])
        side = longest * math.ceil(TILE / longest)
        return side if self._ink else side_around(side)

    def _on_limits(self, _):
        self._painted = False

    def _take(self, digits):
        if digits is None or digits is self._digits:
            return False
        if self._digits is not None and digits.images is not self._digits.images:
            self._tiles.clear()
        self._digits, self._painted = digits, False
        self._write_misread()
        self._explain()
        return True

    def _write_misread(self):
        if self._digits is not None:
            _, labels, computed = self._digits
            wrong = f"{int(np.sum(labels != computed)):,}"
            self._write_note(f"{wrong} of {len(labels):,} misread", f"{wrong} misread")

    def _choose(self, digits, at_most):
        """The indices of the digits to show."""
        return np.arange(min(len(digits.labels), at_most))


class TrainingDigits(DigitsPanel):
    """The digits of the newest training batch; the first hundred if there are more."""

    explained = True

    def __init__(self, axes, scene):
        super().__init__(axes, scene, "training", training_grid(scene.batch))

    def update(self, history):
        return self._take(history.training_digits)


class TestDigits(DigitsPanel):
    """A thousand test digits, misread ones first, with a scale that reads off the accuracy."""

    def __init__(self, axes, scene):
        super().__init__(axes, scene, scene.held_out, test_grid(len(scene.test_labels)))
        rows, columns = self.grid
        rows_in_all = len(scene.test_labels) / columns
        shown = min(rows / rows_in_all, 1.0)  # share of the test set
        style = {"size": 9, "color": self.style.faint}

        def ticks(*_):
            room = axes.bbox.height / (2 * style["size"] * axes.figure.dpi / 72)
            parts = next((parts for parts in (5, 2) if parts <= room), 1)
            return np.linspace(0, shown, parts + 1) * rows_in_all

        def percentage(row, _):
            return f"{100 * (1 - row / rows_in_all):.3g} %"

        axes.add_artist(SwiftScale(axes, "y", ticks, percentage, **style))
        self._numbered, self._test_once = scene.numbered, scene.test_once
        self._caption = None
        if not (scene.numbered and self._classes <= 10):
            style = {"va": "top", "size": 8, "color": self.style.faint, "parse_math": False}
            self._caption = SwiftText("", (0, 0), (0, -1), axes.transAxes, **style)
            axes.add_artist(self._caption)
            self._animate(self._caption)

    def fit(self, size, room):
        super().fit(size, room)
        if self._test_once and self._digits is None:
            self._write_note("read once, at the end", "at the end")
        if self._caption:
            self._write_caption()

    def _take(self, digits):
        changed = super()._take(digits)
        if changed and self._caption:
            self._write_caption()
        return changed

    def _write_caption(self):
        """Name all classes, if there is room for it; else those that are most often misread."""

        room = self._width + (self._room[0] - MARGIN) * self.axes.figure.dpi

        def fits(line):
            return self._caption.pixels_wide(line) <= room

        text = None if self._numbered else names(self._class_names, fits)
        if text is None and self._digits is not None:
            _, labels, computed = self._digits
            text = confusions(self._class_names, labels, computed, fits)
        self._caption.set_text(text or "")

    def update(self, history):
        return self._take(history.test_digits)

    def _choose(self, digits, at_most):
        return misread_first(digits, at_most)


def training_grid(batch):
    """Rows and columns for the images of a batch."""
    shown = min(batch, math.prod(TRAINING_GRID))
    columns = math.ceil(math.sqrt(shown))
    return math.ceil(shown / columns), columns


def test_grid(count):
    """Rows and columns for `count` test images: a long row after the other."""
    rows, columns = TEST_GRID
    columns = min(count, columns)
    return min(math.ceil(count / columns), rows), columns


def ink_map(style):
    """The colour map from no ink to the most."""
    return LinearSegmentedColormap.from_list("ink", [style.paper, style.pen])


def _nearest(rows, iteration):
    """The index of the row whose iteration is nearest."""
    return int(np.abs(rows[:, 0] - iteration).argmin())


def _pen(axes, artist):
    """Prepare an artist to draw in axes that don't know of it: only whoever has it draws it."""
    artist.axes = axes
    artist.set_figure(axes.figure)
    artist.set_transform(axes.transData)
    artist.set_clip_path(axes.patch)
    return artist


def _set_bands(polygons, rows):
    """Give each band's polygon its outline: there along its lower edge, and back."""
    there_and_back = np.concatenate([rows[:, 0], rows[::-1, 0]])
    for k, polygon in enumerate(polygons, start=1):
        edges = np.concatenate([rows[:, k], rows[::-1, k + 1]])
        drawn = np.isfinite(edges)
        polygon.set_visible(bool(drawn.any()))
        polygon.set_xy(np.column_stack([there_and_back, edges])[drawn])


def _scales(axes, colours, beyond=0.0):
    """Round numbers and grid lines along both sides.

    beyond  by which share the x-axis is longer than what it shows
    """
    style = {"grid": colours.grid, "size": 9, "color": colours.faint}

    def iterations(lower, upper):
        return WHOLE.tick_values(lower, upper / (1 + beyond))

    axes.add_artist(SwiftScale(axes, "x", iterations, lambda x, _: f"{x:,.0f}", **style))
    axes.add_artist(SwiftScale(axes, "y", ROUNDED.tick_values, _as_precise_as, **style))


def _as_precise_as(number, distance):
    """Write a number with as many decimals as tell it from one that is `distance` away."""
    places = max(0, -int(np.floor(np.log10(distance) + 1e-9)))
    if round(distance, places) != round(distance, 9):
        places += 1  # 0.25, 0.075
    return f"{number + 0.0:.{places}f}"
