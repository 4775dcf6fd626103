"""How much training data matters: the same network and training with 100 to 50,000 digits.

    python3 -m benchmarks.workshop.amount_of_data --save amount_of_data.png

All are trained for as many iterations: few digits are seen more often, not trained on for less.
50,000 is all that is left beside the validation set.
"""

import numpy as np

from benchmarks.drawing import add_curve, new_figure, plain_numbers, save, style
from benchmarks.workshop.network import Network
from benchmarks.workshop.terminal import mean_sd, parse, print_table
from benchmarks.workshop.training import BATCH, measure, sample_digits, set_seed
from visu.style import LIGHT

AMOUNTS = (100, 300, 1000, 3000, 10_000, 50_000)
UNITS = 128
BLOCK = 100  # iterations whose batches are gathered at once


def reach(amount, seed, iterations):
    """Train a network on so many digits. Returns a `Measured`."""
    set_seed(seed)
    network, (training, validation) = Network(UNITS), sample_digits(amount, seed)
    for begun in range(0, iterations, BLOCK):
        network.train(*training.next_block(min(BLOCK, iterations - begun), BATCH))
    return measure(network, training, validation)


def row(amount, reached):
    accuracies = np.array([run.validation_accuracy for run in reached])
    return {
        "training digits": f"{amount:,}",
        "training loss": mean_sd([run.training_loss for run in reached], ".4f"),
        "validation loss": mean_sd([run.validation_loss for run in reached], ".3f"),
        "validation accuracy": mean_sd(accuracies, ".4f"),
        "misread, %": mean_sd(100 * (1 - accuracies), ".2f"),
    }


def draw(found):
    """A figure of the misread share; `found` maps amounts to lists of `Measured`."""
    figure, (axes,) = new_figure(1)
    accuracies = [[run.validation_accuracy for run in reached] for reached in found.values()]
    misread, amounts = 100 * (1 - np.transpose(accuracies)), list(found)  # [seeds, amounts]
    axes.set(xscale="log", yscale="log")
    add_curve(axes, amounts, misread, LIGHT.test, "mean, and least to most", marker="o")
    for amount, mean in zip(amounts, misread.mean(axis=0), strict=True):
        text = f"{mean:.1f} %"
        axes.annotate(text, (amount, mean), (6, 6), textcoords="offset points", color=LIGHT.ink)
    style(axes, "Validation digits misread, %", "training digits")
    axes.set_xticks(amounts)
    axes.set_xticks([], minor=True)
    axes.margins(x=0.08)
    plain_numbers(axes.yaxis)
    return figure


def main():
    given = parse(__doc__, iterations=(3000, "of 100 digits, for each network"))
    found = {
        amount: [reach(amount, seed, given.iterations) for seed in range(given.seeds)]
        for amount in AMOUNTS
    }
    print_table([row(amount, reached) for amount, reached in found.items()], given.seeds)
    if given.save:
        save(draw(found), given.save)


if __name__ == "__main__":
    main()
