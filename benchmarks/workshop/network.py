"""The network of all experiments, how it is trained and tested."""

import math
from itertools import pairwise

import visu.startup  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

TESTED = 2000  # digits that are read at once


class Network:
    """784 pixels, two hidden layers of `units` ReLUs, ten classes; trained with Adam.

    dropout  the share of the hidden layers' outputs that is dropped in training, 0 ... 1
    l2       L2 regularisation: so many times the sum of the squared weights is added to the loss
             that training minimises

    The weights' first size is that of He et al., "Delving Deep into Rectifiers" (2015).
    """

    def __init__(self, units, dropout=0.0, l2=0.0):
        self._dropout, self._l2 = dropout, l2
        sizes = (784, units, units, 10)
        self._weights = [
            tf.Variable(tf.random.truncated_normal([before, after], stddev=math.sqrt(2 / before)))
            for before, after in pairwise(sizes)
        ]
        self._biases = [tf.Variable(tf.zeros([after])) for after in sizes[1:]]
        self.variables = self._weights + self._biases
        self._optimizer = tf.keras.optimizers.Adam()
        self._optimizer.build(self.variables)

    def _model(self, X, dropout=0.0):
        W1, W2, W3 = self._weights
        B1, B2, B3 = self._biases
        XX = tf.reshape(X, [-1, 784])  # [n, 784]
        Y1 = tf.nn.dropout(tf.nn.relu(tf.matmul(XX, W1) + B1), rate=dropout)  # [n, units]
        Y2 = tf.nn.dropout(tf.nn.relu(tf.matmul(Y1, W2) + B2), rate=dropout)  # [n, units]
        return tf.matmul(Y2, W3) + B3  # [n, 10]

    # Without XLA: there are many small networks, and each would compile longer than it trains.
    @tf.function
    def train(self, images, labels):
        """A step for each batch: images [batches, size, 28, 28, 1], labels [batches, size, 10]."""
        for batch in tf.range(len(images)):
            X, Y_ = images[batch], labels[batch]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(_cross_entropies(self._model(X, self._dropout), Y_))
                # l2_loss halves the sum of the squares.
                penalty = 2 * self._l2 * tf.add_n([tf.nn.l2_loss(W) for W in self._weights])
                minimised = loss + penalty
            self._optimizer.learning_rate.assign(_learning_rate(self._optimizer.iterations))
            self._optimizer.apply(tape.gradient(minimised, self.variables))

    def test(self, digits):
        """Loss, the mean cross-entropy without any penalty, and accuracy on a `DataSet`."""
        sums = [self._test(*part) for part in digits.in_order(TESTED)]
        loss, right = (float(sum(each)) / len(digits) for each in zip(*sums, strict=True))
        return loss, right

    @tf.function(reduce_retracing=True)
    def _test(self, X, Y_):
        Ylogits = self._model(X)
        right = tf.equal(tf.argmax(Ylogits, axis=1), tf.argmax(Y_, axis=1))
        return tf.reduce_sum(_cross_entropies(Ylogits, Y_)), tf.math.count_nonzero(right)


def _learning_rate(step):
    # As in lesson 2.1, but sooner at rest: here it is over after a few thousand iterations.
    return 0.0001 + 0.003 * tf.exp(-tf.cast(step, tf.float32) / 1000)


def _cross_entropies(Ylogits, Y_):
    return tf.nn.softmax_cross_entropy_with_logits(labels=Y_, logits=Ylogits)  # [n]
