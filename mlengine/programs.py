"""Where Python finds the programs of this folder, from whatever folder they are started."""

import os
from pathlib import Path

MLENGINE = Path(__file__).resolve().parent


def with_modules(environment):
    """The same environment variables, with a PYTHONPATH that begins here."""
    search = os.pathsep.join(filter(None, (str(MLENGINE), environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": search}
