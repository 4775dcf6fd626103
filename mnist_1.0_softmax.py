r"""Lesson 1.0: one layer, softmax.

New here: everything. Ten neurons, one for each digit, weigh every pixel of an image; softmax
turns their ten sums into probabilities. Cross-entropy says how far these are from the truth.
Gradient descent moves all weights and biases a small step downhill, again and again.

    · · · · · · · · · · · ·   X   [n, 28, 28, 1]   n images of 28 x 28 grey pixels
    \x/x\x/x\x/x\x/x\x/x\x/   fully connected (softmax)    W [784, 10]   B [10]
            · · · ·           Y   [n, 10]          ten probabilities for each image

Expect: @1.0
"""

import tensorflowvisu  # first: it starts TensorFlow
import mnistdata
import tensorflow as tf

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=2_000, measure_every=10, test_every=50)
mnist = mnistdata.read_data_sets(lesson.data, seed=lesson.seed)

LEARNING_RATE = 0.5

# Variables: what training adjusts, all zero to begin with.
W = tf.Variable(tf.zeros([784, 10]))
B = tf.Variable(tf.zeros([10]))


# Model: from images to answers.
def model(X):
    XX = tf.reshape(X, [-1, 784])  # [n, 784]
    return tf.nn.softmax(tf.matmul(XX, W) + B)  # [n, 10]


# Loss: cross-entropy, - sum( Y_ * log(Y) ), as a mean over the images.
def cross_entropy(Y, Y_):
    return -tf.reduce_mean(tf.reduce_sum(Y_ * tf.math.log(Y), axis=1))


# Training: for each batch of 100 images, one step down the gradient of the loss.
@tf.function(jit_compile=True)  # the loop is compiled as a whole, and runs without Python
def train(images, labels, step, stop):
    while step < stop:
        batch = step % len(images)
        X, Y_ = images[batch], labels[batch]  # [100, 28, 28, 1], [100, 10]
        with tf.GradientTape() as tape:
            loss = cross_entropy(model(X), Y_)
        dW, dB = tape.gradient(loss, [W, B])
        W.assign_sub(LEARNING_RATE * dW)
        B.assign_sub(LEARNING_RATE * dB)
        step += 1


# Testing: answers and loss, nothing is adjusted.
@tf.function
def test(X, Y_):
    Y = model(X)
    return Y, cross_entropy(Y, Y_)


lesson.run(mnist, train, test, weights=[W], biases=[B])
