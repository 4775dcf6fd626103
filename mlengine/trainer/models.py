"""The models, from one layer to the best lesson's network, in plain variables.

Nothing here knows how many devices or machines train. What must not depend on it, chance and the
statistics of a batch, is asked of the `Step` that a model is called for.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from errors import UsageError

SIDE, CLASSES = 28, 10
# A step changes every copy of a variable in the same way, so one copy's word is enough.
SAME_EVERYWHERE = tf.VariableAggregation.ONLY_FIRST_REPLICA


class Convolution(NamedTuple):
    size: int
    filters: int
    stride: int = 1


@dataclass(frozen=True)
class Architecture:
    """A model, and how it is best trained."""

    convolutions: tuple[Convolution, ...] = ()
    padding: str = "SAME"
    pooling: bool = False  # 2 x 2, after each convolution
    layer_sizes: tuple[int, ...] = ()
    dropout: float = 0.0
    normalised: bool = False  # batch normalisation in every layer but the last
    looks: bool = False  # in testing, the mean of five looks, four of them a pixel aside
    augmented: bool = False  # in training, digits are turned, slanted, scaled and shifted
    label_smoothing: float = 0.0  # in training, so much of each label is shared by all ten classes
    learning_rate: float = 0.003
    schedule: str = "decay"
    weight_decay: float = 0.0

    def numbers(self):
        """What flags may change, by the names of `Settings`."""
        return {
            "kernel_sizes": tuple(convolution.size for convolution in self.convolutions),
            "filters": tuple(convolution.filters for convolution in self.convolutions),
            "layer_sizes": self.layer_sizes,
            "dropout": self.dropout,
            "learning_rate": self.learning_rate,
            "schedule": self.schedule,
            "weight_decay": self.weight_decay,
        }


ARCHITECTURES = {
    "linear": Architecture(),
    "dnn": Architecture(layer_sizes=(300, 100, 30)),
    "dnn_dropout": Architecture(layer_sizes=(300, 100, 30), dropout=0.25),
    "cnn": Architecture(
        (Convolution(5, 10), Convolution(5, 20)), pooling=True, layer_sizes=(300,), dropout=0.25
    ),
    "lesson_3_1": Architecture(
        (Convolution(6, 6), Convolution(5, 12, 2), Convolution(4, 24, 2)),
        layer_sizes=(200,),
        dropout=0.25,
    ),
    "lesson_4_2": Architecture(
        (Convolution(6, 24), Convolution(5, 48, 2), Convolution(4, 64, 2)),
        layer_sizes=(200,),
        dropout=0.25,
        normalised=True,
        learning_rate=0.02,
    ),
    "lesson_5_0": Architecture(
        (
            Convolution(3, 16),
            Convolution(3, 32, 2),
            Convolution(3, 48),
            Convolution(3, 64),
            Convolution(3, 96, 2),
            Convolution(3, 128),
        ),
        padding="VALID",
        normalised=True,
        looks=True,
        augmented=True,
        label_smoothing=0.1,
        learning_rate=0.01,
        schedule="cycle",
        weight_decay=0.05,
    ),
}


class Step(NamedTuple):
    """What a layer must know of the training step that it is part of.

    A batch may be split over devices and machines. Chance is drawn for the batch as a whole, and
    each takes its rows of it; so a step comes out the same however it was split.
    """

    seed: tf.Tensor  # int [2], another one in every step
    rows: tf.Tensor  # int [n]: where these examples stand in the batch
    batch_size: int  # of all devices together

    def chance(self, which, *shape):
        """Random numbers from 0 to 1, [n, *shape]; `which` tells the draws of a step apart."""
        seed = tf.random.experimental.stateless_fold_in(self.seed, which)
        drawn = tf.random.stateless_uniform([self.batch_size, *shape], seed)
        return tf.gather(drawn, self.rows)

    def moments(self, Z):
        """Mean and variance of each channel over the whole batch, differentiable."""
        axes = list(range(Z.shape.rank - 1))
        sums = tf.stack([tf.reduce_sum(Z, axes), tf.reduce_sum(Z * Z, axes)])
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync > 1:
            sums = replica.all_reduce(tf.distribute.ReduceOp.SUM, sums)
        positions = self.batch_size
        for length in Z.shape[1:-1]:
            positions *= length
        mean, square = tf.unstack(sums / positions)
        return mean, tf.maximum(square - mean * mean, 0)  # rounding may end below 0


class Network(tf.Module):
    """Convolutions, hidden layers, and ten logits, as an `Architecture` and `Settings` say.

    Raises UsageError for convolutions that the images are too small for.
    """

    def __init__(self, settings):
        super().__init__(name=settings.model)
        self._seed = settings.seed
        own = self._own = ARCHITECTURES[settings.model]
        self._rate = settings.dropout
        strides = [convolution.stride for convolution in own.convolutions]
        self.layers = []
        height, channels = SIDE, 1
        for size, filters, stride in zip(
            settings.kernel_sizes, settings.filters, strides, strict=True
        ):
            self._add([size, size, channels, filters], stride)
            height = -(-(height - (size - 1) * (own.padding == "VALID")) // stride)
            height, channels = -(-height // 2) if own.pooling else height, filters
            if height < 1:
                raise UsageError(
                    f"--kernel-sizes: expected them to leave something of the {SIDE} x {SIDE} "
                    f"pixels, found {','.join(map(str, settings.kernel_sizes))}; try smaller ones"
                )
        values = height * height * channels
        for size in settings.layer_sizes:
            self._add([values, size])
            values = size
        self._add([values, CLASSES], last=True)
        self.weights = [layer.W for layer in self.layers] + [layer.B for layer in self.layers]

    def _add(self, shape, stride=None, last=False):
        normalised = self._own.normalised and not last
        number = len(self.layers)
        W = tf.random.stateless_truncated_normal(shape, [self._seed, number])
        self.layers.append(Layer(W, number, stride, self._own.padding, normalised))

    def __call__(self, X, step=None):
        """Logits [n, 10] of images [n, 28, 28, 1] from 0 to 1; `step` is a `Step` in training."""
        Y = X
        *hidden, last = self.layers
        for layer in hidden:
            Y = tf.nn.relu(layer(Y, step))
            if layer.stride is not None and self._own.pooling:
                Y = tf.nn.max_pool2d(Y, 2, 2, "SAME")
        if step is not None and self._rate:
            kept = step.chance(0, *Y.shape[1:]) >= self._rate
            Y = tf.where(kept, Y / (1 - self._rate), 0)
        return last(Y, step)

    def augment(self, X, step):
        """What training makes of its images [n, 28, 28, 1]: itself, or as lesson 5.0 does."""
        return _augmented(X, step) if self._own.augmented else X

    def objective(self, losses, logits):
        """What training makes small for each example, [n], of its cross-entropies [n]."""
        doubt = self._own.label_smoothing
        if not doubt:
            return losses
        # The cross-entropy with labels of which so much is shared by all classes.
        return (1 - doubt) * losses - doubt * tf.reduce_mean(tf.nn.log_softmax(logits), axis=1)

    def answer(self, X):
        """Logits [n, 10] as they are given in testing."""
        if not self._own.looks:
            return self(X)
        aside = [tf.roll(X, way, [1, 2]) for way in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        return tf.add_n([self(look) for look in (*aside, X)]) / 5


class Layer(tf.Module):
    """A convolution or a fully connected layer, with batch normalisation or a bias."""

    def __init__(self, W, number, stride, padding, normalised):
        super().__init__(name=f"layer{number}")
        self.stride, self._padding = stride, padding
        *inputs, outputs = W.shape
        # Scaled so that values neither fade nor grow on their way through ReLUs: He et al. 2015,
        # "Delving deep into rectifiers", equation 10.
        self.W = _variable(W * tf.sqrt(2 / math.prod(inputs)), f"{self.name}/W")
        self.B = _variable(tf.zeros([outputs]), f"{self.name}/B")
        # Moving averages of each channel's mean and variance.
        self.A = None
        if normalised:
            start = tf.stack([tf.zeros([outputs]), tf.ones([outputs])])
            self.A = _variable(start, f"{self.name}/A", trainable=False)

    def __call__(self, Y, step):
        if self.stride is None:
            Z = tf.matmul(tf.reshape(Y, [-1, self.W.shape[0]]), self.W)
        else:
            Z = tf.nn.conv2d(Y, self.W, self.stride, self._padding)
        if self.A is None:
            return Z + self.B
        mean, variance = tf.unstack(self.A) if step is None else step.moments(Z)
        if step is not None:
            self.A.assign(0.97 * self.A + 0.03 * tf.stack([mean, variance]))
        return tf.nn.batch_normalization(Z, mean, variance, self.B, None, 1e-5)


def _augmented(X, step):
    """Images [n, 28, 28, 1], each turned by up to 13 degrees, slanted, scaled and shifted."""
    turn, slant, wide, high, right, down = tf.unstack(2 * step.chance(1, 6) - 1, axis=1)
    turn, slant, wide, high = 0.22 * turn, 0.13 * slant, 1 + 0.13 * wide, 1 + 0.13 * high
    # Pixel (x, y) of the new image, seen from its middle, is (a x + b y, c x + d y) of the old one.
    a, c = wide * tf.cos(turn), high * tf.sin(turn)
    b, d = slant * a - wide * tf.sin(turn), slant * c + high * tf.cos(turn)
    middle = (SIDE - 1) / 2
    x, y = middle * (1 - a - b) + 2.6 * right, middle * (1 - c - d) + 2.6 * down
    matrix = tf.stack([a, b, x, c, d, y, 0 * a, 0 * a], axis=1)  # [n, 8]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=X,
        transforms=matrix,
        output_shape=[SIDE, SIDE],
        fill_value=0,
        interpolation="BILINEAR",
    )


def _variable(start, name, trainable=True):
    return tf.Variable(start, trainable=trainable, name=name, aggregation=SAME_EVERYWHERE)
