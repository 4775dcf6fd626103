"""A smoke run of each benchmark; their real runs are started by hand."""

import csv
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnistdata
from benchmarks import scaling, time_to_accuracy
from benchmarks.choices import AS_IT_IS, CHOICES
from benchmarks.misread import draw, gather
from benchmarks.results import THREADS, run
from benchmarks.variants import (
    COMPARISONS,
    MISTAKES,
    VARIANTS,
    Variant,
    depends_on_threads,
    lesson_files,
)
from benchmarks.workshop.terminal import parse
from tests.forked import Forked
from tests.screen import ROOT, children, kill_with_children
from tests.test_window import has
from visu.runs import read
from visu.style import LIGHT


def benchmark(name, *arguments):
    process = Forked(f"benchmarks.{name}", arguments, ROOT, dict(os.environ))
    output, error = process.communicate(600)
    assert process.returncode == 0, error
    return output


def pixels_of(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), int)


def experiment(name, picture, *flags):
    """Run an experiment with one seed. Returns its table, {column: text} for each row."""
    printed = benchmark(f"workshop.{name}", "--seeds", 1, "--save", picture, *flags)
    assert "n = 1; no test digit was looked at." in printed
    columns, _, *rows = (line[2:-2].split(" | ") for line in printed.splitlines() if "|" in line)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_results_are_resumed_and_summarised(tmp_path):
    arguments = ("1.0", "--seeds", 2, "--iterations", 60, "--runs", tmp_path)
    table = benchmark("results", *arguments)
    logs = sorted(tmp_path.iterdir())
    assert [path.name for path in logs] == ["1.0-seed0.csv", "1.0-seed1.csv"]
    # The table repeats what the logs say, and a second run takes them as they are.
    finals = []
    for path in logs:
        with path.open(newline="") as file:
            finals.append(float(list(csv.DictReader(file))[-1]["test_accuracy"]))
    row = table.splitlines()[-1]
    assert row.startswith(f"| 1.0 | 2 | {sum(finals) / 2:.4f} ± ")
    assert f"| {min(finals):.4f} | {max(finals):.4f} |" in row
    written = [path.stat().st_mtime_ns for path in logs]
    assert benchmark("results", *arguments) == table
    assert [path.stat().st_mtime_ns for path in logs] == written


def test_several_runs_at_a_time_come_to_the_same_figures(tmp_path, monkeypatch):
    for setting in THREADS:  # as a user has it, not as these tests do
        monkeypatch.delenv(setting, raising=False)
    for jobs in (1, 2):
        flags = ("--seeds", 1, "--iterations", 20, "--jobs", jobs, "--runs", tmp_path / str(jobs))
        benchmark("results", "3.1", "2.1", *flags)
    for name in ("2.1-seed0.csv", "3.1-seed0.csv"):
        assert (tmp_path / "1" / name).read_text() == (tmp_path / "2" / name).read_text()


def test_choices_are_compared_by_digits_held_out(tmp_path):
    kept = tmp_path / "choices.csv"
    known = [("2.2", choice, 0, 200) for choice in CHOICES["2.2"]]
    known += [("2.2", AS_IT_IS, 1, 204), ("2.2", "biases from 0", 1, 210)]
    with kept.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(row for row in known if row[1:3] != ("W1 spread by 0.2", 0))
    table = benchmark("choices", "2.2", "--seeds", 1, "--iterations", 20, "--runs", kept)
    _, _, first, *others, last = table.splitlines()
    assert "| 1 | 200.0 | +0.0 |" in first
    assert f"| 2.2 | {AS_IT_IS} | 2 | 202.0 ± 2.8 |  |" in others
    assert "| 2.2 | biases from 0 | 2 | 205.0 ± 7.1 | +3.0 ± 3.0 |" in others
    wrong = int(re.search(r"\| W1 spread by 0\.2 \| 1 \| (\d+)\.0 \| \+(\d+)\.0 \|", last)[1])
    assert 1000 < wrong < 9000  # after twenty iterations
    with kept.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[-1] == ["2.2", "W1 spread by 0.2", "0", str(wrong)]
    assert benchmark("choices", "2.2", "--seeds", 1, "--runs", kept) == table


@pytest.mark.parametrize("lesson", CHOICES)
def test_each_choice_changes_something_else(tmp_path, lesson):
    texts = {
        Variant(lesson, changes).write(tmp_path).read_text("utf-8")
        for changes in CHOICES[lesson].values()
    }
    assert len(texts) == len(CHOICES[lesson])


def test_lessons_that_depend_on_threads_are_named():
    named = [lesson for lesson in lesson_files() if depends_on_threads(lesson)]
    said = "Lessons {}, {}, {}, {} and {} ".format(*named)
    for file in ("README.md", "results.py"):
        assert said in (ROOT / "benchmarks" / file).read_text("utf-8")


def test_what_is_kept_is_taken_as_it_is(tmp_path):
    for name in ("2.1-seed3.csv", "5.0-seed0.csv"):  # the latter without what it misread
        shutil.copy(ROOT / "benchmarks" / "runs" / name, tmp_path)
    table = benchmark("results", "2.1", "5.0", "--kept", "--runs", tmp_path)
    assert [row.split()[1:4] for row in table.splitlines()[2:]] == [["2.1", "|", "1"]]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_that_was_broken_off_is_no_evidence(tmp_path):
    flags = ("1.0", "--seeds", "1", "--iterations", "1000000", "--runs", tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.results", *flags],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not any(map(is_logging, children(process.pid))):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        assert process.wait(60) != 0
    finally:
        kill_with_children(process)
    assert list(tmp_path.iterdir()) == []


def is_logging(process):
    """Whether it has a log open."""
    with suppress(OSError):  # it has just ended
        files = Path(f"/proc/{process}/fd").iterdir()
        return any("run.csv" in str(file.readlink()) for file in files)
    return False


@pytest.mark.parametrize("command", ["results", "coach"])
def test_short_runs_are_kept_apart_from_whole_ones(command):
    process = Forked(f"benchmarks.{command}", ["1.0", "--iterations", 10], ROOT, dict(os.environ))
    assert "name another folder with --runs" in process.communicate(60)[1]
    assert process.returncode == 2


@pytest.mark.long
def test_the_report_has_tables_and_pictures_of_what_it_compares(tmp_path, monkeypatch, few_digits):
    runs = tmp_path / "runs"
    monkeypatch.setitem(VARIANTS, "5.0", Variant("5.0", flags=("--data", str(few_digits))))
    run("5.0", 0, 30, runs / "5.0-seed0.csv")
    run("1.0-fashion", 0, 30, runs / "1.0-fashion-seed0.csv", jobs=2)
    for kept in ("2.1-seed0.csv", "2.1-fixed-seed0.csv"):
        shutil.copy(ROOT / "benchmarks" / "runs" / kept, runs)
    table = benchmark("results", "--kept", "--runs", runs, "--save", tmp_path / "REPORT.md")
    report = (tmp_path / "REPORT.md").read_text("utf-8")
    head, rule, *rows = table.splitlines()
    assert [row.split()[1] for row in rows] == ["2.1", "5.0", "2.1-fixed", "1.0-fashion"]
    digits, clothes = report.split("## Fashion-MNIST")
    assert "\n".join((head, rule, *rows[:3])) in digits
    assert "\n".join((head, rule, rows[3])) in clothes
    pictures = ["docs/results/rate.png", "docs/results/misread-5.0.png"]
    assert re.findall(r"\]\((\S+)\)", report) == pictures
    pixels = pixels_of(tmp_path / pictures[0])
    assert all(has(pixels, colour, 100) for colour in (LIGHT.training, LIGHT.test))
    _what_was_misread_is_kept_and_drawn(runs / "5.0-seed0.csv")


def _what_was_misread_is_kept_and_drawn(log):
    digits = gather([log])
    assert len(digits) == round((1 - read(log).test[-1, 1]) * 1000)
    test = mnistdata.read_data_sets().test
    for digit in digits:
        assert digit.label == test.classes[digit.index] != digit.computed
        assert (digit.runs, digit.confidence >= 0.1) == (1, True)
    confidences = [digit.confidence for digit in digits]
    assert confidences == sorted(confidences, reverse=True)
    twice = gather([log, log])
    assert [digit._replace(runs=1) for digit in twice] == digits
    # The digits stand in the picture in this order, each below its own words.
    axes = draw(digits[:13], 1).axes[0]
    sheet = axes.images[0].get_array()
    for place, title in ((0, axes.texts[0]), (12, axes.texts[24])):
        digit = digits[place]
        assert title.get_text() == f"{digit.label}, not {digit.computed}"
        x, y = map(int, title.get_position())
        assert (sheet[y : y + 28, x - 14 : x + 14] == test.pixels[digit.index][..., 0]).all()


def test_a_variant_changes_what_it_says(tmp_path):
    for name, variant in (COMPARISONS | MISTAKES).items():
        changed = variant.write(tmp_path).read_text("utf-8").splitlines()
        original = lesson_files()[variant.lesson].read_text("utf-8").splitlines()
        added = [line for line in changed if line not in original]
        assert added.pop(0).startswith("import sys; sys.path.insert(0, "), (
            name
        )  # to find its modules
        assert 1 <= len(added) <= 5, name
        assert len(changed) == len(original) + 1, name


def test_speeds_are_compared():
    table = benchmark("speed", "1.0", "--rounds", 1, "--seconds", 0.2)
    assert re.search(r"^\| 1\.0 \| \d+ \| \d+ \| \d+\.\d\d \(.*\) \|$", table, re.MULTILINE)


def test_the_live_view_is_compared():
    table = benchmark("live_view", "1.0", "--rounds", 1, "--iterations", 400)
    (row,) = (line for line in table.splitlines() if line.startswith("| 1.0"))
    columns = (
        r"\| 1\.0 \| \d+ \| \d+\.\d \| \d+ \| \d+\.\d\d \(.*\) \| \d+\.\d \| \d+ "
        r"\| (\d+\.\d) \| (\d+\.\d) \|"
    )
    assert all(float(seconds) > 1 for seconds in re.fullmatch(columns, row).groups())


def test_pure_training_is_compared(tmp_path):
    file, another, called = (tmp_path / name for name in ("rates.json", "python", "called"))
    another.write_text(f'#!/bin/sh\ntouch {called}\nexec {sys.executable} "$@"\n')
    another.chmod(0o755)
    arguments = ("1.0", "--peers", "none", "--rounds", 2, "--seconds", 0.2, "--json", file)
    table = benchmark("compare", *arguments, "--beside", another)
    assert called.exists()
    assert re.search(r"^\| 1\.0 \| this project \| \d+ \(\d+ to \d+\) \|  \|$", table, re.MULTILINE)
    assert re.search(
        r"^\| 1\.0 \| matrix products alone \| \d+ \(\d+ to \d+\) \| 0\.\d\d \|$",
        table,
        re.MULTILINE,
    )
    found = json.loads(file.read_text())["1.0"]
    assert min(found.pop("matrix products alone")) > 1  # 10**9 a second
    other_ways = ("this project, operations divided", "this project, the other Python")
    assert set(found) == {"this project", *other_ways}
    assert all(len(rates) == 2 and min(rates) > 0 for rates in found.values())


def test_another_python_has_to_be_there():
    process = Forked("benchmarks.compare", ["1.0", "--beside", "nowhere"], ROOT, dict(os.environ))
    assert "--beside nowhere: expected a Python" in process.communicate(60)[1]
    assert process.returncode == 2


def test_the_time_to_an_accuracy_is_measured():
    flags = ("--peers", "none", "--seeds", 1, "--accuracy", 0.5)
    table = benchmark("time_to_accuracy", *flags)
    row = re.search(r"^\| lesson 3\.1 \| (\d+\.\d) \((\d+\.\d)\) \|$", table, re.MULTILINE)
    assert row[1] == row[2]
    assert float(row[1]) > 2  # TensorFlow alone takes as long to import


def test_who_can_not_start_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr(time_to_accuracy, "PEERS", {"Nobody's example": "stock_nobody"})
    monkeypatch.setattr(sys, "argv", ["", "--seeds", "1", "--accuracy", "0.5"])
    time_to_accuracy.main()
    shown, said = capsys.readouterr()
    assert "| lesson 3.1 | " in shown
    assert "Nobody" not in shown
    ours, left_out = said.splitlines()
    assert ours.startswith("lesson 3.1, seed 0: ")
    assert left_out.startswith("Nobody's example is left out: ")
    assert "No module named benchmarks.peers.stock_nobody" in left_out


@pytest.mark.long
def test_scaling_is_drawn(tmp_path):
    file = tmp_path / "scaling.png"
    rounds = ("--rounds", 1, "--seconds", 0.1, "--batches", 100)
    table = benchmark("scaling", "1.0", "--peers", "none", *rounds, "--save", file)
    lines = re.findall(
        r"^\| 1\.0 \| this project \| (\d) \| (\d+) \| [\d,]+ \|$", table, re.MULTILINE
    )
    assert lines == [("2", "100"), ("1", "100")]
    with Image.open(file) as picture:
        assert picture.size == (420, 420)
        assert len(picture.convert("RGB").getcolors(10**6)) > 50


def test_without_our_own_lesson_there_is_no_picture(monkeypatch, tmp_path):
    file = tmp_path / "scaling.png"
    file.write_bytes(b"an earlier one")
    monkeypatch.setattr(scaling, "compare", lambda *_: {"JAX, scan": [7000.0]})
    monkeypatch.setattr(sys, "argv", ["", "1.0", "--save", str(file)])
    with pytest.raises(SystemExit, match=r"lesson 1\.0, batches of 100: no picture"):
        scaling.main()
    assert file.read_bytes() == b"an earlier one"


NO_LESSON = "no lesson 9.9 here; name some of 1.0 2"
NO_SECONDS = "argument --seconds: expected a number above 0, up to 86400, found "


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        *((name, "9.9", NO_LESSON) for name in ("compare", "live_view", "long_run", "results")),
        *((name, "1.0 9.9", NO_LESSON) for name in ("coach", "scaling", "speed")),
        ("compare", "--seconds 0", f"{NO_SECONDS}'0'"),
        ("long_run", "--seconds -1", f"{NO_SECONDS}'-1'"),
        ("scaling", "--seconds nan", f"{NO_SECONDS}'nan'"),
        ("speed", "--seconds inf", f"{NO_SECONDS}'inf'"),
        ("speed", "--seconds soon", f"{NO_SECONDS}'soon'"),
        ("long_run", "--iterations 0", "expected a whole number from 12000 to 1000000000, found '"),
        ("live_view", "--iterations 100", "expected a whole number from 200 to 1000000, found '10"),
        ("time_to_accuracy", "--accuracy nan", "expected a number above 0, up to 1, found 'nan'"),
        ("choices", "2.1", "no lesson 2.1 here; name some of 2.2 3.1"),
        ("choices", "--runs runs.txt", "expected a name ending in .csv, found .txt"),
        ("results", "--save table.txt", "expected a name ending in .md, found .txt"),
        ("results", "--runs README.md", "--runs README.md: expected a folder, found a file"),
        ("coach", "--runs README.md/runs", "--runs README.md/runs: expected a folder, found a fi"),
        ("live_view", "2.0", "lesson 2.0: expected --iterations too, found none; without it, "),
    ],
)
def test_a_benchmark_explains_wrong_flags(monkeypatch, capsys, name, flags, message):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [name, *flags.split()])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(f"benchmarks.{name}").main()
    assert end.value.code == 2
    shown, said = capsys.readouterr()
    assert message in said
    assert shown == ""


@pytest.mark.parametrize(
    ("name", "programs", "packages"),
    [
        ("live_view", "Xvfb and xdotool", "xvfb xdotool"),
        ("long_run", "Xvfb and xdotool", "xvfb xdotool"),
        ("serving", "wrk", "wrk"),
    ],
)
def test_a_benchmark_names_the_programs_that_it_misses(
    monkeypatch, capsys, tmp_path, name, programs, packages
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [name])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(f"benchmarks.{name}").main()
    assert end.value.code == 2
    shown, said = capsys.readouterr()
    assert f"expected the program {programs}, found none; apt-get install {packages}\n" in said
    assert shown == ""


def test_kernels_are_compared():
    table = benchmark("kernels", "--rounds", 1)
    rows = [line for line in table.splitlines() if line.startswith("| 3.")]
    assert len(rows) == 9
    for row in rows:
        assert re.search(r"\| \d+\.\d\d \| \d+\.\d\d \| \d+\.\d\d \(.*\) \|$", row)


def test_what_the_coach_says_is_told():
    told = benchmark("coach", "2.1", "--seeds", 1)
    title, *said = told.splitlines()
    assert title == "2.1, seed 0"
    assert [line.split()[1] for line in said] == ["Learnt", "Overfitting:"]


def test_a_long_run_is_watched():
    table = benchmark("long_run", "--iterations", 12_000, "--seconds", 0.5)
    *_, first, second, third, speed = table.splitlines()
    for row in (first, second, third):
        _, run, window, share = (float(cell.replace(",", "")) for cell in row.split("|")[1:-1])
        assert run > 100
        assert window > 50
        assert 0 <= share < 2
    assert speed.startswith("speed: ")


def test_networks_of_three_sizes_are_trained_on_little_data(tmp_path):
    small, fitting, large = experiment("capacity", tmp_path / "c.png", "--epochs", 3)
    assert [row["units"] for row in (small, fitting, large)] == ["4", "16", "512"]
    losses = [float(row["training loss"]) for row in (small, fitting, large)]
    assert 3 > losses[0] > losses[1] > losses[2] > 0
    assert float(large["validation accuracy"]) > 0.8
    for row in (small, fitting, large):
        assert 0 < float(row["lowest"]) <= float(row["validation loss"])
        assert float(row["in epoch"]) in (1, 2, 3)
    pixels = pixels_of(tmp_path / "c.png")
    assert all(has(pixels, colour, 100) for colour in (LIGHT.training, LIGHT.test))


def test_ways_of_regularisation_are_compared(tmp_path):
    rows = experiment("regularisation", tmp_path / "r.png", "--epochs", 2)
    assert [row["512 units"] for row in rows] == ["neither", "L2, 0.001", "dropout, 0.5"]
    losses = [float(row["training loss"]) for row in rows]
    assert 0 < losses[0] < losses[2] < 1  # dropout makes it harder to learn by heart
    assert all(float(row["validation accuracy"]) > 0.8 for row in rows)
    pixels = pixels_of(tmp_path / "r.png")
    assert all(has(pixels, colour, 100) for colour in (LIGHT.faint, LIGHT.training, LIGHT.test))


def test_training_stops_early_and_keeps_the_best_weights(tmp_path):
    rows = experiment("early_stopping", tmp_path / "e.png", "--epochs", 8, "--patience", 2)
    assert [row["units"] for row in rows] == ["16"] * 3 + ["512"] * 3
    for best, stopped, end in (rows[:3], rows[3:]):
        assert float(end["epoch"]) == 8
        assert float(stopped["epoch"]) == min(float(best["epoch"]) + 2, 8)
        losses = [float(row["validation loss"]) for row in (best, stopped, end)]
        assert 0.2 < losses[0] == min(losses) < 1
    assert float(rows[4]["epoch"]) < 8  # 512 units overfit soon enough
    pixels = pixels_of(tmp_path / "e.png")
    assert all(has(pixels, colour, 100) for colour in (LIGHT.training, LIGHT.test, LIGHT.ink))


def test_more_data_makes_fewer_mistakes(tmp_path):
    rows = experiment("amount_of_data", tmp_path / "a.png", "--iterations", 60)
    amounts = [row["training digits"] for row in rows]
    assert amounts == ["100", "300", "1,000", "3,000", "10,000", "50,000"]
    misread = [float(row["misread, %"]) for row in rows]
    assert 50 > misread[0] > misread[2] > misread[5] > 1
    for row, share in zip(rows, misread, strict=True):
        assert share == pytest.approx(100 * (1 - float(row["validation accuracy"])), abs=0.01)
    assert has(pixels_of(tmp_path / "a.png"), LIGHT.test, 100)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--seeds", "0"), "expected a whole number from 1 to 1000000, found '0'"),
        (("--save", "picture.txt"), "expected a name ending in .png, found .txt"),
        (("--epoch", "3"), "unrecognized arguments: --epoch 3"),
    ],
)
def test_an_experiment_explains_wrong_flags(monkeypatch, capsys, flags, message):
    monkeypatch.setattr(sys, "argv", ["capacity", *flags])
    with pytest.raises(SystemExit) as end:
        parse("An experiment.", epochs=(60, "of training"))
    assert end.value.code == 2
    assert message in capsys.readouterr().err
