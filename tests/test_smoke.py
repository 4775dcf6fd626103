"""A short run of every kind, with the oldest supported versions: `.ci/run` starts it apart."""

import asyncio

import pytest

from tests.screen import RunningLesson
from tests.web import has_finished, serving, watch

# All that the others do, these do too.
LESSONS = ["1.0", "2.0", "2.2", "3.1", "4.1", "4.2", "5.0"]


@pytest.mark.parametrize("number", LESSONS)
def test_lessons_train_in_text_mode(run, tmp_path, number):
    saved = {"2.0": "run.mp4", "2.2": "run.gif"}.get(number, "run.png")
    flags = ("--iterations", 45, "--log", "run.csv", "--save", saved)
    code, output, error = run(number, *flags)
    assert (code, error) == (0, "")
    assert "45 iterations" in output.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.csv", saved]


@pytest.mark.parametrize("number", ["2.1", "3.0"])
def test_a_window_opens_finishes_and_closes(screen, fresh, number):
    with RunningLesson(number, "--iterations", 60, "--fast", screen=screen) as lesson:
        lesson.window()
        lesson.wait_for(lambda: "finished" in lesson.title())
        lesson.key("6", "Escape", "9")
        lesson.close_window()
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert "60 iterations" in output.splitlines()[-1]


def test_a_page_is_served_until_ctrl_c():
    with serving("2.1", "--iterations", 60, "--fast") as lesson:
        assert asyncio.run(watch(lesson.url, lambda message: message.size)).png[1:4] == b"PNG"
        asyncio.run(watch(lesson.url, has_finished))
        lesson.interrupt()
        assert lesson.wait()[::2] == (0, "")
