"""What a run says in the terminal."""

import os
import sys
from contextlib import contextmanager, suppress

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from visu.captions import decimals
from visu.errors import UsageError

PLAIN_LINES = 20  # in place of the bar, when the output is not a terminal
USUAL_COLUMNS, USUAL_ROWS = 100, 20  # for terminals that don't know their size
SHORTEST_BAR = 6  # with what stands around it


def opening_line(name, title, parameters):
    """Which lesson, how large, on what."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        device = f"on the GPU ({details.get('device_name', 'unnamed')})"
    else:
        device = "on the CPU (TensorFlow sees no GPU)"
    return f"{name}: {title} · {parameters:,} parameters, {device}"


def final_line(scene, last, best):
    """The result of a run, from its last measurement and its best test accuracy."""
    size = len(scene.test_labels)
    misread = round((1 - last.test.accuracy) * size)
    among = "" if scene.test_once else f" (best {best:.4f})"
    return (
        f"final {scene.held_out} accuracy: {last.test.accuracy:.4f}{among}, "
        f"{misread} of {size} misread, {last.iteration} iterations, {last.seconds:.1f} s"
    )


def digit_line(probabilities, class_names):
    """What the network reads in the user's own digit, and what it would read second."""
    if np.isnan(probabilities).any():
        return "your digit: not read, for the network answers NaN"
    first, second = (-probabilities).argsort()[:2]
    return (
        f"your digit: {class_names[first]} ({100 * probabilities[first]:.1f} %), "
        f"or else {class_names[second]} ({100 * probabilities[second]:.1f} %)"
    )


def speed_line(early, last, testing_seconds, frames, drawing_seconds):
    """How fast it went from measurement `early` to `last`, and what tests and window cost."""
    seconds = max(last.seconds - early.seconds, 1e-9)
    line = (
        f"speed: {(last.iteration - early.iteration) / seconds:.1f} iterations/s, "
        f"{100 * testing_seconds / last.seconds:.1f} % of the time testing"
    )
    if frames:
        line += (
            f", {frames / last.seconds:.1f} redraws/s of {1000 * drawing_seconds / frames:.1f} ms"
        )
    return line


def write_what_it_can():
    """From now on, a sign that the output's encoding does not have becomes a question mark."""
    # Not in a notebook, nor where another file has taken the output's place since the start.
    with suppress(AttributeError, OSError):
        sys.stdout.reconfigure(errors="replace")


def say(line):
    """Print a line, above the progress bar if there is one. From any thread."""
    with _written():
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()


@contextmanager
def _written():
    """Where the output has no room left, say so and write nothing more to it."""
    try:
        yield
    except BrokenPipeError:  # nobody reads it any more, and nobody wants to know
        raise
    except OSError as error:
        # What is still to be written would be tried once more at the end, and complained of.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UsageError(
            f"standard output: can't be written ({error.strerror}); make room, or send it elsewhere"
        ) from None


class Progress:
    """A progress bar where there is a terminal, now and then a plain line where there is none.

    scene  `visu.measurement.Scene`
    """

    def __init__(self, scene):
        self._scene = scene
        self._plain = _columns() is None
        self._next_line = 0.0
        self._test = self._first = None
        self._bar = _bar(scene.iterations, "{n_fmt}/{total_fmt} {bar} {desc}")

    def add(self, measurement):
        m = measurement
        self._test = m.test or self._test
        said = self._said(m)
        if not self._plain:
            columns = _columns() or USUAL_COLUMNS
            room = columns - 2 * len(f"{self._scene.iterations}") - SHORTEST_BAR
            self._bar.set_description_str(_fitting(said, room), refresh=False)
            self._bar.update(m.iteration - self._bar.n)
        elif m.iteration == self._scene.iterations or (
            m.iteration >= self._next_line and (m.test or not self._test)
        ):
            self._next_line = m.iteration + self._scene.iterations / PLAIN_LINES
            say(" · ".join((f"{m.iteration}/{self._scene.iterations}", *said)))

    def _said(self, m):
        """Epoch, scores, speed and time left."""
        parts = [f"epoch {self._scene.epoch_at(m.iteration)}"]
        parts.append(f"train {m.training.accuracy:.2f} {decimals(m.training.loss, 3)}")
        if self._test:
            parts.append(
                f"{self._scene.held_out} {self._test.accuracy:.4f} {decimals(self._test.loss)}"
            )
        if self._first is None:
            # Before them stands the compilation, which says nothing of how fast it will go.
            self._first = m if m.iteration else None
            return parts if m.iteration == self._scene.iterations else [*parts, "starting"]
        rate = (m.iteration - self._first.iteration) / max(m.seconds - self._first.seconds, 1e-9)
        left = (self._scene.iterations - m.iteration) / rate
        return [*parts, f"{rate:.0f} it/s", f"{left:.0f} s left"]

    def close(self):
        self._bar.close()


def _fitting(parts, room):
    """Parts of a line as one, in so many characters: without those that are missed least."""
    narrow = [part for part in parts if not part.startswith("epoch")]
    narrower = [part for part in narrow if not part.endswith("it/s")]
    for separator, left in ((" · ", parts), (" ", parts), (" ", narrow), (" ", narrower)):
        if len(separator.join(left)) <= room:
            break
    return separator.join(left)


class FilmProgress:
    """A progress bar for a film that needs longer than its run, where there is a terminal."""

    def __init__(self):
        self._bar = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._bar is not None:
            self._bar.close()

    def show(self, pictures, of):
        """So many pictures are done, of so many."""
        if self._bar is None:
            form = "film: {n_fmt}/{total_fmt} pictures {bar} {remaining} left"
            self._bar = _bar(of, form, initial=pictures)
        self._bar.update(pictures - self._bar.n)


def _bar(total, form, **settings):
    """A line that is there until it is closed; nothing at all without a terminal."""
    columns = _columns()
    known = bool(columns)
    return tqdm(
        total=total,
        file=sys.stdout,
        disable=columns is None,
        bar_format=form,
        dynamic_ncols=known,
        ncols=None if known else USUAL_COLUMNS,
        nrows=None if known else USUAL_ROWS,
        leave=False,
        **settings,
    )


def _columns():
    """How wide the terminal is, None if there is none in which a line can be written over.

    Some, of containers for example, don't know how wide they are: 0.
    """
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None  # the shells of IDLE and Thonny call themselves terminals
