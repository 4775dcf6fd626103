"""The lessons in a real notebook: a real Jupyter kernel runs its cells."""

import base64
import io
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests.screen import ROOT, lesson_file, without_display
from tests.test_running import final
from tests.test_window import has
from visu.style import LIGHT

pytestmark = pytest.mark.xdist_group("notebook")  # they share what takes long to start


# Ctrl-C, when some measurements have been logged.
INTERRUPTED = """
import os, pathlib, signal, threading, time
logs = pathlib.Path({logs!r})

def interrupt():
    while not any(log.read_text().count("\\n") > 4 for log in logs.glob(".run.csv.*")):
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt).start()
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell of a notebook has left."""
    script, logs = lesson_file("1.0"), tmp_path_factory.mktemp("logs")
    cells = [
        "%matplotlib inline",
        f"%run {script} --iterations 150",
        f"%run {script} --iterations 100 --no-window",
        f"%run {script} --iterations 0",
        f"{INTERRUPTED.format(logs=str(logs))}"
        f"%run {script} --iterations 1000000 --log {logs / 'run.csv'}",
        "'the notebook goes on'",
        f"%run {script} --data nowhere",
        "from visu.errors import UsageError\nraise UsageError('so it is')",
        "import tensorflow as tf\ntf.config.threading.get_intra_op_parallelism_threads()",
        script.read_text(encoding="utf-8").replace("2_000", "20"),
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    # As where a user starts it: without the display of whoever runs the tests.
    environment = without_display()
    client = NotebookClient(notebook, timeout=240, allow_errors=True)
    folder = str(tmp_path_factory.mktemp("notebook"))
    client.execute(env=environment, cwd=folder)
    assert not list(Path(folder).iterdir())  # no picture where none was asked for
    return [cell.outputs for cell in notebook.cells]


def text(outputs, name="stdout"):
    return "".join(o.text for o in outputs if o.output_type == "stream" and o.name == name)


def pictures(outputs):
    return [o.data["image/png"] for o in outputs if "image/png" in o.get("data", ())]


def test_the_panels_stand_in_the_output_once_and_finished(outputs):
    (png,) = pictures(outputs[1])  # each has replaced the one before
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    assert picture.size == (1280, 720)
    pixels = np.asarray(picture.convert("RGB"), int)
    for part, codes in (
        (pixels[:360, :430], (LIGHT.training, LIGHT.test)),
        (pixels[:360, 430:800], (LIGHT.training, LIGHT.test)),
        (pixels[360:, :430], LIGHT.all_bands[:4]),
    ):
        for code in codes:
            assert has(part, code), code


def test_the_output_is_quiet_and_says_what_matters(outputs):
    assert final(text(outputs[1]))[4] == "150"
    for cell in outputs[:3]:
        assert not text(cell, "stderr")
        assert all(o.output_type != "error" for o in cell)
    assert "no window" not in text(outputs[1])


def test_a_cell_with_a_lesson_in_it_goes_by_the_lessons_title(outputs):
    assert text(outputs[9]).startswith("lesson_1.0_one_layer_softmax: Lesson 1.0: one layer, ")
    assert final(text(outputs[9]))[4] == "20"


def test_without_a_view_there_is_no_picture_and_the_same_seed_gives_the_same(outputs):
    assert not pictures(outputs[2])
    first = [line for line in text(outputs[1]).splitlines() if line.startswith("0/")]
    second = [line for line in text(outputs[2]).splitlines() if line.startswith("0/")]
    scores = [line[0].split(" · ")[1:4] for line in (first, second)]
    assert scores[0] == scores[1]
    assert scores[0]


def test_bad_flags_are_refused_in_one_line(outputs):
    assert "expected a whole number from 1" in text(outputs[3], "stderr").splitlines()[-1]


def test_an_interrupted_cell_ends_well(outputs):
    assert 0 < int(final(text(outputs[4]))[4]) < 1_000_000
    assert len(pictures(outputs[4])) == 1
    assert all(o.output_type != "error" for o in outputs[4])
    assert outputs[5][0].data["text/plain"] == "'the notebook goes on'"


def test_mistakes_are_told_in_one_line(outputs):
    (refused,) = (o for o in outputs[6] if o.output_type == "error")
    (line,) = refused.traceback
    assert line.startswith("error: data folder nowhere: expected a folder with train-images")
    (refused,) = (o for o in outputs[7] if o.output_type == "error")
    assert refused.traceback == ["error: so it is"]


TWO_RUNS = """
import threading
from IPython.core.interactiveshell import InteractiveShell
from visu import beside

InteractiveShell.instance()
asked, ended = [threading.Event() for _ in range(2)], []
for run in range(2):
    beside.start(lambda run=run: ended.append((asked[run].wait(60), run)), asked[run].set)
    print(ended)
beside.end_earlier()
print(ended)
"""


def test_a_run_beside_the_cells_ends_the_one_before():
    done = subprocess.run(
        [sys.executable, "-c", TWO_RUNS], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["[]", "[(True, 0)]", "[(True, 0), (True, 1)]"]


def test_the_next_lesson_has_all_processors(outputs):
    """0 is TensorFlow's word for them; lesson 1.0, run from the shell, takes one."""
    assert outputs[8][0].data["text/plain"] == "0"
