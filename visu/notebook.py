"""The live view in a notebook's output: pictures that replace each other while a cell runs.

Training and drawing take turns here, in the only thread that a notebook's cell has: so there are
few pictures, and the finished one stays in the notebook.
"""

import io
import sys
import time

from visu.history import History
from visu.messages import Drawn

SIZE, DPI = (12.8, 7.2), 100  # inches, dots an inch
SECONDS_BETWEEN, DRAWING_SHARE = 0.5, 0.15  # of the time, at the most


def in_notebook():
    """Whether a Jupyter kernel runs this: in notebooks, Colab, and the panes of some editors."""
    return "ipykernel" in sys.modules


class NotebookView:
    """Does what `visu.live.LiveView` does, as far as a picture can."""

    url = None

    def __init__(self):
        self._picture = None
        self._next = 0.0
        self._frames, self._seconds = 0, 0.0

    def show(self, scene, training, control, on_lost):
        """Be ready to draw `visu.measurement.Scene`."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # late: it takes its time
        from matplotlib.figure import Figure

        from visu.panels import Panels

        self._scene, self._history = scene, History(scene)
        self._figure = Figure(figsize=SIZE, dpi=DPI, layout="none")
        FigureCanvasAgg(self._figure)
        self._panels = Panels(self._figure, scene)
        for line in (self._panels.status, self._panels.advice):
            line.set_animated(False)

    def add(self, measurement):
        """Take a measurement, and show it if it is time for a picture."""
        self._history.add(measurement)
        began = time.perf_counter()
        if began < self._next:
            return
        self._draw(f"epoch {int(measurement.iteration / self._scene.epoch) + 1}")
        spent = time.perf_counter() - began
        self._next = began + max(SECONDS_BETWEEN, spent / DRAWING_SHARE)
        self._frames, self._seconds = self._frames + 1, self._seconds + spent

    def finish(self, result):
        """The run has ended: show how."""
        self._draw(result)

    def drawn(self):
        """What was drawn, as `visu.messages.Drawn`."""
        return Drawn(self._frames, self._seconds)

    def answer(self, answer):
        """Nobody asks."""

    def close(self):
        """The last picture stays."""

    def wait(self):
        """Return at once: the notebook goes on."""

    def _draw(self, state):
        from IPython.display import Image, display

        iteration, iterations = self._history.last.iteration, self._scene.iterations
        self._panels.status.set_text(f"iteration {iteration:,} of {iterations:,} · {state}")
        self._panels.update(self._history)
        png = io.BytesIO()
        self._figure.savefig(png, format="png")
        image = Image(png.getvalue(), width=int(SIZE[0] * DPI))
        if self._picture is None:
            self._picture = display(image, display_id=True)
        else:
            self._picture.update(image)
