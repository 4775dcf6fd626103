"""The colours of the live view: a light and a dark style."""

from typing import NamedTuple


class Style(NamedTuple):
    """Colours, as "#RRGGBB".

    The two of the curves are told apart with any of the common colour blindnesses: a blue, and a
    vermilion. The bands are shades of one colour, from the outermost to the one in the middle.
    """

    paper: str
    ink: str
    faint: str
    grid: str
    frame: str
    training: str
    test: str
    earlier_training: str  # curves of an earlier run, behind
    earlier_test: str
    bands: tuple[str, str, str, str]
    pen: str  # digits are written with it
    wrong: str  # behind a misread digit
    wrong_mat: str  # around a misread picture, which has colours of its own to outdo
    gap: str  # where there is no image to show
    right_bar: str
    wrong_bar: str
    other_bar: str

    @property
    def is_dark(self):
        """Whether ink is brighter than paper."""
        return bytes_of(self.pen) > bytes_of(self.paper)

    @property
    def all_bands(self):
        """From the lowest to the highest."""
        return (*self.bands, *self.bands[-2::-1])


STYLES = {
    "light": Style(
        paper="#FFFFFF",
        ink="#22262B",
        faint="#6B737C",
        grid="#E3E6EA",
        frame="#B4BAC1",
        training="#2E86C1",
        test="#D55E00",
        earlier_training="#DADDE1",
        earlier_test="#8E959D",
        bands=("#D9E8E3", "#A9D0C4", "#5FB09A", "#00785A"),
        pen="#000000",
        wrong="#F06A58",
        wrong_mat="#DE1E24",
        gap="#E2E5E9",
        right_bar="#00785A",
        wrong_bar="#F06A58",
        other_bar="#B4BAC1",
    ),
    "dark": Style(
        paper="#181C20",
        ink="#E8EBEE",
        faint="#9CA5AE",
        grid="#2C3238",
        frame="#4C555E",
        training="#5AB0EA",
        test="#FF8B3D",
        earlier_training="#434B53",
        earlier_test="#7F8993",
        bands=("#1E3B35", "#2A6154", "#3F9C85", "#86E3C8"),
        pen="#FFFFFF",
        wrong="#B83226",
        wrong_mat="#DE1E24",
        gap="#2C3238",
        right_bar="#37B896",
        wrong_bar="#E2604E",
        other_bar="#59626B",
    ),
}
LIGHT = STYLES["light"]


def bytes_of(colour):
    """A colour as red, green and blue, 0 to 255."""
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def use_our_own():
    """In this process, leave the user's settings of matplotlib aside, but for the keys.

    They are for other figures: this one has colours, fonts and resolutions of its own.
    """
    import matplotlib.style  # late: a run without a window does without

    kept = {name: value for name, value in matplotlib.rcParams.items() if "keymap" in name}
    matplotlib.style.use("default")
    matplotlib.rcParams.update(kept)
