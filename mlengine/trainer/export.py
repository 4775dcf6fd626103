"""The trained model as a SavedModel that a server takes as it is."""

import tensorflow as tf

from trainer.models import SIDE, Network

IMAGE = tf.TensorSpec([None, SIDE, SIDE], tf.float32, name="image")


class Reader(tf.Module):
    """A network with its way in and out: images to classes and probabilities."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    @tf.function(input_signature=[IMAGE], autograph=False)
    def read(self, image):
        """`image` [n, 28, 28], 0 for paper to 1 for ink."""
        probabilities = tf.nn.softmax(self.network.answer(image[..., tf.newaxis]))
        return {"classes": tf.argmax(probabilities, axis=1), "probabilities": probabilities}


def export(network, settings, version):
    """Write `<export folder>/<version>/`, whole or not at all. Returns that folder.

    The signature `serving_default` takes image, float32 [n, 28, 28], and gives classes, int64 [n],
    and probabilities, float32 [n, 10].
    """
    # A copy in plain variables: those of a strategy know of devices that a server has not.
    alone = Network(settings)
    for copy, original in zip(alone.variables, network.variables, strict=True):
        copy.assign(original.numpy())
    reader = Reader(alone)
    place = tf.io.gfile.join(settings.export_dir, str(version))
    if "://" in place:
        # A bucket has no folders that could be renamed. TensorFlow writes saved_model.pb last, so
        # nobody takes the rest for a model before.
        growing = place
    else:
        growing = tf.io.gfile.join(settings.export_dir, f".unfinished-{version}")
    tf.saved_model.save(reader, growing, signatures={"serving_default": reader.read})
    if growing != place:
        if tf.io.gfile.exists(place):
            tf.io.gfile.rmtree(place)
        tf.io.gfile.rename(growing, place)
    return place
