"""Evidence, started by hand: benchmarks/README.md says how."""

import os
import tempfile

from visu.runs import FOLDER

# What lessons leave of their last runs here is nothing that the user will want to compare with.
_runs = tempfile.TemporaryDirectory(prefix="runs-")
os.environ[FOLDER] = _runs.name
