"""Train lessons over several seeds and print what they reach, one table row a lesson.

    python3 -m benchmarks.results                     # all lessons, five seeds: some hours
    python3 -m benchmarks.results 1.0 2.1 --seeds 3   # some of them
    python3 -m benchmarks.results --save RESULTS.md   # all, and what they are compared with
    python3 -m benchmarks.results --kept              # only what has been trained already

Every run is a process of its own, and leaves its measurements in a CSV file; runs whose file is
there already, as those of the project itself are, are not repeated: an interrupted benchmark goes
on where it stopped, and whoever deletes a file has that run repeated.
"""

import argparse
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.variants import COMPARISONS, ROOT, VARIANTS, lesson_files
from visu.runs import read

GOAL = 0.99
EPOCH = 600  # iterations
TEST_DIGITS = 10_000
COLUMNS = (
    "lesson",
    "n",
    "final test accuracy",
    "worst",
    "best",
    "best on the way",
    "misread",
    "median first past 0.99",
    "training loss",
    "test loss",
    "the sources say",
)
SOURCES = {
    "1.0": "92 %",
    "2.0": "97.9 %",
    "2.1": "98.2 %",
    "2.2": "98.2 %",
    "3.0": "98.9 %",
    "3.1": "99.3 %, past 0.99 after 1,600 to 2,000",
    "3.1-whole": "98.9 to 99.1 %",
    "4.0": "98.1 %",
    "4.1": "98.4 %",
    "4.2": "99.5 %",
}


def run(name, seed, iterations, log):
    """Train a lesson or a variant with one seed, in its own process, unless its log is there."""
    if log.exists():
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if variant := VARIANTS.get(name):
            script, iterations = variant.write(folder), iterations or variant.iterations
        else:
            script = lesson_files()[name]
        command = [sys.executable, script, "--no-window", "--seed", str(seed), "--log", log]
        if iterations:
            command += ["--iterations", str(iterations)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} with seed {seed} failed:\n{done.stdout}{done.stderr}")
    print(f"{name} seed {seed}: {done.stdout.splitlines()[-1]}", file=sys.stderr, flush=True)


def summarise(runs):
    """Statistics over several runs, `visu.runs.EarlierRun`, as a dict."""
    finals = [run.test[-1, 1] for run in runs]
    firsts = [next((row[0] for row in run.test if row[1] >= GOAL), math.inf) for run in runs]
    median = statistics.median(firsts)
    return {
        "n": len(runs),
        "mean": statistics.mean(finals),
        "sd": statistics.stdev(finals) if len(finals) > 1 else 0.0,
        "worst": min(finals),
        "best": max(finals),
        "best on the way": max(run.test[:, 1].max() for run in runs),
        "misread": round((1 - statistics.mean(finals)) * TEST_DIGITS),
        "past goal": "-" if median == math.inf else f"{median:.0f}",
        "training loss": np.mean([_last_epoch(run.training) for run in runs]),
        "test loss": statistics.mean(run.test[-1, 2] for run in runs),
    }


def _last_epoch(rows):
    return rows[rows[:, 0] > rows[-1, 0] - EPOCH, 2].mean()


def row(name, runs):
    """A line of the table."""
    s = summarise(runs)
    cells = (
        name,
        s["n"],
        f"{s['mean']:.4f} ± {s['sd']:.4f}",
        *(f"{s[which]:.4f}" for which in ("worst", "best", "best on the way")),
        s["misread"],
        s["past goal"],
        f"{s['training loss']:.2g}",
        f"{s['test loss']:.4f}",
        SOURCES.get(name, ""),
    )
    return f"| {' | '.join(map(str, cells))} |"


def parse(description, names, save=False):
    """Which of the lessons with these names to run, and how; wrong ones end the program."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=f"of {' '.join(names)}")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each lesson (5)")
    parser.add_argument("--iterations", type=int, help="instead of each lesson's own number")
    parser.add_argument("--runs", type=Path, default=ROOT / "benchmarks" / "runs", help="CSV files")
    if save:
        parser.add_argument("--save", type=Path, metavar="FILE.md", help="table and pictures")
        parser.add_argument("--kept", action="store_true", help="train nothing: what is there")
    given = parser.parse_args()
    if unknown := set(given.lessons) - set(names):
        parser.error(f"no lesson {' '.join(sorted(unknown))}; there are {' '.join(names)}")
    if given.seeds < 1:
        parser.error(f"--seeds {given.seeds}: expected at least 1")
    return given


def main():
    given = parse(__doc__.splitlines()[0], [*lesson_files(), *COMPARISONS], save=True)
    names = given.lessons or list(lesson_files())
    if given.save and not given.lessons:
        names += COMPARISONS
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    print("\n".join(lines))
    runs = {}
    for name in names:
        logs = [given.runs / f"{name}-seed{seed}.csv" for seed in range(given.seeds)]
        if given.kept:
            logs = [log for log in logs if log.exists()]
        for seed, log in enumerate(logs):
            run(name, seed, given.iterations, log)
        if not logs:
            continue
        runs[name] = [read(log) for log in logs]
        lines.append(row(name, runs[name]))
        print(lines[-1], flush=True)
    if given.save:
        from benchmarks.report import write  # late: matplotlib takes its time to load

        write(given.save, lines, runs)


if __name__ == "__main__":
    main()
