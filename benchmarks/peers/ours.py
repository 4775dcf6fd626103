"""A lesson of this project, its own code: python3 -m benchmarks.peers.ours LESSON BATCH [divided]

divided  every operation is divided among the processors, whatever the lesson says
"""

import sys

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from benchmarks.peers.pace import repeat, serve
from benchmarks.speed import load
from visu import startup
from visu.training import BATCH, BLOCK


def main():
    if sys.argv[3:] == ["divided"]:
        startup.warm_up()  # before the lesson, which comes too late then
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
