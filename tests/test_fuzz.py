"""Whatever a user does with keys and mouse, at any moment: nothing breaks, nothing is lost."""

import random

import pytest

from tests.screen import RunningLesson, VirtualScreen
from tests.test_running import final, rows

# All but what opens a dialog of the toolkit's or closes the window.
KEYS = [
    *"0123456789dnowhpcvgGklLrxyzt+-",
    *("space", "Escape", "Left", "Right", "Up", "Home", "BackSpace", "Tab", "Return", "F5"),
    *("shift+d", "ctrl+c", "alt+Left", "KP_7"),
]
KEYSYMS = {"+": "plus", "-": "minus"}


TOOLBAR = 60  # pixels below the figure, whose buttons open dialogs


@pytest.fixture
def screen():
    """One of their own: the next test may not find the mouse, or a key, as chance has left it."""
    with VirtualScreen() as virtual:
        yield virtual


class User:
    """Does what comes to mind, as chance has it, to a lesson's window."""

    def __init__(self, screen, lesson, seed):
        self._screen, self._lesson, self._chance = screen, lesson, random.Random(seed)
        self._size = (1280, 770)

    def act(self, times):
        for _ in range(times // 50):
            self._screen.xdotool("windowfocus", self._lesson.id)
            self._screen.xdotool(*(part for _ in range(50) for part in self._deed()))

    def _deed(self):
        """The arguments of xdotool for something that a user might do."""
        kind, choose = self._chance.random(), self._chance.choice
        if kind < 0.55:
            key = choose(KEYS)
            return ["key", KEYSYMS.get(key, key)]
        if kind < 0.75:
            return ["mousemove", *self._place(), "click", choose([1, 1, 1, 2, 3, 4, 5])]
        if kind < 0.97:
            drag = ["mousemove", *self._place(), "mousedown", 1]
            for _ in range(self._chance.randrange(5)):
                drag += ["mousemove", *self._place()]
                if self._chance.random() < 0.3:  # also amid a stroke on the pad
                    drag += ["key", choose(["d", "w", "Escape", "space", "7", "0"])]
            return [*drag, "mouseup", 1]
        self._size = self._chance.randrange(120, 1600), self._chance.randrange(120, 1000)
        # Until it is as large, a click could meet the toolbar.
        return ["windowsize", "--sync", self._lesson.id, *self._size, "sleep", 0.2]

    def _place(self):
        width, height = self._size
        return self._chance.randrange(width), self._chance.randrange(height - TOOLBAR)


@pytest.mark.long
@pytest.mark.parametrize("number", ["1.0", "3.0"])
def test_random_keys_clicks_drags_and_sizes(screen, tmp_path, number):
    flags = ("--iterations", 300, "--log", "run.csv", "--save", "run.png")
    with RunningLesson(number, *flags, screen=screen, folder=tmp_path) as lesson:
        lesson.window()
        user = User(screen, lesson, number)
        user.act(600)  # while it compiles and trains

        def finished():
            if "paused" in lesson.title():
                screen.xdotool("windowfocus", "--sync", lesson.id, "key", "space")
            return "finished" in lesson.title()

        lesson.wait_for(finished)
        user.act(300)
        assert lesson.process.poll() is None
        lesson.close_window()
        code, output, error = lesson.wait()
    assert code == 0
    assert not error, error
    assert final(output)[4] == "300"
    assert int(rows(tmp_path / "run.csv")[-1]["iteration"]) == 300
    assert (tmp_path / "run.png").exists()


def test_a_window_closed_amid_all_that(screen, tmp_path):
    flags = ("--iterations", 100_000, "--log", "run.csv")
    with RunningLesson("1.0", *flags, screen=screen, folder=tmp_path) as lesson:
        lesson.window()
        user = User(screen, lesson, "amid")
        user.act(500)
        lesson.close_window()
        user.act(50)
        code, output, error = lesson.wait()
    assert code == 0
    assert not error, error
    assert int(rows(tmp_path / "run.csv")[-1]["iteration"]) == int(final(output)[4])
