r"""Lesson 1.0: one layer, softmax.

New here: everything. Ten neurons weigh every pixel of an image; softmax makes probabilities of
their sums; cross-entropy tells how far these are from the truth; gradient descent moves all
weights and biases a small step downhill, again and again.

    · · · · · · · · · · · ·   X   [n, 28, 28, 1]   n images of 28 x 28 grey pixels
    \x/x\x/x\x/x\x/x\x/x\x/   fully connected        W [784, 10]   B [10]
            · · · ·           Y   [n, 10]          ten probabilities for each image

Expect: final test accuracy 0.9204 ± 0.0020 (mean ± sd, n = 5 seeds)
"""

import tensorflowvisu  # first: it starts TensorFlow
import mnistdata
import tensorflow as tf

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=2_000, measure_every=10, threads=1)
mnist = mnistdata.read_data_sets(lesson.data, seed=lesson.seed)


# Learning rate: how far a training step goes.
def learning_rate(step):
    return 0.5


# Variables: what training adjusts.
W = tf.Variable(tf.zeros([784, 10]))
B = tf.Variable(tf.zeros([10]))
weights, biases = [W], [B]


# Model: from images to answers.
def model(X):
    XX = tf.reshape(X, [-1, 784])  # [n, 784]
    return tf.matmul(XX, W) + B  # [n, 10]


# Loss: cross-entropy, the mean over the images.
def cross_entropy(Ylogits, Y_):
    Y = tf.nn.softmax(Ylogits)  # [n, 10]
    return -tf.reduce_mean(tf.reduce_sum(Y_ * tf.math.log(Y), axis=1))


# Training: for each batch of 100 images, one step down the gradient of the loss.
@tf.function(jit_compile=lesson.xla)  # the loop is compiled as a whole, and runs without Python
def train(images, labels, step, stop):  # images: [b, 100, 28, 28, 1]
    while step < stop:
        batch = step % len(images)
        X, Y_ = images[batch], labels[batch]  # [100, 28, 28, 1], [100, 10]
        with tf.GradientTape() as tape:
            loss = cross_entropy(model(X), Y_)
        dW, dB = tape.gradient(loss, [W, B])
        W.assign_sub(learning_rate(step) * dW)
        B.assign_sub(learning_rate(step) * dB)
        step += 1


# Testing: answers and loss, nothing is adjusted.
@tf.function
def test(X, Y_):
    Ylogits = model(X)
    return tf.nn.softmax(Ylogits), cross_entropy(Ylogits, Y_)


lesson.run(mnist, train, test, weights=weights, biases=biases)
