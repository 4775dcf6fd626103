"""What TensorBoard shows of a run. Only the chief writes it."""

import numpy as np
import tensorflow as tf

from trainer.models import SIDE

MISREAD = 10  # images of misread digits at an evaluation
TABLE = "| image | is a | read as |\n|---|---|---|"  # of what the images are


class Board:
    """Curves, histograms, misread digits and the graph, in a folder for each set of digits."""

    def __init__(self, folder, judged):
        """`judged` is what the set that is evaluated is called: "validation" or "test"."""
        self._training = _writer(folder, "training")
        self._judged = _writer(folder, judged)

    def train(self, step, loss, accuracy, learning_rate):
        """The means over the last steps, and the rate at the last one."""
        with self._training.as_default(step):
            tf.summary.scalar("loss", loss)
            tf.summary.scalar("accuracy", accuracy)
            tf.summary.scalar("learning rate", learning_rate)

    def judge(self, step, evaluation, network, digits):
        """An `Evaluation` of `digits`, a `mnistdata.DataSet`, with the weights it was made with."""
        with self._judged.as_default(step):
            tf.summary.scalar("loss", evaluation.loss)
            tf.summary.scalar("accuracy", evaluation.accuracy)
            misread = np.flatnonzero(evaluation.computed != digits.classes)[:MISREAD]
            if len(misread):
                images = digits.pixels[misread]
                tf.summary.image("misread", images, max_outputs=MISREAD)
                rows = [
                    f"| {number} | {digits.classes[which]} | {evaluation.computed[which]} |"
                    for number, which in enumerate(misread)
                ]
                tf.summary.text("misread digits", "\n".join([TABLE, *rows]))
        with self._training.as_default(step):
            for variable in network.variables:
                tf.summary.histogram(variable.name.partition(":")[0], variable)

    def graph(self, network):
        """How a network answers, as a graph."""
        image = tf.TensorSpec([None, SIDE, SIDE, 1], tf.float32, "image")
        answer = tf.function(network.answer, autograph=False).get_concrete_function(image)
        with self._training.as_default():
            tf.summary.graph(answer.graph)

    def flush(self):
        """Put all of it on the disk: before a state is saved, so that it is never ahead of it."""
        self._training.flush()
        self._judged.flush()


def _writer(folder, name):
    return tf.summary.create_file_writer(tf.io.gfile.join(folder, name))
