"""The look of the benchmarks' pictures: curves over several seeds, in the live view's colours."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from visu.files import complete, unfinished
from visu.style import LIGHT

HEIGHT, ONE_WIDE, MORE_WIDE = 4.8, 8.96, 12.8  # inches, of 100 pixels


def new_figure(count, **subplots):
    """A figure, and an array of so many axes side by side; `subplots` as matplotlib has them."""
    width = ONE_WIDE if count == 1 else MORE_WIDE
    figure = Figure((width, HEIGHT), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, count, squeeze=False, **subplots)[0]


def style(axes, title, x_label):
    """Give axes with curves in them their title, legend and colours."""
    axes.set_title(title, loc="left", weight="bold", color=LIGHT.ink)
    axes.set_xlabel(x_label, color=LIGHT.faint)
    axes.tick_params(which="both", colors=LIGHT.faint)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(color=LIGHT.grid)
    axes.spines[:].set_color(LIGHT.frame)
    columns = 2 if len(axes.get_legend_handles_labels()[0]) > 6 else 1
    axes.legend(frameon=False, labelcolor=LIGHT.ink, ncols=columns)


def add_curve(axes, x, values, colour, label, **line):
    """Draw the mean over the seeds, and a band from the least to the most.

    values  [seeds, len(x)]
    line    what else matplotlib is to know of the line
    """
    least, most = values.min(axis=0), values.max(axis=0)
    if len(x) == 1:  # no line, and no band
        axes.vlines(x, least, most, color=colour, alpha=0.4, linewidth=4)
        line["marker"] = "o"
    axes.fill_between(x, least, most, color=colour, alpha=0.2, linewidth=0)
    axes.plot(x, np.mean(values, axis=0), color=colour, label=label, **line)


def plain_numbers(axis):
    """Write the round numbers of a logarithmic axis as one does, 0.02 and 50, and no others."""
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_formatter(FuncFormatter(_plain))


def save(figure, path):
    """Write a figure at `path`, which appears only when it is whole."""
    figure.savefig(unfinished(path), format=path.suffix[1:])
    complete(path)


def _plain(value, _):
    text = f"{value:.3g}"
    return text if text.strip("0.")[:1] in ("1", "2", "5") and len(text.strip("0.")) == 1 else ""
