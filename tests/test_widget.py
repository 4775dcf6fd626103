"""The live view as a notebook's widget: in a real JupyterLab, with real keys and a real mouse."""

import re
import socket
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import nbformat
import numpy as np
import pytest
from PIL import Image

from tests.screen import kill_with_children, lesson_file, without_display
from tests.test_running import final, rows
from tests.test_window import has, shows
from tests.web import free_port
from visu.layout import VIEWS, axes_rectangle, cells
from visu.measurement import Measurement, Score
from visu.messages import Answer
from visu.style import LIGHT
from visu.widget import DPI, Letterbox

pytestmark = pytest.mark.xdist_group("widget")  # they share what takes long to start

LESSON = lesson_file("4.0")  # panels 4 and 5 are functions there, which go by the script's names
LONG = 10**6  # iterations, that nobody waits for
PAUSED = re.compile(rf"{re.escape(LESSON.stem)} · paused at \d+%")


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A server's address and its folder of notebooks."""
    folder, settings = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("settings")
    port = free_port()
    flags = (
        "--no-browser",
        "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        "--IdentityProvider.token=",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    )
    environment = without_display() | {"JUPYTER_CONFIG_DIR": str(settings)}
    with TemporaryFile() as said:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *flags], env=environment, stdout=said, stderr=said
        )
        try:
            while not is_served(port):
                assert server.poll() is None, said.seek(0) or said.read()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/doc/tree", folder
        finally:
            kill_with_children(server)


def is_served(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Notebook:
    """A page with a notebook's cells; `run` runs the next one, as its user would."""

    def __init__(self, browser, jupyter, name, *sources):
        address, folder = jupyter
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in sources],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, Path(folder, f"{name}.ipynb"))
        self.page = browser.new_page(viewport={"width": 1400, "height": 1000})
        self.page.set_default_timeout(120_000)
        self.page.goto(f"{address}/{name}.ipynb")
        self.page.get_by_text("| Idle").wait_for()
        self._ran = 0

    def run(self):
        """Run the next cell to its end."""
        self.page.locator(".jp-CodeCell .cm-content").nth(self._ran).click()
        self.page.keyboard.press("Shift+Enter")
        self._ran += 1
        self.wait_for(lambda: f"[{self._ran}]:" in self._prompts())

    def _prompts(self):
        return self.page.locator(".jp-InputPrompt").all_inner_texts()

    def text(self, cell):
        """What the cell has printed so far."""
        outputs = self.page.locator(".jp-CodeCell").nth(cell).locator(".jp-RenderedText")
        return "".join(outputs.all_inner_texts())

    def view(self, cell):
        return self.page.locator(".jp-CodeCell").nth(cell).locator(".jupyter-matplotlib")

    def title(self, cell):
        return self.view(cell).locator(".widget-label").first.inner_text()

    def look(self, cell):
        """The figure's pixels, int16 [height, width, 3], from the top down."""
        png = self.view(cell).locator(".jupyter-matplotlib-canvas-div").screenshot()
        return np.asarray(Image.open(BytesIO(png)).convert("RGB"), np.int16)

    def shows(self, cell, view):
        """Whether all panels of `view` are there."""
        return shows(self.look(cell), view, DPI)

    def wait_for(self, condition):
        for _ in range(1200):
            if condition():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"waited in vain; {self.page.locator('body').inner_text()}")


@pytest.fixture
def lesson(browser, jupyter):
    """A notebook whose second cell has started a long run."""
    notebook = Notebook(
        browser,
        jupyter,
        "lesson",
        "%matplotlib widget",
        f"%run {LESSON} --iterations {LONG} --log run.csv",
        "import matplotlib.pyplot as plt; plt.get_fignums(), plt.rcParams['keymap.home'][0]",
        f"%run {LESSON} --iterations {LONG} --seed 1 --save nowhere/or.png",
        f"%run {LESSON} --iterations {LONG} --seed 1 --fast --save one.png",
        "lesson.stop()",
    )
    notebook.run()
    notebook.run()
    notebook.wait_for(lambda: notebook.view(1).count() and notebook.shows(1, VIEWS["0"]))
    yield notebook
    notebook.page.close()


def test_what_waits_for_the_window_is_complete_and_the_newest():
    letters, iterations = Letterbox(), [0, 20, 40]
    for iteration in iterations:
        letters.add(Measurement(iteration, 1.0, Score(0.5, 1.0), None, None, None, ()))
        letters.answer(Answer(1, iteration, np.zeros(10), None, (), 0))
    news, answer = letters.popleft(), letters.popleft()
    assert not letters
    assert [m.iteration for m in news.measurements] == iterations
    assert (news.iteration, news.result, answer.iteration) == (40, None, 40)
    letters.finish("finished")
    assert letters.popleft() == (40, [], "finished")


@pytest.mark.long
def test_keys_and_mouse_reach_the_panels_while_training_goes_on_beside_the_cells(lesson, jupyter):
    height, width = lesson.look(1).shape[:2]
    assert (width, height) == (1024, 576)
    lesson.run()  # other cells do their work meanwhile, and the next plot is theirs
    assert lesson.text(2) == "([], 'h')"
    before = lesson.look(1)
    lesson.wait_for(lambda: changed(before, lesson.look(1)) > 0)

    # Another size is asked for while pictures come. No piece of one gets lost: what was painted bit
    # by bit looks like what is drawn as a whole.
    figure = lesson.view(1).locator(".jupyter-matplotlib-canvas-div")
    for _ in range(3):
        stretch(lesson.page, figure.bounding_box(), 40, 30)
    lesson.wait_for(lambda: lesson.look(1).shape[1] >= width + 100)
    height, width = lesson.look(1).shape[:2]
    figure.hover(position={"x": width - 5, "y": 5})
    figure.click(position={"x": width - 5, "y": 5})
    lesson.page.keyboard.press("Space")
    lesson.wait_for(lambda: PAUSED.fullmatch(lesson.title(1)))
    panels = settled(lesson)
    for key in ("4", "9", "0"):
        lesson.page.keyboard.press(key)
        lesson.wait_for(
            lambda key=key: lesson.shows(1, VIEWS[key]) and has_only(lesson.look(1), key)
        )

    lesson.wait_for(lambda: changed(panels, lesson.look(1)) < 0.001)
    x, y, w, h = axes_rectangle(cells(VIEWS["0"], width, height, DPI)[6], DPI)
    figure.click(position={"x": x + w // 2, "y": height - y - h + 5})
    lesson.wait_for(lambda: changed(panels, lesson.look(1)) > 0.1)  # large, with its bars
    lesson.page.keyboard.press("Escape")
    lesson.wait_for(lambda: changed(panels, lesson.look(1)) < 0.01)

    # What JupyterLab has for these keys, to delete a cell, is not for who looks at the panels.
    count = lesson.page.locator(".jp-CodeCell").count()
    for _ in range(2):
        lesson.page.keyboard.press("d")
    lesson.wait_for(lambda: is_a_sheet(lesson.look(1)))
    assert lesson.page.locator(".jp-CodeCell").count() == count
    lesson.page.keyboard.press("Space")
    lesson.wait_for(lambda: "paused" not in lesson.title(1))

    # The next run is the end of this one, unless it can't begin.
    lesson.run()
    assert "--save" in lesson.text(3)
    before = lesson.look(1)
    lesson.wait_for(lambda: changed(before, lesson.look(1)) > 0)
    lesson.run()
    lesson.wait_for(lambda: "final" in lesson.text(1) and "finished" in lesson.title(1))
    done = int(final(lesson.text(1))[4])
    assert 0 < done < LONG
    assert int(rows(jupyter[1] / "run.csv")[-1]["iteration"]) == done
    lesson.wait_for(lambda: "%" in lesson.title(4))
    lesson.run()
    lesson.wait_for(lambda: "final" in lesson.text(4) and "finished" in lesson.title(4))
    assert 0 < int(final(lesson.text(4))[4]) < LONG
    lesson.wait_for((jupyter[1] / "one.png").exists)
    with Image.open(jupyter[1] / "one.png") as picture:
        assert picture.width > width
    assert "Error" not in "".join(map(lesson.text, range(6)))


def is_a_sheet(pixels):
    """Whether a digit can be drawn there: paper nearly everywhere, and nothing of the panels."""
    theirs = LIGHT.training, LIGHT.test, LIGHT.bands[-1], LIGHT.wrong
    return (pixels > 250).all(axis=2).mean() > 0.95 and not any(has(pixels, c) for c in theirs)


def stretch(page, box, wider, higher):
    """Drag the corner of what is at `box`."""
    right, bottom = box["x"] + box["width"] - 6, box["y"] + box["height"] - 6
    page.mouse.move(right, bottom)
    page.mouse.down()
    page.mouse.move(right + wider, bottom + higher, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)


def settled(lesson):
    """The figure's pixels, once they have stopped changing."""
    before = lesson.look(1)
    for _ in range(100):
        lesson.page.wait_for_timeout(1000)
        after = lesson.look(1)
        if (after == before).all():
            return after
        before = after
    raise AssertionError("the picture does not come to rest")


def changed(pixels, others):
    """The share of them."""
    return (np.abs(pixels - others).max(axis=2) > 60).mean()


def has_only(pixels, key):
    """Whether no other panel's colours are there."""
    return 6 in VIEWS[key] or not has(pixels, LIGHT.wrong)
