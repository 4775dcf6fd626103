"""Predictions without a server, and the instances that they are made of."""

import json
import re
import runpy
import sys

import numpy as np
import pytest
from PIL import Image

import mnistdata
import predict
from errors import UsageError
from tests.mlengine.jobs import MLENGINE, overtake, run
from tests.mlengine.serving import mnist_digits

pytestmark = pytest.mark.xdist_group("serve")

SAMPLES = MLENGINE / "samples" / "instances.jsonl"
BLANK = [[0] * 28] * 28


def test_the_table(trained):
    code, output, error = run(
        "predict", "--model-dir", trained, "--json-instances", "samples/instances.jsonl"
    )
    assert (code, error) == (0, "")
    title, *rows = (line.split() for line in output.splitlines())
    assert title == ["number", "class", "probability", *map(str, range(10))]
    assert [row[:2] for row in rows] == [["1", "1"], ["2", "3"], ["3", "4"]]
    for _, name, probability, *probabilities in rows:
        assert probabilities[int(name)] == probability == max(probabilities)
        assert sum(map(float, probabilities)) == pytest.approx(1, abs=0.001)
    assert len({len(line) for line in output.splitlines()}) == 1


def test_many_instances_are_numbered_through(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(predict, "AT_ONCE", 4)
    digits = mnist_digits(*range(10))
    lines = [json.dumps(digit if n % 2 else {"image": digit}) for n, digit in enumerate(digits)]
    file = tmp_path / "ten.jsonl"
    file.write_text("\n\n".join(lines))
    predict.main(["--model-dir", str(trained / "100"), "--json-instances", str(file)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [int(number) for number, *_ in rows] == list(range(1, 11))
    right = [int(name) for _, name, *_ in rows] == mnistdata.read_data_sets().test.classes[:10]
    assert right.sum() >= 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected an image a line, found an empty file"),
        (f"\n{BLANK}\n{BLANK[1:]}", "line 3: expected 28 rows of 28 numbers, found a list"),
        ("digit", "line 1: expected JSON, found something else"),
        ('{"pixels": 1}', 'line 1: expected the key "image", found an object with "pixels"'),
        ('{"image": {}}', "line 1: expected 28 rows of 28 numbers, found an empty object"),
        ("1", "line 1: expected 28 rows of 28 numbers, found 1"),
        (f"{[*BLANK[1:], [0] * 27]}", "line 1: row 27: expected a row of 28 numbers, found a"),
        (f"{[*BLANK[1:], [2] * 28]}", "line 1: row 27, column 0: expected a number from 0"),
        ("[" + "[NaN]" + "]", "line 1: row 0, column 0: expected .*, found NaN"),
    ],
)
def test_a_wrong_line_is_told(tmp_path, text, message):
    file = tmp_path / "wrong.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        predict.read_instances(file)


def test_what_is_not_there_ends_with_one_message(trained):
    for command, message in (
        (
            ("--model-dir", "/nowhere", "--json-instances", SAMPLES),
            "--model-dir /nowhere: expected",
        ),
        (
            ("--model-dir", "x" * 300, "--json-instances", SAMPLES),
            f"--model-dir {'x' * 300}: expected a folder, found nothing that can be read (File",
        ),
        (("--model-dir", trained, "--json-instances", "/nowhere"), "--json-instances /nowhere: ca"),
    ):
        code, output, error = run("predict", *command)
        assert (code, output) == (2, "")
        assert error.startswith(f"error: {message}")
        assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SAMPLES,), r"error: .*instances\.jsonl: expected a picture"),
        (("--test-digits", 10_000), "error: --test-digits: expected numbers from 0 to 9999, found"),
        (("--test-digits", 5, "--output", "/nowhere/a"), "error: --output /nowhere/a: can't be wr"),
        (("--test-digits", 5, "--output", "."), r"error: --output \.: can't be written \("),
        ((), "expected pictures or --test-digits, found neither"),
    ],
)
def test_instances_are_not_made_of_anything_else(arguments, message, monkeypatch, capsys):
    script = SAMPLES.with_name("make_instances.py")
    monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.fixture
def make_instances(monkeypatch):
    """What the script defines."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    return runpy.run_path(str(SAMPLES.with_name("make_instances.py")))


def test_where_instances_cant_be_written_nothing_is_left(tmp_path, make_instances):
    (tmp_path / "folder").mkdir()
    with pytest.raises(mnistdata.DataError, match=r"can't be written \(Is a directory\)"):
        make_instances["write"](["text"], tmp_path / "folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_two_that_write_the_same_instances_do_not_meet(tmp_path, make_instances, monkeypatch):
    path = tmp_path / "made.jsonl"
    overtake(monkeypatch, lambda: make_instances["write"](["theirs"], path))
    make_instances["write"](["ours"], path)
    assert path.read_text() == "ours\n"
    assert [path.name for path in tmp_path.iterdir()] == ["made.jsonl"]


def test_the_test_digits_of_several_instances_are_read_once(monkeypatch, make_instances):
    reads, read = [], mnistdata.read_data_sets
    monkeypatch.setattr(mnistdata, "read_data_sets", lambda: reads.append(1) or read())
    digits = make_instances["test_digits"]([5, 87, 95])
    assert [digit.shape for digit in digits] == [(28, 28, 1)] * 3
    assert len(reads) == 1


def test_instances_are_made_of_test_digits_and_of_pictures(tmp_path):
    digits = mnistdata.read_data_sets().test
    picture = tmp_path / "four.png"
    Image.fromarray(255 - digits.pixels[95, ..., 0]).resize((200, 200)).save(picture)
    file = tmp_path / "made.jsonl"
    code, output, error = run(
        *(SAMPLES.with_name("make_instances.py"), picture, "--output", file),
        *("--test-digits", 5, 87, 95),
    )
    assert (code, output, error) == (0, "", "")
    *samples, drawn = file.read_text().splitlines()
    assert samples == SAMPLES.read_text().splitlines()
    images = predict.read_instances(SAMPLES)
    assert (images == digits.images[[5, 87, 95], ..., 0]).all()
    assert digits.classes[[5, 87, 95]].tolist() == [1, 3, 4]
    found = np.array(json.loads(drawn)["image"])
    alike = [np.corrcoef(found.ravel(), image.ravel())[0, 1] for image in images]
    assert alike[2] > 0.75 > 0.6 > max(alike[:2])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["four.png", "made.jsonl"]
