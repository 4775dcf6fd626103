"""The six panels: matplotlib artists that are made once and then only given new data."""

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from visu.history import thin
from visu.layout import ALL, HEAD, axes_rectangle, cells
from visu.measurement import BANDS, Digits
from visu.mosaics import GAP, misread_first, mosaic
from visu.ranges import accuracy_floor, iteration_limit, loss_ceiling, spread_limit

# A blue and a vermilion that are told apart with any of the common colour blindnesses.
TRAINING_COLOUR, TEST_COLOUR = "#2E86C1", "#D55E00"
BAND_COLOURS = ("#D9E8E3", "#A9D0C4", "#5FB09A", "#00785A", "#5FB09A", "#A9D0C4", "#D9E8E3")
INK, FAINT, GRID, FRAME = "#22262B", "#6B737C", "#E3E6EA", "#B4BAC1"
CURVE_POINTS, BAND_POINTS = 1000, 150  # more than that is not to be seen
TRAINING_GRID, TEST_GRID = (10, 10), (25, 40)  # rows, columns
MARGIN = 0.2  # inches beside the texts above the panels
THOUSANDS = FuncFormatter(lambda x, _: f"{x:,.0f}")
HOW_TO_READ = (
    "On red: misread. The\nlittle digit at its left\nis the right answer, the\n"
    "one at its right is what\nthe network saw in it."
)
HOW_TO_READ_INCHES = 1.6


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
        self.heading = figure.text(0, 0, heading, size=12, weight="bold", color=INK, va="center")
        self.status = figure.text(0, 0, "", size=10, color=FAINT, va="center", ha="right")
        self.status.set_animated(True)
        axes = {number: figure.add_axes((0, 0, 1, 1), label=str(number)) for number in ALL}
        titles = (*spreads, "", "")
        self._panels = {
            1: Curves(axes[1], "Accuracy", column=1),
            2: Curves(axes[2], "Cross-entropy loss", column=2),
            3: TrainingDigits(axes[3]),
            4: Bands(axes[4], titles[0], which=0),
            5: Bands(axes[5], titles[1], which=1),
            6: TestDigits(axes[6], test_size, class_names),
        }
        self.show(ALL)

    def __getitem__(self, number):
        return self._panels[number]

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
                x, y, w, h = axes_rectangle(self.cells[number], dpi, panel.aspect)
                panel.axes.set_position((x / width, y / height, w / width, h / height))
                panel.fit((w, h), room=(sum(self.cells[number][::2]) - x - w) / dpi)
        middle = 1 - HEAD * dpi / 2 / height
        self.heading.set_position((MARGIN * dpi / width, middle))
        self.status.set_position((1 - MARGIN * dpi / width, middle))

    def update(self, history):
        """Take over what is new. Returns the numbers of the panels that changed."""
        return {
            number
            for number, panel in self._panels.items()
            if panel.update(history, self._iterations)
        }

    def reset_zoom(self):
        """Let the axes follow the data again."""
        for panel in self._panels.values():
            panel.reset_zoom()


class Panel:
    """What the panels have in common.

    axes     the panel's axes; all that is not in `artists` changes only with their limits
    artists  what changes with the data, in drawing order; being animated, it is drawn apart
    aspect   width / height of the axes, None for whatever there is room for
    """

    aspect = None

    def __init__(self, axes, title):
        self.axes = axes
        self.artists = []
        axes.set_title(title, loc="left", size=11, weight="bold", color=INK, pad=7)
        axes.tick_params(labelsize=9, colors=FAINT, length=3)
        for spine in axes.spines.values():
            spine.set_color(FRAME)
        self._followed = []  # limits that were set here; all others are the user's zoom

    def fit(self, size, room):
        """The axes are now this large, in pixels, with so many inches of room to their right."""

    def reset_zoom(self):
        if self._followed:
            self._set_limits(self._followed[-1])

    def _animate(self, *artists):
        for artist in artists:
            artist.set_animated(True)
            self.artists.append(artist)

    def _note(self):
        """A text at the right of the title that changes with the data."""
        return self.axes.annotate(
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

    def _follow(self, x_limits, y_limits):
        """Set the limits, unless the user zoomed."""
        limits = (x_limits, y_limits)
        if limits not in self._followed[-1:] and not self._zoomed():
            self._set_limits(limits)
        if limits not in self._followed[-1:]:
            self._followed.append(limits)

    def _set_limits(self, limits):
        self.axes.set_xlim(*limits[0])
        self.axes.set_ylim(*limits[1])

    def _zoomed(self):
        shown = (self.axes.get_xlim(), self.axes.get_ylim())
        return bool(self._followed) and not any(np.allclose(shown, f) for f in self._followed)


class Curves(Panel):
    """Accuracy or loss over iterations, in training and in the test."""

    def __init__(self, axes, title, column):
        super().__init__(axes, title)
        self._column, self._shown = column, (-1, -1)
        _iterations_axis(axes)
        (self._training,) = axes.plot([], [], color=TRAINING_COLOUR, linewidth=0.9)
        (self._test,) = axes.plot([], [], color=TEST_COLOUR, linewidth=2)
        # Rising accuracies leave the lower right corner free, falling losses the upper right one.
        corner, heights = ((1, 0), (25, 10)) if column == 1 else ((1, 1), (-10, -25))
        self._legend = [
            axes.annotate(
                "",
                corner,
                xytext=(-6, height),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="right",
                va="center",
                size=10,
                color=colour,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
            )
            for height, colour in zip(heights, (TRAINING_COLOUR, TEST_COLOUR), strict=True)
        ]
        self._animate(self._training, self._test, *self._legend)
        self._follow((0.0, 1.0), (0.0, 1.0))

    def update(self, history, iterations):
        training, test = history.training, history.test
        if (len(training), len(test)) == self._shown:
            return False
        self._shown = (len(training), len(test))
        for name, points, line, text in zip(
            ("training", "test"),
            (training, test),
            (self._training, self._test),
            self._legend,
            strict=True,
        ):
            shown = np.array(thin(points, CURVE_POINTS)).reshape(-1, 3)
            line.set_data(shown[:, 0], shown[:, self._column])
            newest = f"{points[-1, self._column]:.4f}" if len(points) else "…"
            text.set_text(f"— {name} {newest}")
        if self._column == 1:
            lower, upper = accuracy_floor(training, test), 1.0
        else:
            lower, upper = 0.0, loss_ceiling(training, test)
        room = (upper - lower) * 0.015
        last = training[-1, 0] if len(training) else 0
        self._follow((0.0, iteration_limit(last, iterations)), (lower - room, upper + room))
        return True


class Bands(Panel):
    """How the values of many variables spread: bands that hold a seventh of them each."""

    def __init__(self, axes, title, which):
        super().__init__(axes, title)
        self._which, self._shown = which, None
        _iterations_axis(axes)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        self._bands = [
            axes.fill_between([], [], [], facecolor=colour, edgecolor="none", linewidth=0)
            for colour in BAND_COLOURS
        ]
        self._animate(*self._bands)
        self._note().set_text(f"{BANDS} bands, 1/{BANDS} of the values each")
        self._follow((0.0, 1.0), (-1.0, 1.0))

    def update(self, history, iterations):
        at, limits = history.spread(self._which, BAND_POINTS)
        if not len(at) or at[-1] == self._shown:
            return False
        self._shown = at[-1]
        for k, band in enumerate(self._bands):
            band.set_data(at, limits[:, k], limits[:, k + 1])
        top = spread_limit(limits)
        self._follow((0.0, iteration_limit(at[-1], iterations)), (-top, top))
        return True


class DigitsPanel(Panel):
    """A mosaic of digits."""

    misread_at_the_top = False

    def __init__(self, axes, title, grid):
        super().__init__(axes, title)
        self._rows, self._columns = grid
        self.aspect = self._columns / self._rows
        self._digits, self._size, self._pixels = None, (1, 1), None
        axes.set_facecolor(np.array(GAP) / 255)
        axes.set_xticks([])
        # One unit of the axes is one digit; the first row is at the top.
        self._image = axes.imshow(
            [[GAP]],
            extent=(0, self._columns, self._rows, 0),
            interpolation="nearest",
            aspect="auto",
        )
        self._text = self._note()
        # The frame is drawn once more: the image covers half of its width.
        self._animate(self._image, self._text, *axes.spines.values())
        self._follow((0.0, self._columns), (self._rows, 0.0))
        axes.callbacks.connect("xlim_changed", lambda _: self._paint())
        axes.callbacks.connect("ylim_changed", lambda _: self._paint())

    def fit(self, size, room):
        self._size = size
        self._paint()

    def _take(self, digits):
        if digits is None or digits is self._digits:
            return False
        self._digits = digits
        cells = self._rows * self._columns
        chosen = misread_first(digits, cells) if self.misread_at_the_top else slice(cells)
        self._pixels = mosaic(Digits(*(part[chosen] for part in digits)), self._rows, self._columns)
        wrong = int(np.sum(digits.labels != digits.computed))
        self._text.set_text(f"{wrong:,} of {len(digits.labels):,} misread")
        self._paint()
        return True

    def _paint(self):
        if self._pixels is None:
            return
        if self._zoomed():
            self.axes.set_aspect("equal")
            self._image.set_data(self._pixels)
        else:
            # Resampled to the very pixels of the axes, Pillow's way: sharper than matplotlib's
            # own interpolation, at a fifth of its time.
            self.axes.set_aspect("auto")
            resampled = Image.fromarray(self._pixels).resize(self._size, Image.Resampling.LANCZOS)
            self._image.set_data(np.asarray(resampled))


class TrainingDigits(DigitsPanel):
    """The digits of the newest training batch."""

    def __init__(self, axes):
        super().__init__(axes, "Training digits", TRAINING_GRID)
        axes.set_yticks([])
        self._explanation = axes.annotate(
            HOW_TO_READ,
            (1, 0),
            xytext=(8, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="bottom",
            size=8,
            color=FAINT,
            annotation_clip=False,
        )

    def fit(self, size, room):
        super().fit(size, room)
        self._explanation.set_visible(room > HOW_TO_READ_INCHES)

    def update(self, history, iterations):
        return self._take(history.training_digits)


class TestDigits(DigitsPanel):
    """A thousand test digits, misread ones first, with a scale that reads off the accuracy."""

    misread_at_the_top = True

    def __init__(self, axes, test_size, class_names):
        super().__init__(axes, "Test digits", TEST_GRID)
        rows_in_all = test_size / self._columns
        shown = min(self._rows / rows_in_all, 1.0)  # share of the test set
        steps = np.linspace(0, shown, 6)
        axes.set_yticks(steps * rows_in_all, [f"{100 * (1 - step):.3g} %" for step in steps])
        if tuple(class_names) != tuple("0123456789"):
            names = "  ".join(f"{number} {name}" for number, name in enumerate(class_names))
            axes.set_xlabel(names, size=8, color=FAINT, wrap=True)

    def update(self, history, iterations):
        return self._take(history.test_digits)


def _iterations_axis(axes):
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(THOUSANDS)
