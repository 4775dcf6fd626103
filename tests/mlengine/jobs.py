"""Training jobs as processes, and what they leave."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.forked import Forked
from tests.screen import ROOT, kill_with_children

MLENGINE = ROOT / "mlengine"
PATIENCE = 300  # seconds that any process here may take


@contextmanager
def started(program, *flags, environment=None):
    """A program of mlengine's, a module or a script, in a process group of its own."""
    process = Forked(program, flags, MLENGINE, {**os.environ, **(environment or {})})
    try:
        yield process
    finally:
        if process.poll() is None:
            kill_with_children(process)
        process.communicate(timeout=PATIENCE)


def run(program, *flags, environment=None):
    """Let a program end by itself: (exit code, standard output, standard error)."""
    with started(program, *flags, environment=environment) as process:
        output, error = process.communicate(timeout=PATIENCE)
        return process.returncode, output, error


def wait_for(condition):
    """The first true value of `condition()`; AssertionError if there is none in time."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.005)
    raise AssertionError(f"waited {PATIENCE} s in vain")


def overtake(monkeypatch, write):
    """Has another process `write` all of a file while this one's is about to take its name."""
    replace, number = Path.replace, os.getpid()

    def replace_late(path, target):
        monkeypatch.setattr(Path, "replace", replace)
        monkeypatch.setattr(os, "getpid", lambda: number + 1)
        write()
        monkeypatch.setattr(os, "getpid", lambda: number)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replace_late)


def saved(folder, what):
    """The variables in a job's newest checkpoint whose names begin so, {name: array}."""
    newest = tf.train.latest_checkpoint(str(Path(folder) / "checkpoints"))
    reader = tf.train.load_checkpoint(newest)
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(what)]
    return {name: reader.get_tensor(name) for name in names}


def distance(one, other, order=2):
    """Between two sets of `saved` variables; with order np.inf, the largest difference."""
    assert set(one) == set(other)
    differences = [np.ravel(one[name] - other[name]) for name in one if one[name].dtype.kind == "f"]
    return np.linalg.norm(np.concatenate(differences), order)


def board(folder, part):
    """What TensorBoard would read: an `EventAccumulator` of a part of a job's logs."""
    read = EventAccumulator(str(Path(folder) / "logs" / part), {"tensors": 0, "graph": 1})
    return read.Reload()


def curve(folder, part, tag):
    """A curve as {step: value}."""
    events = board(folder, part).Tensors(tag)
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in events}
