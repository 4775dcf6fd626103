"""How a contender talks with `benchmarks.compare`: it gets ready once, then runs on demand."""

import sys
import time

RATES = {"1.0": 0.5, "2.1": 0.003, "3.1": 0.003}  # the learning rates that the lessons start with


def digits(part="train"):
    """MNIST as this project carries it, without TensorFlow: uint8 [n, 28, 28] and [n].

    part  "train" or "t10k"
    """
    import gzip
    from pathlib import Path

    import numpy as np

    data = Path(__file__).resolve().parents[2] / "data"
    images, labels = (
        np.frombuffer(gzip.decompress((data / f"{part}-{name}-ubyte.gz").read_bytes()), np.uint8)
        for name in ("images-idx3", "labels-idx1")
    )
    return images[16:].reshape(-1, 28, 28), labels[8:]


def serve(train):
    """Answer each line on standard input, a number of seconds, with iterations a second.

    train(seconds) trains at least so long and returns (iterations, seconds they took); it is
    called once before, to compile.
    """
    train(0.0)
    print("ready", flush=True)
    for line in sys.stdin:
        iterations, seconds = train(float(line))
        print(iterations / seconds, flush=True)


def repeat(chunk, size):
    """A `train` for `serve` from a function that trains `size` iterations, and waits for them."""

    def train(seconds):
        done, began = 0, time.perf_counter()
        while not done or time.perf_counter() - began < seconds:
            chunk()
            done += size
        return done, time.perf_counter() - began

    return train
