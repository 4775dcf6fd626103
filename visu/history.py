"""All measurements of a run so far, kept in the form in which they are drawn."""

import numpy as np


class History:
    """Curves and the newest digits.

    The training thread appends, others read: nothing is ever changed after it was appended, so a
    reader in another thread sees a past that is complete.
    """

    def __init__(self):
        self.last = None  # the newest Measurement
        self.training_digits = None
        self.test_digits = None
        self._training, self._test, self._spreads = [], [], []

    def add(self, measurement):
        m = measurement
        self._training.append((m.iteration, *m.training))
        if m.spreads:
            self._spreads.append((m.iteration, *m.spreads))
        if m.test is not None:
            self._test.append((m.iteration, *m.test))
            self.test_digits = m.test_digits
        self.training_digits = m.training_digits
        self.last = m

    @property
    def training(self):
        """float [n, 3]: iteration, accuracy, loss of the training batches."""
        return np.array(self._training, float).reshape(-1, 3)

    @property
    def test(self):
        """float [n, 3]: iteration, accuracy, loss on the test set."""
        return np.array(self._test, float).reshape(-1, 3)

    def spread(self, panel, at_most):
        """Iterations [n] and percentiles [n, 8] of spread panel 0 or 1, thinned to `at_most`."""
        rows = thin(self._spreads, at_most)  # (iteration, percentiles, percentiles)
        if not rows:
            return np.empty(0), np.empty((0, 8))
        return np.array([row[0] for row in rows]), np.stack([row[1 + panel] for row in rows])

    @property
    def best_test_accuracy(self):
        return max((accuracy for _, accuracy, _ in self._test), default=0.0)


def thin(rows, at_most):
    """About `at_most` of the rows, evenly spaced, the first and the last among them."""
    step = -(-len(rows) // at_most)
    return rows if step <= 1 else [*rows[: len(rows) - 1 : step], rows[-1]]
