"""Which part of a curve its panel shows. Pure functions of the measurements so far."""

import numpy as np

ACCURACY_FLOORS = (0.95, 0.9, 0.8, 0.5)
LOSS_CEILINGS = (0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 50.0, 100.0)
BEGINNING = 0.2  # the share of a run that may leave the picture, once there is enough to see
FIRST_SHARE = 8  # the first eighth of a run is shown as large as later the whole
ENOUGH = 10  # measurements
SMALL = 0.4  # of the other side
JUST_BELOW = 0.02  # 0, as a share of the axis, to tell it from the frame
NOISE = 5  # percent of the noisy training values that may stand outside


def iteration_limit(iteration, iterations):
    """The right end of the x-axis: it doubles when the run reaches it, up to the run's end."""
    limit = float(iterations)
    while limit / 2 >= max(iteration, 1) and limit > iterations / FIRST_SHARE:
        limit /= 2
    return limit


def accuracy_floor(training, test):
    """The lower end of the accuracy axis: high enough to see the difference that matters now.

    training, test  float [n, 3]: iteration, accuracy, loss
    """
    lowest = _recent(training[:, :2], test[:, :2], NOISE, np.min)
    return next((floor for floor in ACCURACY_FLOORS if lowest is not None and lowest >= floor), 0.0)


def loss_ceiling(training, test, classes=10):
    """The upper end of the loss axis, likewise. Losses that are not finite don't count.

    At first, there is room for the loss of an even guess between so many classes.
    """
    training, test = training[:, [0, 2]], test[:, [0, 2]]
    highest = _recent(training, test, 100 - NOISE, np.max)
    if highest is None:
        highest = np.log(classes) * 1.05
    return next((top for top in LOSS_CEILINGS if highest <= top), _round_above(highest))


def _recent(training, test, q, extreme):
    if len(training) < ENOUGH:
        return None
    settled = BEGINNING * training[-1, 0]
    noisy = training[(training[:, 0] >= settled) & np.isfinite(training[:, 1]), 1]
    exact = test[(test[:, 0] >= settled) & np.isfinite(test[:, 1]), 1]
    found = ([np.percentile(noisy, q)] if len(noisy) else []) + (
        [extreme(exact)] if len(exact) else []
    )
    return extreme(found) if found else None


def _round_above(number):
    """A round number from 0.1 on that is not smaller; few of them, so that an axis seldom moves."""
    exponents = range(-1, 38)
    steps = (digit * 10.0**exponent for exponent in exponents for digit in (1, 1.5, 2, 3, 5, 7))
    return next((step for step in steps if number <= step), number)


def spread_limits(percentiles):
    """The lower and the upper end of a spread's axis: 0 in the middle, unless one side is small.

    percentiles  float [n, 8]; those that are not finite don't count
    """
    values = percentiles[np.isfinite(percentiles)]
    below, above = float(-values.min(initial=0.0)), float(values.max(initial=0.0))
    top = _round_above(max(below, above))

    def end(reached, other):
        if not reached and other:
            return JUST_BELOW * top
        return top if reached > SMALL * other else _round_above(reached)

    return -end(below, above), end(above, below)
