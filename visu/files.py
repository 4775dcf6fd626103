"""Files that a run leaves behind. Each appears under its name only when it is whole."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path

from visu.errors import UsageError

PICTURE_ENDINGS = (".png", ".jpg", ".pdf", ".svg", ".webp")
FILM_ENDINGS = (".mp4", ".gif")
LOG_ENDINGS = (".csv",)
HELD_OUT = ("test", "validation")


def check_destination(flag, path, endings):
    """Raise UsageError unless a file can be written at `path`; None asks for nothing."""
    if path is None:
        return
    path = Path(path)
    if path.suffix.lower() not in endings:
        found = path.suffix or "no ending"
        raise UsageError(
            f"{flag} {path}: expected a name ending in {', '.join(endings)}, found {found}"
        )
    with explained(flag, path):
        place = target(path)
        if place.is_dir():
            raise UsageError(
                f"{flag} {path}: expected a file's name, but there is a folder of that name"
            )
        if not place.parent.is_dir():
            raise UsageError(f"{flag} {path}: there is no folder {place.parent}; make it first")
        if os.path.lexists(place) and not place.is_file():
            raise UsageError(
                f"{flag} {path}: expected a file's name, but of that name there is a pipe, a "
                "device or a circle of links; choose another one"
            )
        if place.exists() and not os.access(place, os.W_OK):
            raise UsageError(f"{flag} {path}: the file is there and may not be overwritten")
        unfinished(path).touch()
        unfinished(path).unlink()


def log_columns(held_out):
    """The first line of a log; what is `held_out` from training is one of `HELD_OUT`."""
    return f"iteration,train_accuracy,train_loss,{held_out}_accuracy,{held_out}_loss"


def is_film(path):
    """Whether what `--save` asks for is a film, not a picture; None asks for nothing."""
    return path is not None and Path(path).suffix.lower() in FILM_ENDINGS


class Log:
    """The measurements as CSV, a line each; the last columns are empty where nothing was tested.

    Accuracies are fractions, losses mean cross-entropies in nats, both with the fewest digits that
    give the same number again.
    """

    def __init__(self, path, held_out):
        self._name = path
        with explained("--log", path):
            self._path = target(Path(path)).absolute()  # another cell may say %cd
            self._file = unfinished(self._path).open("w", encoding="ascii", newline="\n")
        self._whole, self._last = 0, None  # bytes that are surely there, the last iteration in them
        self._write(log_columns(held_out))

    def add(self, measurement):
        self._write(log_line(measurement.iteration, measurement.training, measurement.test))
        self._last = measurement.iteration

    def close(self):
        with self._losing_nothing():
            self._file.close()
            complete(self._path)

    def _write(self, line):
        with self._losing_nothing():
            self._file.write(line + "\n")
            # Line by line: whatever ends the run, what was measured until then is on the disk.
            self._file.flush()
            self._whole += len(line) + 1

    @contextmanager
    def _losing_nothing(self):
        """Say why the log can't be finished, and where the measurements so far are."""
        try:
            with explained("--log", self._name):
                yield
        except UsageError as error:
            raise UsageError(f"{error}{self._give_up()}") from None

    def _give_up(self):
        """Leave a file of whole lines, if there is a measurement in it. Returns where, to be said.

        Closing it is one more attempt to write the line for which there was no room.
        """
        left = unfinished(self._path)
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            if self._last is None:
                left.unlink()
            else:
                os.truncate(left, self._whole)
                return f"; the measurements up to iteration {self._last} are in {left}"
        return ""


def log_line(iteration, training, test):
    """A line of a log; `training` and `test` are accuracy and loss, `test` None without a test."""
    return ",".join(map(str, (iteration, *training, *(("", "") if test is None else test))))


def target(path):
    """Where a file of this name belongs: where a link leads, which stays what it is."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def unfinished(path, process=None):
    """Where a file grows until it is whole: this process's own place, or that of another one.

    Two runs that are told the same name do not write into each other's file.
    """
    place = target(path)
    return place.with_name(f".{place.name}.{process or os.getpid()}.unfinished")


def complete(path):
    """The file is whole: give it its name."""
    unfinished(path).replace(target(path))


@contextmanager
def explained(flag, path):
    """Turns what the system has against writing `path`, which `flag` asked for, into UsageError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"{flag} {path}: can't be written ({reason}); choose another place"
        ) from None
