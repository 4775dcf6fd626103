"""The test digits that a trained lesson misreads, kept beside its run, and as a picture."""

import csv
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.files import complete, unfinished
from visu.panels import ink_map
from visu.style import LIGHT

KEPT_OF = ("5.0",)  # lessons so good that a reader may judge for himself what they misread
COLUMNS = ["index", "label", "computed", "confidence"]
PART = 2000  # digits that are read at once
ACROSS, MOST = 12, 96  # digits in a row of the picture, and in all
CELL = 48, 34  # pixels of a digit with its texts, height and width


class Misread(NamedTuple):
    """A test digit, and what some of the runs took it for."""

    index: int
    label: int
    computed: int  # most often
    runs: int  # that misread it
    confidence: float  # 0 ... 1, the mean of what these runs gave to what they read


def epilogue(log):
    """Python text to append to a lesson, so that it keeps what it misreads in the end.

    log  the run's CSV file
    """
    return (
        f"import pathlib, benchmarks.misread\n"
        f"benchmarks.misread.keep(mnist, test, pathlib.Path({str(path_beside(log))!r}))\n"
    )


def path_beside(log):
    """Where the misread digits of a run are kept."""
    return log.with_name(f"{log.stem}-misread.csv")


def keep(mnist, test, path):
    """Write the digits that `test` misreads, a line each, at `path`."""
    Y = np.concatenate([test(*part)[0] for part in mnist.test.in_order(PART)])
    computed = Y.argmax(axis=1)
    with unfinished(path).open("w", encoding="ascii", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        for index in np.flatnonzero(computed != mnist.test.classes):
            label, read = mnist.test.classes[index], computed[index]
            lines.writerow((index, label, read, f"{Y[index, read]:.3f}"))
    complete(path)


def gather(logs):
    """The `Misread` digits of several runs: first what most of them misread, most surely."""
    found = defaultdict(list)
    for log in logs:
        with path_beside(log).open(encoding="ascii", newline="") as file:
            for line in csv.DictReader(file):
                index, label, computed = (int(line[name]) for name in COLUMNS[:3])
                found[index, label].append((computed, float(line["confidence"])))
    digits = []
    for (index, label), readings in found.items():
        classes, confidences = zip(*readings, strict=True)
        computed = max(sorted(set(classes)), key=classes.count)
        digits.append(Misread(index, label, computed, len(readings), float(np.mean(confidences))))
    return sorted(digits, key=lambda digit: (-digit.runs, -digit.confidence, digit.index))


def draw(digits, runs):
    """A matplotlib figure of `Misread` digits, the first `MOST` of them, out of so many runs.

    Above each digit is its label and what it was taken for, below it how often and how surely.
    """
    import visu.startup  # noqa: F401, I001 - late: TensorFlow takes its time to load, quietly
    import mnistdata

    images = mnistdata.read_data_sets().test.pixels
    digits = digits[:MOST]
    rows = -(-len(digits) // ACROSS)
    figure = Figure((ACROSS, CELL[0] / CELL[1] * rows), dpi=80, facecolor=LIGHT.paper)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    sheet = np.zeros((CELL[0] * rows, CELL[1] * ACROSS), np.uint8)
    for place, digit in enumerate(digits):
        y, x = CELL[0] * (place // ACROSS), CELL[1] * (place % ACROSS)
        image = images[digit.index, :, :, 0]
        top, left = y + (CELL[0] - len(image)) // 2, x + (CELL[1] - len(image)) // 2
        sheet[top : top + len(image), left : left + len(image)] = image
        style = {"x": x + CELL[1] / 2, "ha": "center"}
        title = f"{digit.label}, not {digit.computed}"
        axes.text(y=top, s=title, va="bottom", size=10, color=LIGHT.ink, **style)
        often = f"{digit.runs} of {runs}, {100 * digit.confidence:.0f} %"
        axes.text(y=top + 28, s=often, va="top", size=8, color=LIGHT.faint, **style)
    axes.imshow(sheet, cmap=ink_map(LIGHT), interpolation="nearest", aspect="auto")
    return figure
