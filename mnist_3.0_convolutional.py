r"""Lesson 3.0: a convolutional network.

Same as 2.1: five layers, ReLU, a decaying learning rate; no dropout.
New here: convolutions. Small patches of weights slide over the image and find shapes anywhere.

    · · · · · · · · · · · ·   X   [n, 28, 28, 1]   n images of 28 x 28 grey pixels
    @ @ @ @ @ @ @ @ @ @ @ @   convolution, stride 1  W1 [5, 5, 1, 4]    B1 [4]
    ∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶   Y1  [n, 28, 28, 4]
      @ @ @ @ @ @ @ @ @ @     convolution, stride 2  W2 [4, 4, 4, 8]    B2 [8]
      ∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶     Y2  [n, 14, 14, 8]
        @ @ @ @ @ @ @ @       convolution, stride 2  W3 [4, 4, 8, 12]   B3 [12]
        ∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶       Y3  [n, 7, 7, 12]    flattened: YY [n, 588]
          \x/x\x/x\x/         fully connected        W4 [588, 200]      B4 [200]
            · · · ·           Y4  [n, 200]
            \x/x\x/           fully connected        W5 [200, 10]       B5 [10]
              · ·             Y   [n, 10]          ten probabilities for each image

Expect: final test accuracy 0.9891 ± 0.0019 (mean ± sd, n = 5 seeds)
"""

import tensorflowvisu  # first: it starts TensorFlow
import mnistdata
import tensorflow as tf

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=10_000, threads=1, xla=False)
mnist = mnistdata.read_data_sets(lesson.data, seed=lesson.seed)


# Learning rate: how far a training step goes.
def learning_rate(step):
    return 0.0001 + 0.003 * tf.exp(-tf.cast(step, tf.float32) / 2000)


# Variables: what training adjusts.
W1 = tf.Variable(tf.random.truncated_normal([5, 5, 1, 4], stddev=0.1))
B1 = tf.Variable(tf.zeros([4]))  # from 0: in empty paper there is nothing to find
W2 = tf.Variable(tf.random.truncated_normal([4, 4, 4, 8], stddev=0.1))
B2 = tf.Variable(tf.zeros([8]))
W3 = tf.Variable(tf.random.truncated_normal([4, 4, 8, 12], stddev=0.1))
B3 = tf.Variable(tf.zeros([12]))
W4 = tf.Variable(tf.random.truncated_normal([588, 200], stddev=0.1))
B4 = tf.Variable(tf.ones([200]) / 10)
W5 = tf.Variable(tf.random.truncated_normal([200, 10], stddev=0.1))
B5 = tf.Variable(tf.ones([10]) / 10)
weights, biases = [W1, W2, W3, W4, W5], [B1, B2, B3, B4, B5]


# Model: from images to answers.
def model(X):
    Y1 = tf.nn.relu(tf.nn.conv2d(X, W1, strides=1, padding="SAME") + B1)  # [n, 28, 28, 4]
    Y2 = tf.nn.relu(tf.nn.conv2d(Y1, W2, strides=2, padding="SAME") + B2)  # [n, 14, 14, 8]
    Y3 = tf.nn.relu(tf.nn.conv2d(Y2, W3, strides=2, padding="SAME") + B3)  # [n, 7, 7, 12]
    lesson.look(Y1, Y2, Y3)  # what key w shows
    YY = tf.reshape(Y3, [-1, 588])  # [n, 588]
    Y4 = tf.nn.relu(tf.matmul(YY, W4) + B4)  # [n, 200]
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
            loss = cross_entropy(lesson.in_parallel(model, X), Y_)  # a share per processor
        optimizer.learning_rate.assign(learning_rate(step))
        optimizer.apply(tape.gradient(loss, weights + biases))
        step += 1


# Testing: answers and loss, nothing is adjusted.
@tf.function
def test(X, Y_):
    Ylogits = model(X)
    return tf.nn.softmax(Ylogits), cross_entropy(Ylogits, Y_)


lesson.run(mnist, train, test, weights=weights, biases=biases)
