"""The network and the training of PyTorch's MNIST example.

python3 -m benchmarks.peers.stock_pytorch SEED      # prints a test accuracy a line
"""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers.pace import digits

EPOCHS, BATCH, TEST_BATCH = 14, 64, 1000
MEAN, DEVIATION = 0.1307, 0.3081  # of the training pixels


def data(part):
    pixels, classes = (torch.tensor(array) for array in digits(part))
    images = (pixels.unsqueeze(1).float() / 255 - MEAN) / DEVIATION
    return TensorDataset(images, classes.long())


def main():
    torch.manual_seed(int(sys.argv[1]))
    training = DataLoader(data("train"), BATCH, shuffle=True)
    testing = DataLoader(data("t10k"), TEST_BATCH)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    for _ in range(EPOCHS):
        model.train()
        for X, Y in training:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X), Y).backward()
            optimizer.step()
        schedule.step()
        model.eval()
        with torch.no_grad():
            right = sum((model(X).argmax(1) == Y).sum().item() for X, Y in testing)
        print(right / len(testing.dataset), flush=True)


if __name__ == "__main__":
    main()
