r"""Lesson 5.0: a convolutional network, augmented digits.

Same as 4.2: convolutions with batch normalisation.
New here: augmentation, each time a digit comes up it is turned, slanted, scaled and shifted anew,
          in testing eight times, and once as it is; label smoothing, for no label is certain; a
          one-cycle learning rate, up and down to 0; weight decay; no dropout; more and smaller
          layers, without padding.

    · · · · · · · · · · · ·   X   [n, 28, 28, 1]   n images of 28 x 28 grey pixels
    @ @ @ @ @ @ @ @ @ @ @ @   convolution, stride 1  W1 [3, 3, 1, 16]    A1 [2, 16]   B1 [16]
     ∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶    Y1  [n, 26, 26, 16]
      @ @ @ @ @ @ @ @ @ @     convolution, stride 2  W2 [3, 3, 16, 32]   A2 [2, 32]   B2 [32]
       ∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶      Y2  [n, 12, 12, 32]
        @ @ @ @ @ @ @ @       convolution, stride 1  W3 [3, 3, 32, 48]   A3 [2, 48]   B3 [48]
         ∶∶∶∶∶∶∶∶∶∶∶∶∶        Y3  [n, 10, 10, 48]
          @ @ @ @ @ @         convolution, stride 1  W4 [3, 3, 48, 64]   A4 [2, 64]   B4 [64]
           ∶∶∶∶∶∶∶∶∶          Y4  [n, 8, 8, 64]
            @ @ @ @           convolution, stride 2  W5 [3, 3, 64, 96]   A5 [2, 96]   B5 [96]
             ∶∶∶∶∶            Y5  [n, 3, 3, 96]
              @ @             convolution, stride 1  W6 [3, 3, 96, 128]  A6 [2, 128]  B6 [128]
              ∶∶∶             Y6  [n, 1, 1, 128]     flattened: YY [n, 128]
              \x/             fully connected        W7 [128, 10]                     B7 [10]
               ·              Y   [n, 10]            ten probabilities for each image

All of this was chosen by what it reads of 10,000 digits held out of training (--validation 10000).
Without that flag, it trains on all 60,000, and reads the test digits only once, at the end.

Expect: final test accuracy 0.9971 ± 0.0002 (mean ± sd, n = 5 seeds)
"""

import tensorflowvisu  # first: it starts TensorFlow
import mnistdata
import tensorflow as tf

lesson = tensorflowvisu.Lesson(
    __name__, __doc__, iterations=12_000, measure_every=50, test_once=True, xla=False
)
mnist = mnistdata.read_data_sets(lesson.data, seed=lesson.seed)


# Learning rate: how far a training step goes. One cycle: up in a quarter of the time, down to 0.
def learning_rate(step):
    done = tf.cast(step, tf.float32) / lesson.iterations  # 0 ... 1
    return 0.01 * tf.minimum(0.1 + 3.6 * done, (1 - done) / 0.75)


# Variables: what training adjusts.
W1 = tf.Variable(tf.random.truncated_normal([3, 3, 1, 16], stddev=0.1))
W2 = tf.Variable(tf.random.truncated_normal([3, 3, 16, 32], stddev=0.1))
W3 = tf.Variable(tf.random.truncated_normal([3, 3, 32, 48], stddev=0.1))
W4 = tf.Variable(tf.random.truncated_normal([3, 3, 48, 64], stddev=0.1))
W5 = tf.Variable(tf.random.truncated_normal([3, 3, 64, 96], stddev=0.1))
W6 = tf.Variable(tf.random.truncated_normal([3, 3, 96, 128], stddev=0.1))
W7 = tf.Variable(tf.random.truncated_normal([128, 10], stddev=0.1))
channels = 16, 32, 48, 64, 96, 128
B1, B2, B3, B4, B5, B6, B7 = (tf.Variable(tf.ones([n]) / 10) for n in (*channels, 10))
weights, biases = [W1, W2, W3, W4, W5, W6, W7], [B1, B2, B3, B4, B5, B6, B7]
# Moving averages of each neuron's mean and variance: what training leaves for testing.
A1, A2, A3, A4, A5, A6 = (tf.Variable([[0.0] * n, [1.0] * n], trainable=False) for n in channels)


# Augmentation: what training makes of its digits. Each is changed in another way, or all in one.
def augment(X, step, ways=None):
    chance = tf.random.stateless_uniform([6, ways or len(X)], [lesson.seed, step], -1, 1)
    turn, slant, wide, high, right, down = tf.unstack(chance)  # [n] each, -1 ... 1
    turn, slant, wide, high = 0.22 * turn, 0.13 * slant, 1 + 0.13 * wide, 1 + 0.13 * high
    # Pixel (x, y) of the new image, seen from its middle, is (a x + b y, c x + d y) of the old one.
    a, c = wide * tf.cos(turn), high * tf.sin(turn)
    b, d = slant * a - wide * tf.sin(turn), slant * c + high * tf.cos(turn)
    x, y = 13.5 * (1 - a - b) + 2.6 * right, 13.5 * (1 - c - d) + 2.6 * down
    matrix = tf.stack([a, b, x, c, d, y, 0 * a, 0 * a], axis=1)  # [n, 8]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=X, transforms=matrix, output_shape=[28, 28], fill_value=0, interpolation="BILINEAR"
    )  # [n, 28, 28, 1]


# Layer: a convolution; batch normalisation, to mean 0 and variance 1 over the batch; ReLU.
def layer(Y, W, stride, A, B, training):
    Z = tf.nn.conv2d(Y, W, stride, "VALID")
    mean, variance = tf.nn.moments(Z, [0, 1, 2]) if training else tf.unstack(A)
    if training:
        A.assign(0.97 * A + 0.03 * tf.stack([mean, variance]))
    return tf.nn.relu(tf.nn.batch_normalization(Z, mean, variance, B, None, 1e-5))


# Model: from images to answers.
def model(X, training=False):
    Y1 = layer(X, W1, 1, A1, B1, training)  # [n, 26, 26, 16]
    Y2 = layer(Y1, W2, 2, A2, B2, training)  # [n, 12, 12, 32]
    Y3 = layer(Y2, W3, 1, A3, B3, training)  # [n, 10, 10, 48]
    Y4 = layer(Y3, W4, 1, A4, B4, training)  # [n, 8, 8, 64]
    Y5 = layer(Y4, W5, 2, A5, B5, training)  # [n, 3, 3, 96]
    Y6 = layer(Y5, W6, 1, A6, B6, training)  # [n, 1, 1, 128]
    lesson.look(Y1, Y2, Y3, Y4)  # what key w shows
    YY = tf.reshape(Y6, [-1, 128])  # [n, 128]
    return tf.matmul(YY, W7) + B7  # [n, 10]


# Loss: cross-entropy, the mean over the images.
def cross_entropy(Ylogits, Y_):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=Y_, logits=Ylogits))


# Training: for each batch of 100 images, one step down the gradient of the loss.
optimizer = tf.keras.optimizers.AdamW(weight_decay=0.05)
optimizer.build(weights + biases)


@tf.function(jit_compile=lesson.xla)  # the loop is compiled as a whole, and runs without Python
def train(images, labels, step, stop):  # images: [b, 100, 28, 28, 1]
    while step < stop:
        batch = step % len(images)
        X = augment(images[batch], step)  # [100, 28, 28, 1]
        Y_ = 0.9 * labels[batch] + 0.01  # [100, 10], 0.91 for the label, 0.01 for others
        with tf.GradientTape() as tape:
            loss = cross_entropy(model(X, training=True), Y_)
        optimizer.learning_rate.assign(learning_rate(step))
        optimizer.apply(tape.gradient(loss, weights + biases))
        step += 1


# Testing: the mean of nine looks, eight of them augmented; nothing is adjusted.
@tf.function
def test(X, Y_):
    looks = [*(augment(X, look, 1) for look in range(8)), X]  # key w shows the last one's layers
    Ylogits = tf.add_n([model(look) for look in looks]) / 9
    return tf.nn.softmax(Ylogits), cross_entropy(Ylogits, Y_)


lesson.run(mnist, train, test, augment=augment, weights=weights, biases=biases)
