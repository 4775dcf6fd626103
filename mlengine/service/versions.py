"""The versions of a model in its folder: which one to serve, and how it is loaded.

A model's folder has a folder for each version, named by a whole number, of which the highest
counts, as for TensorFlow Serving; or it is itself a SavedModel. It may be anywhere that TensorFlow
can read from: gs:// too.
"""

import logging

import quiet_tensorflow  # noqa: F401 - starts TensorFlow, so before it

# isort: split
import numpy as np
import tensorflow as tf

from errors import UsageError

log = logging.getLogger(__name__)

FILE = "saved_model.pb"  # what makes a folder a SavedModel
SIGNATURE = "serving_default"
SIDE, CLASSES = 28, 10
REASON = 300  # characters of what TensorFlow says of a version that it can't load


# What says nothing of the version itself: a bucket out of reach, memory or files that others hold.
PASSING = (
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.AbortedError,
    tf.errors.ResourceExhaustedError,
    MemoryError,
    OSError,
)


class LoadError(Exception):
    """A version can't be served. The message says why."""

    passing = False  # whether it may be possible later


class Version:
    """A SavedModel in memory, that has answered already. Raises LoadError if it can't be served."""

    def __init__(self, folder, number):
        self.number = number
        try:
            # Without the model itself, its signature would lose the variables.
            self._model = tf.saved_model.load(folder)
        except Exception as error:  # in a damaged file TensorFlow may stumble over anything
            raise _explained(error) from None
        self._signature = _checked(self._model.signatures.get(SIGNATURE))
        self._warm_up()

    def predict(self, images):
        """Classes, int64 [n], and probabilities, float32 [n, 10], of images [n, 28, 28]."""
        outputs = self._signature(image=tf.constant(images))
        return outputs["classes"].numpy(), outputs["probabilities"].numpy()

    def _warm_up(self):
        grey = np.linspace(0, 1, 3, dtype=np.float32)
        images = np.tile(grey[:, None, None], (1, SIDE, SIDE))
        try:
            for some in (images[:1], images):
                classes, probabilities = self.predict(some)
        except Exception as error:
            raise _explained(error) from None
        if classes.shape != (3,) or probabilities.shape != (3, CLASSES):
            raise LoadError(
                f"expected 3 classes and 3 x {CLASSES} probabilities of 3 images, found the shapes "
                f"{list(classes.shape)} and {list(probabilities.shape)}"
            )
        if not np.isfinite(probabilities).all():
            raise LoadError("expected probabilities, found NaN")


def _checked(signature):
    """The signature, if it is the one that the trainer exports."""
    if signature is None:
        raise LoadError(f"expected the signature {SIGNATURE}, found none of that name")
    expected = f"expected {SIGNATURE} to be image float32 [n, 28, 28] -> classes, probabilities"
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    image = inputs.get("image")
    fits = image is not None and image.shape.rank == 3 and image.shape[0] is None
    if len(inputs) != 1 or not fits or image.dtype != tf.float32 or image.shape[1:] != (SIDE, SIDE):
        found = ", ".join(f"{name} {spec.dtype.name} {spec.shape}" for name, spec in inputs.items())
        raise LoadError(f"{expected}, found the input {found or 'none'}")
    if not isinstance(outputs, dict) or set(outputs) != {"classes", "probabilities"}:
        raise LoadError(f"{expected}, found the outputs {', '.join(outputs)}")
    return signature


class Model:
    """A name, and the newest version in its folder that can be served.

    Raises UsageError if there is none. `current` is replaced as a whole: who has taken it goes on
    with what it took.
    """

    def __init__(self, name, folder):
        self.name, self.folder, self.current = name, folder, None
        # {number: what its folder held}, in `_failed` None if that was not the reason.
        self._last_seen, self._failed = {}, {}
        try:
            self.has_versions = not _exists(folder, FILE)
            if self.has_versions:
                self.refresh()
            else:
                self.current = Version(folder, 1)
        except (LoadError, tf.errors.OpError) as error:
            raise self._none_there(str(error)) from None

    def refresh(self):
        """Look into the folder, and take up a version that is higher, or left when others went."""
        complaints = []
        for number, folder in self._versions():
            if self.current and number == self.current.number:
                break
            held = _content(folder)
            if held is None or self._failed.get(number) == held or self._may_grow(number, held):
                continue
            try:
                version = Version(folder, number)
            except LoadError as error:
                if number not in self._failed:
                    complaints.append(f"version {number} can't be served ({error})")
                self._failed[number] = None if error.passing else held
                continue
            if self.current:
                log.info("%s: version %d in place of %d", self.name, number, self.current.number)
            self.current = version
            break
        if self.current is None:
            raise self._none_there("; ".join(complaints) or "no such folder with a saved_model.pb")
        for complaint in complaints:
            log.warning("%s: %s; version %d is", self.name, complaint, self.current.number)

    def _versions(self):
        names = [name.rstrip("/") for name in tf.io.gfile.listdir(self.folder)]
        numbers = {int(name): name for name in names if name.isascii() and name.isdecimal()}
        return [(n, tf.io.gfile.join(self.folder, numbers[n])) for n in sorted(numbers)[::-1]]

    def _may_grow(self, number, held):
        """Whether somebody may be writing it still: it has to be the same at two looks."""
        before = self._last_seen.get(number)
        self._last_seen[number] = held
        return self.current is not None and before != held

    def _none_there(self, found):
        return UsageError(
            f"model {self.name}: expected {self.folder} to be a SavedModel, or to have some in "
            f"folders named 1, 2, ...; found: {found}"
        )


def _exists(folder, name):
    return tf.io.gfile.exists(tf.io.gfile.join(folder, name))


def _content(folder):
    """What a version's folder holds, to compare; None unless it is a SavedModel."""
    if not _exists(folder, FILE):
        return None
    paths = [
        tf.io.gfile.join(parent, name)
        for parent, _, names in tf.io.gfile.walk(folder)
        for name in names
    ]
    stats = [(path, tf.io.gfile.stat(path)) for path in sorted(paths)]
    return [(path, stat.length, stat.mtime_nsec) for path, stat in stats]


def _explained(error):
    """A `LoadError` for what TensorFlow has raised."""
    lines = str(error).strip().splitlines() or [""]  # behind the first, TensorFlow guesses
    explained = LoadError(f"{type(error).__name__}: {lines[0]}"[:REASON])
    explained.passing = isinstance(error, PASSING)
    return explained
