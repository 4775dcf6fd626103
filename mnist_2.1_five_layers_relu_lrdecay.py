r"""Lesson 2.1: five layers, ReLU, a decaying learning rate.

Same as 2.0: five fully connected layers, trained with Adam.
New here: ReLU, which passes the gradient on where the sigmoid lets it fade, and a learning rate
that decays, for a quick start and a calm end. Biases begin at 0.1, where ReLU lets more through.

    · · · · · · · · · · · ·   X   [n, 28, 28, 1]   n images of 28 x 28 grey pixels
    \x/x\x/x\x/x\x/x\x/x\x/   fully connected        W1 [784, 200]   B1 [200]
      · · · · · · · · · ·     Y1  [n, 200]
      \x/x\x/x\x/x\x/x\x/     fully connected        W2 [200, 100]   B2 [100]
        · · · · · · · ·       Y2  [n, 100]
        \x/x\x/x\x/x\x/       fully connected        W3 [100, 60]    B3 [60]
          · · · · · ·         Y3  [n, 60]
          \x/x\x/x\x/         fully connected        W4 [60, 30]     B4 [30]
            · · · ·           Y4  [n, 30]
            \x/x\x/           fully connected        W5 [30, 10]     B5 [10]
              · ·             Y   [n, 10]          ten probabilities for each image

Expect: final test accuracy 0.9814 ± 0.0008 (mean ± sd, n = 5 seeds)
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


# Model: from images to answers.
def model(X):
    XX = tf.reshape(X, [-1, 784])  # [n, 784]
    Y1 = tf.nn.relu(tf.matmul(XX, W1) + B1)  # [n, 200]
    Y2 = tf.nn.relu(tf.matmul(Y1, W2) + B2)  # [n, 100]
    Y3 = tf.nn.relu(tf.matmul(Y2, W3) + B3)  # [n, 60]
    Y4 = tf.nn.relu(tf.matmul(Y3, W4) + B4)  # [n, 30]
    return tf.matmul(Y4, W5) + B5  # [n, 10]


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
            loss = cross_entropy(model(X), Y_)
        optimizer.learning_rate.assign(learning_rate(step))
        optimizer.apply(tape.gradient(loss, weights + biases))
        step += 1


# Testing: answers and loss, nothing is adjusted.
@tf.function
def test(X, Y_):
    Ylogits = model(X)
    return tf.nn.softmax(Ylogits), cross_entropy(Ylogits, Y_)


lesson.run(mnist, train, test, weights=weights, biases=biases)
