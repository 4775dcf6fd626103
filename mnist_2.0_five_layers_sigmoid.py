r"""Lesson 2.0: five layers, sigmoid.

Same as 1.0: fully connected layers, batches of 100, cross-entropy.
New here: four hidden layers with the sigmoid between them, random weights to start from, and
Adam, gradient descent with inertia and a step size of its own for every weight. TensorFlow's
cross-entropy in place of the formula, which may come to take the logarithm of 0.

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

Expect: final test accuracy 0.9735 ± 0.0020 (mean ± sd, n = 5 seeds)
"""

import tensorflowvisu  # first: it starts TensorFlow
import mnistdata
import tensorflow as tf

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=10_000)
mnist = mnistdata.read_data_sets(lesson.data, seed=lesson.seed)


# Learning rate: how far a training step goes.
def learning_rate(step):
    return 0.003


# Variables: what training adjusts.
W1 = tf.Variable(tf.random.truncated_normal([784, 200], stddev=0.1))
B1 = tf.Variable(tf.zeros([200]))
W2 = tf.Variable(tf.random.truncated_normal([200, 100], stddev=0.1))
B2 = tf.Variable(tf.zeros([100]))
W3 = tf.Variable(tf.random.truncated_normal([100, 60], stddev=0.1))
B3 = tf.Variable(tf.zeros([60]))
W4 = tf.Variable(tf.random.truncated_normal([60, 30], stddev=0.1))
B4 = tf.Variable(tf.zeros([30]))
W5 = tf.Variable(tf.random.truncated_normal([30, 10], stddev=0.1))
B5 = tf.Variable(tf.zeros([10]))
weights, biases = [W1, W2, W3, W4, W5], [B1, B2, B3, B4, B5]


# Model: from images to answers.
def model(X):
    XX = tf.reshape(X, [-1, 784])  # [n, 784]
    Y1 = tf.nn.sigmoid(tf.matmul(XX, W1) + B1)  # [n, 200]
    Y2 = tf.nn.sigmoid(tf.matmul(Y1, W2) + B2)  # [n, 100]
    Y3 = tf.nn.sigmoid(tf.matmul(Y2, W3) + B3)  # [n, 60]
    Y4 = tf.nn.sigmoid(tf.matmul(Y3, W4) + B4)  # [n, 30]
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
