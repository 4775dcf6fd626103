"""What a training run lets others know: one immutable record at a time."""

import math
from typing import NamedTuple

import numpy as np

from visu.runs import EarlierRun
from visu.style import LIGHT, Style

BANDS = 7


class Score(NamedTuple):
    accuracy: float  # 0 ... 1
    loss: float  # mean cross-entropy, in nats


class Scene(NamedTuple):
    """What stays the same for a whole run; a view knows it before the first measurement."""

    name: str  # of the lesson's file
    title: str
    iterations: int
    epoch: float  # iterations in one pass through the training set
    spreads: tuple[str, str]  # what panels 4 and 5 show
    class_names: tuple[str, ...]
    test_images: np.ndarray  # uint8 [n, height, width, 1 or 3]
    test_labels: np.ndarray  # int [n]
    digit: np.ndarray | None = None  # uint8 [side, side, 1], what --digit wants to be read
    earlier: EarlierRun | None = None  # to compare with
    fast: bool = False  # whether the user wants speed rather than a pace to watch
    batch: int = 100  # training images in an iteration
    ink: bool = True  # whether the images are ink on paper, rather than pictures
    style: Style = LIGHT
    held_out: str = "test"  # or "validation": what the images are that it is not trained on
    test_once: bool = False  # whether these are evaluated at the end only
    are_variables: tuple[bool, bool] = (True, True)  # rather than what they make of a batch
    digits: bool = True  # whether the images are MNIST's digits, rather than anything else

    def epoch_at(self, iteration):
        """Which pass through the training set an iteration belongs to, from 1."""
        return max(math.ceil(iteration / self.epoch - 1e-9), 1)

    @property
    def numbered(self):
        """Whether the classes have no names but their numbers."""
        return self.class_names == tuple(map(str, range(len(self.class_names))))

    @property
    def subject(self):
        """What to call the images."""
        return "digits" if self.digits else "images"

    @property
    def drawable(self):
        """Whether one may draw such an image by hand: ink on a square sheet."""
        return self.ink and self.test_images.shape[1] == self.test_images.shape[2]


class Digits(NamedTuple):
    """Some images with what they are and what the network takes them for."""

    images: np.ndarray  # uint8 [n, height, width, 1 or 3]; perhaps only the first ones
    labels: np.ndarray  # int [n]
    computed: np.ndarray  # int [n]


class Measurement(NamedTuple):
    """The state of a run after an iteration."""

    iteration: int
    seconds: float  # since the run began, pauses left out
    training: Score  # of the last batch, as trained on, after its update, without dropout
    training_digits: Digits | None  # None where newer ones are already known
    test: Score | None  # None where the test set was not evaluated
    test_computed: np.ndarray | None  # int [n], what the test digits are taken for, likewise
    spreads: tuple[np.ndarray, ...]  # `percentiles` for each spread panel; empty if not taken


def percentiles(values, bands=BANDS):
    """The limits of `bands` bands that each hold the same share of all values.

    values  array of any shape, or a list of such arrays, taken together
    Returns float [bands + 1], from the minimum to the maximum; NaN throughout if any value is not
    finite, or if there are none.
    """
    arrays = values if isinstance(values, list | tuple) else [values]
    joined = np.concatenate([np.empty(0, np.float32), *(np.ravel(a) for a in arrays)])
    if not len(joined) or not np.isfinite(joined).all():
        return np.full(bands + 1, np.nan)
    return np.percentile(joined, np.linspace(0, 100, bands + 1))
