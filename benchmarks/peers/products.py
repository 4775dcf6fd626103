"""The machine's matrix product in 32-bit floats: python3 -m benchmarks.peers.products LESSON BATCH

Its rate is in 10**9 multiplications with additions a second, whatever the lesson.
"""

import numpy as np

from benchmarks.peers.pace import repeat, serve

SIDE = 1024


def main():
    a, b = np.random.default_rng(0).normal(size=(2, SIDE, SIDE)).astype(np.float32)
    product = np.empty_like(a)
    serve(repeat(lambda: np.matmul(a, b, out=product), SIDE**3 / 1e9))


if __name__ == "__main__":
    main()
