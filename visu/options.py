"""The flags that every lesson understands."""

import argparse
from typing import NamedTuple

import numpy as np

from visu.errors import UsageError
from visu.files import FILM_ENDINGS, LOG_ENDINGS, PICTURE_ENDINGS, check_destination
from visu.handwriting import read_picture
from visu.notebook import in_notebook
from visu.runs import EarlierRun, find
from visu.style import LIGHT, STYLES, Style
from visu.web.address import FIRST_PORT, Address, parse_address


class Options(NamedTuple):
    iterations: int
    seed: int = 0
    data: str | None = None
    validation: int | None = None
    window: bool = True
    web: Address | None = None
    fast: bool = False
    save: str | None = None
    log: str | None = None
    earlier: EarlierRun | None = None
    digit: np.ndarray | None = None  # uint8 [h, w], ink
    style: Style = LIGHT
    verbose: bool = False


def parse(name, description, iterations, arguments=None):
    """Read the command line of lesson `name`; wrong flags end the program with exit code 2."""
    parser = argparse.ArgumentParser(
        prog=f"{name}.py",
        description=description,
        epilog="In the view: 1 to 6 show one panel, 7 8 9 two, 0 or Esc all; Space pauses, n steps,"
        " - + change the pace; click a digit, d draws your own, w shows what the network sees.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--no-window", action="store_true", help="train without pictures, text only")
    where.add_argument(
        "--web",
        nargs="?",
        type=_address,
        const=Address(),
        metavar="PORT",
        help="show them in a browser, in place of a window, at this port of this machine "
        f"({FIRST_PORT} or the next free one); HOST:PORT lets other machines in, 0.0.0.0 all",
    )
    add("--fast", action="store_true", help="as fast as the machine can, not at a pace to watch")
    add(
        "--iterations",
        type=whole_number(1, 10**9),
        default=iterations,
        metavar="N",
        help=f"train for N iterations, a batch each (without the flag: {iterations:,})",
    )
    add(
        "--seed",
        type=whole_number(0, 2**32 - 1),
        default=0,
        metavar="N",
        help="of everything random; the same seed gives the same numbers (0)",
    )
    add("--data", metavar="DIR", help="train on the four IDX files in DIR instead of MNIST")
    add(
        "--validation",
        type=whole_number(1, 10**9),
        metavar="N",
        help="hold the last N training images out, and test on them in place of the test set",
    )
    add(
        "--save",
        metavar="FILE.png",
        help="save the six panels at the end, or as a film of the run: FILE.mp4, FILE.gif",
    )
    add("--log", metavar="FILE.csv", help="write every measurement, a line each")
    add(
        "--compare",
        metavar="RUN",
        help="show the curves of an earlier run behind this one's: a file that --log wrote, or a "
        "lesson's number, for its last run",
    )
    add("--style", choices=STYLES, default="light", help="the colours of the view (light)")
    add("--digit", metavar="FILE", help="let the network read a picture of your own digit")
    add("--verbose", action="store_true", help="show TensorFlow's own messages, and speeds")
    if in_notebook():
        # A notebook's own arguments (-f kernel.json) stand where the lesson's would.
        given, _ = parser.parse_known_args(arguments)
    else:
        given = parser.parse_args(arguments)
    try:
        check_destination("--save", given.save, PICTURE_ENDINGS + FILM_ENDINGS)
        check_destination("--log", given.log, LOG_ENDINGS)
        earlier = None if given.compare is None else find(given.compare)
        digit = None if given.digit is None else read_picture(given.digit, "--digit")
    except UsageError as error:
        parser.error(str(error))
    return Options(
        iterations=given.iterations,
        seed=given.seed,
        data=given.data,
        validation=given.validation,
        window=not given.no_window,
        web=given.web,
        fast=given.fast,
        save=given.save,
        log=given.log,
        earlier=earlier,
        digit=digit,
        style=STYLES[given.style],
        verbose=given.verbose,
    )


def _address(text):
    try:
        return parse_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected PORT or HOST:PORT, such as 9000 or 0.0.0.0:9000, found {text!r}"
        ) from None


def whole_number(least, most):
    """A `type` for argparse: a whole number from `least` to `most`."""

    def convert(text):
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {least} to {most}, found {text!r}"
            )
        return number

    return convert
