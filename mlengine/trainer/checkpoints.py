"""What a job leaves so that it can go on, and whose it is. Folders may be gs://bucket/folder."""

import json
import re

import tensorflow as tf

from errors import UsageError
from flags import without_patterns
from trainer.errors import JobError

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

    Raises UsageError if they can't be used or written, or hold another run.
    """
    folders = (settings.checkpoints_dir, settings.logs_dir, settings.export_dir)
    for folder in folders:
        if wrong := without_patterns(folder):
            raise UsageError(f"{wrong}; choose another --job-dir")
    if is_chief:
        for folder in folders:
            _make(folder)
        if settings.fresh:
            _clear(settings)
    if settings.fresh:
        return
    if tf.io.gfile.exists(_owner(settings)):
        _compare(_owner(settings), settings)
    elif _listed(settings.checkpoints_dir, "ckpt"):
        raise UsageError(
            f"{settings.checkpoints_dir}: expected a run like this one, found states without "
            f"{OWNER}, which says whose they are; add --fresh to delete them, or choose another "
            "--job-dir"
        )


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
    return re.fullmatch(
        rf"checkpoint\.tmp.*|(checkpoint|{OWNER})(\.unfinished)?|ckpt-\d.*|best", name
    )


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

    A state that is not whole is never taken for one: TensorFlow writes its .index last, and names
    it in the file `checkpoint` only then. Where a power cut has taken that file, the states are
    those with an .index. Every machine restores; the chief alone saves, since all hold the same
    values.
    """

    def __init__(self, folder, state, is_chief):
        """`state` is a dict of variables and modules."""
        self._is_chief = is_chief
        self._all = tf.train.Checkpoint(**state)
        self._folder, self._bests_folder = folder, tf.io.gfile.join(folder, "best")
        if is_chief:
            self._newest = self._manager(folder, "ckpt", KEPT)
            self._best = self._manager(self._bests_folder, "best", 1)

    def _manager(self, folder, name, kept):
        _mend(folder, name)
        return tf.train.CheckpointManager(self._all, folder, kept, checkpoint_name=name)

    def restore(self, say):
        """Put back the newest state that can be read. Whether there was any.

        Raises JobError if none of them can be.
        """
        states = _states(self._folder, "ckpt")
        for path in reversed(states):
            if self._put_back(path):
                return True
            say(f"{path} is damaged")
        if states:
            raise JobError(
                f"{self._folder}: expected a state to go on from, but all are damaged; "
                "add --fresh to begin again, or choose another --job-dir"
            )
        return False

    def restore_best(self, say):
        """Put the best state back, if there is one that can be read."""
        for path in _states(self._bests_folder, "best")[-1:]:
            if not self._put_back(path):
                say(f"{path} is damaged, the last state is exported")

    def _put_back(self, path):
        """Whether the state can be read. If not, all stays as it is."""
        try:
            self._all.restore(path).assert_existing_objects_matched()
        except NOT_DAMAGED:
            raise
        except DAMAGED:
            return False
        return True

    def save(self, step):
        """Keep the state after `step` steps."""
        if self._is_chief:
            self._newest.save(step)

    def save_best(self, step):
        """Keep the state after `step` steps, in place of what was the best one."""
        if self._is_chief:
            self._best.save(step)


def _states(folder, name):
    """The paths of the states there, <folder>/<name>-<step>, the oldest first."""
    return _named(folder) or [tf.io.gfile.join(folder, state) for state in _listed(folder, name)]


def _named(folder):
    """The paths in TensorFlow's file `checkpoint`; none if it is missing or damaged."""
    try:
        found = tf.train.get_checkpoint_state(folder)
    except ValueError:  # it is empty, or no text
        return []
    return list(found.all_model_checkpoint_paths) if found else []


def _listed(folder, name):
    """The names of the states whose .index is there and has been written."""
    found = {}
    for file in tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []:
        state = re.fullmatch(rf"({name}-(\d+))\.index", file)
        if state and tf.io.gfile.stat(tf.io.gfile.join(folder, file)).length:
            found[int(state[2])] = state[1]
    return [found[step] for step in sorted(found)]


def _mend(folder, name):
    """Write the file `checkpoint` anew if it is lost: TensorFlow's manager can't do without."""
    path, states = tf.io.gfile.join(folder, "checkpoint"), _listed(folder, name)
    if _named(folder):
        return
    if states:
        lines = [f'model_checkpoint_path: "{states[-1]}"']
        lines += [f'all_model_checkpoint_paths: "{state}"' for state in states]
        # Without a time they would be kept for ever.
        lines += ["all_model_checkpoint_timestamps: 1" for _ in states]
        _write(path, "\n".join(lines))
    elif tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)
