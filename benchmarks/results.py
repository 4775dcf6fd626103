"""Train lessons over several seeds and print what they reach, one table row a lesson.

    python3 -m benchmarks.results                     # all lessons, several seeds: some hours
    python3 -m benchmarks.results 1.0 2.1 --seeds 3   # some of them
    python3 -m benchmarks.results --save RESULTS.md   # all, and what they are compared with
    python3 -m benchmarks.results --kept              # only what has been trained already
    python3 -m benchmarks.results --jobs 2            # two at a time, where that changes nothing

Every run is a process of its own, and leaves its measurements in a CSV file; runs whose file is
there already, as those of the project itself are, are not repeated: an interrupted benchmark goes
on where it stopped, and whoever deletes a file has that run repeated. What a run took is kept in
`seconds.csv` if it had the machine for itself.

With --jobs, several runs share the processors. Lessons 1.0, 3.0, 3.1, 4.2 and 5.0 would come to
other figures then, because they depend on the number of threads: whatever --jobs says, they are
trained one at a time, after the others, with all processors.
"""

import argparse
import csv
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks import COUNT, check, check_lessons, misread
from benchmarks.variants import (
    COMPARISONS,
    FASHION,
    ON_FASHION,
    ROOT,
    VARIANTS,
    Variant,
    depends_on_threads,
    lesson_files,
)
from visu.files import complete, unfinished
from visu.runs import read

GOAL = 0.99
SEEDS = 5  # runs of each lesson
# Where five seeds leave to chance what the lesson is to show: in 3.1, what the best one reaches and
# when the median passes the goal; in 2.2, whether it is as good as 2.1.
MORE_SEEDS = {"2.2": 25, "3.1": 25, "3.1-biased": 25}
EPOCH = 600  # iterations
TEST_DIGITS = 10_000
RUNS = ROOT / "benchmarks" / "runs"
SECONDS = "seconds.csv"  # beside the runs: name, seed, what the run took
THREADS = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"
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
    "seconds",
    "the sources say",
)
HEAD = f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"
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
    "5.0": "99.7 %, the world record",
}


def run(name, seed, iterations, log, jobs=1):
    """Train a lesson or a variant with one seed, in its own process, unless its log is there.

    jobs  how many run at the same time, and share the processors: not for lessons that depend on
          the number of threads
    """
    if _is_there(name, log):
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    variant = _variant(name)
    if iterations:
        variant = variant._replace(iterations=iterations)
    with tempfile.TemporaryDirectory() as folder:
        # Not in its place yet: who presses Ctrl-C ends the lesson as well, which keeps its log.
        unproven = Path(folder, "run.csv")
        result = train(
            variant._replace(flags=(*variant.flags, "--log", unproven)),
            seed,
            threads=max((os.cpu_count() or 1) // jobs, 1) if jobs > 1 else None,
            epilogue=misread.epilogue(log) if name in misread.KEPT_OF else "",
        )
        copied = unfinished(log)
        shutil.copyfile(unproven, copied)
        complete(log)
    print(f"{name} seed {seed}: {result}", file=sys.stderr, flush=True)
    if jobs == 1 and not variant.iterations:
        with (log.parent / SECONDS).open("a", encoding="ascii", newline="") as file:
            csv.writer(file).writerow((name, seed, re.search(r"(\S+) s$", result)[1]))


def train(variant, seed, threads=None, epilogue=""):
    """Train a lesson in its own process; its failure ends the program. Returns its last line.

    threads   that it may use; None for all
    epilogue  Python that it is to run in the end
    """
    with tempfile.TemporaryDirectory() as folder:
        script = variant.write(folder)
        with script.open("a", encoding="utf-8") as text:
            text.write(epilogue)
        command = [sys.executable, script, "--no-window", "--seed", str(seed), *variant.flags]
        if variant.iterations:
            command += ["--iterations", str(variant.iterations)]
        shared = dict.fromkeys(THREADS, str(threads)) if threads else {}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | shared
        )
    if done.returncode:
        sys.exit(f"{variant.lesson} with seed {seed} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()[-1]


def _is_there(name, log):
    return log.exists() and (name not in misread.KEPT_OF or misread.path_beside(log).exists())


def _variant(name):
    return VARIANTS.get(name) or Variant(name)


def train_together(logs, iterations, jobs):
    """Train those lessons and variants, so many at a time, that come to the same figures then.

    logs  where the runs of each are kept, seed by seed: {name: [path, ...]}
    """
    together(
        jobs,
        [
            (run, name, seed, iterations, log, jobs)
            for name, all_logs in logs.items()
            if not depends_on_threads(_variant(name).lesson)
            for seed, log in enumerate(all_logs)
        ],
    )


def together(jobs, calls):
    """Make all calls, (function, *arguments) each, so many at a time; the first failure ends it."""
    with ThreadPoolExecutor(jobs) as pool:
        made = [pool.submit(*call) for call in calls]
        try:
            for done in made:
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def seconds(name, folder):
    """The median of what runs of a lesson took when they had the machine for themselves; or NaN.

    folder  where the runs are
    """
    if not (folder / SECONDS).exists():
        return math.nan
    with (folder / SECONDS).open(encoding="ascii", newline="") as file:
        taken = {seed: float(took) for lesson, seed, took in csv.reader(file) if lesson == name}
    return statistics.median(taken.values()) if taken else math.nan


def summarise(runs):
    """Statistics over several runs, `visu.runs.EarlierRun`, as a dict."""
    finals = [run.test[-1, 1] for run in runs]
    watched = [run.test for run in runs if len(run.test) > 1]  # rather than tested once
    firsts = [next((row[0] for row in test if row[1] >= GOAL), math.inf) for test in watched]
    return {
        "n": len(runs),
        "mean": statistics.mean(finals),
        "sd": statistics.stdev(finals) if len(finals) > 1 else 0.0,
        "worst": min(finals),
        "best": max(finals),
        "best on the way": max((test[:, 1].max() for test in watched), default=math.nan),
        "misread": round((1 - statistics.mean(finals)) * TEST_DIGITS),
        "past goal": statistics.median(firsts) if firsts else math.nan,
        "training loss": np.mean([_last_epoch(run.training) for run in runs]),
        "test loss": statistics.mean(run.test[-1, 2] for run in runs),
    }


def _last_epoch(rows):
    return rows[rows[:, 0] > rows[-1, 0] - EPOCH, 2].mean()


def _or_none(value, form):
    return f"{value:{form}}" if math.isfinite(value) else "-"


def row(name, runs, took=math.nan):
    """A line of the table; `took` is what `seconds` returns."""
    s = summarise(runs)
    cells = (
        name,
        s["n"],
        f"{s['mean']:.4f}" + (f" ± {s['sd']:.4f}" if s["n"] > 1 else ""),
        *(_or_none(s[which], ".4f") for which in ("worst", "best", "best on the way")),
        s["misread"],
        _or_none(s["past goal"], ".0f"),
        f"{s['training loss']:.2g}",
        f"{s['test loss']:.4f}",
        _or_none(took, ".0f"),
        SOURCES.get(name, ""),
    )
    return f"| {' | '.join(map(str, cells))} |"


def parse(description, names, save=False):
    """Which of the lessons with these names to run, and how; wrong ones end the program."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=f"of {' '.join(names)}")
    more = ", ".join(f"{count} of {name}" for name, count in MORE_SEEDS.items())
    parser.add_argument("--seeds", type=COUNT, help=f"runs of each lesson ({SEEDS}, {more})")
    parser.add_argument("--iterations", type=COUNT, help="instead of each lesson's own number")
    parser.add_argument("--runs", type=Path, default=RUNS, help="CSV files")
    if save:
        parser.add_argument("--save", type=Path, metavar="FILE.md", help="table and pictures")
        parser.add_argument("--kept", action="store_true", help="train nothing: what is there")
        parser.add_argument(
            "--jobs",
            type=COUNT,
            default=1,
            metavar="N",
            help="N at a time (1), but for lessons that depend on the number of threads",
        )
    given = parser.parse_args()
    check_lessons(parser, given.lessons, names)
    if any(path.is_file() for path in (given.runs, *given.runs.parents)):
        parser.error(f"--runs {given.runs}: expected a folder, found a file; name another one")
    if save:
        check(parser, "--save", given.save, ".md")
    if given.iterations and given.runs.resolve() == RUNS:
        parser.error("--iterations: name another folder with --runs; that one is for whole runs")
    return given


def _count(name, seeds):
    if name in ON_FASHION:
        return 1
    return seeds or MORE_SEEDS.get(name, SEEDS)


def main():
    every = [*lesson_files(), *COMPARISONS, *ON_FASHION]
    given = parse(__doc__.splitlines()[0], every, save=True)
    names = given.lessons or (every if given.save else list(lesson_files()))
    print("\n".join(HEAD))
    logs = {
        name: [given.runs / f"{name}-seed{seed}.csv" for seed in range(_count(name, given.seeds))]
        for name in names
        if name not in ON_FASHION or FASHION.is_dir() or given.kept
    }
    if given.kept:
        logs = {
            name: [log for log in all_logs if _is_there(name, log)]
            for name, all_logs in logs.items()
        }
    if given.jobs > 1:
        train_together(logs, given.iterations, given.jobs)
    runs, rows = {}, {}
    for name in filter(logs.get, logs):
        for seed, log in enumerate(logs[name]):
            run(name, seed, given.iterations, log)  # unless it is there by now
        runs[name] = [read(log) for log in logs[name]]
        rows[name] = row(name, runs[name], seconds(name, given.runs))
        print(rows[name], flush=True)
    if given.save:
        from benchmarks.report import write  # late: matplotlib takes its time to load

        tables = (
            [*HEAD, *(line for name, line in rows.items() if (name in ON_FASHION) == on_fashion)]
            for on_fashion in (False, True)
        )
        digits = {name: misread.gather(logs[name]) for name in misread.KEPT_OF if name in runs}
        write(given.save, *tables, runs, digits)


if __name__ == "__main__":
    main()
