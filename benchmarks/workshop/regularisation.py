"""L2 regularisation against dropout: two ways to keep a too large network from overfitting.

    python3 -m benchmarks.workshop.regularisation --save regularisation.png

The same training of the same 512 units with neither, with L2, and with dropout.
"""

from functools import partial

import numpy as np

from benchmarks.drawing import add_curve, new_figure, save, style
from benchmarks.workshop.network import Network
from benchmarks.workshop.terminal import mean_sd, parse, print_table
from benchmarks.workshop.training import over_seeds
from visu.style import LIGHT

UNITS, DIGITS = 512, 1000
WAYS = {  # what `Network` is told, and a colour
    "neither": ({}, LIGHT.faint),
    "L2, 0.001": ({"l2": 0.001}, LIGHT.training),
    "dropout, 0.5": ({"dropout": 0.5}, LIGHT.test),
}


def row(way, curves):
    return {
        f"{UNITS} units": way,
        "training loss": mean_sd(curves.training_loss[:, -1], ".4f"),
        "validation loss": mean_sd(curves.validation_loss[:, -1], ".3f"),
        "lowest": mean_sd(curves.validation_loss.min(axis=1), ".3f"),
        "validation accuracy": mean_sd(curves.validation_accuracy[:, -1], ".4f"),
    }


def draw(found):
    """A figure of validation loss and accuracy; `found` maps ways to what `over_seeds` returns."""
    figure, (losses, accuracies) = new_figure(2)
    for way, curves in found.items():
        colour = WAYS[way][1]
        x = np.arange(1, curves.validation_loss.shape[1] + 1)
        add_curve(losses, x, curves.validation_loss, colour, way)
        add_curve(accuracies, x, curves.validation_accuracy, colour, way)
    style(losses, "Validation loss", "epochs")
    style(accuracies, "Validation accuracy", "epochs")
    return figure


def main():
    given = parse(__doc__, epochs=(40, "of training"))
    found = {
        way: over_seeds(partial(Network, UNITS, **options), DIGITS, given.epochs, given.seeds)
        for way, (options, _) in WAYS.items()
    }
    print_table([row(way, curves) for way, curves in found.items()], given.seeds)
    if given.save:
        save(draw(found), given.save)


if __name__ == "__main__":
    main()
