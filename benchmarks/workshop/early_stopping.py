"""Early stopping: train until the validation loss has not fallen for a while, keep the best epoch.

    python3 -m benchmarks.workshop.early_stopping --save early_stopping.png

Training then goes on, only to show what stopping was worth.
"""

import math

from benchmarks.drawing import new_figure, save, style
from benchmarks.workshop.network import Network
from benchmarks.workshop.terminal import mean_sd, parse, print_table
from benchmarks.workshop.training import epochs, measure, sample_digits, set_seed
from visu.style import LIGHT

SIZES, DIGITS = (16, 512), 1000  # units of both hidden layers


def stop_early(units, seed, epoch_count, patience):
    """Train, and stop after `patience` epochs without a new lowest validation loss.

    Returns the list of what was measured after each epoch, and three moments, {name: (epoch,
    Measured)}, with epochs counted from 1. If nothing stops it before, it stops at the end.
    """
    set_seed(seed)
    network, digits = Network(units), sample_digits(DIGITS, seed)
    measured, lowest, stop = [], math.inf, None
    for epoch, now in enumerate(epochs(network, *digits, epoch_count), 1):
        measured.append(now)
        if stop:
            continue  # to show what becomes of it; whoever only wants the network leaves the loop
        if now.validation_loss < lowest:
            lowest, best = now.validation_loss, epoch
            weights = [variable.numpy() for variable in network.variables]
        elif epoch - best == patience:
            stop = epoch
    for variable, value in zip(network.variables, weights, strict=True):
        variable.assign(value)
    stop = stop or epoch_count
    return measured, {
        "best, kept": (best, measure(network, *digits)),
        "stopped": (stop, measured[stop - 1]),
        "had it gone on": (epoch_count, measured[-1]),
    }


def row(units, name, moments):
    numbers, reached = zip(*moments, strict=True)
    return {
        "units": units,
        "network": name,
        "epoch": mean_sd(numbers, ".1f"),
        "validation loss": mean_sd([now.validation_loss for now in reached], ".3f"),
        "validation accuracy": mean_sd([now.validation_accuracy for now in reached], ".4f"),
    }


def draw(found):
    """A figure of the first run of each size; `found` maps units to what `stop_early` returns."""
    figure, all_axes = new_figure(len(found), sharey=True)
    for axes, (units, ((measured, moments), *_)) in zip(all_axes, found.items(), strict=True):
        x = range(1, len(measured) + 1)
        losses = [now.validation_loss for now in measured]
        (best, _), (stop, _), _ = moments.values()
        training = [now.training_loss for now in measured]
        later = slice(stop - 1, None)
        axes.plot(x, training, color=LIGHT.training, label="training loss")
        axes.plot(x[:stop], losses[:stop], color=LIGHT.test, label="validation loss")
        axes.plot(x[later], losses[later], color=LIGHT.test, alpha=0.4, label="had it gone on")
        for epoch, name, marker in ((best, "best, kept", "o"), (stop, "stopped", "s")):
            label = f"epoch {epoch}: {name}"
            axes.plot(epoch, losses[epoch - 1], marker, color=LIGHT.ink, label=label)
        style(axes, f"{units} units, first run", "epochs")
        axes.set_ylim(0, 1)
    return figure


def main():
    patience = (10, "epochs without a lower validation loss until training stops")
    given = parse(__doc__, epochs=(60, "of training, stopped or not"), patience=patience)
    found = {
        units: [
            stop_early(units, seed, given.epochs, given.patience) for seed in range(given.seeds)
        ]
        for units in SIZES
    }
    rows = [
        row(units, name, [moments[name] for _, moments in runs])
        for units, runs in found.items()
        for name in runs[0][1]
    ]
    print_table(rows, given.seeds)
    if given.save:
        save(draw(found), given.save)


if __name__ == "__main__":
    main()
