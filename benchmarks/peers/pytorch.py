"""PyTorch's usual loop: python3 -m benchmarks.peers.pytorch LESSON BATCH eager|compile"""

import itertools
import os
import sys

import torch
from torch import nn

from benchmarks.peers.pace import RATES, digits, repeat, serve

CHUNK = 10


def network(number):
    if number == "1.0":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    if number == "2.1":
        sizes = (784, 200, 100, 60, 30)
        hidden = [
            layer
            for before, after in itertools.pairwise(sizes)
            for layer in (nn.Linear(before, after), nn.ReLU())
        ]
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(30, 10))
    return nn.Sequential(
        nn.ZeroPad2d((2, 3, 2, 3)),
        nn.Conv2d(1, 6, 6),
        nn.ReLU(),
        nn.ZeroPad2d((1, 2, 1, 2)),
        nn.Conv2d(6, 12, 5, stride=2),
        nn.ReLU(),
        nn.ZeroPad2d((1, 1, 1, 1)),
        nn.Conv2d(12, 24, 4, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(1176, 200),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(200, 10),
    )


def main():
    number, batch, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    pixels, classes = digits()
    images = torch.tensor(pixels).unsqueeze(1).float() / 255
    labels = torch.tensor(classes).long()
    model = network(number).to(memory_format=torch.channels_last)
    kind = torch.optim.SGD if number == "1.0" else torch.optim.Adam
    # Fused, all weights in one call: PyTorch's fastest way, though not what it does by itself.
    optimizer = kind(model.parameters(), lr=RATES[number], fused=True)

    def loss_of(X, Y):
        return nn.functional.cross_entropy(model(X), Y)

    if way == "compile":
        loss_of = torch.compile(loss_of)
    upcoming = iter(())

    def batches():
        while True:
            yield from torch.randperm(len(labels)).split(batch)

    upcoming = batches()

    def chunk():
        for _ in range(CHUNK):
            chosen = next(upcoming)
            optimizer.zero_grad()
            loss_of(images[chosen], labels[chosen]).backward()
            optimizer.step()

    serve(repeat(chunk, CHUNK))


if __name__ == "__main__":
    main()
