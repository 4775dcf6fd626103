"""A lesson of this project, its own code: python3 -m benchmarks.peers.ours LESSON BATCH"""

import sys

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from benchmarks.peers.pace import repeat, serve
from benchmarks.speed import load
from visu.training import BATCH, BLOCK


def main():
    lesson, batch = load(sys.argv[1]), int(sys.argv[2])
    batches = max(BLOCK * BATCH // batch, 1)  # as many images at once as in a run
    step = 0

    def chunk():
        nonlocal step
        block = lesson.mnist.train.next_block(batches, batch)
        lesson.train(*block, tf.constant(step), tf.constant(step + batches))
        step += batches
        lesson.weights[0].numpy()  # waits

    serve(repeat(chunk, batches))


if __name__ == "__main__":
    main()
