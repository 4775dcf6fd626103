"""Files that appear under their names only when they are whole."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def unfinished(path):
    """Where to write the file: it takes the place of `path` at the end, or is gone on failure.

    The name has this process's number. Two that write the same file do not write into each other's.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    growing = path.parent / f".{path.name}.{os.getpid()}.unfinished"
    try:
        yield growing
        growing.replace(path)
    except BaseException:
        with suppress(OSError):
            growing.unlink()
        raise
