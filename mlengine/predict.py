"""Reads images of digits with an exported model, without any server, and prints what it reads.

    python predict.py --model-dir /tmp/dnn/export --json-instances samples/instances.jsonl

The file has an image a line, as JSON: 28 rows of 28 numbers, from 0 for paper to 1 for ink, bare or
as {"image": ...}. samples/make_instances.py makes such files.
"""

import argparse
from pathlib import Path

import numpy as np

from errors import UsageError, explain_and_exit, require
from programs import say
from service.errors import RefusedError
from service.folders import check_folder

AT_ONCE = 1000  # images
COLUMNS = ("number", "class", "probability", *(f"{digit:>6}" for digit in range(10)))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument(
        "--model-dir",
        required=True,
        metavar="DIR",
        help="a SavedModel, or a folder of its versions, of which the highest is taken",
    )
    parser.add_argument(
        "--json-instances", required=True, metavar="FILE", help="an image a line, as JSON"
    )
    given = parser.parse_args(arguments)
    check_folder("--model-dir", given.model_dir)
    images = read_instances(given.json_instances)

    from service.versions import Model  # late: TensorFlow takes seconds

    model = Model("mnist", given.model_dir)
    say("  ".join(COLUMNS))
    for start in range(0, len(images), AT_ONCE):
        answers = zip(*model.current.predict(images[start : start + AT_ONCE]), strict=True)
        say(*(table_row(number, *answer) for number, answer in enumerate(answers, start + 1)))


def read_instances(path):
    """The images in a file, float32 [n, 28, 28]. Raises UsageError."""
    require("serve", "pydantic")  # not before: --help needs no package
    from service.instances import read_line

    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise UsageError(
            f"--json-instances {path}: can't be read ({error.strerror}); name a file of images"
        ) from None
    images = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                images.append(read_line(line))
        except RefusedError as error:
            raise UsageError(f"{path}, line {number}: {error}") from None
    if not images:
        raise UsageError(f"{path}: expected an image a line, found an empty file")
    return np.stack(images)


def table_row(number, name, probabilities):
    """Which image, what it was read as, how probable that is, and how probable each digit is."""
    columns = (number, name, probabilities[name], *probabilities)
    return "  ".join(
        f"{value:>{len(title)}{'' if place < 2 else '.4f'}}"
        for place, (title, value) in enumerate(zip(COLUMNS, columns, strict=True))
    )


if __name__ == "__main__":
    explain_and_exit(main)
