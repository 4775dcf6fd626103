"""Earlier runs: each leaves its measurements, to be drawn behind those of a later one."""

import csv
import math
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from visu.errors import UsageError
from visu.files import HELD_OUT, complete, log_columns, log_line, unfinished

FOLDER = "TENSORFLOWVISU_RUNS"  # the environment variable that names another folder
LARGEST = 100_000_000  # bytes; the log of a million measurements is smaller
AGAIN = "name the CSV file that --log wrote, or a lesson that has run here"


class EarlierRun(NamedTuple):
    """The curves of a run."""

    name: str  # short, for a legend
    training: np.ndarray  # float [n, 3]: iteration, accuracy, loss
    test: np.ndarray  # likewise


def folder():
    """Where the last run of each lesson is kept."""
    return Path(os.environ.get(FOLDER) or Path(__file__).resolve().parent.parent / "runs")


def keep(name, held_out, history):
    """Keep the measurements of a run as the last one of lesson `name`; in silence if it can't be.

    held_out  "test" or "validation"
    history   `visu.history.History`
    """
    path = folder() / f"{name}.csv"
    tests = {int(row[0]): row[1:] for row in history.test}
    lines = [log_columns(held_out)]
    lines += [
        log_line(int(iteration), score, tests.get(int(iteration)))
        for iteration, *score in history.training
    ]
    with suppress(OSError):
        growing = unfinished(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            growing.write_text("\n".join(lines) + "\n", encoding="ascii")
            complete(path)
        finally:
            growing.unlink(missing_ok=True)


def find(asked):
    """The `EarlierRun` that --compare asks for: a CSV file, or a lesson's name or number.

    Raises UsageError if there is none.
    """
    path = Path(asked)
    if path.suffix.lower() != ".csv":
        path = _last_run_of(asked)
    return read(path)


def _last_run_of(lesson):
    kept = sorted(folder().glob("*.csv"))
    begins = f"mnist_{lesson}_", f"lesson_{lesson}_"  # the latter in a notebook
    found = [path for path in kept if lesson == path.stem or path.stem.startswith(begins)]
    if found:
        return max(found, key=lambda path: path.stat().st_mtime)
    there = ", ".join(path.stem for path in kept) or "none"
    raise UsageError(
        f"--compare {lesson}: no run of that lesson is kept in {folder()} (there: {there}); {AGAIN}"
    )


def read(path):
    """The `EarlierRun` in a file as `--log` writes it. Raises UsageError for anything else."""
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"--compare {path}: expected a log, found more than 100 MB; {AGAIN}")
        with path.open(encoding="ascii", newline="") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except OSError as error:
        raise UsageError(
            f"--compare {path}: can't be read ({error.strerror or error}); {AGAIN}"
        ) from None
    except (UnicodeDecodeError, csv.Error):
        raise UsageError(f"--compare {path}: expected a log, found no CSV; {AGAIN}") from None
    if ",".join(header) not in map(log_columns, HELD_OUT):
        found = ",".join(header)[:60] or "an empty file"
        raise UsageError(
            f"--compare {path}: expected the columns {log_columns('test')}, found {found}; {AGAIN}"
        )
    training, test = [], []
    for number, row in enumerate(rows, start=2):
        try:
            iteration, accuracy, loss, *tested = row
            training.append([float(iteration), float(accuracy), float(loss)])
            if tested != ["", ""]:
                test_accuracy, test_loss = tested
                test.append([float(iteration), float(test_accuracy), float(test_loss)])
            if not 0 <= training[-1][0] < math.inf:
                raise ValueError
        except ValueError:
            raise UsageError(
                f"--compare {path}: expected five columns of numbers in line {number}, found "
                f"{','.join(row)[:60]!r}; {AGAIN}"
            ) from None
    if not training:
        raise UsageError(f"--compare {path}: expected measurements, found none; {AGAIN}")
    curves = (np.array(rows, float).reshape(-1, 3) for rows in (training, test))
    return EarlierRun(_short(path.stem), *curves)


def _short(name):
    """A lesson's number for its long name, any other name as it is."""
    lesson = re.match(r"(?:mnist|lesson)_(\d\.\d)_", name)
    return f"lesson {lesson[1]}" if lesson else name[:24]
