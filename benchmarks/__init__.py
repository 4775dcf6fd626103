"""Evidence, started by hand: benchmarks/README.md says how."""

import os
import tempfile

from visu.errors import UsageError
from visu.files import check_destination
from visu.options import whole_number
from visu.runs import FOLDER

COUNT = whole_number(1, 10**6)  # of rounds, seeds and the like, for argparse

# What lessons leave of their last runs here is nothing that the user will want to compare with.
_runs = tempfile.TemporaryDirectory(prefix="runs-")
os.environ[FOLDER] = _runs.name


def check(parser, flag, path, ending):
    """End the program by `parser` unless a file can be written where `flag` says, if it does."""
    try:
        check_destination(flag, path, (ending,))
    except UsageError as error:
        parser.error(str(error))
