"""Train lessons over several seeds and print what they reach, one table row a lesson.

    python3 -m benchmarks.results                     # all lessons, five seeds: about an hour
    python3 -m benchmarks.results 1.0 2.1 --seeds 3   # some of them

Every run is a process of its own, and leaves its measurements in a CSV file; runs whose file is
there already are not repeated, so an interrupted benchmark goes on where it stopped.
"""

import argparse
import csv
import math
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOAL = 0.99


def lesson_files():
    """The lessons by their numbers: {"1.0": path, ...}."""
    return {path.name.split("_")[1]: path for path in sorted(ROOT.glob("mnist_*.py"))}


def run(script, seed, iterations, log):
    """Train one lesson with one seed, in its own process, unless its log is there already."""
    if log.exists():
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, script, "--no-window", "--seed", str(seed), "--log", log]
    if iterations:
        command += ["--iterations", str(iterations)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script.name} with seed {seed} failed:\n{done.stdout}{done.stderr}")
    print(f"{script.name} seed {seed}: {done.stdout.splitlines()[-1]}", file=sys.stderr, flush=True)


def read(log):
    """The test evaluations of a run: a list of (iteration, accuracy, loss)."""
    with log.open(newline="") as file:
        return [
            (int(row["iteration"]), float(row["test_accuracy"]), float(row["test_loss"]))
            for row in csv.DictReader(file)
            if row["test_accuracy"]
        ]


def summarise(runs):
    """Statistics over several runs' test evaluations, as a dict."""
    finals = [evaluations[-1][1] for evaluations in runs]
    first_past_goal = [
        next((iteration for iteration, accuracy, _ in evaluations if accuracy >= GOAL), None)
        for evaluations in runs
    ]
    median = statistics.median(math.inf if first is None else first for first in first_past_goal)
    return {
        "n": len(runs),
        "mean": statistics.mean(finals),
        "sd": statistics.stdev(finals) if len(finals) > 1 else 0.0,
        "worst": min(finals),
        "best": max(finals),
        "best on the way": max(accuracy for e in runs for _, accuracy, _ in e),
        "loss": statistics.mean(evaluations[-1][2] for evaluations in runs),
        "past goal": "-" if median == math.inf else f"{median:.0f}",
    }


def parse(description, names):
    """Which of the lessons with these names to run, and how; wrong ones end the program."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=f"of {' '.join(names)}")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each lesson (5)")
    parser.add_argument("--iterations", type=int, help="instead of each lesson's own number")
    parser.add_argument("--runs", type=Path, default=ROOT / "benchmarks" / "runs", help="CSV files")
    given = parser.parse_args()
    if unknown := set(given.lessons) - set(names):
        parser.error(f"no lesson {' '.join(sorted(unknown))}; there are {' '.join(names)}")
    if given.seeds < 1:
        parser.error(f"--seeds {given.seeds}: expected at least 1")
    given.lessons = given.lessons or list(names)
    return given


def main():
    lessons = lesson_files()
    given = parse(__doc__.splitlines()[0], lessons)
    print(
        "| lesson | n | final test accuracy | worst | best | best on the way | test loss "
        "| median first past 0.99 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for number in given.lessons:
        logs = [given.runs / f"{number}-seed{seed}.csv" for seed in range(given.seeds)]
        for seed, log in enumerate(logs):
            run(lessons[number], seed, given.iterations, log)
        s = summarise([read(log) for log in logs])
        print(
            f"| {number} | {s['n']} | {s['mean']:.4f} ± {s['sd']:.4f} | {s['worst']:.4f} "
            f"| {s['best']:.4f} | {s['best on the way']:.4f} | {s['loss']:.4f} "
            f"| {s['past goal']} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
