"""What an experiment is told, its flags, and what it tells, its table."""

import argparse
import statistics
from pathlib import Path

from visu.errors import UsageError
from visu.files import check_destination
from visu.options import whole_number


def parse(description, **numbers):
    """Read the flags --seeds and --save, and one for each of `numbers`: (default, meaning).

    Wrong flags end the program with exit code 2.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0], allow_abbrev=False)
    flags = {"seeds": (3, "runs to average over"), **numbers}
    for name, (default, meaning) in flags.items():
        parser.add_argument(
            f"--{name}",
            type=whole_number(1, 10**6),
            default=default,
            metavar="N",
            help=f"{meaning} ({default})",
        )
    parser.add_argument("--save", type=Path, metavar="FILE.png", help="draw a picture")
    given = parser.parse_args()
    try:
        check_destination("--save", given.save, (".png",))
    except UsageError as error:
        parser.error(str(error))
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
