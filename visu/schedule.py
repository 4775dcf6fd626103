"""When a run measures itself. Pure arithmetic on iteration numbers."""

from typing import NamedTuple

# Enough to see them move: finding the percentiles of all weights takes its time. A fast run is not
# there to be watched; where nobody looks, the coach does.
SPREADS, SPREADS_FAST, SPREADS_UNSEEN = 100, 50, 10
SETTLED = 2000  # iterations after which test accuracy moves slowly


class Schedule(NamedTuple):
    """Training is measured every `measure_every` iterations, the test set every `test_every`.

    With `rarer_tests`, evaluations are half as frequent after iteration 2,000: each costs as much
    as a third of 100 training iterations. The first and the last iteration are always measured
    in full; without a `test_every`, the test set is evaluated after the last one only. Percentiles
    of what panels 4 and 5 show are taken `spreads` times, and at the end.
    """

    iterations: int
    measure_every: int
    test_every: int | None
    rarer_tests: bool
    spreads: int = SPREADS

    @property
    def measurements(self):
        """How many there are in a whole run."""
        return 1 - (-self.iterations // self.measure_every)

    def is_tested(self, iteration):
        if self.test_every is None or iteration == self.iterations:
            return iteration == self.iterations
        late = self.rarer_tests and iteration > SETTLED
        return iteration % (2 * self.test_every if late else self.test_every) == 0

    def is_spread(self, iteration):
        """Whether percentiles are taken: about `spreads` times in a run, at measured iterations."""
        every = max(-(-self.iterations // self.spreads // self.measure_every), 1)
        every *= self.measure_every
        return iteration % every == 0 or iteration == self.iterations

    def next_measured(self, iteration):
        """The first iteration after this one that is measured."""
        return min((iteration // self.measure_every + 1) * self.measure_every, self.iterations)
