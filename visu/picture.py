"""The six panels as a file, drawn at the end of a run."""

from contextlib import suppress
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu.files import complete, explained, unfinished
from visu.panels import Panels

INCHES, DPI = (12.8, 7.2), 150  # 1920 x 1080 pixels


def save(scene, history, path):
    """Save the panels as the ending of `path` says; UsageError if the disk won't take it."""
    figure = Figure(figsize=INCHES, dpi=DPI, layout="none")
    FigureCanvasAgg(figure)
    panels = Panels(figure, scene)
    panels.update(history)
    for line in (panels.status, panels.advice):
        line.set_animated(False)
    panels.write_status(history.last.iteration)
    path = Path(path)
    with explained("--save", path):
        try:
            figure.savefig(unfinished(path), format=path.suffix[1:].lower())
            complete(path)
        except BaseException:
            with suppress(OSError):
                unfinished(path).unlink()
            raise
