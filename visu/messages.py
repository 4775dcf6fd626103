"""What the run and its companions, its window and its film, tell each other through pipes."""

import os
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
    patches: np.ndarray | None  # float [h, w, n], the first weights as pictures, if they are any
    layers: tuple[np.ndarray, ...]  # float [h, w, channels], the outputs that a lesson shows
    patches_in_all: int  # of which `patches` has the first


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


class Shot(NamedTuple):
    """To the film: what its next picture shows."""

    measurements: list[Measurement]  # since the last of these; only the newest digits are in it


class Kept(NamedTuple):
    """To the film: that was all, and it is to be kept."""


class Ready(NamedTuple):
    """From the film: its pictures may come."""


class Filmed(NamedTuple):
    """From the film: so many pictures are in it."""

    pictures: int


class NoFilm(NamedTuple):
    """From what would have been the film."""

    reason: str  # a whole message for the user


class Bundle:
    """Measurements that will be shown together: of their digits, only the newest are kept."""

    def __init__(self):
        self._measurements, self._tested = [], None  # ..., which of them has test digits

    def __len__(self):
        return len(self._measurements)

    def add(self, measurement):
        if self._measurements:
            self._measurements[-1] = self._measurements[-1]._replace(training_digits=None)
        if measurement.test_computed is not None:
            if self._tested is not None:
                older = self._measurements[self._tested]
                self._measurements[self._tested] = older._replace(test_computed=None)
            self._tested = len(self._measurements)
        self._measurements.append(measurement)

    def take(self):
        """All of them. None stay."""
        measurements, self._measurements, self._tested = self._measurements, [], None
        return measurements


def take_the_pipes():
    """Standard input and output, as binary files of our own: nobody else shall read or print."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return inbox, outbox


def send(pipe, message):
    pickle.dump(message, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def receive(pipe):
    """The next message; None if the other side is gone."""
    try:
        return pickle.load(pipe)
    except (EOFError, OSError, pickle.UnpicklingError):
        return None
