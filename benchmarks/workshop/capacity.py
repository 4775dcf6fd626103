"""A too small, a fitting and a too large network on little data: under- and overfitting.

    python3 -m benchmarks.workshop.capacity --save capacity.png

The same training for 4, 16 and 512 units in each hidden layer, the sizes of the workshop.
"""

from functools import partial

import numpy as np

from benchmarks.drawing import add_curve, new_figure, save, style
from benchmarks.workshop.network import Network
from benchmarks.workshop.terminal import mean_sd, parse, print_table
from benchmarks.workshop.training import over_seeds
from visu.style import LIGHT

SIZES = {4: "too small", 16: "fitting", 512: "too large"}  # units of both hidden layers
DIGITS = 1000


def row(units, curves):
    return {
        "units": units,
        "training loss": mean_sd(curves.training_loss[:, -1], ".4f"),
        "validation loss": mean_sd(curves.validation_loss[:, -1], ".3f"),
        "lowest": mean_sd(curves.validation_loss.min(axis=1), ".3f"),
        "in epoch": mean_sd(curves.validation_loss.argmin(axis=1) + 1, ".1f"),
        "training accuracy": mean_sd(curves.training_accuracy[:, -1], ".4f"),
        "validation accuracy": mean_sd(curves.validation_accuracy[:, -1], ".4f"),
    }


def draw(found):
    """A figure of training and validation loss; `found` maps units to what `over_seeds` returns."""
    figure, all_axes = new_figure(len(found), sharey=True)
    for axes, (units, curves) in zip(all_axes, found.items(), strict=True):
        x = np.arange(1, curves.training_loss.shape[1] + 1)
        add_curve(axes, x, curves.training_loss, LIGHT.training, "training loss")
        add_curve(axes, x, curves.validation_loss, LIGHT.test, "validation loss")
        style(axes, f"{units} units: {SIZES[units]}", "epochs")
        axes.set_ylim(bottom=0)
    return figure


def main():
    given = parse(__doc__, epochs=(60, "of training"))
    found = {
        units: over_seeds(partial(Network, units), DIGITS, given.epochs, given.seeds)
        for units in SIZES
    }
    print_table([row(units, curves) for units, curves in found.items()], given.seeds)
    if given.save:
        save(draw(found), given.save)


if __name__ == "__main__":
    main()
