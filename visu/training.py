"""Runs a lesson's iterations and makes a measurement of them every so often."""

import time

import numpy as np
import tensorflow as tf

from visu.measurement import Digits, Measurement, Score, percentiles

BATCH = 100
# Batches are handed to the compiled loop this many at a time: enough that the call costs nothing
# beside the training, few enough that gathering them is no wait (20 batches are 6 MB).
BLOCK = 20
# A call of the compiled loop or of the evaluation lasts about this long, so that a pause, a stop
# or Ctrl-C is obeyed soon. How a block is divided changes no result.
CALL_SECONDS = 0.1
EVALUATED_AT_ONCE = 1000  # test images per call


class Training:
    """One run of a lesson.

    mnist     `mnistdata.DataSets`
    train     train(images [b, 100, 28, 28, 1], labels [b, 100, 10], step, stop) trains from
              iteration `step` up to `stop`, iteration i on the batch with index i % b
    test      test(X [n, 28, 28, 1], Y_ [n, 10]) returns probabilities [n, 10] and the mean loss
    spreads   for each spread panel a list of tensors, or a function that makes such a list from
              the last training batch X; empty where nobody looks
    schedule  `visu.schedule.Schedule`
    control   `visu.control.Control`
    pace      measurements a second at the most, None for no limit
    """

    def __init__(self, mnist, train, test, spreads, schedule, control, pace=None):
        self._mnist, self._train = mnist, train
        self._evaluate, self._evaluate_batch = _evaluations(test)
        self._spreads, self._schedule, self._control = spreads, schedule, control
        self._pause_between = 1 / pace if pace else 0.0
        self._iteration = 0
        self._images, self._labels = mnist.train.next_block(BLOCK, BATCH)
        self._at_once = 1
        self._test_parts = list(
            tf.data.Dataset.from_tensor_slices((mnist.test.images, mnist.test.labels)).batch(
                EVALUATED_AT_ONCE
            )
        )

    def measurements(self):
        """Train, and yield a `Measurement` whenever one is due; the last one includes the test."""
        self._started = due = time.perf_counter()
        while not self._control.stopped:
            measurement = self._measure(self._schedule.is_tested(self._iteration))
            if measurement is None:
                break
            yield measurement
            if self._iteration == self._schedule.iterations:
                return
            self._train_until(self._schedule.next_measured(self._iteration))
            due = max(due + self._pause_between, time.perf_counter() - self._pause_between)
            self._control.checkpoint(due)
        yield self._measure(tested=True, interruptible=False)

    def lift_pace(self):
        """From now on, nobody watches."""
        self._pause_between = 0.0

    def _train_until(self, target):
        # At least one iteration, even if the run is to stop: none is measured twice.
        while self._iteration < target:
            in_block = self._iteration % BLOCK
            if in_block == 0 and self._iteration > 0:
                self._images, self._labels = self._mnist.train.next_block(BLOCK, BATCH)
            stop = min(target, self._iteration + min(self._at_once, BLOCK - in_block))
            began = time.perf_counter()
            self._train(self._images, self._labels, tf.constant(self._iteration), tf.constant(stop))
            seconds = time.perf_counter() - began
            done = stop - self._iteration
            # The first call compiles, which says nothing about the speed; hence growth by doubling.
            self._at_once = max(1, min(2 * done, int(CALL_SECONDS * done / seconds)))
            self._iteration = stop
            self._control.checkpoint()
            if self._control.stopped:
                return

    def _measure(self, tested, interruptible=True):
        last = tf.constant(max(self._iteration - 1, 0) % BLOCK)
        X, labels, computed, loss = self._evaluate_batch(self._images, self._labels, last)
        training_digits = Digits(X.numpy(), labels.numpy(), computed.numpy())
        test = test_digits = None
        if tested:
            evaluated = self._evaluate_test_set(interruptible)
            if evaluated is None:
                return None
            test_digits, test_loss = evaluated
            test = _score(test_digits, test_loss)
        return Measurement(
            iteration=self._iteration,
            epoch=self._iteration * BATCH / len(self._mnist.train),
            seconds=time.perf_counter() - self._started - self._control.paused_seconds,
            training=_score(training_digits, float(loss)),
            training_digits=training_digits,
            test=test,
            test_digits=test_digits,
            spreads=self._spreads_of(X) if self._schedule.is_spread(self._iteration) else (),
        )

    def _evaluate_test_set(self, interruptible):
        """The test `Digits` and their mean loss; None if the run is to stop."""
        loss, computed = 0.0, []
        for X, Y_ in self._test_parts:
            if interruptible:
                self._control.checkpoint()
                if self._control.stopped:
                    return None
            _, part, mean_loss = self._evaluate(X, Y_)
            computed.append(part.numpy())
            loss += float(mean_loss) * len(X)
        pixels, labels = self._mnist.test.pixels, self._mnist.test.classes
        return Digits(pixels, labels, np.concatenate(computed)), loss / len(labels)

    def _spreads_of(self, X):
        sources = [source(X) if callable(source) else source for source in self._spreads]
        return tuple(percentiles([tensor.numpy() for tensor in source]) for source in sources)


def _score(digits, loss):
    return Score(float(np.mean(digits.labels == digits.computed)), loss)


def _evaluations(test):
    """What a measurement needs of `test`, compiled, so that each is one call.

    Threads that call back and forth between Python and TensorFlow hold each other up: the fewer
    calls, the smoother the window beside a fast run.
    """

    @tf.function
    def evaluate(X, Y_):
        Y, loss = test(X, Y_)
        return tf.argmax(Y_, axis=1), tf.argmax(Y, axis=1), loss

    @tf.function
    def evaluate_batch(images, labels, batch):
        X = images[batch]
        return X, *evaluate(X, labels[batch])

    return evaluate, evaluate_batch
