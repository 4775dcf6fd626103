"""Tuning: a study that is interrupted, killed and resumed with real trainers, and its parts."""

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import hypertune
import pytest
import yaml
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial
from PIL import Image

from errors import UsageError, explain_and_exit
from tests.mlengine.jobs import MLENGINE, PATIENCE, overtake, run, started, wait_for
from tuning import locks, report, study
from tuning.search import Search
from tuning.trials import read_metrics

pytestmark = pytest.mark.xdist_group("tuning")  # they share what takes long to start

CLOUDS = MLENGINE / "vertex" / "tuning_study.yaml"
LINEAR = ("--model=linear", "--train-steps=1")
HOPELESS = 1e-7  # a learning rate
PICTURES = ("optimization_history", "slice", "parallel_coordinate", "parameter_importances")


def study_file(folder, name="study.yaml", args=LINEAR, failures=0, **changes):
    """A small study as a file; `changes` are of its studySpec."""
    rates = {"values": [HOPELESS, 0.003, 0.01, 0.03]}
    job = {
        "displayName": "small",
        "maxTrialCount": 4,
        "maxFailedTrialCount": failures,
        "parallelTrialCount": 1,
        "studySpec": {
            "metrics": [{"metricId": "accuracy", "goal": "MAXIMIZE"}],
            "algorithm": "GRID_SEARCH",
            "medianAutomatedStoppingSpec": {},
            "parameters": [{"parameterId": "learning-rate", "discreteValueSpec": rates}],
            **changes,
        },
        "trialJobSpec": {
            "workerPoolSpecs": [{"containerSpec": {"imageUri": "any", "args": list(args)}}]
        },
    }
    path = folder / name
    path.write_text(yaml.safe_dump(job), encoding="utf-8")
    return path


def trainers_of(folder):
    """The processes that have to do with trials in `folder`, the oldest first."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if f"--job-dir={folder}" in command:
            found.append(int(process.name))
    return sorted(found)


def ended(process):
    """(exit code, standard output, standard error)"""
    output, error = process.communicate(timeout=PATIENCE)
    return process.returncode, output, error


class History:
    """What the tuner said in each of a study's runs."""


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A study of linear models: interrupted, killed, resumed, and then asked for a trial more."""
    folder = tmp_path_factory.mktemp("tuning") / "study"
    steps = ["--model=linear", "--train-steps=1000", "--job-dir=gs://not/here"]
    path = study_file(folder.parent, args=steps)
    read = study.read(path)
    # The hopeless one last: there is a median then.
    seed = next(n for n in count() if read.grid(n)[-1]["learning-rate"] == HOPELESS)
    flags = ("--study", path, "--folder", folder, "--seed", seed)
    more = ("--", "--eval-every=100")
    happened = History()
    happened.folder, happened.study = folder, study.read(path, more[1:])
    happened.grid = [point["learning-rate"] for point in read.grid(seed)]
    # Of platforms' words, none may get through to a trial.
    platform = {"AIP_MODEL_DIR": "/nowhere", "TF_CONFIG": "{"}
    with started("tune", *flags, "--trials", 3, *more, environment=platform) as tuner:
        measured = folder / "trial-1" / "output.metrics"
        wait_for(lambda: measured.exists() and read_metrics(measured, "accuracy"))
        os.killpg(tuner.pid, signal.SIGINT)
        happened.interrupted = ended(tuner)
        happened.left_over = trainers_of(folder)
    with started("tune", *flags, "--trials", 3, *more) as tuner:
        tuner.stdout.readline()
        happened.resumed_with = tuner.stdout.readline()
        wait_for(lambda: len(trainers_of(folder)) == 2)  # the leash and the trainer
        tuner.kill()
        tuner.wait(PATIENCE)
    with started("tune", *flags, "--trials", 3, "--parallel", 3, *more) as tuner:
        # The last one meets somebody who ends it.
        leash, _ = wait_for(lambda: len(found := trainers_of(folder / "trial-3")) == 2 and found)
        os.kill(leash, signal.SIGTERM)
        happened.finished = ended(tuner)
        happened.left_over += trainers_of(folder)
    with started("tune", *flags, *more) as tuner:
        happened.one_more = ended(tuner)
        happened.left_over += trainers_of(folder)
    return happened


def rows(output):
    """The table's rows as lists of cells."""
    lines = [line for line in output.splitlines() if line.startswith("|")]
    assert lines[0] == "| trial | learning-rate | accuracy | steps | state |"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_ctrl_c_ends_with_the_table_so_far_and_no_trainer(history):
    code, output, error = history.interrupted
    assert (code, error) == (130, "")
    ((number, _, accuracy, steps, state),) = rows(output)
    assert (number, accuracy, state) == ("1", "", "interrupted")
    assert 0 < int(steps) < 1000
    assert output.splitlines()[-1] == "stopped; the same command goes on"
    assert history.left_over == []


def test_what_was_at_work_is_taken_up_again_under_its_own_number(history):
    assert history.resumed_with == f"trial 1: --learning-rate={history.grid[0]}\n"
    log = (history.folder / "trial-1" / "trainer.log").read_text()
    assert re.search(r"going on from step \d+", log)
    steps = list(read_metrics(history.folder / "trial-1" / "output.metrics", "accuracy"))
    assert steps == list(range(100, 1001, 100))


def test_after_a_kill_the_study_goes_on_and_the_count_is_right(history):
    code, output, error = history.finished
    assert (code, error) == (0, "")
    found = rows(output)
    assert [row[0] for row in found] == ["1", "2", "3"]
    assert [float(row[1]) for row in found] == history.grid[:3]
    assert all(float(row[2]) > 0.85 and row[3:] == ["1000", "finished"] for row in found)


def test_a_trial_that_somebody_ends_goes_on(history):
    _, output, _ = history.finished
    assert output.count("trial 3: --learning-rate=") == 2
    assert output.count("trial 3: ended from outside (SIGTERM); it goes on where it was\n") == 1


def test_a_hopeless_trial_is_pruned_while_it_runs(history):
    code, output, error = history.one_more
    assert (code, error) == (0, "")
    begun = re.findall(r"^trial (\d+): --", output, re.MULTILINE)
    assert begun == ["4"]  # what had finished was not tried again
    number, rate, accuracy, steps, state = rows(output)[-1]
    assert (number, float(rate), state) == ("4", HOPELESS, "pruned")
    assert float(accuracy) < 0.5
    assert int(steps) < 1000
    assert f"trial 4: pruned, accuracy {accuracy} after {steps} steps" in output
    log = (history.folder / "trial-4" / "trainer.log").read_text()
    assert "final test accuracy" not in log


def test_the_best_is_said_as_flags_to_copy(history):
    _, output, _ = history.one_more
    (line,) = [line for line in output.splitlines() if line.startswith("best: ")]
    best = max(rows(output), key=lambda row: float(row[2]))
    rate = history.grid[int(best[0]) - 1]
    assert line == f"best: trial {best[0]}, accuracy {best[2]}: --learning-rate={rate}"
    # The best is the last measurement, of the validation digits.
    measured = read_metrics(history.folder / f"trial-{best[0]}" / "output.metrics", "accuracy")
    assert f"{measured[1000]:.4f}" == best[2]


def test_the_pictures_are_there_and_the_terminal_is_ours(history):
    _, output, _ = history.one_more
    for name in PICTURES:
        path = history.folder / f"{name}.png"
        assert f"see {path}" in output
        with Image.open(path) as picture:
            assert picture.width > 600 and len(picture.convert("RGB").getcolors(10**6)) > 10
    ours = re.compile(r"small: |trial \d|\||best: |see /|waiting for the trainers")
    for _, output, _ in (history.finished, history.one_more):
        assert all(ours.match(line) for line in output.splitlines())
    assert not list(history.folder.glob(".*.unfinished"))


def test_each_trial_has_a_job_folder_of_its_own(history):
    for number in (1, 2, 3):
        (exported,) = (history.folder / f"trial-{number}" / "job" / "export").iterdir()
        assert (exported / "saved_model.pb").is_file()


def test_another_study_is_refused_in_the_same_folder(history):
    other = study.read(history.folder.parent / "study.yaml", ["--eval-every=50"])
    with pytest.raises(UsageError, match=r"expected a study like this one, found one with flags"):
        Search(other, history.folder, 0, print)


def test_two_tuners_do_not_share_a_folder(history, tmp_path):
    taken = pytest.raises(UsageError, match="another tuner is at work there")
    with Search(history.study, tmp_path, 0, print), taken:
        Search(history.study, tmp_path, 0, print)
    with Search(history.study, tmp_path, 0, print):
        pass


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """How studies end that can't succeed; side by side, since each waits for a trainer."""
    folder = tmp_path_factory.mktemp("failures")
    wrong_flag = {"parameterId": "layer-size", "categoricalValueSpec": {"values": ["10"]}}
    loss = [{"metricId": "loss", "goal": "MINIMIZE"}]
    # A broken installation, which no parameter can mend.
    (folder / "tensorflow.py").write_text("raise ImportError('not here')")
    broken = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    studies = {
        "broken": (study_file(folder, "broken.yaml"), 4, broken),
        "allowed": (study_file(folder, "allowed.yaml", failures=2), 4, broken),
        "flag": (study_file(folder, "flag.yaml", parameters=[wrong_flag]), 1, {}),
        "metric": (study_file(folder, "metric.yaml", metrics=loss), 1, {}),
    }
    with ExitStack() as tuners:
        found = {}
        for name, (path, trials, environment) in studies.items():
            flags = ("--study", path, "--folder", folder / name, "--trials", trials)
            tuner = started("tune", *flags, environment=environment)
            found[name] = tuners.enter_context(tuner)
        found = {name: ended(tuner) for name, tuner in found.items()}
    assert trainers_of(folder) == []
    return found


def test_a_study_whose_first_three_trials_fail_ends_with_the_reason(failures):
    code, output, error = failures["broken"]
    assert code == 2
    reason = "ImportError: not here"
    said = re.findall(rf"^trial (\d): failed \(exit code 1\): {reason}$", output, re.MULTILINE)
    assert said == ["1", "2", "3"]
    assert error == f"error: all of the first 3 trials failed, the last with: {reason}\n"


def test_a_trainer_that_is_killed_is_said_to_be_and_a_study_in_vain_stays_so(tmp_path):
    # As the system does it when there is no memory left.
    (tmp_path / "tensorflow.py").write_text(
        "import os\nprint('at work', flush=True)\nos.kill(os.getpid(), 9)"
    )
    killing = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    flags = ("--study", study_file(tmp_path), "--folder", tmp_path / "study", "--trials", 1)
    reason = "killed by signal 9; perhaps out of memory"
    code, output, error = run("tune", *flags, environment=killing)
    assert (code, f"trial 1: failed (exit code 137): {reason}\n" in output) == (2, True)
    assert error.endswith(f"failed, the last with: {reason}\n")
    code, _, error = run("tune", *flags, environment=killing)
    assert (code, error.count("\n")) == (2, 1)
    assert "expected a trial that has finished, found 1, all failed; see" in error


def test_a_study_ends_when_more_trials_failed_than_it_bears(failures):
    code, output, error = failures["allowed"]
    assert code == 2
    assert output.count("failed") == 2
    assert error.startswith("error: 2 trials failed, as many as maxFailedTrialCount bears")


def test_a_parameter_that_is_no_flag_of_the_trainer_is_refused(failures):
    code, _, error = failures["flag"]
    assert code == 2
    assert error.startswith(
        "error: parameterId: expected a flag of the trainer, found 'layer-size'"
    )
    assert error.count("\n") == 1


def test_a_metric_that_the_trainer_does_not_report_is_missed(failures):
    code, _, error = failures["metric"]
    assert code == 2
    assert "expected the metric 'loss' in its metric file, found none" in error


def refused(capsys, *arguments):
    """The message of a tuner that begins nothing."""
    import tune

    with pytest.raises(SystemExit) as end:
        explain_and_exit(lambda: tune.main([*map(str, arguments)]))
    assert end.value.code == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


@pytest.fixture
def quiet_signals():
    """The tuner takes over these two, which here are pytest's."""
    ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in ours.items():
        signal.signal(number, handler)


def test_what_can_not_be_used_is_refused_in_one_line(capsys, tmp_path, quiet_signals):
    path = study_file(tmp_path)
    missing = tmp_path / "nothing.yaml"
    assert "it can't be read (No such file" in refused(
        capsys, "--study", missing, "--folder", tmp_path / "a"
    )
    assert not (tmp_path / "a").exists()
    assert "expected a folder to write in" in refused(
        capsys, "--study", path, "--folder", path / "a"
    )
    assert "a pattern, found ? [ ]; choose another" in refused(
        capsys, "--study", path, "--folder", tmp_path / "[a]?"
    )
    assert not (tmp_path / "[a]?").exists()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "study.db").write_text("not a database, but some text\n" * 100)
    assert "expected the database of a study" in refused(
        capsys, "--study", path, "--folder", tmp_path / "b"
    )
    (tmp_path / "c" / "trial-1").mkdir(parents=True)
    assert "expected no trials where there is no study" in refused(
        capsys, "--study", path, "--folder", tmp_path / "c"
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "required: --study, --folder"),
        (
            ("--study", "x", "--folder", "y", "--trials", "0"),
            "from 1 to 2147483647, found '0'",
        ),
        (
            ("--study", "x", "--folder", "y", "--seed", "-1"),
            "from 0 to 2147483647, found '-1'",
        ),
        (("--study", "x", "--folder", "y", "--model", "dnn"), "unrecognized arguments"),
    ],
)
def test_a_wrong_flag_is_refused(capsys, flags, message, quiet_signals):
    import tune

    with pytest.raises(SystemExit) as end:
        tune.main(list(flags))
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_the_clouds_study_is_read_whole():
    read = study.read(CLOUDS, ["--train-steps=300"])
    assert (read.name, read.metric, read.maximises) == ("mnist-tuning", "accuracy", True)
    assert (read.trials, read.parallel, read.failures_allowed) == (20, 2, 5)
    assert read.prunes and read.selection == "BEST_MEASUREMENT"
    assert read.flags[-1] == "--train-steps=300"
    kinds = {p.name: p.distribution for p in read.parameters}
    assert kinds["learning-rate"] == FloatDistribution(0.0003, 0.03, log=True)
    assert kinds["dropout"] == FloatDistribution(0.0, 0.5)
    assert isinstance(kinds["layer-sizes"], CategoricalDistribution)
    assert "300,100,30" in kinds["layer-sizes"].choices


def parameter(kind, scale=None, **values):
    found = {"parameterId": "x", kind: values}
    return found | ({"scaleType": scale} if scale else {})


@pytest.mark.parametrize(
    ("spec", "distribution", "flag"),
    [
        (
            parameter("integerValueSpec", "UNIT_LOG_SCALE", minValue=1, maxValue=64),
            IntDistribution(1, 64, log=True),
            (8, "--x=8"),
        ),
        (
            parameter("doubleValueSpec", minValue=0, maxValue=1),
            FloatDistribution(0.0, 1.0),
            (0.25, "--x=0.25"),
        ),
        (
            parameter("discreteValueSpec", "UNIT_LINEAR_SCALE", values=[64, 128]),
            CategoricalDistribution([64.0, 128.0]),
            (128.0, "--x=128.0"),  # as the cloud says it
        ),
        (
            parameter("categoricalValueSpec", values=["300,100", "800"]),
            CategoricalDistribution(["300,100", "800"]),
            ("300,100", "--x=300,100"),
        ),
    ],
)
def test_every_kind_of_parameter_is_read(tmp_path, spec, distribution, flag):
    path = study_file(tmp_path, parameters=[spec], algorithm="RANDOM_SEARCH")
    (read,) = study.read(path).parameters
    assert read.distribution == distribution
    assert read.flag(flag[0]) == flag[1]


LOG = "UNIT_LOG_SCALE"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": []}, "studySpec: expected only metrics, parameters, .* found the key 'metric'"),
        ({"metrics": []}, r"studySpec\.metrics: expected a list with something in it, found \[\]"),
        ({"metrics": [{"metricId": "a"}]}, r"metrics\[0\]\.goal: expected MAXIMIZE or MINIMIZE"),
        ({"metrics": [{"metricId": "a"}] * 2}, "expected one metric, .* found 2"),
        ({"parameters": None}, "studySpec: expected the key parameters, found none"),
        ({"parameters": ["x"]}, r"parameters\[0\]: expected a mapping, found 'x'"),
        ({"parameters": [{"parameterId": "x"}]}, "expected one of doubleValueSpec, .* found none"),
        (
            {"parameters": [parameter("doubleValueSpec") | parameter("integerValueSpec")]},
            "expected one of doubleValueSpec, .* found several",
        ),
        ({"parameters": [parameter("floatValueSpec")]}, "found the key 'floatValueSpec'"),
        (
            {"parameters": [parameter("doubleValueSpec", minValue=0)]},
            r"doubleValueSpec: expected the key maxValue, found none",
        ),
        (
            {"parameters": [parameter("doubleValueSpec", LOG, minValue=0, maxValue=1)]},
            r"minValue: expected more than 0, because of UNIT_LOG_SCALE, found 0",
        ),
        (
            {"parameters": [parameter("doubleValueSpec", minValue="1e-4", maxValue=1)]},
            r"minValue: expected a number, found '1e-4', a text to YAML; write 0\.0001",
        ),
        (
            {"parameters": [parameter("doubleValueSpec", minValue=2, maxValue=1)]},
            "expected minValue not above maxValue, found 2.0 and 1.0",
        ),
        (
            {"parameters": [parameter("doubleValueSpec", minValue=0, maxValue=float("inf"))]},
            "maxValue: expected a finite number, found inf",
        ),
        (
            {"parameters": [parameter("integerValueSpec", minValue=0.5, maxValue=1)]},
            r"minValue: expected a whole number, found 0\.5",
        ),
        (
            {"parameters": [parameter("doubleValueSpec", "LOG", minValue=0, maxValue=1)]},
            "scaleType: expected UNIT_LINEAR_SCALE or UNIT_LOG_SCALE, found 'LOG'",
        ),
        (
            {
                "parameters": [
                    parameter("doubleValueSpec", "UNIT_REVERSE_LOG_SCALE", minValue=0, maxValue=1)
                ]
            },
            "scaleType: expected UNIT_LINEAR_SCALE or UNIT_LOG_SCALE",
        ),
        (
            {"parameters": [parameter("categoricalValueSpec", LOG, values=["a"])]},
            "scaleType: expected none, because words are not on a scale",
        ),
        (
            {"parameters": [parameter("categoricalValueSpec", values=[100])]},
            r"values\[0\]: expected a text, found 100; put it in quotes",
        ),
        (
            {"parameters": [parameter("discreteValueSpec", values=[2, 1])]},
            "values: expected increasing numbers",
        ),
        (
            {"parameters": [parameter("discreteValueSpec", values=[1])] * 2},
            "parameterId: expected each parameterId once, found 'x'",
        ),
        (
            {"parameters": [parameter("doubleValueSpec", minValue=0, maxValue=1)]},
            "expected values that can be counted, for GRID_SEARCH, found a doubleValueSpec",
        ),
        (
            {"parameters": [parameter("discreteValueSpec", values=[1, 10**400])]},
            r"values\[1\]: expected a finite number, found 1000",
        ),
        (
            {"parameters": [parameter("integerValueSpec", minValue=-(10**400), maxValue=0)]},
            "minValue: expected a whole number from -2147483647 to 2147483647, found -1000",
        ),
        (
            {
                "parameters": [
                    parameter("integerValueSpec", minValue=1, maxValue=10**6) | {"parameterId": id}
                    for id in "ab"
                ]
            },
            "at most 100,000 combinations of values, for GRID_SEARCH, found 1,000,000,000,000",
        ),
        ({"algorithm": "TPE"}, "algorithm: expected ALGORITHM_UNSPECIFIED or RANDOM_SEARCH or"),
        ({"decayCurveStoppingSpec": {}}, "found the key 'decayCurveStoppingSpec'"),
        (
            {"medianAutomatedStoppingSpec": {"useElapsedDuration": True}},
            "useElapsedDuration: expected false, because trials are compared step by step",
        ),
    ],
)
def test_a_study_that_makes_no_sense_here_is_refused(tmp_path, changes, message):
    path = study_file(tmp_path, **changes)
    with pytest.raises(UsageError, match=message) as error:
        study.read(path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", r", line 1, column 6: expected YAML, but expected ',' or ']'"),
        ("displayName: 2024-99-99", r"a value can't be read \(month must .*; put it in quotes"),
        pytest.param("a: " + 3000 * "[", "but it is nested too deeply", id="deep"),
        pytest.param("a: " + 5000 * "1", "but a value can't be read", id="long"),
        ("", ": expected a mapping, found nothing"),
        ("- 1", r": expected a mapping, found \[1\]"),
        ("maxTrialCounts: 1", "found the key 'maxTrialCounts'"),
        ("displayName: x", ": expected the key studySpec, found none"),
        ("a: \0", "expected YAML, but unacceptable character #x0000"),
        ("\udcff", r"expected a YAML file, but it can't be read \(it is not text\)"),
    ],
)
def test_a_file_that_is_no_study_is_refused(tmp_path, text, message):
    path = tmp_path / "study.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=message):
        study.read(path)


def test_a_grid_is_every_combination_once_in_an_order_of_the_seed(tmp_path):
    parameters = [
        parameter("discreteValueSpec", values=[1, 2, 3]),
        {"parameterId": "y", "integerValueSpec": {"minValue": 4, "maxValue": 5}},
    ]
    read = study.read(study_file(tmp_path, parameters=parameters))
    grid = read.grid(seed=0)
    every = {(x, y) for x in (1.0, 2.0, 3.0) for y in (4, 5)}
    assert sorted((point["x"], point["y"]) for point in grid) == sorted(every)
    assert grid == read.grid(seed=0) != read.grid(seed=1)


@pytest.mark.parametrize(
    ("selection", "goal", "value"),
    [
        ("LAST_MEASUREMENT", "MAXIMIZE", 2),
        ("BEST_MEASUREMENT", "MAXIMIZE", 3),
        ("BEST_MEASUREMENT", "MINIMIZE", 1),
    ],
)
def test_a_trial_is_judged_by_the_measurement_that_the_study_says(tmp_path, selection, goal, value):
    metrics = [{"metricId": "accuracy", "goal": goal}]
    path = study_file(tmp_path, metrics=metrics, measurementSelectionType=selection)
    assert study.read(path).judged_by([1, 3, 2]) == value


@pytest.mark.parametrize("algorithm", ["ALGORITHM_UNSPECIFIED", "RANDOM_SEARCH"])
def test_the_proposals_are_the_seeds_whether_a_study_was_interrupted_or_not(tmp_path, algorithm):
    spec = parameter("doubleValueSpec", minValue=0, maxValue=1)
    read = study.read(study_file(tmp_path, parameters=[spec], algorithm=algorithm))

    def propose(search, number):
        found = [search.propose() for _ in range(number)]
        return [trial and trial.params["x"] for trial in found]

    with Search(read, tmp_path / "one", 3, print) as search:
        whole = propose(search, 5)
    assert whole[4] is None and len(set(whole)) == 5
    with Search(read, tmp_path / "two", 3, print) as search:
        assert propose(search, 2) == whole[:2]
    with Search(read, tmp_path / "two", 3, print) as search:  # both are taken up again
        assert propose(search, 5) == whole
        assert [trial.user_attrs["id"] for trial in search.trials()] == [1, 2, 3, 4]
    with Search(read, tmp_path / "three", 4, print) as search:
        assert propose(search, 1) != whole[:1]


@pytest.mark.parametrize("name", ["50%", "a%41#b", "c&d=e;f"])
def test_any_other_folder_can_hold_a_study(tmp_path, name):
    read = study.read(study_file(tmp_path))
    with Search(read, tmp_path / name, 0, print) as search:
        assert search.propose()
    assert (tmp_path / name / "study.db").is_file()


def test_the_metric_file_is_read_as_googles_package_writes_it(tmp_path, monkeypatch):
    path = tmp_path / "metrics" / "output.metrics"
    monkeypatch.setenv("CLOUD_ML_HP_METRIC_FILE", str(path))
    monkeypatch.setenv("CLOUD_ML_TRIAL_ID", "3")
    assert read_metrics(path, "accuracy") == {}
    writer = hypertune.HyperTune()
    for step in range(100, 15_001, 100):  # it keeps the last hundred lines
        writer.report_hyperparameter_tuning_metric("accuracy", step / 15_000, step)
    found = read_metrics(path, "accuracy")
    assert found == {step: step / 15_000 for step in range(5100, 15_001, 100)}
    assert read_metrics(path, "loss") == {}


def test_a_metric_file_that_is_being_written_is_read_as_far_as_it_is_whole(tmp_path):
    path = tmp_path / "output.metrics"
    lines = (
        '{"accuracy": "0.5", "global_step": "2"}\n{"accuracy": "nan", "global_step": "3"}\n'
        'no JSON\n[1]\n{"accuracy": "0.4", "global_step": "1"}\n'
        '{"accuracy": "0.6", "global_step": "2"}\n{"accuracy": "0.7", "global_st'
    )
    path.write_text(lines, encoding="utf-8")
    assert read_metrics(path, "accuracy") == {1: 0.4, 2: 0.6}


STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('at work', flush=True); time.sleep(600)"
)

WILLING = "import time; print('at work', flush=True); time.sleep(600)"


@pytest.mark.parametrize(
    ("program", "end", "code"),
    [
        # Even one that ignores SIGTERM ends, when nobody holds the leash any more.
        (STUBBORN, lambda leash: leash.stdin.close(), 128 + signal.SIGKILL),
        (WILLING, subprocess.Popen.terminate, 128 + signal.SIGTERM),
    ],
)
def test_a_leash_ends_what_is_on_it(program, end, code):
    grace = "0.3" if program == STUBBORN else "30"
    command = [sys.executable, "-m", "leash", grace, sys.executable, "-c", program]
    with subprocess.Popen(
        command, cwd=MLENGINE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as leash:
        assert leash.stdout.readline() == "at work\n"
        assert leash.poll() is None
        end(leash)
        assert leash.wait(30) == code


def test_the_leash_passes_the_exit_code_on():
    command = [sys.executable, "-m", "leash", "1", sys.executable, "-c", "exit(7)"]
    with subprocess.Popen(command, cwd=MLENGINE, stdin=subprocess.PIPE) as leash:
        assert leash.wait(30) == 7


def test_a_lock_ends_with_the_last_process_that_inherited_it(tmp_path):
    path = tmp_path / "lock"
    ours = locks.hold(path)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(ours.fileno(),)
    ) as heir:
        ours.close()
        assert locks.hold(path) is None
        heir.stdin.close()
        heir.wait(30)
    locks.hold(path, patience=1).close()


def test_a_trials_folder_that_cant_be_used_is_told(tmp_path):
    (tmp_path / "study").mkdir()
    with Search(study.read(study_file(tmp_path)), tmp_path / "study", 0, print) as search:
        (tmp_path / "study" / "trial-1").touch()
        with pytest.raises(UsageError, match=r"/trial-1: can't be written \(.*; move it away"):
            search.run(lambda: False)


def tried(study, number, state, **more):
    """A trial of a study, as Optuna has it."""
    return create_trial(
        state=state,
        params={"learning-rate": 0.003},
        distributions={p.name: p.distribution for p in study.parameters},
        user_attrs={"id": number},
        **more,
    )


def test_nothing_is_drawn_before_a_trial_has_finished(tmp_path):
    read = study.read(study_file(tmp_path))
    failed = tried(read, 1, TrialState.FAIL)
    assert report.draw(read, [failed], tmp_path) == []
    assert report.table(read, [failed])[-1] == "| 1 | 0.003 |  |  | failed |"
    one = tried(read, 2, TrialState.COMPLETE, value=0.9, intermediate_values={10: 0.9})
    drawn = report.draw(read, [failed, one], tmp_path)
    assert [path.stem for path in drawn] == list(PICTURES[:3])
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)
    drawn[1].unlink()
    drawn[1].mkdir()
    with pytest.raises(UsageError, match=r"slice\.png: can't be written \("):
        report.draw(read, [failed, one], tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_two_that_draw_the_same_picture_do_not_meet(tmp_path, monkeypatch):
    read = study.read(study_file(tmp_path))
    trials = [tried(read, 1, TrialState.COMPLETE, value=0.9)]
    overtake(monkeypatch, lambda: report.draw(read, trials, tmp_path))
    drawn = report.draw(read, trials, tmp_path)
    assert [path.stem for path in drawn] == list(PICTURES[:3])
    assert not list(tmp_path.glob(".*"))
