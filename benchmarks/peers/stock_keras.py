"""The network of Keras' example "Simple MNIST convnet", tested after every epoch.

python3 -m benchmarks.peers.stock_keras SEED      # prints a test accuracy a line
"""

import sys

import keras
import numpy as np
from keras import layers

from benchmarks.peers.pace import digits

EPOCHS, BATCH = 15, 128


class Tell(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(logs["val_accuracy"], flush=True)


def main():
    keras.utils.set_random_seed(int(sys.argv[1]))
    train, test = (
        ((pixels / np.float32(255))[..., None], keras.utils.to_categorical(classes, 10))
        for pixels, classes in (digits("train"), digits("t10k"))
    )
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    # The example holds a tenth of the training digits out; here all of them train.
    model.fit(
        *train,
        batch_size=BATCH,
        epochs=EPOCHS,
        validation_data=test,
        verbose=0,
        callbacks=[Tell()],
    )


if __name__ == "__main__":
    main()
