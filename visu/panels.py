"""The six panels: matplotlib artists that are made once and then only given new data."""

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from visu.history import thin
from visu.layout import ALL, HEAD, axes_rectangle, cells
from visu.measurement import BANDS, Digits
from visu.mosaics import GAP, misread_first, mosaic
from visu.ranges import accuracy_floor, iteration_limit, loss_ceiling

# Okabe and Ito's palette: told apart by people with any of the common colour blindnesses.
TRAINING_COLOUR, TEST_COLOUR = "#56B4E9", "#D55E00"
BAND_COLOURS = ("#D9E8E3", "#A9D0C4", "#5FB09A", "#00785A", "#5FB09A", "#A9D0C4", "#D9E8E3")
INK, FAINT, GRID = "#22262B", "#6B737C", "#E3E6EA"
CURVE_POINTS, BAND_POINTS = 1000, 250  # more than that, no screen shows
TEST_ROWS, TEST_COLUMNS = 25, 40
THOUSANDS = FuncFormatter(lambda x, _: f"{x:,.0f}")


class Panels:
    """All six, on one figure.

    figure       a `matplotlib.figure.Figure`, of any size
    heading      what stands above the panels, at the left
    iterations   of the whole run: where the x-axes end
    test_size    digits in the test set, for panel 6's scale
    spreads      the titles of panels 4 and 5
    class_names  of the ten classes
    """

    def __init__(self, figure, heading, iterations, test_size, spreads, class_names):
        self.figure = figure
        self._iterations = iterations
        figure.set_facecolor("white")
        self._heading = figure.text(0, 0, heading, size=12, weight="bold", color=INK, va="center")
        self.status = figure.text(0, 0, "", size=10, color=FAINT, va="center", ha="right")
        self.status.set_animated(True)
        axes = {number: figure.add_axes((0, 0, 1, 1), label=str(number)) for number in ALL}
        titles = dict(zip((4, 5), (*spreads, "", "")[:2], strict=True))
        self._panels = {
            1: Curves(axes[1], "Accuracy", column=1, digits=4, legend="lower right"),
            2: Curves(axes[2], "Cross-entropy loss", column=2, digits=4, legend="upper right"),
            3: TrainingDigits(axes[3]),
            4: Bands(axes[4], titles[4], 0),
            5: Bands(axes[5], titles[5], 1),
            6: TestDigits(axes[6], test_size, class_names),
        }
        self.show(ALL)

    def show(self, view):
        """Show these panels alone, as large as the figure allows."""
        self.view = view
        self.arrange()

    def arrange(self):
        """Fit the panels of the view into the figure as large as it is now."""
        width, height = self.figure.get_size_inches()
        self.cells = cells(self.view, width, height)
        for number, panel in self._panels.items():
            panel.axes.set_visible(number in self.cells)
            if number in self.cells:
                left, bottom, w, h = axes_rectangle(self.cells[number])
                panel.axes.set_position((left / width, bottom / height, w / width, h / height))
        middle = 1 - HEAD / 2 / height
        self._heading.set_position((0.2 / width, middle))
        self.status.set_position((1 - 0.2 / width, middle))

    def update(self, history):
        """Take over what is new.

        Returns the numbers of the panels whose artists changed, and whether an axis changed, so
        that all has to be drawn again.
        """
        changed, axis_changed = set(), False
        for number, panel in self._panels.items():
            artists, axis = panel.update(history, self._iterations)
            if artists:
                changed.add(number)
            axis_changed |= axis
        return changed, axis_changed

    def artists(self, number):
        """What has to be drawn anew in a panel when its data has changed, in drawing order."""
        return self._panels[number].artists

    def reset_zoom(self):
        """Let the axes follow the data again."""
        for panel in self._panels.values():
            panel.reset_zoom()


class Panel:
    """What the panels have in common. `artists` are drawn apart from the rest, being animated."""

    def __init__(self, axes, title):
        self.axes = axes
        self.artists = []
        axes.set_title(title, loc="left", size=11, weight="bold", color=INK, pad=7)
        axes.tick_params(labelsize=9, colors=FAINT, length=3)
        for spine in axes.spines.values():
            spine.set_color("#B4BAC1")
        self._limits = None

    def _animate(self, *artists):
        for artist in artists:
            artist.set_animated(True)
            self.artists.append(artist)

    def _note(self):
        """A text at the right of the title that changes with the data."""
        note = self.axes.annotate(
            "",
            (1, 1),
            xytext=(0, 7),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            size=9,
            color=FAINT,
            annotation_clip=False,
        )
        self._animate(note)
        return note

    def _follow(self, x_limits, y_limits):
        """Set the limits, unless the user zoomed. Says whether they changed."""
        limits = (x_limits, y_limits)
        if limits == self._limits or self._zoomed():
            return False
        self.axes.set_xlim(*x_limits)
        self.axes.set_ylim(*y_limits)
        self._limits = limits
        return True

    def _zoomed(self):
        shown = (self.axes.get_xlim(), self.axes.get_ylim())
        return self._limits is not None and not np.allclose(shown, self._limits)

    def reset_zoom(self):
        if self._limits is not None:
            self.axes.set_xlim(*self._limits[0])
            self.axes.set_ylim(*self._limits[1])


class Curves(Panel):
    """Accuracy or loss over iterations, in training and in the test."""

    def __init__(self, axes, title, column, digits, legend):
        super().__init__(axes, title)
        self._column, self._digits, self._shown = column, digits, (-1, -1)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(THOUSANDS)
        (self._training,) = axes.plot([], [], color=TRAINING_COLOUR, linewidth=1, label="training")
        (self._test,) = axes.plot([], [], color=TEST_COLOUR, linewidth=2, label="test")
        self._legend = axes.legend(
            loc=legend, fontsize=9, framealpha=0.85, edgecolor="none", handlelength=1.4
        )
        self._animate(self._training, self._test, self._legend)
        self._follow((0, 1), (0, 1))

    def update(self, history, iterations):
        training, test = history.training, history.test
        if (len(training), len(test)) == self._shown:
            return False, False
        self._shown = (len(training), len(test))
        for line, name, points in (
            (self._training, "training", training),
            (self._test, "test", test),
        ):
            line.set_data(*thin_points(points)[:, [0, self._column]].T)
            newest = f"{points[-1, self._column]:.{self._digits}f}" if len(points) else "…"
            text = self._legend.get_texts()[0 if name == "training" else 1]
            text.set_text(f"{name} {newest}")
        if self._column == 1:
            y_limits = (accuracy_floor(training, test), 1.0)
        else:
            y_limits = (0.0, loss_ceiling(training, test))
        room = (y_limits[1] - y_limits[0]) * 0.015
        last = training[-1, 0] if len(training) else 0
        x_limits = (0.0, float(iteration_limit(last, iterations)))
        return True, self._follow(x_limits, (y_limits[0] - room, y_limits[1] + room))


class Bands(Panel):
    """How the values of many variables spread: bands that hold a seventh of them each."""

    def __init__(self, axes, title, which):
        super().__init__(axes, title)
        self._which, self._shown = which, -1
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(THOUSANDS)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        self._bands = [
            axes.fill_between([], [], [], facecolor=colour, edgecolor="none", linewidth=0)
            for colour in BAND_COLOURS
        ]
        self._animate(*self._bands)
        self._note().set_text(f"{BANDS} bands, 1/{BANDS} of the values each")
        self._follow((0, 1), (-1, 1))

    def update(self, history, iterations):
        at, limits = history.spread(self._which, BAND_POINTS)
        newest = at[-1] if len(at) else -1
        if newest == self._shown:
            return False, False
        self._shown = newest
        for k, band in enumerate(self._bands):
            band.set_data(at, limits[:, k], limits[:, k + 1])
        finite = np.abs(limits[np.isfinite(limits)])
        largest = finite.max() if len(finite) else 0.0
        # The next of 1, 2, 5, 10, ... tenths above: an axis that changes rarely.
        steps = [m * 10.0**e for e in range(-1, 9) for m in (1, 1.5, 2, 3, 5, 7)]
        top = next((step for step in steps if largest <= step), float(largest) or 1.0)
        return True, self._follow((0.0, float(iteration_limit(newest, iterations))), (-top, top))


class DigitsPanel(Panel):
    """A mosaic of digits."""

    def __init__(self, axes, title, rows, columns):
        super().__init__(axes, title)
        self._rows, self._columns, self._shown = rows, columns, None
        axes.set_anchor("NW")
        axes.set_facecolor(np.array(GAP) / 255)
        empty = Digits(np.zeros((0, 28, 28, 1)), np.zeros(0, int), np.zeros(0, int))
        # One unit of the axes is one digit; the first row is at the top.
        self._image = axes.imshow(
            mosaic(empty, rows, columns),
            extent=(0, columns, rows, 0),
            interpolation="antialiased",
            aspect="equal",
        )
        self._animate(self._image)
        self._text = self._note()
        self._follow((0, columns), (rows, 0))
        axes.set_xticks([])

    def _paint(self, digits):
        if digits is None or digits is self._shown:
            return False
        self._shown = digits
        chosen = misread_first(digits, self._rows * self._columns) if self.sorted else slice(None)
        self._image.set_data(
            mosaic(Digits(*(part[chosen] for part in digits)), self._rows, self._columns)
        )
        return True

    def _misread(self, digits):
        return int(np.sum(digits.labels != digits.computed))


class TrainingDigits(DigitsPanel):
    """The 100 digits of the newest training batch."""

    sorted = False

    def __init__(self, axes):
        super().__init__(axes, "Training digits", 10, 10)
        axes.set_yticks([])

    def update(self, history, iterations):
        if not self._paint(history.training_digits):
            return False, False
        self._text.set_text(f"{self._misread(self._shown)} misread")
        return True, False


class TestDigits(DigitsPanel):
    """A thousand test digits, misread ones first, with a scale that reads off the accuracy."""

    sorted = True

    def __init__(self, axes, test_size, class_names):
        super().__init__(axes, "Test digits", TEST_ROWS, TEST_COLUMNS)
        rows_in_all = test_size / TEST_COLUMNS
        shown = min(TEST_ROWS / rows_in_all, 1.0)  # share of the test set
        below_top = np.linspace(0, shown, 6)
        axes.set_yticks(
            below_top * rows_in_all, [f"{100 * (1 - share):.3g} %" for share in below_top]
        )
        if tuple(class_names) != tuple("0123456789"):
            names = "  ".join(f"{number} {name}" for number, name in enumerate(class_names))
            axes.set_xlabel(names, size=8, color=FAINT, wrap=True)

    def update(self, history, iterations):
        if not self._paint(history.test_digits):
            return False, False
        count = len(self._shown.labels)
        self._text.set_text(f"{self._misread(self._shown):,} of {count:,} misread")
        return True, False


def thin_points(points):
    """At most `CURVE_POINTS` rows of an array, the first and the last among them."""
    return np.array(thin(points, CURVE_POINTS)).reshape(-1, 3)
