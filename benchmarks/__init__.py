"""Evidence, started by hand: benchmarks/README.md says how."""

import argparse
import os
import shutil
import tempfile

from visu.errors import UsageError
from visu.files import check_destination
from visu.options import whole_number
from visu.runs import FOLDER


def positive_number(most):
    """A `type` for argparse: a number above 0, up to `most`."""

    def convert(text):
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0 < number <= most:  # nor is NaN
            raise argparse.ArgumentTypeError(
                f"expected a number above 0, up to {most:g}, found {text!r}"
            )
        return number

    return convert


COUNT = whole_number(1, 10**6)  # of rounds, seeds and the like, for argparse
SECONDS = positive_number(86_400)  # a day

# What lessons leave of their last runs here is nothing that the user will want to compare with.
_runs = tempfile.TemporaryDirectory(prefix="runs-")
os.environ[FOLDER] = _runs.name


def check(parser, flag, path, ending):
    """End the program by `parser` unless a file can be written where `flag` says, if it does."""
    try:
        check_destination(flag, path, (ending,))
    except UsageError as error:
        parser.error(str(error))


def check_programs(parser, needed):
    """End the program by `parser` unless all `needed` are here: {program: Debian package}."""
    if missing := [program for program in needed if not shutil.which(program)]:
        parser.error(
            f"expected the program {' and '.join(missing)}, found none; "
            f"apt-get install {' '.join(needed[program] for program in missing)}"
        )


def check_lessons(parser, found, known):
    """End the program by `parser` unless all lessons that were asked for are `known` ones."""
    # Each once, in the order in which they were given.
    if unknown := [lesson for lesson in dict.fromkeys(found) if lesson not in known]:
        parser.error(f"no lesson {' '.join(unknown)} here; name some of {' '.join(known)}")
