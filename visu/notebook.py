"""The live view in a notebook's output: pictures that replace each other while a cell runs.

Training and drawing take turns here, in the only thread that a notebook's cell has: so there are
few pictures, and the finished one stays in the notebook.
"""

import io
import sys
import time

from PIL import Image as Picture

from visu.messages import Bundle, Drawn

SECONDS_BETWEEN, DRAWING_SHARE = 0.5, 0.15  # of the time, at the most


def in_notebook():
    """Whether a Jupyter kernel runs this: in notebooks, Colab, and the panes of some editors."""
    return "ipykernel" in sys.modules


def takes_widgets():
    """Whether it is a notebook in which `%matplotlib widget` has been said, which needs ipympl."""
    if not in_notebook() or "matplotlib" not in sys.modules:
        return False
    backend = sys.modules["matplotlib"].get_backend(auto_select=False) or ""
    return backend == "widget" or "ipympl" in backend


class NotebookView:
    """Does what `visu.live.LiveView` does, as far as a picture can."""

    url, takes_thread = None, False

    def __init__(self):
        self._picture = None
        self._next = 0.0
        self._frames, self._seconds = 0, 0.0

    def show(self, scene, training, control, on_lost):
        """Be ready to draw `visu.measurement.Scene`."""
        from visu.stage import Stage  # late: matplotlib takes its time to load

        self._stage, self._bundle = Stage(scene), Bundle()

    def add(self, measurement):
        """Take a measurement, and show it if it is time for a picture."""
        self._bundle.add(measurement)
        began = time.perf_counter()
        if began < self._next:
            return
        self._draw()
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

    def _draw(self, state=None):
        from IPython.display import Image, display

        self._stage.show(self._bundle.take(), state)
        pixels = self._stage.pixels()
        png = io.BytesIO()
        Picture.fromarray(pixels).save(png, format="png", compress_level=2)
        image = Image(png.getvalue(), width=pixels.shape[1])
        if self._picture is None:
            self._picture = display(image, display_id=True)
        else:
            self._picture.update(image)
