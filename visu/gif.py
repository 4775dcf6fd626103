"""GIF films, written picture by picture, however long they get."""

from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.animation import AbstractMovieWriter
from matplotlib.colors import to_rgb
from PIL import Image
from PIL.GifImagePlugin import getdata, getheader

from visu.style import bytes_of

TICKS_A_SECOND = 100  # of a GIF's clock
END = b";"
ALIKE = 8  # of 255. Pillow looks for colours in steps of four: it would take these for the same


class GifWriter(AbstractMovieWriter):
    """One of matplotlib's movie writers, beside its own that keeps all pictures until the end.

    fps    frames a second
    ramps  the colours of the film, at most 255 in all, as (from, to, how many); whatever else is
           drawn gets the nearest of them. The first one begins with the background
    """

    def __init__(self, fps, ramps):
        super().__init__(fps)
        self._palette = Image.new("P", (1, 1))
        self._palette.putpalette(_colours(ramps).tobytes())
        self._transparent = len(_colours(ramps))

    def setup(self, fig, outfile, dpi=None):
        super().setup(fig, outfile, dpi)
        self._file = Path(outfile).open("wb")  # noqa: SIM115 - `finish` closes it
        self._newest = None  # bytes of the picture that is not written yet: it may stay longer
        self._frames = self._ticks = 0  # before its end
        self._written = None  # uint8 [height, width], what the file shows so far

    def grab_frame(self, **settings):
        buffer = BytesIO()
        self.fig.savefig(buffer, format="rgba", dpi=self.dpi, **settings)
        pixels = buffer.getvalue()
        if pixels != self._newest:
            self._write_newest()
            self._newest = pixels
        self._frames += 1

    def finish(self):
        with self._file:
            self._write_newest()
            self._file.write(END)

    def _write_newest(self):
        if self._newest is None:
            return
        rgba = Image.frombuffer("RGBA", self.frame_size, self._newest, "raw", "RGBA", 0, 1)
        image = rgba.convert("RGB").quantize(palette=self._palette, dither=Image.Dither.NONE)
        # The clock is too coarse for a frame: round the time that has passed, not each picture's.
        ticks = round(TICKS_A_SECOND * self._frames / self.fps)
        settings = {"duration": 1000 * (ticks - self._ticks) // TICKS_A_SECOND}
        self._ticks = ticks
        shown = np.asarray(image)
        if self._written is None:
            header, _ = getheader(image, info={"loop": 0})  # for ever
            pieces = header + getdata(image, **settings)
        else:
            pieces = self._difference(shown, settings)
        self._written = shown
        self._file.writelines(pieces)

    def _difference(self, shown, settings):
        """What makes of the picture in the file the one to be shown: the pixels that differ."""
        changed = shown != self._written
        rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            rows = columns = [0]  # to the eye the same; its time counts
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        pixels = np.where(changed, shown, self._transparent).astype(np.uint8)[part]
        image = Image.frombytes("P", pixels.shape[::-1], pixels.tobytes())
        place = int(columns[0]), int(rows[0])
        return getdata(image, place, transparency=self._transparent, **settings)


def _colours(ramps):
    """uint8 [n, 3], each colour once."""
    steps = [np.linspace(to_rgb(first), to_rgb(last), count) for first, last, count in ramps]
    colours = np.unique(np.rint(255 * np.concatenate(steps)).astype(np.uint8), axis=0)
    distance = np.abs(colours.astype(int) - bytes_of(ramps[0][0])).max(axis=1)
    return colours[(distance == 0) | (distance >= ALIKE)]
