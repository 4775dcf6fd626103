"""Keras' own training loop.

python3 -m benchmarks.peers.keras_fit LESSON BATCH STEPS_PER_EXECUTION plain|xla
"""

import sys
import time

import keras
import numpy as np

from benchmarks.peers.pace import RATES, digits, serve


def network(number):
    layers = keras.layers
    if number == "1.0":
        return [layers.Flatten(), layers.Dense(10)]
    if number == "2.1":
        hidden = [layers.Dense(size, activation="relu") for size in (200, 100, 60, 30)]
        return [layers.Flatten(), *hidden, layers.Dense(10)]
    convolutions = [
        layers.Conv2D(channels, side, strides=stride, padding="same", activation="relu")
        for channels, side, stride in ((6, 6, 1), (12, 5, 2), (24, 4, 2))
    ]
    dense = [layers.Dense(200, activation="relu"), layers.Dropout(0.25), layers.Dense(10)]
    return [*convolutions, layers.Flatten(), *dense]


class Clock(keras.callbacks.Callback):
    """Stops the training after so many seconds, counted from the end of the first call."""

    def __init__(self, seconds):
        super().__init__()
        self._seconds, self._began, self._done = seconds, None, 0

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if self._began is None:
            self._began, self._first = now, batch + 1
            self.result = (1, 1.0)
        else:
            self.result = (batch + 1 - self._first + self._done, now - self._began)
            if self.result[1] >= self._seconds:
                self.model.stop_training = True
        self._last = batch + 1

    def on_epoch_end(self, epoch, logs=None):
        self._done += self._last


def main():
    number, way = sys.argv[1], sys.argv[4]
    batch, steps = map(int, sys.argv[2:4])
    pixels, classes = digits()
    images = (pixels / np.float32(255))[..., None]
    labels = np.eye(10, dtype=np.float32)[classes]
    model = keras.Sequential([keras.Input((28, 28, 1)), *network(number)])
    kind = keras.optimizers.SGD if number == "1.0" else keras.optimizers.Adam
    model.compile(
        kind(RATES[number]),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        steps_per_execution=steps,
        jit_compile=way == "xla",
    )

    def train(seconds):
        clock = Clock(seconds)
        model.fit(images, labels, batch_size=batch, epochs=10**6, verbose=0, callbacks=[clock])
        return clock.result

    serve(train)


if __name__ == "__main__":
    main()
