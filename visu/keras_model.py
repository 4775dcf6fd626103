"""A compiled Keras model, as the functions and variables that a run needs."""

import inspect
from contextlib import suppress

import tensorflow as tf

from visu.errors import UsageError

SUM = 0.001  # how far the sum of a few probabilities may be from 1


def parts_of(model, data):
    """What `Lesson.run` asks for: train, test, and the variables for panels 4 and 5 by name.

    model  a `tf.keras.Model`, built and compiled, that makes of images [n, height, width, channels]
           an output for each class, [n, classes]; its loss is categorical cross-entropy, sparse or
           not
    data   `mnistdata.DataSets`

    Raises UsageError for any other model.
    """
    _check_kind(model, data.test.pixels.shape[1:])
    loss, takes_numbers = _cross_entropy(model)
    call = _call(model)
    from_logits = isinstance(loss, tf.keras.losses.Loss) and loss.get_config()["from_logits"]
    is_sum = getattr(loss, "reduction", None) == "sum"
    _check_output(model, call, from_logits, data.test)
    optimizer, variables = model.optimizer, model.trainable_variables
    if not optimizer.built:
        optimizer.build(variables)

    def cross_entropy(Y, Y_):
        return tf.reduce_mean(loss(tf.argmax(Y_, axis=1) if takes_numbers else Y_, Y))

    @tf.function
    def train(images, labels, step, stop):
        while step < stop:
            batch = step % len(images)
            X, Y_ = images[batch], labels[batch]
            with tf.GradientTape() as tape:
                total = cross_entropy(call(X, True), Y_) + sum(model.losses)
                scaled = optimizer.scale_loss(total)
            optimizer.apply(tape.gradient(scaled, variables), variables)
            step += 1

    @tf.function
    def test(X, Y_):
        Y = call(X, False)
        shown = cross_entropy(Y, Y_)
        if is_sum:  # all that is shown and logged is a mean
            shown /= tf.cast(len(Y), shown.dtype)
        return tf.nn.softmax(Y) if from_logits else Y, shown

    return (
        train,
        test,
        {
            "weights": [variable for variable in variables if len(variable.shape) >= 2],
            "biases": [variable for variable in variables if len(variable.shape) == 1],
        },
    )


def _call(model):
    """The model as a function of X and of whether it is training, with outputs in float32."""
    knows_training = "training" in inspect.signature(model.call).parameters

    def call(X, training):
        Y = model(X, training=training) if knows_training else model(X)
        return tf.cast(Y, tf.float32)

    return call


def _check_kind(model, shape):
    if not isinstance(model, tf.keras.Model) or tf.keras.backend.backend() != "tensorflow":
        found = type(model).__name__
        if isinstance(model, tf.keras.Model):
            found = f"one that runs on {tf.keras.backend.backend()}"
        raise UsageError(
            f"watch: expected a Keras model on TensorFlow, found {found}; for other networks, "
            "write train and test yourself, as the lessons do, and call run"
        )
    if not model.built:
        raise UsageError(
            f"watch: expected a model that is built, found that {model.name} has no weights yet; "
            f"begin it with tf.keras.Input({shape})"
        )
    if not model.trainable_variables:
        raise UsageError(
            f"watch: expected something to train, found that {model.name} has no trainable "
            "variables; add a layer, or set trainable = True"
        )


def _cross_entropy(model):
    """The loss the model was compiled with, and whether it takes numbers of classes."""
    expected = (
        'watch: expected a compiled model, model.compile("adam", "categorical_crossentropy") or '
        '"sparse_categorical_crossentropy"'
    )
    if not getattr(model, "compiled", False) or model.optimizer is None:
        raise UsageError(f"{expected}, found {model.name} not compiled; compile it first")
    losses = tf.keras.losses
    loss = model.loss
    if isinstance(loss, str):
        with suppress(ValueError):
            loss = losses.get(loss)
    for kind, function, takes_numbers in (
        (losses.CategoricalCrossentropy, losses.categorical_crossentropy, False),
        (losses.SparseCategoricalCrossentropy, losses.sparse_categorical_crossentropy, True),
    ):
        if loss is function or isinstance(loss, kind):
            return loss, takes_numbers
    found = getattr(loss, "name", None) or getattr(loss, "__name__", None) or repr(loss)
    raise UsageError(f"{expected}, found the loss {found}; compile it with one of the two")


def _check_output(model, call, from_logits, data):
    shape, classes = data.pixels.shape[1:], data.class_count
    X = tf.constant(data.pixels[:1] / 255, tf.float32)
    try:
        Y = call(X, False)
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(
            f"watch: expected a model for images of {list(shape)}, found that {model.name} does "
            f"not take them ({reason}); begin it with tf.keras.Input({shape})"
        ) from None
    if Y.shape != (1, classes):
        raise UsageError(
            f"watch: expected an output for each of the {classes} classes, [n, {classes}], found "
            f"{['n', *Y.shape[1:]]}; end the model with tf.keras.layers.Dense({classes})"
        )
    if not from_logits and abs(float(tf.reduce_sum(Y)) - 1) > SUM:
        raise UsageError(
            "watch: expected probabilities, because the loss was not told from_logits=True, found "
            f"outputs whose sum is {float(tf.reduce_sum(Y)):.3g}; end the model with "
            'activation="softmax", or tell the loss'
        )
