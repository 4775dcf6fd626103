"""Makes instances for predict.py: test digits of MNIST, or pictures of your own, as JSON.

    python samples/make_instances.py --test-digits 5 87 95 --output samples/instances.jsonl
    python samples/make_instances.py three.png four.png

A line an image, {"image": 28 rows of 28 numbers}, from 0 for paper to 1 for ink. A picture shows
one digit, dark on light or light on dark; it is cut out, scaled and centred as MNIST's were.
"""

import argparse
import json
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path += [str(PROJECT / "mlengine"), str(PROJECT)]  # for the loader, wherever this is started

import quiet_tensorflow  # noqa: E402, F401 - starts TensorFlow, which the loader needs

# isort: split
import mnistdata  # noqa: E402
from errors import explain_and_exit  # noqa: E402
from files import unfinished  # noqa: E402
from programs import say  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("pictures", nargs="*", metavar="FILE", help="a picture of a digit")
    parser.add_argument(
        "--test-digits", nargs="+", type=int, default=[], metavar="N", help="counted from 0"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="(standard output)")
    given = parser.parse_args()
    if not given.pictures and not given.test_digits:
        parser.error("expected pictures or --test-digits, found neither")
    images = [*test_digits(given.test_digits), *map(mnistdata.read_digit, given.pictures)]
    write([instance(pixels) for pixels in images], given.output)


def test_digits(numbers):
    """The test digits of these numbers, a list of uint8 [28, 28, 1]. Raises DataError."""
    if not numbers:
        return []
    pixels = mnistdata.read_data_sets().test.pixels
    for number in numbers:
        if not 0 <= number < len(pixels):
            raise mnistdata.DataError(
                f"--test-digits: expected numbers from 0 to {len(pixels) - 1}, found {number}"
            )
    return [pixels[number] for number in numbers]


def instance(pixels):
    """The line for an image, uint8 [28, 28, 1]."""
    # NumPy's text has the fewest digits that give the same float32 again.
    ink = (pixels[..., 0] * mnistdata.TO_UNIT).astype("U").tolist()
    return json.dumps({"image": [[float(text) for text in row] for row in ink]})


def write(lines, path):
    """To standard output, or to a file that appears under its name when it is whole."""
    if path is None:
        say(*lines)
        return
    try:
        with unfinished(path) as growing:
            growing.write_text("".join(f"{line}\n" for line in lines), "ascii")
    except OSError as error:
        raise mnistdata.DataError(
            f"--output {path}: can't be written ({error.strerror}); choose another place"
        ) from None


if __name__ == "__main__":
    explain_and_exit(main)
