"""The film of a run: what is in it, and what becomes of it when something goes wrong."""

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import mnistdata
from tests.screen import RunningLesson, children, growing, measured
from tests.test_drawing import a_history, a_scene
from tests.test_playing import stroke
from tests.test_running import final, rows, run_on_a_full_disk, window_process
from tests.test_window import has, look, open_lesson, settled
from visu.encoding import gif_colours
from visu.gif import GifWriter
from visu.layout import HEAD
from visu.messages import Bundle
from visu.pacing import BEGINNING, FRAMES_A_SECOND, HELD, MOST, frames, is_shown
from visu.stage import Stage
from visu.style import LIGHT, STYLES, bytes_of

SIZE = (1280, 720)
NO_FFMPEG = {"PATH": "/nowhere"}


def all_frames(pictures):
    """How many there are in a film of so many pictures."""
    return sum(map(frames, range(pictures))) + HELD


def probe(path):
    """What ffprobe says of a film's only stream, its frames counted."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stderr == ""
    (stream,) = json.loads(found.stdout)["streams"]
    return stream


def last_picture(path):
    """The pixels of a film's last frame, int [720, 1280, 3]."""
    picture = path.with_name("last.png")
    command = ["ffmpeg", "-v", "error", "-y", "-sseof", "-0.3", "-i", path, "-update", "1", picture]
    subprocess.run(command, check=True)
    with Image.open(picture) as last:
        return np.asarray(last.convert("RGB"), int)


def seconds(path):
    """How long a GIF lasts."""
    with Image.open(path) as film:
        total = 0
        for number in range(film.n_frames):
            film.seek(number)
            total += film.info["duration"]
        return total / 1000


def test_a_film_shows_every_measurement_and_changes_none(run, tmp_path):
    flags = ("--iterations", 200, "--log")
    for name, more, environment in (
        ("without", (), {}),
        ("mp4", ("--save", "film.mp4"), {}),
        ("gif", ("--save", "film.GIF"), NO_FFMPEG),
    ):
        code, output, error = run("1.0", *flags, f"{name}.csv", *more, environment=environment)
        assert (code, error) == (0, "")
        assert output.splitlines()[-1].startswith("final")
    logs = [(tmp_path / f"{name}.csv").read_text() for name in ("without", "mp4", "gif")]
    assert logs[0] == logs[1] == logs[2]
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".mp4", ".GIF"}

    stream = probe(tmp_path / "film.mp4")
    assert (stream["width"], stream["height"]) == SIZE
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert stream["color_space"] == stream["color_primaries"] == "bt709"
    assert stream["avg_frame_rate"] == "24/1"
    assert int(stream["nb_read_frames"]) == all_frames(21)
    assert float(stream["duration"]) == pytest.approx(all_frames(21) / FRAMES_A_SECOND, abs=0.01)

    with Image.open(tmp_path / "film.GIF") as film:
        assert film.size == SIZE
        assert film.n_frames == 21
        assert film.info["loop"] == 0
    assert seconds(tmp_path / "film.GIF") == pytest.approx(all_frames(21) / 24, abs=0.011)


def test_the_last_picture_is_what_the_window_shows_at_the_end(screen, tmp_path):
    film = tmp_path / "film.mp4"
    flags = ("--iterations", 150, "--fast", "--save", film)
    with open_lesson(screen, "2.1", *flags, folder=tmp_path) as lesson:
        lesson.wait_for(film.exists)
        shown = settled(screen, lesson)
        lesson.close_window()
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert final(output)[4] == "150"
    filmed = last_picture(film)
    assert filmed.shape[:2] == shown.shape[:2] == SIZE[::-1]
    head = round(HEAD * 100)  # where the window says that it has finished
    difference = np.abs(filmed - shown)[head:].max(axis=2)
    assert difference.mean() < 4
    assert (difference > 60).mean() < 0.002


def test_whoever_looks_on_is_answered_while_the_film_is_finished(screen, tmp_path):
    flags = ("--iterations", 300, "--fast", "--save", "film.gif")
    with open_lesson(screen, "1.0", *flags, folder=tmp_path, finished=False) as lesson:
        commands = {p: Path(f"/proc/{p}/cmdline").read_text() for p in children(lesson.process.pid)}
        (camera,) = (process for process, command in commands.items() if "visu.camera" in command)
        os.kill(camera, signal.SIGSTOP)
        lesson.wait_for(lambda: "finished" in lesson.title())
        lesson.key("d")
        stroke(screen, [(250, 200), (250, 300), (252, 500)])
        lesson.wait_for(lambda: has(look(screen, lesson), LIGHT.right_bar, 500, within=3))
        os.kill(camera, signal.SIGCONT)
        lesson.wait_for((tmp_path / "film.gif").exists)
        lesson.close_window()
        assert lesson.wait()[0] == 0


def test_a_window_closed_half_way_leaves_the_film_of_what_was_trained(screen, tmp_path):
    flags = ("--iterations", 100_000, "--log", "run.csv", "--save", "film.mp4")
    with open_lesson(screen, "2.1", *flags, folder=tmp_path, finished=False) as lesson:
        lesson.wait_for(lambda: measured(tmp_path / "run.csv") > 9)
        lesson.close_window()
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert final(output)[4] == rows(tmp_path / "run.csv")[-1]["iteration"]
    check_whole(tmp_path)


def check_whole(folder):
    """Whether film.mp4 shows what run.csv has, and nothing else is there."""
    assert sorted(path.name for path in folder.iterdir()) == ["film.mp4", "run.csv"]
    measured = len(rows(folder / "run.csv"))
    assert measured < BEGINNING
    assert int(probe(folder / "film.mp4")["nb_read_frames"]) == all_frames(measured)


def test_ctrl_c_leaves_the_film_of_what_was_trained(tmp_path):
    """Here also without a display, where a run that keeps no film would leave a picture."""
    flags = ("--iterations", 10**6, "--log", "run.csv", "--save", "film.mp4")
    with RunningLesson("3.1", *flags, folder=tmp_path) as lesson:
        lesson.wait_for(lambda: measured(tmp_path / "run.csv") > 5)
        lesson.interrupt()
        code, output, error = lesson.wait()
    assert (code, error) == (130, "")
    assert "Training in text mode; the film will be in film.mp4." in output
    check_whole(tmp_path)


def size_so_far(film):
    """Of a file that grows."""
    partial = growing(film)
    return partial.stat().st_size if partial.exists() else 0


def test_ctrl_c_twice_does_not_wait_for_the_film(tmp_path):
    flags = ("--no-window", "--iterations", 10**6, "--save", "film.gif")
    with RunningLesson("1.0", *flags, folder=tmp_path) as lesson:
        lesson.wait_for(lambda: size_so_far(tmp_path / "film.gif") > 10**6)
        os.kill(window_process(lesson), signal.SIGSTOP)  # it would never be ready
        lesson.interrupt()
        while not lesson.process.stdout.readline().startswith("final"):
            assert lesson.process.poll() is None
        lesson.interrupt()
        code, _, error = lesson.wait(20)
    assert (code, error) == (130, "")
    assert not list(tmp_path.iterdir())


def test_without_ffmpeg_it_says_so_before_it_trains(run, tmp_path):
    code, output, error = run("1.0", "--save", "film.mp4", environment=NO_FFMPEG)
    assert (code, output) == (2, "")
    (line,) = error.splitlines()
    assert line.startswith("error: --save film.mp4: ")
    for expected in ("ffmpeg", "install.txt", ".gif instead"):
        assert expected in line
    assert not list(tmp_path.iterdir())


def test_an_ffmpeg_that_does_not_work_is_found_out_before_it_trains(run, tmp_path):
    broken = tmp_path / "bin" / "ffmpeg"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'Unknown encoder' >&2\nexit 1\n")
    broken.chmod(0o755)
    where = {"folder": broken.parent, "environment": {"PATH": f"{broken.parent}:/bin"}}
    code, output, error = run("1.0", "--save", "film.mp4", **where)
    assert (code, output) == (2, "")
    (line,) = error.splitlines()
    assert line.startswith("error: --save film.mp4: ffmpeg can't write it (Unknown encoder);")
    assert line.endswith("or save a .gif instead")
    assert list(broken.parent.iterdir()) == [broken]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("film.gif", "can't be written (File too large)"),
        ("film.mp4", "ffmpeg can't write it"),  # the system ends a program that knows no limits
    ],
)
def test_a_disk_that_fills_up_costs_the_film_but_not_the_run(tmp_path, name, reason):
    flags = ("--iterations", "1000", "--log", "run.csv", "--save", name)
    done = run_on_a_full_disk(tmp_path, 200_000, *flags)
    assert done.returncode == 2
    assert final(done.stdout)[4] == "1000"
    assert done.stderr.startswith(f"error: --save {name}: {reason}")
    assert len(done.stderr.splitlines()) == 1
    assert len(rows(tmp_path / "run.csv")) == 101
    assert [path.name for path in tmp_path.iterdir()] == ["run.csv"]


def test_a_film_that_crashes_does_not_take_the_run_with_it(tmp_path):
    flags = ("--no-window", "--iterations", 3000, "--save", "film.gif")
    with RunningLesson("1.0", *flags, folder=tmp_path) as lesson:
        lesson.wait_for(lambda: size_so_far(tmp_path / "film.gif") > 10**5)
        os.kill(window_process(lesson), signal.SIGKILL)
        code, output, error = lesson.wait()
    assert code == 2
    assert final(output)[4] == "3000"
    assert error == "error: --save film.gif: the film's process ended unexpectedly\n"
    assert not list(tmp_path.iterdir())


def test_a_film_is_neither_endless_nor_hasty():
    for measurements, long in ((201, 13), (501, 25.5)):  # lesson 1.0, the others
        assert all(is_shown(number, measurements) for number in range(measurements))
        assert all_frames(measurements) / FRAMES_A_SECOND == pytest.approx(long, abs=0.5)
    assert [frames(picture) for picture in (0, 1, 2, 23, 600)] == [24, 12, 8, 1, 1]


@given(st.integers(1, 20_000))
def test_a_long_run_has_a_film_of_bounded_length(measurements):
    shown = [number for number in range(measurements) if is_shown(number, measurements)]
    assert shown[:BEGINNING] == list(range(min(BEGINNING, measurements)))
    assert len(shown) <= MOST
    assert len(shown) >= min(measurements, MOST / 2)
    steps = np.diff(shown[BEGINNING:])
    assert len(set(steps)) <= 1


def test_of_measurements_shown_together_only_the_newest_digits_travel():
    measurement = a_history(mnistdata.read_data_sets().test, 777, until=0).last
    bundle = Bundle()
    for iteration, tested in ((0, True), (10, False), (20, True), (30, False)):
        computed = measurement.test_computed if tested else None
        bundle.add(measurement._replace(iteration=iteration, test_computed=computed))
    taken = bundle.take()
    assert [m.iteration for m in taken] == [0, 10, 20, 30]
    assert [m.training_digits is not None for m in taken] == [False, False, False, True]
    assert [m.test_computed is not None for m in taken] == [False, False, True, False]
    assert not bundle
    assert bundle.take() == []


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_gif_is_true_to_its_pictures(tmp_path, style):
    """Every one of them, though the file only has what changed; in their colours, or close."""
    test_set = mnistdata.read_data_sets().test
    stage = Stage(a_scene(test_set)._replace(style=style))
    path, pictures = tmp_path / "film.gif", []
    with GifWriter(24, gif_colours(style)).saving(stage.figure, path, 100) as writer:
        for until, misread, times in ((0, 3000, 3), (20, 777, 1), (40, 250, 2)):
            stage.show([a_history(test_set, misread, until).last])
            pictures.append(np.asarray(stage.figure.canvas.buffer_rgba())[..., :3].astype(int))
            for _ in range(times):
                writer.grab_frame()
    with Image.open(path) as film:
        durations, shown = [], []
        for number in range(film.n_frames):
            film.seek(number)
            durations.append(film.info["duration"])
            shown.append(np.asarray(film.convert("RGB"), int))
    # The same picture again is one that stays; the clock's ticks are hundredths of a second.
    assert durations == [120, 50, 80]
    for expected, found in zip(pictures, shown, strict=True):
        difference = np.abs(expected - found).max(axis=2)
        assert (difference > 16).mean() < 0.0001  # where curves of different colours cross
        assert difference.mean() < 2
        on_paper = (expected == bytes_of(style.paper)).all(axis=2)
        assert (found[on_paper] == bytes_of(style.paper)).all()
