"""What an experiment is told, its flags, and what it tells, its table."""

import argparse
import statistics
from pathlib import Path

from benchmarks import COUNT, check


def parse(description, **numbers):
    """Read the flags --seeds and --save, and one for each of `numbers`: (default, meaning).

    Wrong flags end the program with exit code 2.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0], allow_abbrev=False)
    flags = {"seeds": (3, "runs to average over"), **numbers}
    for name, (default, meaning) in flags.items():
        parser.add_argument(
            f"--{name}",
            type=COUNT,
            default=default,
            metavar="N",
            help=f"{meaning} ({default})",
        )
    parser.add_argument("--save", type=Path, metavar="FILE.png", help="draw a picture")
    given = parser.parse_args()
    check(parser, "--save", given.save, ".png")
    return given


def print_table(rows, seeds):
    """Print rows, {column: cell} each, and what their figures are."""
    print(f"| {' | '.join(rows[0])} |", "|---" * len(rows[0]) + "|", sep="\n")
    for row in rows:
        print(f"| {' | '.join(map(str, row.values()))} |")
    print(f"\nMean ± standard deviation, n = {seeds}; no test digit was looked at.")


def mean_sd(values, form):
    """A cell: mean ± standard deviation over the seeds; with one seed there is no deviation."""
    values = [float(value) for value in values]
    mean = f"{statistics.mean(values):{form}}"
    return f"{mean} ± {statistics.stdev(values):{form}}" if len(values) > 1 else mean
