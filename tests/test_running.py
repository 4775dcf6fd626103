"""Running a lesson as a user does: flags, output, files, interruptions, and no window."""

import csv
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.screen import (
    NO_ROOM,
    ROOT,
    SIGNALLED,
    RunningLesson,
    VirtualScreen,
    children,
    kill_with_children,
    lesson_file,
    measured,
    without_display,
    without_room,
)
from visu.errors import UsageError
from visu.files import Log, check_destination
from visu.nowindow import display_went_away
from visu.runs import read

FINAL = re.compile(
    r"final test accuracy: ([01]\.\d{4}) \(best ([01]\.\d{4})\), (\d+) of (\d+) misread, "
    r"(\d+) iterations, \d+\.\d s"
)
MEASURED = SimpleNamespace(iteration=10, training=(0.5, 1.5), test=None)


def rows(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def final(output):
    """The fields of the one final line."""
    found = [line for line in output.splitlines() if line.startswith("final")]
    assert len(found) == 1
    return FINAL.fullmatch(found[0]).groups()


def test_the_terminal_is_quiet_and_says_what_matters(run, fresh, tmp_path):
    code, output, error = run("1.0", "--iterations", 130, "--log", "run.csv", "--save", "run.png")
    assert (code, error) == (0, "")
    first, *progress, last = output.splitlines()
    assert first.startswith("mnist_1.0_softmax: Lesson 1.0: one layer, softmax · 7,850 parameters")
    assert "CPU" in first or "GPU" in first
    assert progress
    for line in progress:
        assert re.fullmatch(
            r"\d+/130 · epoch 1 · train \d\.\d\d \d\.\d{3} · test 0\.\d{4} \d\.\d{4}"
            r" · (starting|\d+ it/s · \d+ s left)",
            line,
        )
    assert progress[0].endswith(" · starting")
    assert progress[-1].endswith(" it/s · 0 s left")
    accuracy, best, misread, of, iterations = final(last)
    assert (of, iterations) == ("10000", "130")
    assert int(misread) == 10_000 - round(10_000 * float(accuracy))
    logged = rows(tmp_path / "run.csv")
    assert [int(row["iteration"]) for row in logged] == list(range(0, 131, 10))
    assert list(logged[0]) == [
        "iteration",
        "train_accuracy",
        "train_loss",
        "test_accuracy",
        "test_loss",
    ]
    tested = {
        int(row["iteration"]): float(row["test_accuracy"]) for row in logged if row["test_loss"]
    }
    assert list(tested) == [0, 50, 100, 130]
    # The network starts with zeros: all digits look alike to it.
    assert float(logged[0]["test_loss"]) == pytest.approx(np.log(10), rel=1e-5)
    assert tested[0] == pytest.approx(0.098)
    # The log and the final line agree.
    assert f"{tested[130]:.4f}" == accuracy
    assert f"{max(tested.values()):.4f}" == best
    with Image.open(tmp_path / "run.png") as picture:
        assert picture.size == (1920, 1080)
        assert len(picture.convert("RGB").getcolors(10**6)) > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.csv", "run.png"]


def test_a_validation_set_stands_in_for_the_test_set(run, tmp_path):
    flags = ("--iterations", 100, "--validation", 5000, "--log", "run.csv", "--save", "run.png")
    code, output, error = run("1.0", *flags)
    assert (code, error) == (0, "")
    assert output.splitlines()[-1].startswith("final validation accuracy: ")
    assert " of 5000 misread, 100 iterations" in output
    assert "test" not in output
    assert list(rows(tmp_path / "run.csv")[0])[3:] == ["validation_accuracy", "validation_loss"]
    # Its curves can be compared with, whatever they were measured on.
    assert 0.5 < read(tmp_path / "run.csv").test[-1, 1] < 1


def test_the_last_lesson_reads_the_test_digits_once_at_the_end(run, tmp_path, few_digits):
    flags = ("--iterations", 60, "--data", few_digits, "--log", "run.csv")
    code, output, error = run("5.0", *flags)
    assert (code, error) == (0, "")
    _, *progress, last_progress, last = output.splitlines()
    assert progress
    assert not any("test" in line for line in progress)
    accuracy = re.search(r"test (0\.\d{4}) ", last_progress)[1]
    assert last.startswith(f"final test accuracy: {accuracy}, ")
    assert [row["test_loss"] != "" for row in rows(tmp_path / "run.csv")] == [False, False, True]
    # Held out of training, the digits that one chooses by are read all along.
    assert run("5.0", *flags, "--validation", 500)[0] == 0
    assert [bool(row["validation_loss"]) for row in rows(tmp_path / "run.csv")] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("columns", "last"),
    [
        (120, r"epoch 2 · train 0\.\d\d 0\.\d{3} · test 0\.\d{4} 0\.\d{4} · \d+ it/s · \d+ s left"),
        (80, r"epoch 2 train 0\.\d\d 0\.\d{3} test 0\.\d{4} 0\.\d{4} \d+ it/s \d+ s left"),
        (60, r"train 0\.\d\d 0\.\d{3} test 0\.\d{4} 0\.\d{4} \d+ s left"),
    ],
)
def test_a_terminal_gets_a_progress_bar_as_wide_as_it_is(tmp_path, columns, last):
    script = shutil.which("script")
    assert script, "the tests need util-linux's script for a terminal"
    lesson = f"{sys.executable} {lesson_file('1.0')} --no-window --iterations 12000"
    done = subprocess.run(
        [script, "-qec", f"stty columns {columns} rows 24; {lesson}", "/dev/null"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    shown = [line for line in re.split(r"[\r\n]+", done.stdout) if " left" in line]
    assert all(len(line) <= columns for line in shown)
    assert any(re.fullmatch(rf"\d+/12000 \S* *{last} *", line) for line in shown)
    assert any("█" in line for line in shown)
    assert FINAL.search(done.stdout)


def test_a_shell_that_calls_itself_a_terminal_gets_plain_lines(screen, tmp_path):
    log = tmp_path / "run.csv"
    flags = ("--no-window", "--iterations", "50", "--log", str(log))
    idle = subprocess.Popen(
        [sys.executable, "-m", "idlelib", "-r", lesson_file("1.0"), "--", *flags],
        env=without_display() | {"DISPLAY": screen.display, "HOME": str(tmp_path)},
        cwd=tmp_path,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 120
        while not log.exists():
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        kill_with_children(idle)
    assert rows(log)[-1]["iteration"] == "50"


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_a_run_that_nobody_can_read_is_a_run_all_the_same(tmp_path, closed):
    """With a display that is none, so that there would be something to say."""
    command = f'exec "$0" "$@" {closed}'
    flags = ("--iterations", "50", "--log", "run.csv")
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, lesson_file("1.0"), *flags],
        env=without_display() | {"DISPLAY": ":99999"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ("final test accuracy" in done.stdout) == ("1" not in closed)
    assert rows(tmp_path / "run.csv")[-1]["iteration"] == "50"
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_the_same_seed_gives_the_same_numbers_headless_paced_and_fast(run, tmp_path, screen):
    flags = ("--iterations", 240)
    for name, seed in (("headless", 7), ("another", 8)):
        assert run("2.2", *flags, "--seed", seed, "--log", f"{name}.csv")[0] == 0
    for name, more in (("paced", ()), ("fast", ("--fast",))):
        log = ("--seed", 7, "--log", f"{name}.csv")
        with RunningLesson("2.2", *flags, *more, *log, screen=screen, folder=tmp_path) as lesson:
            lesson.window()
            lesson.wait_for(lambda lesson=lesson: "finished" in lesson.title())
            lesson.close_window()
            assert lesson.wait()[0] == 0
    logs = {path.stem: path.read_text() for path in tmp_path.glob("*.csv")}
    assert logs["headless"] == logs["paced"] == logs["fast"] != logs["another"]


def test_an_output_that_knows_few_signs_gets_what_it_can_take(run, fresh):
    code, output, error = run("1.0", "--iterations", 20, environment={"PYTHONIOENCODING": "ascii"})
    assert (code, error) == (0, "")
    assert output.startswith("mnist_1.0_softmax: Lesson 1.0: one layer, softmax ? ")
    assert final(output)[4] == "20"


def test_help_explains_every_flag(run):
    code, output, _ = run("3.1", "-h")
    assert code == 0
    flags = "--no-window --web --fast --iterations --seed --data --save --log --compare --verbose"
    for flag in flags.split():
        assert re.search(rf"^ +{flag}\b", output, re.MULTILINE)
    assert "10,000" in output


def test_verbose_lets_tensorflow_speak(run, fresh):
    code, output, error = run("1.0", "--iterations", 150, "--verbose")
    assert code == 0
    assert re.search(r"\.cc:\d+\]", error)  # a line of its C++ code
    assert re.search(
        r"^speed: \d+\.\d iterations/s, \d+\.\d % of the time testing$", output, re.MULTILINE
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--iterations", "0"), "expected a whole number from 1"),
        (("--iterations", "many"), "found 'many'"),
        (("--seed", "-1"), "expected a whole number from 0"),
        (("--nonsense",), "unrecognized arguments: --nonsense"),
        (("--save", "picture.xyz"), "expected a name ending in .png"),
        (("--save", "picture"), "found no ending"),
        (("--save", "/proc/film.gif"), "can't be written"),
        (("--log", "log.txt"), "expected a name ending in .csv"),
        (("--save", "nowhere/picture.png"), "there is no folder nowhere"),
        (("--log", "folder.csv"), "there is a folder of that name"),
        (("--log", "/proc/log.csv"), "can't be written"),
        (("--log", f"{'long' * 100}.csv"), "can't be written (File name too long)"),
        (("--log", "/dev/stdout"), "expected a name ending in .csv, found no ending"),
        (("--data", "nowhere"), "does not exist"),
        (("--data", ""), "data folder: expected a name, found ''; leave it out for MNIST itself"),
        (("--data", "long" * 100), "can't be read (File name too long)"),
        (("--data", "folder.csv"), "there is no train-images-idx3-ubyte"),
        (("--validation", "60000"), "expected a part of the 60000 training images, found 60000"),
    ],
)
def test_a_mistake_is_refused_at_once_with_one_message(run, tmp_path, flags, message):
    (tmp_path / "folder.csv").mkdir()
    code, output, error = run("1.0", *flags)
    assert code == 2
    assert output == ""
    assert message in error
    assert "Traceback" not in error
    assert len([line for line in error.splitlines() if "error:" in line]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (os.mkfifo, "there is a pipe, a device or a circle of links; choose another one"),
        (lambda path: path.symlink_to("/dev/null"), "there is a pipe, a device or"),
        (lambda path: path.symlink_to("/dev/full"), "there is a pipe, a device or"),
        (lambda path: path.symlink_to(path), "there is a pipe, a device or a circle of links"),
        (lambda path: path.symlink_to(path.parent), "there is a folder of that name"),
        (lambda path: path.symlink_to("nowhere/run"), "nowhere; make it first"),
    ],
)
@pytest.mark.parametrize("flag", ["--log", "--save"])
def test_only_a_file_is_written_over(tmp_path, there, message, flag):
    path = tmp_path / "run"
    there(path)
    before = path.lstat()
    with pytest.raises(UsageError, match=rf"{flag} {path}: .*{message}"):
        check_destination(flag, path, ("",))
    assert path.lstat() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("picture", "there"), [("run.png", True), ("run.gif", False)])
def test_a_link_stays_and_the_file_that_it_names_is_written(run, tmp_path, picture, there):
    links, files = tmp_path / "links", tmp_path / "files"
    for folder in (links, files):
        folder.mkdir()
    for name in ("run.csv", picture):
        (links / name).symlink_to(f"../files/{name}.kept")
        if there:
            (files / f"{name}.kept").write_text("of an earlier run")
    flags = ("--iterations", 20, "--log", "run.csv", "--save", picture)
    code, _, error = run("1.0", *flags, folder=links)
    assert (code, error) == (0, "")
    assert all((links / name).is_symlink() for name in ("run.csv", picture))
    assert rows(files / "run.csv.kept")[-1]["iteration"] == "20"
    with Image.open(files / f"{picture}.kept") as kept:
        assert kept.format.lower() == picture[-3:]
    assert len([*links.iterdir(), *files.iterdir()]) == 4


@pytest.mark.parametrize("flags", [(), ("--web",)])
def test_a_folder_that_was_removed_is_one_message(tmp_path, flags):
    (tmp_path / "gone").mkdir()
    command = 'rmdir ../gone && exec "$0" "$@"'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, lesson_file("1.0"), *flags],
        env=without_display(),
        cwd=tmp_path / "gone",
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the current folder: expected one that exists, found none (No such file or "
        "directory); change to another one and start again\n"
    )


def run_on_a_full_disk(folder, room, *flags):
    """Lesson 1.0 where no file can have more bytes: the system then refuses as a full disk does."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    return subprocess.run(
        [sys.executable, lesson_file("1.0"), "--no-window", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )


def test_a_full_disk_costs_the_file_but_not_the_result(tmp_path):
    flags = ("--iterations", "6000", "--log", "run.csv", "--save", "run.png")
    done = run_on_a_full_disk(tmp_path, 10_000, *flags)
    assert done.returncode == 2
    assert final(done.stdout)[4] == "6000"
    assert "can't be written (File too large)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run.png").exists()
    assert not (tmp_path / "run.csv").exists()
    # What was measured until then is kept, where the message says it is.
    (partial,) = tmp_path.glob(".run.csv*")
    assert partial.stat().st_size <= 10_000
    last = rows(partial)[-1]["iteration"]
    assert done.stderr.endswith(f"; the measurements up to iteration {last} are in {partial}\n")
    partial = partial.rename(tmp_path / "partial.csv")
    assert read(partial).training[-1, 0] == int(last)


@pytest.mark.parametrize("room", [30, 70])
def test_a_log_without_a_measurement_leaves_nothing(tmp_path, room):
    """There is room for a part of its first line, or for that line and a part of the next one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(UsageError, match=r"can't be written \(File too .* another place$"):
            Log(tmp_path / "run.csv", "test").add(MEASURED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_a_log_that_cannot_get_its_name_in_the_end_is_kept(tmp_path):
    flags = ("--no-window", "--iterations", 10**6, "--log", "run.csv")
    with RunningLesson("1.0", *flags, folder=tmp_path) as lesson:
        lesson.wait_for(lambda: measured(tmp_path / "run.csv") > 8)
        (tmp_path / "run.csv").mkdir()
        lesson.interrupt()
        code, output, error = lesson.wait(60)
    (whole,) = tmp_path.glob(".run.csv*")
    last = final(output)[4]
    assert code == 2
    assert error == (
        "error: --log run.csv: can't be written (Is a directory); choose another place; "
        f"the measurements up to iteration {last} are in {whole}\n"
    )
    assert rows(whole)[-1]["iteration"] == last


def test_a_log_whose_folder_is_gone_is_nowhere(tmp_path):
    (tmp_path / "gone").mkdir()
    log = Log(tmp_path / "gone" / "run.csv", "test")
    log.add(MEASURED)
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"can't be written \(No such file .*another place$"):
        log.close()


def as_nobody(folder, program, *arguments):
    """Run a Python program as somebody who may less than root, under whom tests may run."""
    for each in (folder, *folder.parents[:3]):
        each.chmod(0o777)
    begin = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "import mnistdata\n"
        "from visu.files import check_destination\n"
        "os.getuid() or os.setuid(65534)\n"
    )
    command = [sys.executable, "-c", begin + program, ROOT, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_write_protected_file_is_not_replaced(tmp_path):
    (tmp_path / "kept.csv").write_text("precious")
    (tmp_path / "kept.csv").chmod(0o444)
    program = "check_destination('--log', sys.argv[2], ('.csv',))"
    done = as_nobody(tmp_path, program, tmp_path / "kept.csv")
    assert "may not be overwritten" in done.stderr
    assert (tmp_path / "kept.csv").read_text() == "precious"


def test_a_folder_that_may_not_be_entered_is_named_in_one_line(tmp_path):
    (tmp_path / "locked").mkdir(0o000)
    program = """
for look in (
    lambda: check_destination("--log", f"{sys.argv[2]}/run.csv", (".csv",)),
    lambda: mnistdata.read_data_sets(f"{sys.argv[2]}/data"),
    lambda: mnistdata.read_data_sets(sys.argv[2]),
):
    try:
        look()
    except Exception as error:
        print(error.exit_code, error)
"""
    done = as_nobody(tmp_path, program, tmp_path / "locked")
    said = done.stdout.splitlines()
    assert len(said) == 3, done.stderr
    for line, doing in zip(said, ("written", "read", "read"), strict=True):
        assert re.match(rf"2 .*locked.* can't be {doing} \(Permission denied\)", line), line


def test_two_runs_with_the_same_names_leave_each_other_alone(run, tmp_path):
    flags = ("--log", "run.csv", "--save", "run.png")
    longer = ("--no-window", "--iterations", 10**6, "--log", "run.csv")
    with RunningLesson("1.0", *longer, folder=tmp_path) as first:
        first.wait_for(lambda: measured(tmp_path / "run.csv") > 8)
        assert run("1.0", "--iterations", 20, *flags)[0] == 0
        assert int(rows(tmp_path / "run.csv")[-1]["iteration"]) == 20
        first.interrupt()
        code, output, error = first.wait(60)
    assert (code, error) == (130, "")
    logged = [int(row["iteration"]) for row in rows(tmp_path / "run.csv")]
    assert logged == list(range(0, int(final(output)[4]) + 1, 10))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.csv", "run.png"]


def test_a_run_that_nobody_reads_any_more_ends_without_a_word(tmp_path):
    flags = ("--no-window", "--iterations", 10**6, "--log", "run.csv")
    with RunningLesson("1.0", *flags, folder=tmp_path) as lesson:
        assert "Lesson 1.0" in lesson.process.stdout.readline()
        lesson.process.stdout.close()  # as `| head -1` does
        code, _, error = lesson.wait(60)
    assert (code, error) == (141, "")  # as of a program that knows nothing of it
    assert [path.name for path in tmp_path.iterdir()] == ["run.csv"]
    assert rows(tmp_path / "run.csv")[0]["iteration"] == "0"


@pytest.mark.parametrize("lines", [2, 3, 4])
def test_the_log_is_whole_wherever_somebody_stops_reading(tmp_path, lines):
    flags = "--no-window --iterations 20 --log run.csv"
    command = f"{sys.executable} {lesson_file('1.0')} {flags} | head -{lines}"
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["run.csv"]
    assert rows(tmp_path / "run.csv")[0]["iteration"] == "0"


def test_a_log_gets_its_name_also_if_the_folder_has_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = Log("run.csv", "test")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # as by %cd in another cell
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "run.csv"]


def test_an_output_without_room_is_one_message(tmp_path):
    command = (lesson_file("1.0"), "--no-window", "--iterations", 100)
    assert without_room(command, tmp_path) == (2, NO_ROOM)


def test_ctrl_c_before_the_run_ends_it_without_a_word(fresh, tmp_path):
    with RunningLesson("3.1", "--no-window", folder=tmp_path) as lesson:
        mapped = Path(f"/proc/{lesson.process.pid}/maps")
        lesson.wait_for(lambda: "libtensorflow" in mapped.read_text())  # its import has begun
        lesson.interrupt()
        code, output, error = lesson.wait(60)
    assert (code, output, error) == (130, "", "")


@pytest.mark.parametrize("number", ["1.0", "2.1", "3.1"])
def test_a_signal_amid_the_computation_harms_nothing(tmp_path, number):
    script = (SIGNALLED, lesson_file(number))
    flags = ("--no-window", "--iterations", {"1.0": 2000, "2.1": 500, "3.1": 60}[number])
    with RunningLesson(*script, *flags, folder=tmp_path) as lesson:
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert float(final(output)[0]) > 0.7


@pytest.mark.parametrize("number", ["1.0", "3.1"])
def test_ctrl_c_ends_a_run_with_its_results(tmp_path, number):
    flags = ("--no-window", "--iterations", 10**6, "--log", "run.csv", "--save", "run.png")
    with RunningLesson(number, *flags, folder=tmp_path) as lesson:
        seen = []
        while not seen or not re.match(r"\d+/1000000", seen[-1]):
            seen.append(lesson.process.stdout.readline())
        lesson.wait_for(lambda: measured(tmp_path / "run.csv") > 8)
        lesson.interrupt()
        code, output, error = lesson.wait(60)
    assert (code, error) == (130, "")
    done = int(final(output)[4])
    last = rows(tmp_path / "run.csv")[-1]
    assert int(last["iteration"]) == done
    assert last["test_accuracy"]
    assert (tmp_path / "run.png").exists()


@pytest.mark.parametrize("number", ["1.0", "3.1"])
@pytest.mark.parametrize("view", ["--no-window", "--fast"])  # the latter with a window on its way
def test_ctrl_c_before_the_first_measurement_ends_a_run_with_its_results(tmp_path, number, view):
    flags = (view, "--log", "run.csv", "--save", "run.png")
    with (
        VirtualScreen() as screen,
        RunningLesson(number, *flags, screen=screen, folder=tmp_path) as lesson,
    ):
        lesson.process.stdout.readline()  # what is to be trained
        lesson.interrupt()
        code, output, error = lesson.wait(60)
    assert (code, error) == (130, "")
    last = rows(tmp_path / "run.csv")[-1]
    assert last["iteration"] == final(output)[4]
    assert {path.name for path in tmp_path.iterdir()} == {"run.csv", "run.png"}


def test_fashion_mnist_trains_and_from_any_directory(run, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    data = "/usr/share/datasets/fashion-mnist"
    code, output, error = run("1.0", "--data", data, "--iterations", 300, folder=elsewhere)
    assert (code, error) == (0, "")
    assert 0.7 < float(final(output)[0]) < 0.85
    assert not list(elsewhere.iterdir())


def explained(output):
    (line,) = (line for line in output.splitlines() if line.startswith("no window: "))
    return line


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "there is no display; on a remote machine, add --web, or connect with `ssh -X`"),
        ({"DISPLAY": ":654"}, "the display :654 does not answer"),
        ({"MPLBACKEND": "agg"}, "MPLBACKEND=agg opens none here; unset it"),
        ({"MPLBACKEND": "tkagg"}, "MPLBACKEND=tkagg opens none here"),
    ],
)
def test_without_a_display_it_trains_and_leaves_a_picture(tmp_path, environment, reason):
    settings = {"environment": environment, "folder": tmp_path}
    with RunningLesson("1.0", "--iterations", 60, **settings) as lesson:
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert reason in explained(output)
    assert "the picture will be in mnist_1.0_softmax.png" in explained(output)
    assert final(output)[4] == "60"
    assert [path.name for path in tmp_path.iterdir()] == ["mnist_1.0_softmax.png"]


@pytest.mark.parametrize("seconds", [0, 8])
def test_without_a_toolkit_it_says_what_to_install(tmp_path, screen, seconds):
    """A Python without python3-tk fails when it imports _tkinter; so does this one.

    Where that takes long, a short run ends before.
    """
    (tmp_path / "_tkinter.py").write_text(
        f"import time; time.sleep({seconds}); raise ImportError('no python3-tk')"
    )
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    settings = {"environment": environment, "folder": tmp_path, "screen": screen}
    with RunningLesson("1.0", "--iterations", 60, **settings) as lesson:
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert "install python3-tk (see install.txt)" in explained(output)
    assert not seconds or "Training in text mode" not in output
    assert (tmp_path / "mnist_1.0_softmax.png").exists()


def test_a_display_that_goes_away_does_not_take_the_run_with_it(tmp_path):
    flags = ("--iterations", 1500, "--log", "run.csv", "--save", "run.png")
    with (
        VirtualScreen() as screen,
        RunningLesson("1.0", *flags, screen=screen, folder=tmp_path) as lesson,
    ):
        lesson.window()
        lesson.wait_for(lambda: lesson.iteration() >= 5)
        screen.shut_down()
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert "the display is gone" in output
    assert final(output)[4] == "1500"
    assert int(rows(tmp_path / "run.csv")[-1]["iteration"]) == 1500
    assert (tmp_path / "run.png").exists()


@pytest.mark.parametrize(
    "words",
    [
        "X connection to :1 broken (explicit kill or server shutdown).\n",
        'XIO:  fatal IO error 0 (Success) on X server ":1"\n      after 1313 requests\n',
        'a warning\nXIO:  fatal IO error 11 (Resource temporarily unavailable) on X server ":1"\n',
    ],
)
def test_every_wording_of_xlib_is_known(words):
    """Which one comes depends on where Xlib notices first."""
    assert display_went_away(words)
    assert not display_went_away("Traceback ...\nValueError: no connection with display\n")


def window_process(lesson):
    (process,) = children(lesson.process.pid)
    return process


def test_a_window_that_crashes_does_not_take_the_run_with_it(tmp_path, screen):
    with RunningLesson("1.0", "--iterations", 1500, screen=screen, folder=tmp_path) as lesson:
        lesson.window()
        lesson.wait_for(lambda: lesson.iteration() >= 5)
        os.kill(window_process(lesson), signal.SIGKILL)
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert "it ended unexpectedly" in explained(output)
    assert final(output)[4] == "1500"
    assert (tmp_path / "mnist_1.0_softmax.png").exists()


def test_a_window_that_hangs_does_not_hold_up_the_run(tmp_path, screen):
    with RunningLesson("1.0", "--fast", screen=screen, folder=tmp_path) as lesson:
        lesson.window()
        hanging = window_process(lesson)
        os.kill(hanging, signal.SIGSTOP)
        output = ""
        while "final" not in output:
            output += lesson.process.stdout.readline()
        lesson.interrupt()
        code, rest, error = lesson.wait(30)
    assert (code, error) == (130, "")
    assert final(output + rest)[4] == "2000"
    assert not Path(f"/proc/{hanging}").exists()


def test_a_notebooks_own_arguments_are_ignored(tmp_path):
    """As `%run` in a notebook: ipykernel is loaded, and its own flags stand on the command line."""
    script = (
        "import runpy, sys, ipykernel\n"
        "sys.argv = [sys.argv[1], '-f', 'kernel.json', '--iterations', '60']\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "print('the notebook goes on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, lesson_file("1.0")],
        env={**without_display(), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert final(done.stdout)[4] == "60"
    assert done.stdout.endswith("the notebook goes on\n")


def test_a_broken_tensorflow_shows_its_own_words(tmp_path):
    """The chatter of an import that fails is the only clue to why it fails."""
    (tmp_path / "tensorflow.py").write_text(
        "import os\n"
        "os.write(2, b'a clue from deep inside\\n')\n"
        "raise ImportError('libX is missing')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import visu.startup"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "a clue from deep inside" in done.stderr
    assert "libX is missing" in done.stderr
