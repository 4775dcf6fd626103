r"""Lesson 4.1: five layers, ReLU, batch normalisation.

Same as 2.1: five fully connected layers, ReLU, Adam with a learning rate that decays.
New here: batch normalisation. What a neuron adds up gets mean 0 and variance 1 over the batch, then
B shifts it; testing takes moving averages A of both, so that no image depends on the others.

    · · · · · · · · · · · ·   X   [n, 28, 28, 1]   n images of 28 x 28 grey pixels
    \x/x\x/x\x/x\x/x\x/x\x/   connected, normalised    W1 [784, 200]  A1 [2, 200]  B1 [200]
      · · · · · · · · · ·     L1  [n, 200]
      \x/x\x/x\x/x\x/x\x/     connected, normalised    W2 [200, 100]  A2 [2, 100]  B2 [100]
        · · · · · · · ·       L2  [n, 100]
        \x/x\x/x\x/x\x/       connected, normalised    W3 [100, 60]   A3 [2, 60]   B3 [60]
          · · · · · ·         L3  [n, 60]
          \x/x\x/x\x/         connected, normalised    W4 [60, 30]    A4 [2, 30]   B4 [30]
            · · · ·           L4  [n, 30]
            \x/x\x/           fully connected          W5 [30, 10]                 B5 [10]
              · ·             Y   [n, 10]          ten probabilities for each image

Expect: final test accuracy 0.9850 ± 0.0004 (mean ± sd, n = 5 seeds)
"""

import tensorflowvisu  # first: it starts TensorFlow
import mnistdata
import tensorflow as tf

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=10_000)
mnist = mnistdata.read_data_sets(lesson.data, seed=lesson.seed)


# Learning rate: how far a training step goes.
def learning_rate(step):
    return 0.0001 + 0.003 * tf.exp(-tf.cast(step, tf.float32) / 2000)


# Variables: what training adjusts.
W1 = tf.Variable(tf.random.truncated_normal([784, 200], stddev=0.1))
B1 = tf.Variable(tf.ones([200]) / 10)
W2 = tf.Variable(tf.random.truncated_normal([200, 100], stddev=0.1))
B2 = tf.Variable(tf.ones([100]) / 10)
W3 = tf.Variable(tf.random.truncated_normal([100, 60], stddev=0.1))
B3 = tf.Variable(tf.ones([60]) / 10)
W4 = tf.Variable(tf.random.truncated_normal([60, 30], stddev=0.1))
B4 = tf.Variable(tf.ones([30]) / 10)
W5 = tf.Variable(tf.random.truncated_normal([30, 10], stddev=0.1))
B5 = tf.Variable(tf.ones([10]) / 10)
weights, biases = [W1, W2, W3, W4, W5], [B1, B2, B3, B4, B5]
# Moving averages of each neuron's mean and variance: what training leaves for testing.
A1, A2, A3, A4 = (tf.Variable([[0.0] * n, [1.0] * n], trainable=False) for n in (200, 100, 60, 30))


# Batch normalisation: over the batch, what a neuron adds up gets mean 0 and variance 1.
def normalise(Z, A, B, training):
    mean, variance = tf.nn.moments(Z, axes=[0]) if training else tf.unstack(A)
    if training:
        A.assign(0.97 * A + 0.03 * tf.stack([mean, variance]))
    return tf.nn.batch_normalization(Z, mean, variance, B, None, 1e-5)


# Model: from images to answers, by way of the logits of every layer.
def layers(X, training=False):
    XX = tf.reshape(X, [-1, 784])  # [n, 784]
    L1 = normalise(tf.matmul(XX, W1), A1, B1, training)  # [n, 200]
    L2 = normalise(tf.matmul(tf.nn.relu(L1), W2), A2, B2, training)  # [n, 100]
    L3 = normalise(tf.matmul(tf.nn.relu(L2), W3), A3, B3, training)  # [n, 60]
    L4 = normalise(tf.matmul(tf.nn.relu(L3), W4), A4, B4, training)  # [n, 30]
    return L1, L2, L3, L4, tf.matmul(tf.nn.relu(L4), W5) + B5  # [n, 10]


# Loss: cross-entropy, the mean over the images.
def cross_entropy(Ylogits, Y_):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=Y_, logits=Ylogits))


# Training: for each batch of 100 images, one step down the gradient of the loss.
optimizer = tf.keras.optimizers.Adam()
optimizer.build(weights + biases)


@tf.function(jit_compile=lesson.xla)  # the loop is compiled as a whole, and runs without Python
def train(images, labels, step, stop):  # images: [b, 100, 28, 28, 1]
    while step < stop:
        batch = step % len(images)
        X, Y_ = images[batch], labels[batch]  # [100, 28, 28, 1], [100, 10]
        with tf.GradientTape() as tape:
            loss = cross_entropy(layers(X, training=True)[-1], Y_)
        optimizer.learning_rate.assign(learning_rate(step))
        optimizer.apply(tape.gradient(loss, weights + biases))
        step += 1


# Testing: answers and loss, nothing is adjusted.
@tf.function
def test(X, Y_):
    Ylogits = layers(X)[-1]
    return tf.nn.softmax(Ylogits), cross_entropy(Ylogits, Y_)


lesson.run(mnist, train, test, logits=layers, activations=lambda X: map(tf.nn.relu, layers(X)[:-1]))
