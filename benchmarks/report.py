"""`RESULTS.md`: the table of `benchmarks.results`, and pictures of what it compares."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.drawing import add_curve, new_figure, plain_numbers, save, style
from benchmarks.misread import MOST
from benchmarks.misread import draw as draw_misread
from benchmarks.variants import COMPARISONS, ON_FASHION, lesson_files
from visu.files import complete, unfinished
from visu.style import LIGHT

FOLDER = Path("docs") / "results"  # of the pictures, beside the report
# A hue for each chapter; within it, the later lesson is the darker one.
COLOURS = {
    "1.0": "#6B737C",
    "2.0": "#8FC1E3",
    "2.1": "#2E86C1",
    "2.2": "#154360",
    "3.0": "#F5B27A",
    "3.1": "#D55E00",
    "4.0": "#A9D0C4",
    "4.1": "#2F9E7E",
    "4.2": "#00513C",
    "5.0": "#B0126B",
}
ACCURACY, LOSS = 1, 2  # columns of a run's points
TEXT = """# Results

What every lesson reaches, over n seeds, by

```bash
.venv/bin/python -m benchmarks.results --save RESULTS.md
```

which trains whatever is not in `benchmarks/runs/` yet, and writes this page and its pictures.
"Final" is the accuracy on the 10,000 test digits after the last iteration, mean ± standard
deviation; "best on the way" is the largest of some sixty evaluations of the best run, forty in 1.0:
it was chosen on the test set, and flatters; lesson 5.0 has no other than the final one, because it
evaluates the test digits once. The training loss is that of the last epoch's batches, in 5.0 as
augmented. Lesson 5.0 is taught not to be quite certain, so its losses are large although it
misreads few digits.
Seconds are the median of runs that had the machine for themselves, without TensorFlow's start, on
two cores without a GPU; of 4.2 and 5.0 of one run, of an earlier version on an older machine. On
another number of cores, 1.0 and the convolutional lessons come to other figures:
`benchmarks/README.md` says why.{variants}

{table}
{pictures}"""


FASHION = """
## Fashion-MNIST

The same lessons on other images of the same size, ten kinds of clothes, by `--data`; one seed each.
How lesson 5.0 augments them was chosen for digits, which differ in slant and size as clothes do
not.

{table}
"""
MISREAD = (
    "The {digits} that any of {runs} runs of lesson {name} misreads: what each is, by "
    "its label, and what it was taken for; below it, how many runs misread it, and how much of "
    "their confidence they gave to that, on average. Judge for yourself."
)


class Series(NamedTuple):
    """A curve in a picture: the mean over the seeds, and a band from the least to the most."""

    name: str  # of the runs
    column: int
    label: str
    colour: str
    training: bool = False  # the training curve instead of the test's


class Picture(NamedTuple):
    """One axes for each list of series, with its title."""

    file: str
    text: str
    axes: tuple[tuple[str, tuple[Series, ...]], ...]
    until: int | None = None  # the last iteration to be seen
    log: bool = False


def _pairs(column, *names):
    return tuple(Series(name, column, name, COLOURS[name]) for name in names)


def pictures():
    """All pictures of the report."""
    lessons = list(lesson_files())
    ours, theirs = LIGHT.test, LIGHT.training
    return (
        Picture(
            "lessons.png",
            "Every lesson on the test digits: the share that is misread, and the loss. Lines are "
            "means over the seeds, bands reach from the least to the most.",
            (
                ("Test digits misread, %", _pairs(ACCURACY, *lessons)),
                ("Test loss", _pairs(LOSS, *lessons)),
            ),
            log=True,
        ),
        Picture(
            "dropout.png",
            "Learning by heart, and dropout against it: without it, the test loss turns and climbs "
            "while the training loss goes on down.",
            (
                (
                    "Test loss of five layers",
                    (
                        Series("2.1", LOSS, "2.1", theirs),
                        Series("2.2", LOSS, "2.2, dropout", ours),
                    ),
                ),
                (
                    "Test loss of the bigger convolutional network",
                    (
                        Series("3.1-whole", LOSS, "without dropout", theirs),
                        Series("3.1", LOSS, "3.1, dropout", ours),
                    ),
                ),
            ),
        ),
        Picture(
            "relu.png",
            "The first 300 iterations: sigmoids let the gradient fade from layer to layer, ReLU "
            "does not.",
            (
                (
                    "Training loss",
                    (
                        Series("2.0", LOSS, "2.0, sigmoid", theirs, training=True),
                        Series("2.1", LOSS, "2.1, ReLU", ours, training=True),
                    ),
                ),
            ),
            until=300,
        ),
        Picture(
            "rate.png",
            "A learning rate that stays at 0.003 keeps the accuracy jumping; one that decays lets "
            "it come to rest, higher.",
            (
                (
                    "Test accuracy",
                    (
                        Series("2.1-fixed", ACCURACY, "2.1 at a fixed rate", theirs),
                        Series("2.1", ACCURACY, "2.1", ours),
                    ),
                ),
            ),
        ),
    )


def write(path, table, fashion, runs, digits):
    """Write the report at `path`, and its pictures beside it.

    table    its lines, head and rows
    fashion  those of the table for Fashion-MNIST, likewise
    runs     {name: list of `visu.runs.EarlierRun`}; pictures of which any is missing are left out
    digits   {name: list of `benchmarks.misread.Misread`} in these runs
    """
    folder = path.parent / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    shown = ""
    for picture in pictures():
        if all(series.name in runs for _, drawn in picture.axes for series in drawn):
            save(draw(picture, runs), folder / picture.file)
            place = (FOLDER / picture.file).as_posix()
            shown += f"\n![{picture.text}]({place})\n\n{picture.text}\n"
    for name, misread_digits in digits.items():
        count = len(runs[name])
        file = f"misread-{name}.png"
        save(draw_misread(misread_digits, count), folder / file)
        which = f"{len(misread_digits)} test digits"
        if len(misread_digits) > MOST:
            which = f"first {MOST} of the {which}"
        text = MISREAD.format(name=name, digits=which, runs=count)
        shown += f"\n![{text}]({(FOLDER / file).as_posix()})\n\n{text}\n"
    variants = "".join(
        f"\n`{name}` is lesson {variant.lesson} {variant.difference}."
        for name, variant in COMPARISONS.items()
        if name in runs
    )
    said = {"table": "\n".join(table), "variants": variants, "pictures": shown}
    report = TEXT.format(**said)
    if any(name in runs for name in ON_FASHION):
        report += FASHION.format(table="\n".join(fashion))
    unfinished(path).write_text(report, "utf-8")
    complete(path)


def draw(picture, runs):
    """A matplotlib figure."""
    figure, all_axes = new_figure(len(picture.axes))
    for axes, (title, drawn) in zip(all_axes, picture.axes, strict=True):
        for series in drawn:
            _add(axes, series, runs[series.name], picture)
        style(axes, title, "iterations")
        if picture.log:
            axes.set_yscale("log")
            plain_numbers(axes.yaxis)
        elif drawn[0].column == LOSS:
            axes.set_ylim(bottom=0)
    return figure


def _add(axes, series, runs, picture):
    rows = [run.training if series.training else run.test for run in runs]
    length = min(map(len, rows))
    iterations = rows[0][:length, 0]
    values = np.stack([points[:length, series.column] for points in rows])
    if picture.log and series.column == ACCURACY:
        values = 100 * (1 - values)
    seen = iterations > 0  # an untrained network says nothing
    if picture.until:
        seen &= iterations <= picture.until
    add_curve(axes, iterations[seen], values[:, seen], series.colour, series.label)
