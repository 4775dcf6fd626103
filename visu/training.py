"""Runs a lesson's iterations and makes a measurement of them every so often."""

import math
import time

import numpy as np
import tensorflow as tf

from visu.measurement import Digits, Measurement, Score, percentiles
from visu.messages import Answer
from visu.parallel import divided

BATCH = 100
# Batches are handed to the compiled loop this many at a time: enough that the call costs nothing
# beside the training, few enough that they take no room (100 batches of MNIST are 31 MB); fewer
# where images are larger.
BLOCK, BLOCK_BYTES = 100, 2**25
# A call of the compiled loop or of the evaluation lasts about this long, so that a pause, a stop
# or Ctrl-C is obeyed soon. How a block is divided changes no result.
CALL_SECONDS = 0.08
EVALUATED_AT_ONCE, MNIST_SIZE = 2000, 28 * 28  # test images per call; fewer of larger ones
KEPT_BYTES = 2**27  # of a test set as floats, at the most; those of a larger one are made each time
SHOWN = 100  # images of a training batch that a measurement keeps
PATCHES = 24  # as many of the first weights are shown
ANSWER_SECONDS = 0.1  # between answers to the same question
SPREAD_VALUES = 2**18  # of a tensor; sorting more of them takes its time, and shows the same bands


class Training:
    """One run of a lesson.

    data      `mnistdata.DataSets`
    train     train(images [b, 100, 28, 28, 1], labels [b, 100, 10], step, stop) trains from
              iteration `step` up to `stop`, iteration i on the batch with index i % b
    test      test(X [n, 28, 28, 1], Y_ [n, 10]) returns probabilities [n, 10] and the mean loss
    spreads   for each spread panel a list of tensors, or a function that makes such a list from
              the last training batch X; empty where nobody looks
    schedule  `visu.schedule.Schedule`
    control   `visu.control.Control`
    batch     images in an iteration: the 100 above
    pace      measurements a second at the most, None for no limit
    answer    called with a `visu.messages.Answer` when `control` has a question
    weights   those of the first layer, a tensor, or None
    layers    returns what the lesson wanted to be shown when `test` was last run eagerly
    augment   augment(X [n, 28, 28, 1], step) returns what training makes of batch X in iteration
              `step`, or None if it leaves the images as they are
    shares    into how many parts `test`'s images are divided: one for each processor
    """

    def __init__(
        self,
        data,
        train,
        test,
        spreads,
        schedule,
        control,
        batch=BATCH,
        pace=None,
        answer=None,
        weights=None,
        layers=tuple,
        augment=None,
        shares=1,
    ):
        self._data, self._train, self._batch = data, train, batch
        self._block = batches_at_once(data.train, batch)
        self._evaluate, self._evaluate_batch = _evaluations(test, augment, shares)
        self._spreads, self._schedule, self._control = spreads, schedule, control
        self._test, self._answer, self._next_answer = test, answer, 0.0
        self._weights, self._layers = weights, layers
        control.on_question = self._answer_question
        self.pace = pace  # other threads may change it
        self.iteration = 0  # how many are done; other threads may read it
        self.testing_seconds = 0.0  # spent on evaluations of the test set
        self._images, self._labels = data.train.next_block(self._block, batch)
        self._at_once = 1
        is_small = 4 * data.test.pixels.size <= KEPT_BYTES
        self._test_parts = list(self._in_parts()) if is_small else None

    def measurements(self):
        """Train, and yield a `Measurement` whenever one is due; the last one includes the test."""
        self._started = due = time.perf_counter()
        while not self._control.stopped:
            measurement = self._measure(self._schedule.is_tested(self.iteration))
            if measurement is None:
                break
            yield measurement
            if self.iteration == self._schedule.iterations:
                return
            self._control.step_done()
            self._control.checkpoint()
            self._train_until(self._schedule.next_measured(self.iteration))
            pace = self.pace
            pause = 1 / pace if pace else 0.0
            now = time.perf_counter()
            due = min(max(due + pause, now - pause), now + pause)
            self._control.checkpoint(due)
        yield self._measure(tested=True, interruptible=False)

    def read(self, image):
        """The probabilities, float [classes], that the network gives an image, uint8 [h, w, c]."""
        X = tf.constant(image[np.newaxis] / np.float32(255))
        # Not compiled: for one image that is soon enough, and the lesson can show its layers.
        Y, _ = self._test.python_function(X, tf.zeros([1, self._data.test.class_count]))
        return Y[0].numpy()

    def _first_weights(self, shape):
        """Some of the first layer as pictures, float [h, w, n], or None; how many there are."""
        first = self._weights
        if first is None:
            return None, 0
        if first.shape.rank == 2 and first.shape[0] == np.prod(shape):
            first = tf.reshape(first, [*shape, -1])
        if first.shape.rank != 4:
            return None, 0
        return tf.reduce_mean(first, axis=2).numpy()[..., :PATCHES], first.shape[3]

    def _answer_question(self):
        if question := self._control.question:
            probabilities = self.read(question.image)
            patches, in_all = self._first_weights(question.image.shape)
            layers = tuple(layer[0].numpy() for layer in self._layers())
            answer = Answer(question.number, self.iteration, probabilities, patches, layers, in_all)
            self._next_answer = time.perf_counter() + ANSWER_SECONDS
            self._answer(answer)

    def _train_until(self, target):
        # At least one iteration, even if the run is to stop: none is measured twice.
        while self.iteration < target:
            in_block = self.iteration % self._block
            if in_block == 0 and self.iteration > 0:
                self._images, self._labels = self._data.train.next_block(self._block, self._batch)
            stop = min(target, self.iteration + min(self._at_once, self._block - in_block))
            began = time.perf_counter()
            self._train(self._images, self._labels, tf.constant(self.iteration), tf.constant(stop))
            seconds = time.perf_counter() - began
            done = stop - self.iteration
            # The first call compiles, which says nothing about the speed; hence growth by doubling.
            self._at_once = max(1, min(2 * done, int(CALL_SECONDS * done / seconds)))
            self.iteration = stop
            if self._control.question and time.perf_counter() > self._next_answer:
                self._answer_question()
            self._control.checkpoint()
            if self._control.stopped:
                return

    def _measure(self, tested, interruptible=True):
        last = max(self.iteration - 1, 0)
        X, *digits, loss = self._evaluate_batch(
            self._images, self._labels, tf.constant(last % self._block), tf.constant(last)
        )
        training_digits = Digits(*(part.numpy() for part in digits))
        test = test_computed = None
        if tested:
            evaluated = self._evaluate_test_set(interruptible)
            if evaluated is None:
                return None
            test_computed, test_loss = evaluated
            test = _score(self._data.test.classes, test_computed, test_loss)
        return Measurement(
            iteration=self.iteration,
            seconds=time.perf_counter() - self._started - self._control.paused_seconds,
            training=_score(training_digits.labels, training_digits.computed, float(loss)),
            training_digits=training_digits,
            test=test,
            test_computed=test_computed,
            spreads=self._spreads_of(X) if self._is_spread() else (),
        )

    def _in_parts(self):
        return self._data.test.in_order(evaluated_at_once(self._data.test))

    def _evaluate_test_set(self, interruptible):
        """What the test digits are taken for, and their mean loss; None if the run is to stop."""
        loss, computed = 0.0, []
        for X, Y_ in self._test_parts or self._in_parts():
            if interruptible:
                self._control.checkpoint()
                if self._control.stopped:
                    return None
            began = time.perf_counter()
            part, mean_loss = self._evaluate(X, Y_)
            computed.append(part.numpy())
            loss += float(mean_loss) * len(X)
            self.testing_seconds += time.perf_counter() - began
        return np.concatenate(computed), loss / len(self._data.test)

    def _is_spread(self):
        return self._schedule.is_spread(self.iteration) or self._control.stopped

    def _spreads_of(self, X):
        sources = [source(X) if callable(source) else source for source in self._spreads]
        return tuple(
            percentiles([thinned(tensor.numpy(), SPREAD_VALUES) for tensor in source])
            for source in sources
        )


def thinned(values, most):
    """An array's values, or so many of them at the most, from all over it; [k]."""
    step = max(-(-values.size // most), 1)
    while any(math.gcd(step, length) > 1 for length in values.shape):
        step += 1  # it would always come upon the same channels
    return values.reshape(-1)[::step]


def batches_at_once(data, batch):
    """How many batches of a `mnistdata.DataSet` make a block."""
    numbers = math.prod(data.pixels.shape[1:]) + data.class_count
    return max(1, min(BLOCK, BLOCK_BYTES // (4 * batch * numbers)))


def evaluated_at_once(data):
    """How many images of a `mnistdata.DataSet` are evaluated in a call."""
    size = math.prod(data.pixels.shape[1:])
    return max(1, EVALUATED_AT_ONCE * MNIST_SIZE // max(size, MNIST_SIZE))


def _score(labels, computed, loss):
    return Score(float(np.mean(labels == computed)), loss)


def _evaluations(test, augment, count):
    """What a measurement needs of `test`, compiled, so that each is one call."""

    # AutoGraph takes its time, and there is no loop for it here; somebody's `augment` may have one.
    @tf.function(autograph=False)
    def evaluate(X, Y_):
        parts = divided(X, count)
        if len(parts) == 1:
            Y, loss = test(X, Y_)
            return _class(Y), loss
        sizes = [part.shape[0] for part in parts]
        found = [test(*share) for share in zip(parts, tf.split(Y_, sizes), strict=True)]
        losses = [loss * (size / sum(sizes)) for size, (_, loss) in zip(sizes, found, strict=True)]
        return tf.concat([_class(Y) for Y, _ in found], axis=0), tf.add_n(losses)

    @tf.function(autograph=augment is not None)
    def evaluate_batch(images, labels, batch, step):
        X, Y_ = images[batch], labels[batch]
        X = augment(X, step) if augment else X
        pixels = tf.saturate_cast(tf.round(255 * X[:SHOWN]), tf.uint8)
        return X, pixels, _class(Y_), *evaluate(X, Y_)

    return evaluate, evaluate_batch


def _class(Y):
    return tf.argmax(Y, axis=1, output_type=tf.int32)
