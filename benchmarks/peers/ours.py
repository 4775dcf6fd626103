"""A lesson of this project, its own code: python3 -m benchmarks.peers.ours LESSON BATCH"""

import sys

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from benchmarks.peers.pace import repeat, serve
from benchmarks.speed import BLOCK, load


def main():
    lesson, batch = load(sys.argv[1]), int(sys.argv[2])
    step = 0

    def chunk():
        nonlocal step
        block = lesson.mnist.train.next_block(BLOCK, batch)
        lesson.train(*block, tf.constant(step), tf.constant(step + BLOCK))
        step += BLOCK
        lesson.weights[0].numpy()  # waits

    serve(repeat(chunk, BLOCK))


if __name__ == "__main__":
    main()
