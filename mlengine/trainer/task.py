"""Train a model on MNIST, evaluate it as it goes, and export it.

    python -m trainer.task --model dnn --train-steps 10000 --job-dir /tmp/dnn

Started again after whatever ended it, the same command goes on from the last checkpoint.
"""

import re
import signal
import time

import tensorflow as tf

from errors import explain_and_exit
from programs import Stop, say
from trainer import cluster as clusters
from trainer import data, loop, settings
from trainer.checkpoints import prepare
from trainer.errors import JobError

# A full disk or GPU, a file system or quota that may not be written, a file that may not grow.
NO_ROOM = (
    tf.errors.ResourceExhaustedError,
    tf.errors.PermissionDeniedError,
    tf.errors.OutOfRangeError,
)


def main():
    """Returns the exit code. Raises UsageError, `mnistdata.DataError` or JobError."""
    given = settings.read()
    began = time.monotonic()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to save yet, nor to be said
    try:
        return train(given, began)
    except NO_ROOM as error:
        raise JobError(
            f"{_reason(error)}; make room, or choose a smaller model or batch, and start it again: "
            "it goes on from its last checkpoint"
        ) from None
    except clusters.GONE as error:
        raise JobError(f"{_reason(error)}; {clusters.START_AGAIN}") from None


def _reason(error):
    # Around it stands what TensorFlow calls its own parts.
    return re.sub(r"\{\{.*?\}\} | \[Op:.*", "", error.message)


def train(given, began):
    """Returns the exit code."""
    cluster = clusters.from_environment()
    clusters.meet(cluster)
    strategy = clusters.strategy_for(cluster, given.cpu_devices)
    digits = data.read(given, strategy)  # a mistake in its flags shall not cost an earlier run
    prepare(given, cluster.is_chief)
    watch = clusters.Watch(cluster)
    job = loop.Job(given, strategy, digits)
    tell = say if cluster.is_chief else _keep_quiet
    parameters = sum(int(tf.size(variable)) for variable in job.network.weights)
    tell(
        f"{given.model}: {parameters:,} parameters · {clusters.described(cluster, strategy)} · "
        f"{len(job.training):,} training digits"
    )
    stop = Stop(second_kills=True)  # whoever asks again does not want to wait for the saving
    try:
        result = loop.run(job, cluster, lambda: stop.asked is not None, tell)
    except clusters.GONE:
        if cluster.others:
            clusters.give_up("another machine is gone")
        raise
    watch.stop()
    if result.test is None:
        tell(f"stopped after {result.steps} steps, all is saved; start it again and it goes on")
        return 128 + (stop.asked or signal.SIGTERM)
    test = result.test
    tell(f"exported to {result.exported}")
    tell(
        f"final test accuracy: {test.accuracy:.4f}, loss {test.loss:.4f}, {test.misread} of "
        f"{test.count} misread, {result.steps} steps, {time.monotonic() - began:.1f} s"
    )
    return 0


def _keep_quiet(_):
    """The chief tells what all have in common."""


if __name__ == "__main__":
    explain_and_exit(main)
