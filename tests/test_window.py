"""The live window, on a real (virtual) screen, with real keys and a real mouse."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.screen import ROOT, RunningLesson, VirtualScreen, lesson_file, measured
from tests.test_running import final, rows
from visu.layout import ALL, VIEWS, axes_rectangle, cells
from visu.style import LIGHT, STYLES, bytes_of

SIZE = (1280, 720)  # of the figure; the toolbar stands below it
DPI = 100
SHORT = "--iterations", 300
KEYS = {key: "Escape" if key == "escape" else key for key in VIEWS}


@contextmanager
def open_lesson(screen, number="1.0", *flags, folder=None, finished=True):
    """A lesson's window, 1280 x 720 pixels, when its run has finished."""
    with RunningLesson(number, *flags, screen=screen, folder=folder) as lesson:
        lesson.window()
        if finished:
            lesson.wait_for(lambda: "finished" in lesson.title())
            settled(screen, lesson)
        yield lesson


@pytest.fixture(scope="module")
def finished_lesson(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesson")
    with VirtualScreen() as screen, open_lesson(screen, "1.0", *SHORT, folder=folder) as lesson:
        yield lesson
        lesson.close_window()
        assert lesson.wait()[0] == 0


@pytest.fixture
def finished(finished_lesson):
    """A light window whose run has finished, one for several tests: each begins with all panels.

    It has a screen of its own, where no other window covers it.
    """
    screen = finished_lesson.screen
    size = screen.size_of(finished_lesson.id)
    yield finished_lesson
    if screen.size_of(finished_lesson.id) != size:
        screen.xdotool("windowsize", "--sync", finished_lesson.id, *size)
    screen.xdotool("windowfocus", "--sync", finished_lesson.id)
    finished_lesson.key("Escape", "h")


def look(screen, lesson):
    """The figure's pixels, int16 [height, width, 3], from the top down."""
    width, height = screen.size_of(lesson.id)
    return np.asarray(screen.picture((0, 0, width, height - 50)), np.int16)


def has(pixels, code, at_least=20, within=24):
    """Whether so many pixels are close to a colour; text and lines are smoothed at their edges."""
    wanted = np.array(bytes_of(code) if isinstance(code, str) else code, np.int16)
    return (np.abs(pixels - wanted).max(axis=-1) <= within).sum() >= at_least


def settled(screen, lesson):
    """The figure's pixels, once they have stopped changing and nobody is at work on others."""

    def at_rest():
        before, spent = look(screen, lesson), lesson.processor_seconds()
        time.sleep(0.25)
        after, spent = look(screen, lesson), lesson.processor_seconds() - spent
        return [after] if spent < 0.1 and (before == after).all() else None

    return lesson.wait_for(at_rest)[0]


def after_key(screen, lesson, key):
    """The figure's pixels when a key has done what it does, which changes something."""
    before = look(screen, lesson)
    lesson.key(key)
    lesson.wait_for(lambda: (look(screen, lesson) != before).any())
    return settled(screen, lesson)


def what_shows(panel, style):
    """The colours that are to be seen in a panel, and in no other."""
    return {
        1: (style.training, style.test),
        2: (style.training, style.test),
        3: (),
        4: style.bands[:3],
        5: style.bands,
        6: (style.wrong,),
    }[panel]


def shows(pixels, view, dpi=DPI, style=LIGHT):
    """Whether all panels of `view` are there, each with what only it shows."""
    height, width = pixels.shape[:2]
    return all(
        has(pixels[height - bottom - h : height - bottom, left : left + w], code)
        for panel, (left, bottom, w, h) in cells(view, width, height, dpi).items()
        for code in what_shows(panel, style)
    )


def test_every_key_shows_its_view(finished):
    check_every_view(finished.screen, finished, STYLES["light"])


def test_every_key_shows_its_view_in_the_dark_too(screen):
    with open_lesson(screen, "1.0", *SHORT, "--style", "dark") as lesson:
        check_every_view(screen, lesson, STYLES["dark"])
        lesson.close_window()
        assert lesson.wait()[0] == 0


def check_every_view(screen, lesson, style):
    pixels = everything = settled(screen, lesson)
    height, width = everything.shape[:2]
    shown, seen = ALL, {}
    for key, view in VIEWS.items():
        lesson.key(KEYS[key])
        if view != shown:
            lesson.wait_for(lambda before=pixels: (look(screen, lesson) != before).any())
        shown, pixels = view, settled(screen, lesson)
        seen[key] = pixels
        found = cells(view, width, height, DPI)
        for panel, (left, bottom, w, h) in found.items():
            part = pixels[height - bottom - h : height - bottom, left : left + w]
            for code in what_shows(panel, style):
                assert has(part, code), (key, panel, code)
            # A title at the upper left, and nothing cut at the outer edges.
            assert has(part[:40, 50:200], style.ink, 30)
        hidden = set(range(1, 7)) - set(view)
        if hidden >= {4, 5}:
            assert not has(pixels, style.bands[3], 50, within=3), key
        if hidden >= {1, 2}:
            assert not has(pixels, style.test, within=3), key
        if hidden >= {3, 6}:
            assert not has(pixels, style.wrong, 200, within=3), key
        edges = np.concatenate([pixels[:, :3], pixels[:, -3:]], axis=1)
        assert (edges == bytes_of(style.paper)).all(), f"something touches the edge in view {key}"
    pictures = {view: seen[key].tobytes() for key, view in VIEWS.items()}
    assert len(set(pictures.values())) == len(pictures) == 10
    assert (seen["0"] == seen["escape"]).all()
    assert (seen["0"] == everything).all()


def test_the_keypad_and_unknown_keys_do_no_harm(finished):
    screen = finished.screen
    everything = settled(screen, finished)
    finished.key("a", "F5", "plus", "shift+x", "Left")
    assert (settled(screen, finished) == everything).all()
    assert (after_key(screen, finished, "KP_3") != everything).any()


@pytest.mark.parametrize("number", ["1.0", "3.1"])
def test_space_pauses_training_too(screen, tmp_path, number):
    flags = ("--iterations", 100_000, "--log", "run.csv")
    with open_lesson(screen, number, *flags, folder=tmp_path, finished=False) as lesson:
        log = tmp_path / "run.csv"

        lesson.wait_for(lambda: measured(log) > 6)
        lesson.key("space")
        lesson.wait_for(lambda: "paused" in lesson.title())
        pixels, before = settled(screen, lesson), measured(log)
        ticks = cpu_ticks(lesson)
        time.sleep(2)
        assert measured(log) == before
        assert (look(screen, lesson) == pixels).all()
        # Not only the view: the process rests. 100 ticks are a second of one processor.
        assert cpu_ticks(lesson) - ticks < 60
        lesson.key("1")  # the window still answers
        lesson.wait_for(lambda: (look(screen, lesson) != pixels).any())
        lesson.key("space")
        lesson.wait_for(lambda: measured(log) > before)
        lesson.wait_for(lambda: "paused" not in lesson.title())
        lesson.close_window()
        assert lesson.wait()[0] == 0
    iterations = [int(row["iteration"]) for row in rows(tmp_path / "run.csv")]
    assert iterations == sorted(set(iterations))


def cpu_ticks(lesson):
    fields = Path(f"/proc/{lesson.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_closing_the_window_half_way_keeps_the_results(screen, tmp_path):
    flags = ("--iterations", 100_000, "--log", "run.csv", "--save", "run.png")
    with open_lesson(screen, "2.1", *flags, folder=tmp_path, finished=False) as lesson:
        lesson.wait_for(lambda: measured(tmp_path / "run.csv") > 4)
        lesson.close_window()
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert int(rows(tmp_path / "run.csv")[-1]["iteration"]) == int(final(output)[4])
    assert (tmp_path / "run.png").exists()


def test_ctrl_c_with_a_window(screen, tmp_path):
    flags = ("--iterations", 100_000, "--log", "run.csv")
    with open_lesson(screen, "1.0", *flags, folder=tmp_path, finished=False) as lesson:
        lesson.wait_for(lambda: measured(tmp_path / "run.csv") > 4)
        lesson.interrupt()
        code, output, error = lesson.wait()
    assert (code, error) == (130, "")
    assert int(rows(tmp_path / "run.csv")[-1]["iteration"]) == int(final(output)[4])


@pytest.mark.parametrize(("size", "dpi"), [((1280, 720), 96), ((1366, 768), 120)])
def test_a_small_screen_has_room_for_the_whole_window(size, dpi):
    with VirtualScreen(*size, dpi=dpi) as screen, open_lesson(screen, "1.0", *SHORT) as lesson:
        width, height = screen.size_of(lesson.id)
        assert width <= size[0]
        assert height <= size[1]
        assert width > 0.95 * size[0]
        assert height > 0.9 * size[1]
        assert shows(look(screen, lesson), ALL, DPI * dpi / 96)
        lesson.close_window()
        assert lesson.wait()[0] == 0


# A window that has the keyboard before its canvas has, which lasts for some tenths of a second.
EARLY_KEYS = """
from collections import deque
import numpy as np
from visu.measurement import Scene
from visu.window import Window, choose_toolkit, open_figure

def tell(wish):
    with open("heard.txt", "a") as file:
        print(wish, file=file)

def give_the_keyboard_to(widget):
    widget.focus_set()
    toolkit.after(100, tell, "given")

choose_toolkit()
names = tuple("0123456789")
images, labels = np.zeros((100, 28, 28, 1), np.uint8), np.zeros(100, int)
scene = Scene("early_keys", "Keys", 100, 600, ("W", "B"), names, images, labels)
figure = open_figure(scene.name)
window = Window(figure, scene, deque(), tell)
toolkit, canvas = figure.canvas.manager.window, figure.canvas.get_tk_widget()
toolkit.after(500, give_the_keyboard_to, toolkit)
toolkit.bind("<KeyRelease-F9>", lambda _: give_the_keyboard_to(canvas))
window.main_loop()
"""


def test_a_key_is_heard_once_as_soon_as_there_is_a_window(screen, tmp_path):
    script, heard = tmp_path / "early_keys.py", tmp_path / "heard.txt"
    script.write_text(EARLY_KEYS)
    settings = {"environment": {"PYTHONPATH": str(ROOT)}, "folder": tmp_path}
    with RunningLesson(script, screen=screen, **settings) as window:
        window.window()
        expected = []

        def told():
            return heard.read_text().splitlines() if heard.exists() else []

        for keys, then in (
            ((), "given"),
            (("space",), "Paused(paused=True)"),
            (("space",), "Paused(paused=False)"),
            (("F9",), "given"),
            (("space",), "Paused(paused=True)"),
        ):
            window.key(*keys)
            expected.append(then)
            window.wait_for(lambda: len(told()) == len(expected))
            assert told() == expected
        window.close_window()
        assert window.wait() == (0, "", "")
    assert set(told()[len(expected) :]) == {"Closed()"}


TWENTY_RUNS = """
import runpy, sys
script = sys.argv[1]
for number in range(20):
    sys.argv = [script, "--iterations", "100000", "--fast"]
    runpy.run_path(script, run_name="__main__")
    print("closed", number, flush=True)
"""


@pytest.mark.long
def test_twenty_runs_closed_half_way_in_one_process(screen, tmp_path):
    """One process, so that whatever one run leaves behind meets the next."""
    process = subprocess.Popen(
        [sys.executable, "-c", TWENTY_RUNS, lesson_file("1.0")],
        env={**os.environ, "DISPLAY": screen.display, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lesson = RunningLesson.__new__(RunningLesson)
    lesson.screen, lesson.process = screen, process
    with lesson:
        for number in range(20):
            lesson.window()
            time.sleep(0.1 * number)  # also while it compiles, and before the first picture
            lesson.close_window()
            seen = ""
            while not seen.startswith("closed"):
                seen = process.stdout.readline()
                assert seen, process.communicate()[1]
        code, _, error = lesson.wait(30)
    assert code == 0, error
    assert not error, error


@pytest.mark.parametrize("size", [(1920, 1080), (800, 500), (400, 300)])
def test_the_panels_follow_the_windows_size(finished, size):
    screen = finished.screen
    screen.xdotool("windowsize", "--sync", finished.id, *size)
    time.sleep(0.7)
    pixels = settled(screen, finished)
    height, width = pixels.shape[:2]
    for panel, cell in cells(VIEWS["0"], width, height, DPI).items():
        grid = {3: (10, 10), 6: (25, 40)}.get(panel)
        x, y, w, h = axes_rectangle(cell, DPI, grid)
        inside = pixels[height - y - h : height - y, x : x + w]
        assert inside.size
        assert len(np.unique(inside.reshape(-1, 3), axis=0)) > 3, panel


def drag(screen, start, end):
    screen.xdotool("mousemove", *start, "mousedown", 1)
    for step in range(1, 6):
        x, y = (round(a + (b - a) * step / 5) for a, b in zip(start, end, strict=True))
        screen.xdotool("mousemove", x, y)
        time.sleep(0.05)
    screen.xdotool("mouseup", 1)


def test_a_box_zooms_and_h_resets(finished):
    screen = finished.screen
    before = settled(screen, finished)
    height, width = before.shape[:2]
    finished.key("o")
    for panel, grid in ((1, None), (6, (25, 40))):
        cell = cells(VIEWS["0"], width, height, DPI)[panel]
        x, y, w, h = axes_rectangle(cell, DPI, grid)
        top = height - y - h
        drag(screen, (x + w // 4, top + h // 4), (x + w // 2, top + h // 2))
        screen.xdotool("mousemove", width - 2, 5)
        part = (slice(top, top + h), slice(x, x + w))
        finished.wait_for(
            lambda part=part: (look(screen, finished)[part] != before[part]).mean() > 0.02, 10
        )
    finished.key("o")  # zoom mode off
    # Matplotlib's own way home would bring back the places that the axes had in another view.
    finished.key("1")
    finished.wait_for(lambda: (look(screen, finished) != before).mean() > 0.1)
    alone = settled(screen, finished)
    finished.key("r")
    assert (settled(screen, finished) == alone).all()
    finished.key("0")
    finished.key("h")

    def difference():
        return np.abs(look(screen, finished) - before).max(axis=2)

    # Where a curve had grown piece by piece, its smoothed edge is a little lighter now.
    finished.wait_for(lambda: (difference() > 0).mean() < 0.001)
    assert (difference() > 100).mean() < 0.0001


def test_ctrl_s_asks_for_a_file_to_save_where_the_lesson_was_started(finished):
    screen = finished.screen
    before = settled(screen, finished)
    finished.key("ctrl+s")
    (dialog,) = finished.wait_for(lambda: screen.windows("Save the figure"))
    screen.xdotool("windowfocus", "--sync", dialog)
    settled(screen, finished)  # what is typed before the dialog is all there is lost
    finished.key("Return")
    finished.wait_for(lambda: list(finished.folder.glob("mnist_1_0_softmax.png")))
    time.sleep(0.5)
    assert (settled(screen, finished) == before).all()  # saving leaves no trace on the screen


def test_the_window_says_that_it_has_finished_and_stays(screen):
    with open_lesson(screen, "1.0", "--iterations", 100) as lesson:
        assert lesson.title().startswith("mnist_1.0_softmax · finished, test accuracy 0.")
        time.sleep(1)
        assert lesson.process.poll() is None
        lesson.key("space")  # there is nothing to pause any more
        time.sleep(0.3)
        assert "finished" in lesson.title()
        lesson.close_window()
        code, output, _ = lesson.wait()
        assert code == 0
        assert final(output)[4] == "100"


def test_the_names_of_the_classes_are_shown(screen, tmp_path):
    for path in Path("/usr/share/datasets/fashion-mnist").glob("*.gz"):
        shutil.copy(path, tmp_path)
    flags = ("--iterations", 50, "--data", tmp_path)
    with open_lesson(screen, "1.0", *flags) as lesson:
        known = after_key(screen, lesson, "6")
    (tmp_path / "classes.txt").write_text("\n".join(f"class-{c}" for c in "abcdefghij"))
    with open_lesson(screen, "1.0", *flags) as lesson:
        named = after_key(screen, lesson, "6")
    changed = (known != named).any(axis=(1, 2)).nonzero()[0]
    assert len(changed)
    assert changed.min() > named.shape[0] - 80  # nothing but the caption below the images
