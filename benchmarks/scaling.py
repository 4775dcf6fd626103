"""How pure training grows with the batch and with the threads, as a picture.

    python3 -m benchmarks.scaling --save docs/scaling.png      # about twenty minutes
    python3 -m benchmarks.scaling --peers none

Needs `pip install -r benchmarks/requirements.txt`. As `benchmarks.compare`, with each library's
fastest way.
"""

import argparse
import statistics
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from benchmarks import COUNT, SECONDS, check
from benchmarks.compare import FASTEST, LESSONS, OURS, compare, parse
from benchmarks.drawing import save

BATCHES = (100, 300, 1000, 3000)
THREADS = (2, 1)
LIBRARIES = ("Keras", "PyTorch", "JAX")
COLOURS = dict(zip((OURS, *LIBRARIES), ("#d55e00", "#0072b2", "#009e73", "#7f7f7f"), strict=True))


def measure(lesson, names, batches, rounds, seconds):
    """Images a second, medians: {(library, threads): [(batch, images), ...]}.

    Ends the program where our own lesson can't be measured: there is nothing to compare with it.
    """
    found = {}
    for threads in THREADS:
        for batch in batches:
            rates = compare(lesson, names, rounds, seconds, batch, threads)
            if OURS not in rates:
                sys.exit(f"lesson {lesson}, batches of {batch}: no picture without {OURS}")
            for name, each in rates.items():
                library = name.split(",")[0]
                images = batch * statistics.median(each)
                found.setdefault((library, threads), []).append((batch, images))
                print(f"| {lesson} | {name} | {threads} | {batch} | {images:,.0f} |", flush=True)
    return found


def draw(found, batches, path):
    """One panel for each lesson; `found` maps lessons to what `measure` returns."""
    figure = Figure((4.2 * len(found), 4.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for panel, (lesson, lines) in zip(panels, found.items(), strict=True):
        for (library, threads), points in lines.items():
            panel.plot(
                *zip(*points, strict=True),
                "-o" if threads > 1 else "--o",
                color=COLOURS[library],
                label=f"{library}, {threads} thread{'s'[: threads - 1]}",
                markersize=4,
            )
        panel.set(xscale="log", yscale="log", title=f"lesson {lesson}", xlabel="images in a batch")
        panel.set_xticks(batches, [f"{batch:,}" for batch in batches], minor=False)
        panel.minorticks_off()
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter("{x:,.0f}")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("training images a second")
    lines = panels[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=min(4, 2 * len(found)), fontsize=8)
    save(figure, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=f"of {' '.join(LESSONS)}")
    parser.add_argument("--batches", type=COUNT, nargs="+", default=BATCHES)
    parser.add_argument("--rounds", type=COUNT, default=3)
    parser.add_argument("--seconds", type=SECONDS, default=1.0, help="of each turn")
    parser.add_argument("--peers", choices=("all", "none"), default="all")
    parser.add_argument("--save", type=Path, metavar="FILE.png", default=Path("scaling.png"))
    given = parse(parser)
    check(parser, "--save", given.save, ".png")
    print("| network | contender | threads | batch | images/s |\n|---|---|---|---|---|")
    found = {}
    for lesson in given.lessons or LESSONS:
        names = (OURS, *(FASTEST[lesson] if given.peers == "all" else ()))
        found[lesson] = measure(lesson, names, given.batches, given.rounds, given.seconds)
    draw(found, given.batches, given.save)


if __name__ == "__main__":
    main()
