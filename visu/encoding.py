"""How pictures become a film: the codecs, and their settings for this kind of picture."""

from contextlib import contextmanager
from subprocess import CalledProcessError

from matplotlib.animation import FFMpegWriter

from visu.errors import UsageError
from visu.files import explained, unfinished
from visu.gif import GifWriter
from visu.pacing import FRAMES_A_SECOND

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


@contextmanager
def writing(path, figure, style):
    """A matplotlib movie writer, within a `with` block: its frames go to the unfinished `path`.

    The figure is in this `visu.style.Style`. Raises UsageError for whatever is amiss with the codec
    or with the place.
    """
    try:
        # The whole path: ffmpeg takes "a:b.mp4" for a place in a network.
        with (
            explained("--save", path),
            _writer(path, style).saving(figure, unfinished(path).absolute(), figure.dpi) as writer,
        ):
            yield writer
    except CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines() or [f"exit code {error.returncode}"]
        raise UsageError(
            f"--save {path}: ffmpeg can't write it ({said[-1]}); choose another place, or save a "
            ".gif instead"
        ) from None


def gif_colours(style):
    """A GIF has 255: all that the panels have, as they fade into paper, and digits on red."""
    texts = (style.ink, style.faint, style.earlier_training, style.earlier_test)
    return [
        (style.paper, style.pen, 48),
        (style.wrong, style.pen, 32),
        *((style.paper, colour, 24) for colour in (style.training, style.test)),
        *((style.paper, colour, 12) for colour in texts),
        *((colour, colour, 1) for colour in (*style.bands, style.grid, style.frame, style.gap)),
    ]


def _writer(path, style):
    if path.suffix.lower() == ".gif":
        return GifWriter(FRAMES_A_SECOND, gif_colours(style))
    if not FFMpegWriter.isAvailable():
        raise UsageError(
            f"--save {path}: a film in this format takes ffmpeg, which is not there; install it "
            "(see install.txt), or save a .gif instead"
        )
    return FFMpegWriter(FRAMES_A_SECOND, codec="h264", bitrate=-1, extra_args=H264)
