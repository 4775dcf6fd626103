"""The training loop: the same for one device, several, and several machines."""

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from errors import UsageError
from trainer import data, hypertune
from trainer.board import Board
from trainer.checkpoints import Checkpoints, claim
from trainer.cluster import GONE
from trainer.export import export
from trainer.models import SAME_EVERYWHERE, Network, Step

BLOCK = 5000  # digits in a compiled call, if it can be: whoever wants to stop waits for its end
SUM = tf.distribute.ReduceOp.SUM


class Evaluation(NamedTuple):
    """How well a network reads a set of digits."""

    accuracy: float
    loss: float  # mean cross-entropy in nats
    computed: np.ndarray  # int [n], what each was read as

    @property
    def count(self):
        return len(self.computed)

    @property
    def misread(self):
        return round(self.count * (1 - self.accuracy))


class Result(NamedTuple):
    """How a job ended."""

    steps: int
    test: Evaluation | None  # None if it was interrupted; all is saved then
    exported: str | None  # the folder, on the chief


class Job:
    """A network, its optimizer and its digits, on the devices of a strategy."""

    def __init__(self, settings, strategy, digits):
        """`digits` are what `data.read` returns."""
        self.settings, self.strategy = settings, strategy
        self.training, self.judged, self.test = digits
        with strategy.scope():
            self.network = Network(settings)
            self._optimizer = tf.keras.optimizers.AdamW(weight_decay=settings.weight_decay)
            self._optimizer.build(self.network.weights)
            self._step = _number(0, tf.int64)
            # Loss and digits read right, summed over the steps since the last evaluation.
            self._sums, self._summed = _number([0, 0], tf.float64), _number(0, tf.int64)
            self._best = _number([-1, 0], tf.float64)  # accuracy, -loss
            self._worse = _number(0, tf.int64)  # evaluations since the best one
        self._pieces = {
            id(digits): data.everything(digits, strategy) for digits in (self.judged, self.test)
        }
        self._batches = None

    def state(self):
        """What has to be saved to go on as if nothing had happened, for `Checkpoints`."""
        return {
            "network": self.network,
            "optimizer": [slot.value for slot in self._optimizer.variables],
            "progress": [self._step, self._sums, self._summed, self._best, self._worse],
        }

    @property
    def steps(self):
        """How many have been made."""
        return int(self._step.numpy())

    @property
    def finished(self):
        """Whether there is nothing left to train for."""
        patience = self.settings.patience
        tired = patience is not None and self._worse.numpy() >= patience
        return tired or self.steps >= self.settings.train_steps

    def learning_rate(self, step):
        """The rate in a step, counted from 0, as a tensor."""
        done = tf.cast(step, tf.float32) / self.settings.train_steps  # 0 ... 1
        if self.settings.schedule == "constant":
            share = tf.ones([])
        elif self.settings.schedule == "decay":
            share = 0.03 + 0.97 * tf.exp(-5 * done)
        else:  # a cycle: up in a quarter of the time, then down to 0
            share = tf.minimum(0.1 + 3.6 * done, (1 - done) / 0.75)
        return self.settings.learning_rate * share

    def train(self, count):
        """Train for `count` steps."""
        if self._batches is None:
            batches = data.batches(self.training, self.settings, self.steps, self.strategy)
            self._batches = iter(batches)
        sums = self._some_steps(self._batches, tf.constant(count))
        self._sums.assign_add(tf.cast(sums, tf.float64))
        self._summed.assign_add(count)

    def take_means(self):
        """Mean loss and accuracy over the training batches since the last call."""
        steps = max(int(self._summed.numpy()), 1)
        loss, right = self._sums.numpy() / steps
        self._sums.assign([0, 0])
        self._summed.assign(0)
        return loss, right / self.settings.batch_size

    def evaluate(self, digits):
        """Make an `Evaluation` of one of the job's sets; the devices share the work."""
        loss, computed = 0.0, []
        for piece in self._pieces[id(digits)]:
            piece_loss, piece_computed = self._read(*piece)
            loss += float(piece_loss)
            computed.append(piece_computed)
        computed = np.concatenate(computed)[: len(digits)]
        accuracy = float(np.mean(computed == digits.classes))
        return Evaluation(accuracy, loss / len(digits), computed)

    def is_best(self, evaluation):
        """Take note of an evaluation. Whether it is the best one so far."""
        merit = evaluation.accuracy, -evaluation.loss
        better = merit > tuple(self._best.numpy())
        if better:
            self._best.assign(merit)
        self._worse.assign(0 if better else self._worse + 1)
        return better

    def anyone(self, wish):
        """Whether any machine has this wish: what one does, all have to do."""
        return float(self._sum(tf.constant(float(wish)))) > 0

    def check_agreement(self):
        """Raise UsageError unless all machines are at the same step."""
        machines = self.strategy.num_replicas_in_sync
        if float(self._sum(tf.constant(float(self.steps)))) != self.steps * machines:
            self.leave_together()
            raise UsageError(
                f"the machines found different checkpoints, this one step {self.steps}; name a "
                "folder that all of them share, for example in a bucket: --job-dir gs://..."
            )

    def leave_together(self):
        """Wait until all machines have their answers: who ends sooner takes the others' along."""
        with suppress(*GONE):  # they may be by now, and nobody needs them any more
            self.anyone(False)

    @tf.function(autograph=False)
    def _sum(self, mine):
        return self.strategy.reduce(SUM, self.strategy.run(tf.identity, (mine,)), None)

    @tf.function
    def _some_steps(self, batches, count):
        sums = tf.zeros([2])
        for _ in tf.range(count):
            sums += self.strategy.reduce(SUM, self.strategy.run(self._part, next(batches)), None)
        return sums

    @tf.autograph.experimental.do_not_convert  # a second less to start: only the loop needs it
    def _part(self, images, labels, number, rows):
        """One device's part of a step. Returns its parts of the mean loss and of the right ones."""
        seed = tf.stack([tf.constant(self.settings.seed, tf.int64), number])
        batch_size = self.settings.batch_size
        step = Step(seed, rows, batch_size)
        images = self.network.augment(images, step)
        with tf.GradientTape() as tape:
            logits = self.network(images, step)
            losses = _cross_entropy(labels, logits)
            # By the size of the whole batch: the optimizer adds up what the devices found.
            objective = tf.reduce_sum(self.network.objective(losses, logits)) / batch_size
        gradients = tape.gradient(objective, self.network.weights)
        self._optimizer.learning_rate.assign(self.learning_rate(number))
        self._optimizer.apply_gradients(zip(gradients, self.network.weights, strict=True))
        self._step.assign(number + 1)
        loss = tf.reduce_sum(losses) / batch_size
        right = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
        return tf.stack([loss, tf.reduce_sum(tf.cast(right, tf.float32))])

    @tf.function(autograph=False)
    def _read(self, images, labels, weights):
        """The summed loss of a piece of a set, and what its digits are read as, in their order."""
        loss, computed = self.strategy.run(self._read_part, (images, labels, weights))
        return self.strategy.reduce(SUM, loss, None), self.strategy.gather(computed, axis=0)

    def _read_part(self, images, labels, weights):
        logits = self.network.answer(images)
        loss = tf.reduce_sum(weights * _cross_entropy(labels, logits))
        return loss, tf.argmax(logits, axis=1)


def run(job, cluster, wants_to_stop, say):
    """Train to the end, or until somebody wants to stop; export and test what came of it.

    job            a `Job`
    cluster        the `Cluster` whose chief writes the files
    wants_to_stop  a function without arguments, asked after each block
    say            what to do with a line for the terminal

    Returns a `Result`. Raises UsageError. Whatever ends this process, the next one goes on from the
    last checkpoint.
    """
    settings, is_chief = job.settings, cluster.is_chief
    if is_chief:
        claim(settings)
    checkpoints = Checkpoints(settings.checkpoints_dir, job.state(), is_chief)
    if checkpoints.restore(say):
        say(f"going on from step {job.steps}")
    job.check_agreement()
    judged = "validation" if settings.validation else "test"
    board = Board(settings.logs_dir, judged) if is_chief else None
    if board:
        board.graph(job.network)
    while not job.finished:
        job.train(_steps_to_the_next_stop(job.steps, settings))
        steps = job.steps
        if steps % settings.eval_every == 0 or steps == settings.train_steps:
            evaluation = job.evaluate(job.judged)
            say(
                f"step {steps}: {judged} accuracy {evaluation.accuracy:.4f}, "
                f"loss {evaluation.loss:.4f}"
            )
            means = job.take_means()
            if is_chief:
                board.train(steps, *means, job.learning_rate(steps - 1))
                board.judge(steps, evaluation, job.network, job.judged)
                hypertune.report(evaluation.accuracy, steps)
            if job.is_best(evaluation) and settings.validation:
                checkpoints.save_best(steps)
        stopping = job.anyone(wants_to_stop())
        if stopping or steps % settings.save_every == 0 or job.finished:
            if board:
                board.flush()  # first: the curves on the disk are never behind the state
            checkpoints.save(steps)
        if stopping and not job.finished:
            job.anyone(False)  # nobody leaves the chief alone while it saves
            job.leave_together()
            return Result(steps, None, None)
    steps = job.steps
    if settings.validation:
        checkpoints.restore_best(say)
    exported = export(job.network, settings, job.steps) if is_chief else None
    test = job.evaluate(job.test)
    job.leave_together()
    return Result(steps, test, exported)


def _steps_to_the_next_stop(steps, settings):
    stops = [
        steps + max(BLOCK // settings.batch_size, 1),
        settings.train_steps,
        *(every * (steps // every + 1) for every in (settings.eval_every, settings.save_every)),
    ]
    return min(stops) - steps


def _cross_entropy(labels, logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _number(start, kind):
    """A number that is saved with the network, and that training does not adjust."""
    start = tf.constant(start, kind)
    return tf.Variable(start, trainable=False, aggregation=SAME_EVERYWHERE)
