"""How pictures become a film: the codecs, and their settings for this kind of picture."""

from contextlib import contextmanager
from subprocess import CalledProcessError

import numpy as np
from matplotlib.animation import FFMpegWriter

from visu.errors import UsageError
from visu.files import explained, unfinished
from visu.gif import GifWriter
from visu.mosaics import GAP, WRONG
from visu.pacing import FRAMES_A_SECOND
from visu.panels import (
    BAND_COLOURS,
    EARLIER_TEST,
    EARLIER_TRAINING,
    FAINT,
    FRAME,
    GRID,
    INK,
    TEST_COLOUR,
    TRAINING_COLOUR,
)

H264 = [
    # Sharp texts; the digits are too many and too small for the usual quality.
    *("-crf", "18", "-preset", "veryfast"),
    # The colours that players take for granted in a film of this size.
    *("-vf", "scale=out_color_matrix=bt709:out_range=tv"),
    *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
    # In a browser, it starts before all of it has arrived.
    *("-movflags", "+faststart"),
    # The file's temporary name doesn't tell; and a disk that is full shall be noticed.
    *("-f", "mp4", "-xerror"),
]
# A GIF has 255 colours: all that the panels have, as they fade into white, and digits on red.
GIF_COLOURS = [
    ("black", "white", 48),
    ("black", np.divide(WRONG, 255), 32),
    *((colour, "white", 24) for colour in (TRAINING_COLOUR, TEST_COLOUR)),
    *((colour, "white", 12) for colour in (INK, FAINT, EARLIER_TRAINING, EARLIER_TEST)),
    *((colour, colour, 1) for colour in (*BAND_COLOURS, GRID, FRAME, np.divide(GAP, 255))),
]


@contextmanager
def writing(path, figure):
    """A matplotlib movie writer, within a `with` block: its frames go to the unfinished `path`.

    Raises UsageError for whatever is amiss with the codec or with the place.
    """
    try:
        # The whole path: ffmpeg takes "a:b.mp4" for a place in a network.
        with (
            explained("--save", path),
            _writer(path).saving(figure, unfinished(path).absolute(), figure.dpi) as writer,
        ):
            yield writer
    except CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines() or [f"exit code {error.returncode}"]
        raise UsageError(
            f"--save {path}: ffmpeg can't write it ({said[-1]}); choose another place, or save a "
            ".gif instead"
        ) from None


def _writer(path):
    if path.suffix.lower() == ".gif":
        return GifWriter(FRAMES_A_SECOND, GIF_COLOURS)
    if not FFMpegWriter.isAvailable():
        raise UsageError(
            f"--save {path}: a film in this format takes ffmpeg, which is not there; install it "
            "(see install.txt), or save a .gif instead"
        )
    return FFMpegWriter(FRAMES_A_SECOND, codec="h264", bitrate=-1, extra_args=H264)
