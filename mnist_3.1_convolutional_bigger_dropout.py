r"""Lesson 3.1: a bigger convolutional network, with dropout.

Same as 3.0: three convolutional layers, two fully connected ones.
New here: larger patches and more channels, the freedom that 3.0 lacked; dropout to tame it.

    · · · · · · · · · · · ·   X   [n, 28, 28, 1]   n images of 28 x 28 grey pixels
    @ @ @ @ @ @ @ @ @ @ @ @   convolution, stride 1  W1 [6, 6, 1, 6]    B1 [6]
    ∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶   Y1  [n, 28, 28, 6]
      @ @ @ @ @ @ @ @ @ @     convolution, stride 2  W2 [5, 5, 6, 12]   B2 [12]
      ∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶     Y2  [n, 14, 14, 12]
        @ @ @ @ @ @ @ @       convolution, stride 2  W3 [4, 4, 12, 24]  B3 [24]
        ∶∶∶∶∶∶∶∶∶∶∶∶∶∶∶       Y3  [n, 7, 7, 24]    flattened: YY [n, 1176]
          \x/x\x/x\x/         fully connected        W4 [1176, 200]     B4 [200]
            · · · ·           Y4  [n, 200]
            \x/x\x/           fully connected        W5 [200, 10]       B5 [10]
              · ·             Y   [n, 10]          ten probabilities for each image

Expect: final test accuracy 0.9923 ± 0.0005 (mean ± sd, n = 25 seeds)
"""

import tensorflowvisu  # first: it starts TensorFlow
import mnistdata
import tensorflow as tf

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=10_000, threads=1, xla=False)
mnist = mnistdata.read_data_sets(lesson.data, seed=lesson.seed)
PKEEP = 0.75  # the share of neurons that a training step keeps


# Learning rate: how far a training step goes.
def learning_rate(step):
    return 0.0001 + 0.003 * tf.exp(-tf.cast(step, tf.float32) / 2000)


# Variables: what training adjusts.
W1 = tf.Variable(tf.random.truncated_normal([6, 6, 1, 6], stddev=0.1))
B1 = tf.Variable(tf.zeros([6]))  # from 0: in empty paper there is nothing to find
W2 = tf.Variable(tf.random.truncated_normal([5, 5, 6, 12], stddev=0.1))
B2 = tf.Variable(tf.zeros([12]))
W3 = tf.Variable(tf.random.truncated_normal([4, 4, 12, 24], stddev=0.1))
B3 = tf.Variable(tf.zeros([24]))
W4 = tf.Variable(tf.random.truncated_normal([1176, 200], stddev=0.1))
B4 = tf.Variable(tf.ones([200]) / 10)
W5 = tf.Variable(tf.random.truncated_normal([200, 10], stddev=0.1))
B5 = tf.Variable(tf.ones([10]) / 10)
weights, biases = [W1, W2, W3, W4, W5], [B1, B2, B3, B4, B5]


# Model: from images to answers.
def model(X, pkeep=1):
    Y1 = tf.nn.relu(tf.nn.conv2d(X, W1, strides=1, padding="SAME") + B1)  # [n, 28, 28, 6]
    Y2 = tf.nn.relu(tf.nn.conv2d(Y1, W2, strides=2, padding="SAME") + B2)  # [n, 14, 14, 12]
    Y3 = tf.nn.relu(tf.nn.conv2d(Y2, W3, strides=2, padding="SAME") + B3)  # [n, 7, 7, 24]
    lesson.look(Y1, Y2, Y3)  # what key w shows
    YY = tf.reshape(Y3, [-1, 1176])  # [n, 1176]
    Y4 = tf.nn.relu(tf.matmul(YY, W4) + B4)  # [n, 200]
    Y4 = tf.nn.dropout(Y4, rate=1 - pkeep)  # [n, 200]
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
            loss = cross_entropy(lesson.in_parallel(model, X, PKEEP), Y_)  # a share per processor
        optimizer.learning_rate.assign(learning_rate(step))
        optimizer.apply(tape.gradient(loss, weights + biases))
        step += 1


# Testing: answers and loss, nothing is adjusted.
@tf.function
def test(X, Y_):
    Ylogits = model(X)
    return tf.nn.softmax(Ylogits), cross_entropy(Ylogits, Y_)


lesson.run(mnist, train, test, weights=weights, biases=biases)
