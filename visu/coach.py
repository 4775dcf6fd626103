"""Reads the curves of a run as a teacher would: what is wrong, by which evidence, what to try.

Thresholds stand between the lessons that show a fault and those that don't, over five seeds each;
`python -m benchmarks.coach` prints what is said of them, and of lessons with a mistake in them.
"""

from typing import NamedTuple

import numpy as np

SMOOTHING = 5  # tests, in a moving average
ENOUGH_TESTS = 10
NO_LOSS = 0.001  # what rises to no more has not risen
# Moments in a row that must agree before a more important fault is named than the one so far, and
# before a lesser one, or none, takes its place.
TO_NAME, TO_RECANT = 3, 10


class Curves(NamedTuple):
    """What is known of a run up to some iteration."""

    training: np.ndarray  # float [n, 3]: iteration, accuracy, loss of the training batches
    test: np.ndarray  # float [m, 3]: likewise, on the test set
    spreads: dict  # of variables, title: float [k, 9], iteration and percentiles
    classes: int
    epoch: float  # iterations
    held_out: str = "test"  # or "validation"
    digits: bool = True  # rather than other images, of which it is not known how well they are read
    tested: int = 10_000  # images in the test set
    test_once: bool = False  # whether it is evaluated at the end only

    def until(self, iteration):
        """The same run when it was at this iteration."""
        return self._replace(
            training=_until(self.training, iteration),
            test=_until(self.test, iteration),
            spreads={title: _until(rows, iteration) for title, rows in self.spreads.items()},
        )

    def moments(self):
        """The iterations at which to judge: those of the tests, or, without any, three an epoch."""
        if not self.test_once:
            return self.test[:, 0]
        if not len(self.training):
            return np.empty(0)
        each = self.epoch / 3
        return each * np.arange(1, self.training[-1, 0] // each + 1)

    def last_epoch(self):
        """Mean accuracy and loss of the training batches in the last epoch's iterations."""
        earlier = len(_until(self.training, self.training[-1, 0] - self.epoch))
        return self.training[earlier:, 1:].mean(axis=0)


def curves_of(scene, history):
    """The `Curves` in a `visu.history.History`."""
    shown = enumerate(zip(scene.spreads, scene.are_variables, strict=True))
    spreads = {
        title: history.spread(number) for number, (title, is_variable) in shown if is_variable
    }
    return Curves(
        history.training,
        history.test,
        spreads,
        classes=len(scene.class_names),
        epoch=scene.epoch,
        held_out=scene.held_out,
        digits=scene.digits,
        tested=len(scene.test_labels),
        test_once=scene.test_once,
    )


class Diagnosis(NamedTuple):
    name: str
    evidence: str
    cure: str
    since: int | None  # the iteration to mark in the curves

    def __str__(self):
        return f"{self.name}: {self.evidence}. {self.cure}."


class Rule(NamedTuple):
    """A fault: `finds(curves, threshold)` returns (evidence, iteration to mark) or None.

    of_digits  whether the threshold depends on how well digits can be read
    """

    name: str
    finds: object
    threshold: float
    cure: str
    of_digits: bool = False


def diagnose(curves):
    """The first rule that applies to `Curves`, as a `Diagnosis`; None if nothing is wrong."""
    if not len(curves.training):
        return None
    for rule in RULES:
        if rule.of_digits and not curves.digits:
            continue
        if found := rule.finds(curves, rule.threshold):
            return Diagnosis(rule.name, found[0], rule.cure, found[1])
    return None


class Coach:
    """Says what `diagnose` finds, once several moments in a row agree: it does not waver."""

    def __init__(self):
        self._heard, self._said = 0, None
        self._last_rank, self._agreeing = None, 0

    def hear(self, curves):
        """The `Diagnosis` of a run, or None, given its `Curves` so far."""
        moments = curves.moments()
        for iteration in moments[self._heard :]:
            self._weigh(diagnose(curves.until(iteration)))
        self._heard = len(moments)
        return self._said

    def _weigh(self, diagnosis):
        rank = _rank(diagnosis)
        self._agreeing = self._agreeing + 1 if rank == self._last_rank else 1
        self._last_rank = rank
        needed = TO_NAME if rank < _rank(self._said) else TO_RECANT
        if rank == _rank(self._said) or self._agreeing >= needed:
            self._said = diagnosis


def _rank(diagnosis):
    names = [rule.name for rule in RULES]
    return names.index(diagnosis.name) if diagnosis else len(names)


def _not_a_number(curves, _):
    found = [
        (row[0], name, row[2])
        for rows, name in ((curves.training, "training"), (curves.test, curves.held_out))
        for row in rows[~np.isfinite(rows[:, 2])]
    ]
    if not found:
        return None
    since, name, loss = min(found)
    value = "infinite" if np.isinf(loss) else "not a number"
    return f"the {name} loss is {value} since iteration {since:,.0f}", int(since)


def _stuck(curves, share):
    recent = curves.test[-TO_NAME:]
    iteration = curves.training[-1, 0]
    chance = 1 / curves.classes
    if iteration < curves.epoch / 2 or not len(recent):
        return None
    if recent[:, 1].max() > chance + share * (1 - chance):
        return None
    return (
        f"{100 * recent[-1, 1]:.0f} % are right after {iteration:,.0f} iterations, no better than "
        "guessing",
        None,
    )


def _drifting(curves, limit):
    for title, rows in curves.spreads.items():
        if len(rows) and (reached := np.abs(rows[-1, 1:]).max()) > limit:
            return f"{title.lower()} have reached {reached:,.0f}", None
    return None


def _diverging(curves, times_guessing):
    if curves.training[-1, 0] < curves.epoch / 2:
        return None
    times = curves.last_epoch()[1] / np.log(curves.classes)
    if times < times_guessing:
        return None
    return f"the training loss is {times:.1f} times that of guessing", None


def _underfitting(curves, accuracy):
    test = curves.test[:, 1]
    if curves.training[-1, 0] < curves.epoch or len(test) < ENOUGH_TESTS:
        return None
    trained = curves.last_epoch()[0]
    quarter = len(test) // 4
    now, before = test[-quarter:].mean(), test[-2 * quarter : -quarter].mean()
    if trained > accuracy or trained - now > 1 - accuracy or now - before > (1 - accuracy) / 10:
        return None
    return (
        f"{100 * trained:.1f} % are right in training, {100 * now:.1f} % in the {curves.held_out}, "
        "hardly rising any more",
        None,
    )


def _overfitting(curves, rise):
    if len(curves.test) < ENOUGH_TESTS:
        return None
    losses = np.convolve(curves.test[:, 2], np.full(SMOOTHING, 1 / SMOOTHING), mode="valid")
    lowest = int(losses.argmin())
    if losses[-1] < (1 + rise) * max(losses[lowest], NO_LOSS):
        return None
    turn = curves.test[lowest + SMOOTHING // 2, 0]
    then, now = curves.until(turn).last_epoch()[1], curves.last_epoch()[1]
    if now > then:
        return None
    return (
        f"since iteration {turn:,.0f} the {curves.held_out} loss rose by "
        f"{100 * (losses[-1] / losses[lowest] - 1):.0f} %, "
        f"while the training loss fell from {_short(then)} to {_short(now)}",
        int(turn),
    )


def _learnt_by_heart(curves, loss):
    if curves.training[-1, 0] < curves.epoch or (now := curves.last_epoch()[1]) > loss:
        return None
    return f"the training loss has come down to {_short(now)}, there is no more to learn from", None


def _noisy(curves, deviation):
    if curves.training[-1, 0] < 12 * curves.epoch or len(curves.test) < ENOUGH_TESTS:
        return None
    accuracies = curves.test[len(curves.test) // 2 :, 1]
    # Of second differences, which know nothing of a trend: theirs is sqrt(6) that of the noise.
    # Fewer images make every test less certain, whatever the network does.
    if np.std(np.diff(accuracies, 2)) / np.sqrt(6) < deviation * np.sqrt(10_000 / curves.tested):
        return None
    jump = np.abs(np.diff(accuracies)).mean()
    return f"the {curves.held_out} accuracy goes on jumping by {100 * jump:.1f} % each time", None


def _slow_start(curves, share):
    # A learning rate that warms up, as in the lesson that tests once, is slow because it is meant
    # to be.
    if curves.test_once:
        return None
    # Not at once: the moving averages of batch normalisation, which tests go by, have to settle.
    early = curves.until(200).training[len(curves.until(100).training) :]
    if curves.training[-1, 0] < 200 or not len(early):
        return None
    left = early[:, 2].mean() / np.log(curves.classes)
    if not share < left < 1.1:
        return None
    return (
        f"after 100 iterations the loss was still {100 * left:.0f} % of that of guessing",
        None,
    )


# In the order in which they are looked for: what explains more comes first.
RULES = (
    Rule(
        "NaN",
        _not_a_number,
        0,
        "The logarithm of 0, or too high a learning rate: lesson 2.0 has a stable cross-entropy",
    ),
    Rule("Drifting", _drifting, 100, "The learning rate is too high: lesson 2.1 lets it decay"),
    Rule(
        "Stuck",
        _stuck,
        0.05,  # of the way from guessing to reading them all
        "Start from small random weights, with a smaller learning rate: lessons 2.0 and 2.1 do",
    ),
    Rule("Diverging", _diverging, 1.5, "The learning rate is too high: lesson 2.1 lets it decay"),
    Rule(
        "Underfitting",
        _underfitting,
        0.96,
        "The network is too small: lesson 2.0 adds layers",
        of_digits=True,
    ),
    Rule("Overfitting", _overfitting, 0.3, "Dropout answers that: lessons 2.2 and 3.1"),
    Rule("Learnt by heart", _learnt_by_heart, 0.003, "A longer run will not help"),
    Rule(
        "Noisy",
        _noisy,
        0.0012,
        "The learning rate is too high by now: lesson 2.1 lets it decay",
        of_digits=True,
    ),
    Rule(
        "Slow start",
        _slow_start,
        0.3,
        "Sigmoids learn like that: lesson 2.1 has ReLU",
        of_digits=True,
    ),
)


def _short(number):
    """Two digits of a small number, without an exponent."""
    return np.format_float_positional(number, precision=2, fractional=False, trim="-")


def _until(rows, iteration):
    return rows[: np.searchsorted(rows[:, 0], iteration, side="right")]
