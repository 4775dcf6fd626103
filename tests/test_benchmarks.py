"""A smoke run of each benchmark; their real runs are started by hand."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
from PIL import Image

from benchmarks.variants import VARIANTS, lesson_files
from tests.screen import ROOT
from tests.test_window import has
from visu.style import LIGHT


def benchmark(name, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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


def test_the_report_has_a_table_and_pictures_of_what_it_compares(tmp_path):
    arguments = ("2.1", "2.1-fixed", "--seeds", 1, "--iterations", 300, "--runs", tmp_path / "runs")
    table = benchmark("results", *arguments, "--save", tmp_path / "REPORT.md")
    report = (tmp_path / "REPORT.md").read_text("utf-8")
    assert table in report
    assert re.findall(r"\]\((\S+)\)", report) == ["docs/results/rate.png"]
    with Image.open(tmp_path / "docs" / "results" / "rate.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), int)
    assert all(has(pixels, colour, 100) for colour in (LIGHT.training, LIGHT.test))


def test_a_variant_changes_what_it_says(tmp_path):
    for name, variant in VARIANTS.items():
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
        r"\| 1\.0 \| \d+ \| \d+\.\d \| \d+ \| \d+\.\d\d \(.*\) \| \d+\.\d \| \d+ \| (\d+\.\d) \|"
    )
    assert float(re.fullmatch(columns, row)[1]) > 1


def test_pure_training_is_compared(tmp_path):
    file = tmp_path / "rates.json"
    arguments = ("1.0", "--peers", "none", "--rounds", 2, "--seconds", 0.2, "--json", file)
    table = benchmark("compare", *arguments)
    assert re.search(r"^\| 1\.0 \| this project \| \d+ \(\d+ to \d+\) \|  \|$", table, re.MULTILINE)
    assert re.search(
        r"^\| 1\.0 \| matrix products alone \| \d+ \| 0\.\d\d \|$", table, re.MULTILINE
    )
    found = json.loads(file.read_text())
    assert found["multiplications"] > 1e9
    (rates,) = found["rates"]["1.0"].values()
    assert len(rates) == 2
    assert min(rates) > 0


def test_the_time_to_an_accuracy_is_measured():
    flags = ("--peers", "none", "--seeds", 1, "--accuracy", 0.5)
    table = benchmark("time_to_accuracy", *flags)
    row = re.search(r"^\| lesson 3\.1 \| (\d+\.\d) \((\d+\.\d)\) \|$", table, re.MULTILINE)
    assert row[1] == row[2]
    assert float(row[1]) > 2  # TensorFlow alone takes as long to import


def test_scaling_is_drawn(tmp_path):
    file = tmp_path / "scaling.png"
    rounds = ("--rounds", 1, "--seconds", 0.1, "--batches", 100, 300)
    table = benchmark("scaling", "1.0", "--peers", "none", *rounds, "--save", file)
    lines = re.findall(
        r"^\| 1\.0 \| this project \| (\d) \| (\d+) \| [\d,]+ \|$", table, re.MULTILINE
    )
    assert lines == [("2", "100"), ("2", "300"), ("1", "100"), ("1", "300")]
    with Image.open(file) as picture:
        assert picture.size == (420, 420)
        assert len(picture.convert("RGB").getcolors(10**6)) > 50


def test_ways_through_a_convolution_are_compared():
    table = benchmark("convolution", "--rounds", 1)
    rows = [line for line in table.splitlines() if line.startswith("| 3.")]
    assert len(rows) == 4
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
