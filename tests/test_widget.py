"""The live view in a notebook with `%matplotlib widget`: a real kernel, and keys and mouse."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

import tensorflowvisu
from tests.cell import notebook
from tests.screen import ROOT, lesson_file
from tests.test_running import final
from tests.test_web import dots_an_inch, nearly_alike, show_all_that_belongs_there
from tests.test_window import has
from visu import widget
from visu.layout import VIEWS, axes_rectangle, cells
from visu.notebook import NotebookView
from visu.options import Options
from visu.panels import TEST_GRID
from visu.style import LIGHT
from visu.web.relay import CELL

pytestmark = pytest.mark.xdist_group("widget")  # they share what takes long to start
RUN = f"%run {lesson_file('1.0')} --iterations"


@pytest.fixture(scope="module")
def front_end(tmp_path_factory):
    with notebook(tmp_path_factory.mktemp("widget")) as started:
        assert not started.finish("%matplotlib widget").errors
        yield started


@pytest.fixture(scope="module")
def live(front_end, tmp_path_factory):
    """The figure of a cell that has trained a little, and rests; another cell waits for it."""
    log = tmp_path_factory.mktemp("log") / ".run.csv.unfinished"
    cell = front_end.run(f"{RUN} 20000 --log {log.with_name('run.csv')}")
    later = front_end.run("'later'")
    front_end.wait_for(lambda: front_end.figures or cell.done)
    (figure,) = front_end.figures
    figure.cell, figure.later = cell, later
    figure.measured = lambda: log.exists() and log.read_text().count("\n")
    front_end.wait_for(lambda: figure.measured() > 50)
    pause(front_end, figure)
    return figure


def pause(front_end, figure):
    """Press Space, and wait until training obeys, which it does after the block it is at."""
    figure.key(" ")
    front_end.wait_for(lambda: "paused" in figure.title)
    counts = [-1, figure.measured()]
    while counts[-1] != counts[-2]:
        front_end.pass_time(1)
        counts.append(figure.measured())


@pytest.fixture
def six(front_end, live):
    """It, as it is when all six panels are in view."""
    live.key("0")
    shows(front_end, live, VIEWS["0"])
    return settled(front_end, live)


def shows(front_end, figure, view):
    front_end.wait_for(lambda: figure.pixels and show_all_that_belongs_there(figure.look(), view))


def settled(front_end, figure):
    """Its pixels, once the answer to a later question is there: whether the mouse left a panel."""
    for x, y, words in ((box(1)[0] + 20, box(1)[1] + 20, "iteration"), (2, 2, "")):
        figure.mouse("motion_notify", x, y, pressed=False)
        front_end.wait_for(
            lambda words=words: (
                figure.message.startswith(words) and bool(words) == bool(figure.message)
            )
        )
    return figure.look()


def box(panel, view=VIEWS["0"], grid=None):
    """Left, top, width, height of a panel's axes, in pixels from the upper left corner."""
    dpi = dots_an_inch(*CELL)
    x, y, width, height = axes_rectangle(cells(view, *CELL, dpi)[panel], dpi, grid)
    return x, CELL[1] - y - height, width, height


def last_test_digit():
    """A pixel of panel 6 on a digit that is read as it should be: the misread ones come first."""
    left, top, width, height = box(6, grid=TEST_GRID)
    return left + width - 4, top + height - 4


def is_read(figure):
    """Whether a closer look shows bars, of which one is long and green."""
    bars = figure.look()[:, CELL[0] * 6 // 10 :]
    return has(bars, LIGHT.right_bar, 1000, within=3) and not has(figure.look(), LIGHT.bands[2], 50)


def test_six_panels_fill_the_cell(six, live):
    assert six.shape == (*CELL[::-1], 3)
    assert tuple(live.size) == CELL


def test_space_pauses_and_goes_on_while_the_cell_runs(front_end, live):
    before = live.measured()
    live.key("n")
    front_end.wait_for(lambda: live.measured() == before + 1)
    live.key(" ")
    front_end.wait_for(lambda: live.measured() > before + 5)
    pause(front_end, live)
    assert live.cell.started
    assert not live.cell.done
    assert not live.later.started


def test_keys_change_the_view(front_end, live, six):
    seen = [six]
    for key, view in VIEWS.items():
        if view != VIEWS["0"]:
            live.key(key)
            front_end.wait_for(lambda: all((live.look() != other).any() for other in seen))
            shows(front_end, live, view)
            seen.append(live.look())
    live.key("escape")
    front_end.wait_for(lambda: nearly_alike(live.look(), six))


def test_a_box_zooms_and_h_resets(front_end, live, six):
    left, top, width, height = box(2)
    live.key("o")
    live.drag((left + 20, top + 20), (left + 60, top + 50), (left + width // 2, top + height // 2))
    live.key("o")
    part = slice(top, top + height), slice(left, left + width)
    front_end.wait_for(lambda: (live.look()[part] != six[part]).mean() > 0.02)
    live.key("h")
    front_end.wait_for(lambda: nearly_alike(live.look(), six))


def test_a_click_opens_a_digit(front_end, live, six):
    live.mouse("button_press", *last_test_digit())
    live.mouse("button_release", *last_test_digit(), pressed=False)
    front_end.wait_for(lambda: is_read(live))
    live.key("escape")
    front_end.wait_for(lambda: nearly_alike(live.look(), six))


def test_a_drawn_digit_is_read(front_end, live, six):
    live.key("d")
    front_end.wait_for(lambda: not has(live.look(), LIGHT.bands[3], 50, within=3))
    assert not is_read(live)
    x, y, side = 200, 150, 200
    live.drag((x, y), (x + side, y), (x + side // 2, y + side))
    front_end.wait_for(lambda: has(live.look()[:, : CELL[0] // 2], LIGHT.pen, 2000))
    front_end.wait_for(lambda: is_read(live))


def test_the_size_follows_the_screen_and_the_corner(front_end, live, six):
    width, height = CELL
    live.do("set_device_pixel_ratio", device_pixel_ratio=2)
    front_end.wait_for(lambda: live.pixels and live.pixels.size == (2 * width, 2 * height))
    assert tuple(live.size) == CELL
    live.do("set_device_pixel_ratio", device_pixel_ratio=1)
    live.do("resize", width=1200, height=700)
    front_end.wait_for(lambda: tuple(live.size) == (1200, 700))
    front_end.wait_for(lambda: live.pixels and live.pixels.size == (1200, 700))
    shows(front_end, live, VIEWS["0"])
    live.do("resize", width=width, height=height)
    front_end.wait_for(lambda: live.look().shape == six.shape and nearly_alike(live.look(), six))


def test_the_picture_can_be_saved(front_end, live):
    live.do("key_press", key="ctrl+ks", guiEvent={})
    live.do("toolbar_button", name="save_figure")
    front_end.wait_for(lambda: live.saved == 2)


def test_an_interrupted_cell_ends_well_and_the_view_lives_on(front_end, live):
    front_end.interrupt()
    front_end.wait_for(lambda: live.cell.done)
    assert not live.cell.errors
    assert "Traceback" not in live.cell.text
    (shown,) = live.cell.displayed
    assert live.comm_id in str(shown["application/vnd.jupyter.widget-view+json"])
    assert tuple(live.size) == CELL
    accuracy, *_, iterations = final(live.cell.text)
    assert 0 < int(iterations) < 20_000
    front_end.wait_for(lambda: live.later.done)
    assert live.later.displayed
    front_end.wait_for(lambda: live.title.endswith(f"finished, test accuracy {accuracy}"))
    live.key("0")
    shows(front_end, live, VIEWS["0"])
    live.mouse("button_press", *last_test_digit())
    front_end.wait_for(lambda: is_read(live))


def test_other_widgets_are_heard_as_ever(front_end, live):
    cell = front_end.finish("import ipywidgets; number = ipywidgets.IntText(); number")
    assert not cell.errors
    (comm_id,) = (c for c, s in front_end.widgets.items() if s["_model_name"] == "IntTextModel")
    front_end.send(comm_id, {"method": "update", "state": {"value": 7}, "buffer_paths": []})
    assert front_end.finish("number.value").displayed[0]["text/plain"] == "7"


def test_another_run_takes_the_place_of_the_first_and_pyplot_ends_it(front_end, live, tmp_path):
    (tmp_path / "close.py").write_text(
        "import pathlib, threading, time\n"
        "import matplotlib.pyplot as plt\n"
        "def close():\n"
        f"    while not pathlib.Path({str(tmp_path / 'now')!r}).exists():\n"
        "        time.sleep(0.1)\n"
        "    plt.close('all')\n"
        "threading.Thread(target=close).start()\n"
    )
    cell = front_end.run(f"%run {tmp_path / 'close.py'}\n{RUN} 20000")
    front_end.wait_for(lambda: len(front_end.figures) == 2 or cell.done)
    first, second = front_end.figures
    assert first.closed
    shows(front_end, second, VIEWS["0"])
    assert not second.closed
    (tmp_path / "now").touch()
    front_end.wait_for(lambda: cell.done)
    assert second.closed
    assert not cell.errors
    assert "Traceback" not in cell.text
    assert 0 < int(final(cell.text)[4]) < 20_000


@pytest.mark.parametrize("name", ["widget", "ipympl", "module://ipympl.backend_nbagg"])
def test_every_spelling_is_understood(name):
    code = (
        "import matplotlib; from visu import widget; "
        "matplotlib.use('agg'); print(widget.is_wanted()); "
        f"matplotlib.use({name!r}); print(widget.is_wanted())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_an_older_kernel_shows_pictures_and_says_why(monkeypatch, capsys):
    older = SimpleNamespace(version_info=(6, 29, 5), __version__="6.29.5")
    monkeypatch.setitem(sys.modules, "ipykernel", older)
    monkeypatch.setattr(widget, "is_wanted", lambda: True)
    monkeypatch.setattr(widget, "_kernel", object)
    view = tensorflowvisu._start_notebook_view(Options(100))
    assert isinstance(view, NotebookView)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert "6.29.5" in said[0]
    assert "pip install -U ipykernel" in said[0]
