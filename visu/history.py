"""All measurements of a run so far, kept in the form in which they are drawn."""

import numpy as np

from visu.measurement import BANDS, Digits


class History:
    """Curves and the newest digits.

    scene  `visu.measurement.Scene`
    """

    def __init__(self, scene):
        self._scene = scene
        self.last = None  # the newest Measurement
        self.training_digits = None
        self.test_digits = None
        self._training, self._test = _Rows(3), _Rows(3)
        self._spreads = [_Rows(1 + BANDS + 1) for _ in scene.spreads]

    def add(self, measurement):
        m = measurement
        self._training.add((m.iteration, *m.training))
        for rows, percentiles in zip(self._spreads, m.spreads, strict=False):
            rows.add((m.iteration, *percentiles))
        if m.test is not None:
            self._test.add((m.iteration, *m.test))
        if m.test_computed is not None:
            images, labels = self._scene.test_images, self._scene.test_labels
            self.test_digits = Digits(images, labels, m.test_computed)
        if m.training_digits is not None:
            self.training_digits = m.training_digits
        self.last = m

    @property
    def training(self):
        """float [n, 3]: iteration, accuracy, loss of the training batches."""
        return self._training.all

    @property
    def test(self):
        """float [n, 3]: iteration, accuracy, loss on the test set."""
        return self._test.all

    def spread(self, panel):
        """float [n, 9]: iteration and percentiles of spread panel 0 or 1."""
        return self._spreads[panel].all

    @property
    def best_test_accuracy(self):
        return float(self.test[:, 1].max(initial=0.0))


class _Rows:
    """An array that grows by rows, without a copy for each."""

    def __init__(self, columns):
        self._room, self._used = np.empty((64, columns)), 0

    def add(self, row):
        if self._used == len(self._room):
            self._room = np.concatenate([self._room, np.empty_like(self._room)])
        self._room[self._used] = row
        self._used += 1

    @property
    def all(self):
        return self._room[: self._used]
