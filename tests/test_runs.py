"""Earlier runs: what is kept of them, how they are found, and how they are drawn behind others."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import mnistdata
from tests.test_drawing import a_history, a_scene
from tests.test_window import has, look, open_lesson
from visu.errors import UsageError
from visu.files import log_columns
from visu.measurement import Score
from visu.panels import Panels
from visu.runs import EarlierRun, find, read
from visu.style import LIGHT

LOG_COLUMNS = log_columns("test")
LOG = f"{LOG_COLUMNS}\n0,0.1,2.3,0.098,2.3026\n10,0.5,1.5,,\n20,0.75,1.0,0.7,1.1\n"


def test_every_run_is_kept_as_its_log_would_be(run, tmp_path):
    flags = ("--iterations", 70, "--log", "run.csv")
    kept = tmp_path / "new" / "kept"
    for before in (None, LOG):  # the second replaces what was kept
        if before:
            (kept / "mnist_1.0_softmax.csv").write_text(before)
        assert run("1.0", *flags, environment={"TENSORFLOWVISU_RUNS": str(kept)})[0] == 0
        (path,) = kept.iterdir()
        assert path.name == "mnist_1.0_softmax.csv"
        assert path.read_text() == (tmp_path / "run.csv").read_text()


@pytest.mark.parametrize("folder", ["/proc/nowhere", f"/{'long' * 100}"])
def test_a_run_that_cannot_be_kept_says_nothing_of_it(run, folder):
    nowhere = {"environment": {"TENSORFLOWVISU_RUNS": folder}}
    code, _, error = run("1.0", "--iterations", 20, **nowhere)
    assert (code, error) == (0, "")


def test_a_file_a_number_and_a_name_are_found(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORFLOWVISU_RUNS", str(tmp_path))
    path = tmp_path / "mnist_2.0_five_layers_sigmoid.csv"
    path.write_text(LOG)
    for asked in (str(path), "2.0", "mnist_2.0_five_layers_sigmoid"):
        name, training, test = find(asked)
        assert name == "lesson 2.0"
        assert training.tolist() == [[0, 0.1, 2.3], [10, 0.5, 1.5], [20, 0.75, 1.0]]
        assert test.tolist() == [[0, 0.098, 2.3026], [20, 0.7, 1.1]]
    for asked in ("2.1", "*", "mnist_*", ""):  # a name, not a pattern
        with pytest.raises(UsageError, match=r"there: mnist_2\.0_five"):
            find(asked)


def test_a_number_stands_for_the_last_run_in_a_notebook_or_out_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORFLOWVISU_RUNS", str(tmp_path))
    names = "mnist_2.0_five_layers_sigmoid", "lesson_2.0_five_layers_sigmoid"
    for place, last in enumerate(names):
        path = tmp_path / f"{last}.csv"
        path.write_text(LOG.replace("0.75", f"0.7{place}"))
        os.utime(path, (place, place))
        name, training, _ = find("2.0")
        assert name == "lesson 2.0"
        assert training[-1, 1] == 0.7 + place / 100


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read"),
        (b"", "found an empty file"),
        (b"a,b,c\n1,2,3\n", "found a,b,c"),
        (b"\xff\xfe\x00", "found no CSV"),
        (LOG_COLUMNS.encode(), "expected measurements, found none"),
        (LOG.encode() + b"30,0.5\n", "in line 5, found '30,0.5'"),
        (LOG.encode() + b"30,much,1.0,,\n", "in line 5, found '30,much,1.0,,'"),
        (LOG.encode() + b"30,0.9,1.0,0.9,\n", "in line 5"),
        (LOG.encode() + b"9" * 400 + b",0.9,1.0,,\n", "in line 5"),
        (LOG.encode() + b"nan,0.9,1.0,,\n", "in line 5"),
    ],
)
def test_anything_else_is_refused_with_one_message(run, tmp_path, content, message):
    if content is not None:
        (tmp_path / "run.csv").write_bytes(content)
    code, output, error = run("1.0", "--compare", "run.csv")
    assert (code, output) == (2, "")
    assert message in error
    assert "Traceback" not in error


@given(st.binary(max_size=300), st.booleans())
def test_arbitrary_bytes_are_read_or_refused(tmp_path_factory, content, with_columns):
    path = tmp_path_factory.getbasetemp() / "arbitrary.csv"
    path.write_bytes((LOG_COLUMNS.encode() + b"\n") * with_columns + content)
    try:
        earlier = read(path)
    except UsageError:
        return
    assert earlier.training.shape[1] == earlier.test.shape[1] == 3


def test_the_earlier_run_stands_behind_in_both_panels():
    iterations = np.arange(0, 2001, 100.0)
    curve = np.column_stack([iterations, np.full(21, 0.905), np.full(21, 0.15)])
    curve[iterations > 1000, 1] = 0.99  # later than this run is: not in the legend yet
    test_set = mnistdata.read_data_sets().test
    scene = a_scene(test_set)._replace(earlier=EarlierRun("lesson 2.0", curve[:0], curve))
    figure = Figure((12.8, 7.2), dpi=100)
    canvas = FigureCanvasAgg(figure)
    panels = Panels(figure, scene)
    panels.update(a_history(test_set, 777))
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[::-1, :, :3].astype(int)
    for number, value in ((1, "0.9050"), (2, "0.1500")):
        *_, legend = panels[number].artists
        assert legend.get_text() == f"— lesson 2.0: {value}"
        x, y, width, height = map(round, panels[number].axes.bbox.bounds)
        assert has(pixels[y : y + height, x : x + width], LIGHT.earlier_test, 100, within=10)


def test_the_legend_tells_the_newest_and_the_best():
    test_set = mnistdata.read_data_sets().test
    panels = Panels(Figure((12.8, 7.2), dpi=100), a_scene(test_set))
    history = a_history(test_set, 500)
    worse = history.last._replace(iteration=1020, test=Score(0.93, 0.25))
    history.add(worse)
    panels.update(history)
    assert panels[1].artists[-1].get_text() == "— test 0.9300, best 0.9500"
    assert panels[2].artists[-1].get_text() == "— test 0.2500, best 0.1000"


def test_the_window_and_the_picture_show_it(tmp_path, screen):
    (tmp_path / "before.csv").write_text(LOG.replace("0.7,1.1", "0.2,2.0"))
    flags = ("--iterations", 200, "--fast", "--compare", "before.csv", "--save", "run.png")
    with open_lesson(screen, "1.0", *flags, folder=tmp_path) as lesson:
        lesson.wait_for(lambda: has(look(screen, lesson), LIGHT.earlier_test, within=10))
        lesson.close_window()
        assert lesson.wait()[0] == 0
    with Image.open(tmp_path / "run.png") as picture:
        assert has(np.asarray(picture.convert("RGB"), int), LIGHT.earlier_test, within=10)
