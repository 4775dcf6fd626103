"""The digits as `tf.data`: an endless, seeded shuffle that can be entered at any step."""

import tensorflow as tf

import mnistdata
from errors import UsageError

PART = 1000  # digits that a device evaluates at once
TO_UNIT = 1 / 255


def read(settings, strategy):
    """Read what to train on, to choose by, and to test on: three `mnistdata.DataSet`s.

    With `--validation 0` one chooses by the test digits, and there is nothing left to test on.
    Raises `mnistdata.DataError`, or UsageError if less than a batch is left to train on, or batches
    can't be divided among the devices of the strategy.
    """
    devices = strategy.num_replicas_in_sync
    if settings.batch_size % devices:
        raise UsageError(
            f"--batch-size: expected a multiple of {devices}, the number of devices, found "
            f"{settings.batch_size}"
        )
    digits = mnistdata.read_data_sets(settings.data)
    if not settings.validation:
        training, judged = digits.train, digits.test
    else:
        training, judged, _ = digits.held_out(settings.validation)
    if len(training) < settings.batch_size:
        raise UsageError(
            f"--batch-size: expected at most the {len(training)} training digits, found "
            f"{settings.batch_size}; make it smaller"
        )
    return training, judged, digits.test


def batches(digits, settings, start, strategy):
    """What each device trains on, from step `start` on, as a dataset of `strategy`'s.

    An element is images [n, 28, 28, 1] from 0 to 1, labels [n], the step, and rows [n]: where in
    the step's batch these examples stand. Every epoch is shuffled anew, by the seed and its number
    alone; a batch that reaches past the end of an epoch takes its rest from the next one.
    """
    size, count = settings.batch_size, len(digits)
    epoch, skipped = divmod(start * size, count)
    pixels, labels = tf.constant(digits.pixels), tf.constant(digits.classes, tf.int32)

    def shuffled(epoch):
        seed = tf.stack([tf.constant(settings.seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed)
        return tf.data.Dataset.from_tensor_slices(order)

    def of_one_machine(context):
        own = size // context.num_input_pipelines
        first = own * context.input_pipeline_id
        devices = strategy.num_replicas_in_sync // context.num_input_pipelines

        def divided(step, chosen):
            """The machine's part of a batch, in a piece for each of its devices."""
            rows = tf.reshape(tf.range(first, first + own), [devices, -1])
            chosen = tf.gather(chosen, rows)
            return tf.data.Dataset.from_tensor_slices((chosen, rows)).map(
                lambda chosen, rows: gathered(chosen, step, rows)
            )

        order = tf.data.Dataset.range(epoch, 2**62).flat_map(shuffled).skip(skipped)
        whole = order.batch(size, drop_remainder=True)
        steps = tf.data.Dataset.range(start, 2**62)
        return tf.data.Dataset.zip((steps, whole)).flat_map(divided).prefetch(2 * devices)

    def gathered(chosen, step, rows):
        images = tf.cast(tf.gather(pixels, chosen), tf.float32) * TO_UNIT
        return images, tf.gather(labels, chosen), step, rows

    return strategy.distribute_datasets_from_function(of_one_machine)


def everything(digits, strategy):
    """All examples once, as a dataset of `strategy`'s: images, labels, and weights [n].

    The last pieces are filled up with examples of weight 0, so that all devices have as many.
    """
    count = len(digits)
    devices = strategy.num_replicas_in_sync
    part = min(PART, -(-count // devices))
    pieces = -(-count // (part * devices))
    pixels, labels = tf.constant(digits.pixels), tf.constant(digits.classes, tf.int32)

    def of_one_machine(context):
        first = context.input_pipeline_id * (devices // context.num_input_pipelines)
        own = devices // context.num_input_pipelines
        starts = [
            part * (devices * piece + first + device)
            for piece in range(pieces)
            for device in range(own)
        ]
        return tf.data.Dataset.from_tensor_slices(tf.constant(starts)).map(gathered)

    def gathered(start):
        places = tf.range(start, start + part)
        chosen = tf.minimum(places, count - 1)
        images = tf.cast(tf.gather(pixels, chosen), tf.float32) * TO_UNIT
        return images, tf.gather(labels, chosen), tf.cast(places < count, tf.float32)

    return strategy.distribute_datasets_from_function(of_one_machine)
