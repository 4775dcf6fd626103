"""What a job leaves so that it can go on, and whose it is. Folders may be gs://bucket/folder."""

import json
import re

import tensorflow as tf

from trainer.errors import JobError, UsageError

KEPT = 3  # checkpoints
# How TensorFlow puts it when a machine that lost its power had not written all of a file: in many
# ways. But a bucket that is out of reach, or a full memory, has lost nothing.
DAMAGED = (tf.errors.OpError, IndexError)
NOT_DAMAGED = (
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
)
OWNER = "run.json"  # in the folder of the checkpoints: the settings whose run they are


def prepare(settings, is_chief):
    """Make the job's folders, with --fresh empty of earlier runs.

    Raises UsageError if they can't be written, or hold another run.
    """
    if is_chief:
        for folder in (settings.checkpoints_dir, settings.logs_dir, settings.export_dir):
            _make(folder)
        if settings.fresh:
            _clear(settings)
    if not settings.fresh and tf.io.gfile.exists(_owner(settings)):
        _compare(_owner(settings), settings)


def claim(settings):
    """Note whose the job's folders are.

    Not before all else has been checked: a flag with a mistake would keep the corrected one out.
    """
    _write(_owner(settings), json.dumps(settings.identity(), indent=1))


def _owner(settings):
    return tf.io.gfile.join(settings.checkpoints_dir, OWNER)


def _make(folder):
    probe = tf.io.gfile.join(folder, ".unfinished-probe")
    try:
        tf.io.gfile.makedirs(folder)
        with tf.io.gfile.GFile(probe, "w") as file:
            file.write("")
        tf.io.gfile.remove(probe)
    except tf.errors.OpError as error:
        raise UsageError(
            f"{folder}: can't be written ({error.message}); choose another --job-dir"
        ) from None


def _compare(owner, settings):
    with tf.io.gfile.GFile(owner) as file:
        text = file.read()
    try:
        there, own = json.loads(text), settings.identity()
        differing = [name for name in own if there.get(name) != own[name]]
    except (ValueError, AttributeError):
        raise UsageError(
            f"{owner}: expected the settings of a run, found something else; add --fresh to delete "
            "what is there, or choose another --job-dir"
        ) from None
    if "model" in differing:
        differing = ["model"]  # the rest follows from it
    if differing:
        found = ", ".join(f"{name} {there.get(name)} instead of {own[name]}" for name in differing)
        raise UsageError(
            f"{settings.checkpoints_dir}: expected a run like this one, found one with {found}; "
            "add --fresh to delete it, or choose another --job-dir"
        )


def _clear(settings):
    """Delete what earlier runs left, and nothing else that may lie beside it."""
    for folder, ours in (
        (settings.checkpoints_dir, _is_checkpoint),
        (settings.logs_dir, _is_log),
        (settings.export_dir, _is_version),
    ):
        for name in tf.io.gfile.listdir(folder):
            if ours(name.rstrip("/")):
                _remove(tf.io.gfile.join(folder, name))


def _is_checkpoint(name):
    return re.fullmatch(rf"checkpoint(\.tmp.*)?|ckpt-\d.*|best|{OWNER}(\.unfinished)?", name)


def _is_log(name):
    return name in ("training", "validation", "test")


def _is_version(name):
    return name.isdigit() or name.startswith(".unfinished")


def _remove(path):
    if tf.io.gfile.isdir(path):
        tf.io.gfile.rmtree(path)
    else:
        tf.io.gfile.remove(path)


def _write(path, text):
    growing = f"{path}.unfinished"
    with tf.io.gfile.GFile(growing, "w") as file:
        file.write(text)
    tf.io.gfile.rename(growing, path, overwrite=True)


class Checkpoints:
    """The newest states of a run, and the best one.

    A state that is not whole is never taken for one: TensorFlow writes it under other names, and
    names it in the file `checkpoint` only then. Every machine restores; the chief alone saves,
    since all hold the same values.
    """

    def __init__(self, folder, state, is_chief):
        """`state` is a dict of variables and modules."""
        self._is_chief = is_chief
        self._all = tf.train.Checkpoint(**state)
        self._newest = tf.train.CheckpointManager(self._all, folder, KEPT)
        self._best = tf.train.CheckpointManager(
            self._all, tf.io.gfile.join(folder, "best"), 1, checkpoint_name="best"
        )

    def restore(self, say):
        """Put back the newest state that can be read. Whether there was any.

        Raises JobError if none of them can be.
        """
        states = self._newest.checkpoints
        for path in reversed(states):
            try:
                self._put_back(path)
            except NOT_DAMAGED:
                raise
            except DAMAGED:
                say(f"{path} is damaged")
            else:
                return True
        if states:
            raise JobError(
                f"{self._newest.directory}: expected a state to go on from, but all are damaged; "
                "add --fresh to begin again, or choose another --job-dir"
            )
        return False

    def restore_best(self):
        """Put the best state back, if there is one."""
        best = tf.train.latest_checkpoint(self._best.directory)
        if best:
            self._put_back(best)

    def _put_back(self, path):
        self._all.restore(path).assert_existing_objects_matched()

    def save(self, step):
        """Keep the state after `step` steps."""
        if self._is_chief:
            self._newest.save(step)

    def save_best(self, step):
        """Keep the state after `step` steps, in place of what was the best one."""
        if self._is_chief:
            self._best.save(step)
