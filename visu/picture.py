"""The six panels as a file, drawn at the end of a run."""

from contextlib import suppress
from pathlib import Path

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.files import complete, explained, unfinished
from visu.panels import Panels

INCHES, DPI = (12.8, 7.2), 150  # 1920 x 1080 pixels


def save(scene, history, path):
    """Save the panels as the ending of `path` says; UsageError if the disk won't take it."""
    path = Path(path)
    # The user's own settings of matplotlib are for other pictures: this one has sizes of its own.
    with explained("--save", path), matplotlib.style.context("default"):
        figure = Figure(figsize=INCHES, dpi=DPI, layout="none")
        FigureCanvasAgg(figure)
        panels = Panels(figure, scene)
        panels.update(history)
        panels.write_status(history.last.iteration)
        try:
            figure.savefig(unfinished(path), format=path.suffix[1:].lower())
            complete(path)
        except BaseException:
            with suppress(OSError):
                unfinished(path).unlink()
            raise
