"""What the run and its window, which is a process of its own, tell each other through pipes."""

import pickle
from typing import NamedTuple

import numpy as np

from visu.measurement import Measurement


class News(NamedTuple):
    """To the window: what happened since the last of these."""

    iteration: int  # how far training is, which is further than the last measurement
    measurements: list[Measurement]  # only the newest digits are in it
    result: str | None  # in words, once the run has finished


class Paused(NamedTuple):
    """From the window: training shall rest, or go on."""

    paused: bool


class Step(NamedTuple):
    """From the window: a paused training shall go on to its next measurement."""


class Pace(NamedTuple):
    """From the window: how fast training shall go."""

    measurements: int | None  # a second, at the most


class Closed(NamedTuple):
    """From the window: the user closed it."""


class Question(NamedTuple):
    """An image that the network shall read."""

    number: int  # which answers are told apart by
    image: np.ndarray  # uint8 [height, width, 1 or 3]


class Asked(NamedTuple):
    """From the window: what is to be read from now on, again and again while training goes on."""

    question: Question | None


class Answer(NamedTuple):
    """To the window: what the network of this iteration reads."""

    number: int
    iteration: int
    probabilities: np.ndarray  # float [classes]


class Serving(NamedTuple):
    """From the window, first of all, if it is to be seen in a browser."""

    url: str


class NoWindow(NamedTuple):
    """From what would have been the window."""

    reason: str


class Drawn(NamedTuple):
    """From the window, when it has been told the result: what it did until then."""

    frames: int
    seconds: float


def send(pipe, message):
    pickle.dump(message, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def receive(pipe):
    """The next message; None if the other side is gone."""
    try:
        return pickle.load(pipe)
    except (EOFError, OSError, pickle.UnpicklingError):
        return None
