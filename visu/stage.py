"""The panels as the live view draws them, on a figure that no screen shows."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.history import History
from visu.painting import Painter
from visu.panels import Panels

SIZE, DPI = (12.8, 7.2), 100  # 1280 x 720 pixels


class Stage:
    """A figure that shows whatever has been measured.

    scene  `visu.measurement.Scene`
    """

    def __init__(self, scene):
        self.figure = blank()
        self._scene, self._history = scene, History(scene)
        self._panels = Panels(self.figure, scene)
        self._painter = Painter(self._panels)
        self.figure.canvas.draw()
        self._painter.adopt()

    def show(self, measurements, state=None):
        """Draw the panels with these measurements and all before them.

        state  in words, in place of the epoch
        """
        for measurement in measurements:
            self._history.add(measurement)
        iteration = self._history.last.iteration
        state = state or f"epoch {self._scene.epoch_at(iteration)}"
        self._panels.write_status(iteration, state)
        self._painter.paint(self._panels.update(self._history))

    def pixels(self):
        """What is drawn, uint8 [height, width, 3]."""
        return np.asarray(self.figure.canvas.buffer_rgba())[..., :3]


def blank():
    """A figure of the film's size, drawn, with nothing on it."""
    figure = Figure(SIZE, dpi=DPI, layout="none")
    _Canvas(figure).draw()
    return figure


class _Canvas(FigureCanvasAgg):
    """It is saved as it stands: its painter has drawn what there is to see."""

    def blit(self, bbox=None):
        """There is no screen."""

    def print_rgba(self, file, **_):
        file.write(self.buffer_rgba())
