"""Killed, stopped, split over devices and over processes: the numbers stay the same."""

import json
import os
import re
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
import tensorflow as tf

from tests.digits import write_first
from tests.mlengine.jobs import MLENGINE, PATIENCE, curve, distance, run, saved, started, wait_for
from tests.screen import NO_ROOM, ROOT, children, without_room
from tests.web import free_port
from trainer import data, settings
from trainer.checkpoints import Checkpoints, claim, prepare
from trainer.loop import Job

FROM_THE_ROOT = {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def small_data(tmp_path_factory):
    return write_first(tmp_path_factory.mktemp("data"), 2000, 500)


def line_that_says(process, words):
    """The first line of its output with these words in it; it must come in time."""
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"no {words!r}: {process.communicate(timeout=PATIENCE)}")


def common(model, data, *flags):
    sizes = ("--validation", 500, "--batch-size", 20, "--eval-every", 50)
    return ("--model", model, "--data", data, *sizes, *flags)


def job(model, folder, data, *flags):
    return (*common(model, data, *flags), "--job-dir", folder)


def split_in_three_ways(model, steps, tmp_path, data):
    """Train on one device, two, and in two processes. Returns their folders."""
    flags = common(model, data, "--train-steps", steps)
    code, _, error = run("tests.mlengine.split", tmp_path, *flags, environment=FROM_THE_ROOT)
    assert code == 0, error
    flags = (*flags, "--job-dir", tmp_path / "processes", "--workers", 2)
    code, output, error = run("launch_local", *flags)
    assert (code, error) == (0, "")
    assert " · 2 CPUs on 2 machines · " in output
    # Only the chief exports, and only it speaks.
    assert output.count("exported to") == 1
    assert all(line.startswith("[chief] ") for line in output.splitlines())
    return [tmp_path / name for name in ("one", "two", "processes")]


@pytest.mark.long
def test_however_a_batch_is_split_the_weights_come_out_the_same(tmp_path, small_data):
    folders = split_in_three_ways("dnn_dropout", 50, tmp_path, small_data)
    one, two, processes = (saved(folder, "network/") for folder in folders)
    assert distance(one, two, np.inf) < 1e-5
    assert distance(one, processes, np.inf) < 1e-5


@pytest.mark.long
def test_augmentation_and_batch_statistics_belong_to_the_whole_batch(tmp_path, small_data):
    """One step: rounding can put a neuron at 0 on or off, and from there networks drift apart."""
    folders = split_in_three_ways("lesson_5_0", 1, tmp_path, small_data)
    one, two, processes = (saved(folder, "network/") for folder in folders)
    statistics = {name: values for name, values in one.items() if "/A/" in name}
    assert len(statistics) == 6
    for other in (two, processes):
        assert distance(statistics, {name: other[name] for name in statistics}, np.inf) < 1e-5
    # After one step the optimizer holds a tenth of each gradient.
    one, two, processes = (saved(folder, "optimizer/") for folder in folders)
    length = distance(one, dict.fromkeys(one, 0))
    assert distance(one, two) < 0.01 * length
    assert distance(one, processes) < 0.01 * length


@pytest.mark.long
def test_killed_at_any_moment_it_goes_on_as_if_nothing_had_happened(tmp_path, small_data):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    flags = ("--train-steps", 1000, "--save-every", 40)
    code, output, error = run("trainer.task", *job("dnn_dropout", whole, small_data, *flags))
    assert (code, error) == (0, "")
    told = job("dnn_dropout", killed, small_data, *flags)
    with started("trainer.task", *told) as process:
        line_that_says(process, "step 100:")
        process.send_signal(signal.SIGTERM)
        rest, error = process.communicate(timeout=PATIENCE)
        assert (process.returncode, error) == (143, "")
    stopped = int(re.search(r"stopped after (\d+) steps, all is saved", rest)[1])
    assert 100 <= stopped < 1000
    reached = stopped
    for moment in (_in_the_middle_of_saving, _between_two_savings):
        with started("trainer.task", *told) as process:
            begun = int(re.search(r"\d+", line_that_says(process, "going on from step"))[0])
            assert 0 <= reached - begun <= 40
            moment(killed / "checkpoints", process)
            process.kill()
            assert process.wait(PATIENCE) == -9
            reached = _saved(killed / "checkpoints")
    code, rest, error = run("trainer.task", *told)
    assert (code, error) == (0, "")
    assert (
        output.splitlines()[-1].split(" misread")[0] == rest.splitlines()[-1].split(" misread")[0]
    )
    assert distance(saved(whole, "network/"), saved(killed, "network/"), np.inf) < 1e-6
    for part in ("training", "validation"):
        expected, found = (curve(folder, part, "loss") for folder in (whole, killed))
        assert found == pytest.approx(expected, abs=1e-6)
        assert len(expected) == 20


def _saved(folder):
    return max((int(path.stem[5:]) for path in folder.glob("ckpt-*.index")), default=0)


def _in_the_middle_of_saving(folder, process):
    """Wait until a state is being written: its files have other names then."""
    end = time.monotonic() + PATIENCE
    while not list(folder.glob("*temp*")):
        assert process.poll() is None
        assert time.monotonic() < end


def _between_two_savings(folder, process):
    before, end = _saved(folder), time.monotonic() + PATIENCE
    while _saved(folder) <= before:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.long
def test_a_worker_that_is_killed_ends_the_job_and_a_restart_goes_on(tmp_path, small_data):
    flags = job("dnn", tmp_path, small_data, "--save-every", 50, "--workers", 2)
    with started("launch_local", *flags, "--train-steps", 10**6) as process:
        line_that_says(process, "step 100:")
        chief, worker = trainers_of(process)
        subprocess.run(["kill", "-9", str(worker)], check=True)
        began = time.monotonic()
        _, error = process.communicate(timeout=PATIENCE)
        assert time.monotonic() - began < 30
        assert process.returncode == 137
    assert "the worker 0 has ended with exit code 137, so the job ends; start it again" in error
    assert "Traceback" not in error
    assert not _is_there(chief)
    with started("launch_local", *flags, "--train-steps", 10**6) as process:
        assert int(re.search(r"\d+", line_that_says(process, "going on from step"))[0]) >= 50
        # SIGTERM to one of them: all save and end.
        line_that_says(process, "step ")
        _, worker = trainers_of(process)
        subprocess.run(["kill", "-TERM", str(worker)], check=True)
        output, error = process.communicate(timeout=PATIENCE)
        assert (process.returncode, error) == (143, "")
    assert "[chief] stopped after " in output


def trainers_of(launcher):
    """The processes of its workers, the chief's first; each is on a leash."""
    return [trainer for leash in sorted(children(launcher.pid)) for trainer in children(leash)]


def _is_there(pid):
    return subprocess.run(["kill", "-0", str(pid)], capture_output=True).returncode == 0


def test_when_the_launcher_is_killed_no_worker_is_left(tmp_path, small_data):
    flags = job("dnn", tmp_path, small_data, "--workers", 2, "--train-steps", 10**6)
    with started("launch_local", *flags) as process:
        wait_for(lambda: len(trainers_of(process)) == 2)
        trainers = trainers_of(process)
        process.kill()
        wait_for(lambda: not any(map(_is_there, trainers)))


def test_when_a_leash_is_killed_so_is_its_worker(tmp_path, small_data):
    flags = job("dnn", tmp_path, small_data, "--workers", 2, "--train-steps", 10**6)
    with started("launch_local", *flags) as process:
        wait_for(lambda: len(trainers_of(process)) == 2)
        trainers = trainers_of(process)
        os.kill(sorted(children(process.pid))[1], signal.SIGKILL)
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 137
        assert "error: the worker 0 has ended with exit code -9, so the job ends" in error
        wait_for(lambda: not any(map(_is_there, trainers)))


@contextmanager
def two_machines(flags, chiefs_flags, workers_flags):
    """A chief and a worker without a launcher: a platform starts a container for each."""
    machines = {"chief": [f"127.0.0.1:{free_port()}"], "worker": [f"127.0.0.1:{free_port()}"]}
    with ExitStack() as stack:
        yield [
            stack.enter_context(started("trainer.task", *flags, *own, environment=environment))
            for own, environment in (
                (own, {"TF_CONFIG": json.dumps({"cluster": machines, "task": task})})
                for own, task in (
                    (chiefs_flags, {"type": "chief", "index": 0}),
                    (workers_flags, {"type": "worker", "index": 0}),
                )
            )
        ]


@pytest.mark.long
def test_a_machine_that_is_gone_is_noticed_without_a_launcher(tmp_path, small_data):
    flags = job("dnn", tmp_path, small_data, "--train-steps", 10**6)
    with two_machines(flags, (), ()) as (chief, worker):
        line_that_says(chief, "step 100:")
        worker.kill()
        began = time.monotonic()
        _, error = chief.communicate(timeout=PATIENCE)
        assert time.monotonic() - began < 30
    assert chief.returncode == 1
    (line,) = (line for line in error.splitlines() if line.startswith("error: "))
    assert "gone" in line
    assert line.endswith("start the job again, and it goes on from its last checkpoint")
    assert "Traceback" not in error


@pytest.mark.long
def test_machines_that_do_not_share_their_checkpoints_are_told_to(tmp_path, small_data):
    flags = common("linear", small_data, "--train-steps", 60)
    own, others = ("--job-dir", tmp_path / "own"), ("--job-dir", tmp_path / "others")
    given = settings.read([*map(str, (*flags, *own))])
    prepare(given, True)
    claim(given)
    strategy = tf.distribute.get_strategy()
    alone = Job(given, strategy, data.read(given, strategy))
    alone.train(10)
    Checkpoints(given.checkpoints_dir, alone.state(), True).save(10)
    with two_machines(flags, own, others) as machines:
        ended = [(each.communicate(timeout=PATIENCE)[1], each.returncode) for each in machines]
    for (error, code), step in zip(ended, (10, 0), strict=True):
        # Whoever knows it first must not be gone before the other does.
        told = f"the machines found different checkpoints, this one step {step}; name a"
        assert (code, told in error) == (2, True), error


@pytest.mark.parametrize(
    "program",
    ["trainer.task --train-steps 1000000", "launch_local --train-steps 1000000", "tune --trials 9"],
)
def test_a_program_that_nobody_reads_any_more_ends_without_a_word(tmp_path, small_data, program):
    name, *flags = program.split()
    if name == "tune":
        folder = ("--study", "vertex/tuning_study.yaml", "--folder", tmp_path, "--")
    else:
        folder = ("--model", "linear", "--job-dir", tmp_path)
    sizes = ("--data", small_data, "--validation", 500, "--eval-every", 50)
    with started(name, *flags, *folder, *sizes) as process:
        assert process.stdout.readline()
        process.stdout.close()  # as `| head -1` does
        error = process.stderr.read()
        assert (process.wait(PATIENCE), error) == (141, "")


def test_an_output_without_room_is_one_message(tmp_path, small_data):
    sizes = ("--train-steps", 9, "--validation", 500, "--data", small_data)
    command = ("-m", "trainer.task", "--model", "linear", *sizes, "--job-dir", tmp_path)
    assert without_room(command, MLENGINE) == (2, NO_ROOM)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_job_that_is_stopped_before_it_trains_says_nothing(tmp_path, small_data, number):
    flags = job("dnn", tmp_path, small_data, "--workers", 2, "--train-steps", 10)
    with started("launch_local", *flags) as process:
        wait_for(lambda: len(children(process.pid)) == 2)
        os.kill(process.pid, number)
        assert process.communicate(timeout=PATIENCE) == ("", "")
        assert process.returncode == 128 + number


def test_wrong_flags_are_explained_once(tmp_path):
    code, output, error = run(
        "launch_local", "--workers", 2, "--model", "rnn", "--job-dir", tmp_path
    )
    assert (code, output) == (2, "")
    assert error.count("invalid choice: 'rnn'") == 1
    code, _, error = run("launch_local", "--workers", 0)
    assert (code, "expected a whole number from 1 to 64, found '0'" in error) == (2, True)
