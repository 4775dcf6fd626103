"""The trainer as a user starts it: what it says, what it leaves, and what it refuses."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import hypertune
import numpy as np
import pytest
import tensorflow as tf

import mnistdata
import programs
from errors import UsageError, explain_and_exit
from tests.digits import write_first
from tests.mlengine.jobs import MLENGINE, board, curve, run, wait_for
from tests.screen import SIGNALLED
from trainer import cluster, data, loop, settings, task
from trainer.checkpoints import Checkpoints, prepare
from trainer.errors import JobError
from trainer.hypertune import report
from trainer.models import ARCHITECTURES

FINAL = re.compile(
    r"final test accuracy: (0\.\d{4}), loss (\d+\.\d{4}), (\d+) of 10000 misread, (\d+) steps, "
    r"\d+\.\d s"
)


def told(*flags, model="dnn", steps=20):
    """Settings of a job whose files stay in memory."""
    flags = ("--model", model, "--train-steps", steps, *flags)
    return settings.read([*map(str, flags)], dict.fromkeys(settings.FOLDERS, ""))


def train(given):
    """Run a job in this process. Returns it, its `Result` and the lines it said."""
    alone, said = cluster.Cluster({}), []
    strategy = tf.distribute.get_strategy()
    digits = data.read(given, strategy)
    prepare(given, True)
    job = loop.Job(given, strategy, digits)
    return job, loop.run(job, alone, lambda: False, said.append), said


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A short run of the dnn: its folder, output, and the file for a tuning service."""
    folder = tmp_path_factory.mktemp("job")
    metrics = folder / "tuning" / "output.metrics"
    flags = ("--model", "dnn", "--train-steps", 200, "--eval-every", 50, "--save-every", 40)
    environment = {"CLOUD_ML_HP_METRIC_FILE": str(metrics), "CLOUD_ML_TRIAL_ID": "7"}
    code, output, error = run("trainer.task", *flags, "--job-dir", folder, environment=environment)
    assert (code, error) == (0, "")
    return folder, output, metrics


def test_it_says_what_matters(finished):
    folder, output, _ = finished
    first, *evaluations, exported, last = output.splitlines()
    assert first == "dnn: 268,940 parameters · 1 CPU · 55,000 training digits"
    for step, line in zip((50, 100, 150, 200), evaluations, strict=True):
        assert re.fullmatch(rf"step {step}: validation accuracy 0\.\d{{4}}, loss 0\.\d{{4}}", line)
    accuracy, _, misread, steps = FINAL.fullmatch(last).groups()
    assert float(accuracy) > 0.9
    assert (int(misread), steps) == (round(10_000 * (1 - float(accuracy))), "200")
    best = max(evaluations, key=lambda line: re.search(r"accuracy (\S+),", line)[1])
    version = re.match(r"step (\d+)", best)[1]
    assert exported == f"exported to {folder}/export/{version}"


def test_it_keeps_three_checkpoints_and_the_best(finished):
    folder, _, _ = finished
    kept = {path.stem for path in (folder / "checkpoints").glob("ckpt-*.index")}
    assert kept == {"ckpt-120", "ckpt-160", "ckpt-200"}
    assert len(list((folder / "checkpoints" / "best").glob("best-*.index"))) == 1


def test_tensorboard_shows_curves_histograms_misread_digits_and_the_graph(finished):
    folder, output, _ = finished
    said = dict(re.findall(r"step (\d+): validation accuracy (\S+),", output))
    accuracies = curve(folder, "validation", "accuracy")
    assert {str(step): f"{value:.4f}" for step, value in accuracies.items()} == said
    assert set(curve(folder, "validation", "loss")) == {50, 100, 150, 200}
    losses = curve(folder, "training", "loss")
    assert losses[50] > losses[100] > losses[200] > 0
    assert 0.5 < curve(folder, "training", "accuracy")[50] < 1
    rates = curve(folder, "training", "learning rate")
    assert 0.003 > rates[50] > rates[200] > 0
    training, validation = board(folder, "training"), board(folder, "validation")
    names = {f"layer{number}/{name}" for number in range(4) for name in "WB"}
    assert names <= set(training.Tags()["tensors"])
    histogram = tf.make_ndarray(training.Tensors("layer0/W")[-1].tensor_proto)
    assert histogram[:, 2].sum() == 784 * 300
    assert len(training.Graph().node) > 10
    # The images are digits of the validation set, with the labels that the table gives.
    pictures = tf.make_ndarray(validation.Tensors("misread")[-1].tensor_proto)[2:]
    table = tf.make_ndarray(validation.Tensors("misread digits")[-1].tensor_proto).item().decode()
    digits = mnistdata.read_data_sets().train.part(-5000, None)
    for picture, row in zip(pictures, table.splitlines()[2:], strict=True):
        image = tf.io.decode_png(picture).numpy()
        _, label, computed = (int(cell) for cell in row.strip("| ").split(" | "))
        place = (digits.pixels == image).all(axis=(1, 2, 3)).argmax()
        assert (digits.pixels[place] == image).all()
        assert digits.classes[place] == label != computed


def test_a_tuning_service_finds_its_metric(finished, tmp_path, monkeypatch):
    _, output, metrics = finished
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [line["global_step"] for line in lines] == ["50", "100", "150", "200"]
    said = [float(value) for value in re.findall(r"validation accuracy (\S+),", output)]
    assert [round(float(line["accuracy"]), 4) for line in lines] == said
    # Line by line what Google's own package writes.
    monkeypatch.setenv("CLOUD_ML_HP_METRIC_FILE", str(tmp_path / "theirs"))
    monkeypatch.setenv("CLOUD_ML_TRIAL_ID", "7")
    theirs = hypertune.HyperTune()
    for line in lines:
        theirs.report_hyperparameter_tuning_metric(
            "accuracy", float(line["accuracy"]), int(line["global_step"])
        )
    for ours, line in zip(lines, (tmp_path / "theirs").read_text().splitlines(), strict=True):
        assert {**json.loads(line), "timestamp": 0} == {**ours, "timestamp": 0}


def test_a_metric_file_that_cant_be_written_is_explained(tmp_path):
    (tmp_path / "file").touch()
    environment = {"CLOUD_ML_HP_METRIC_FILE": str(tmp_path / "file" / "metrics")}
    with pytest.raises(UsageError, match=r"can't be written \(.+\); the platform's"):
        report(0.5, 1, environment)
    report(0.5, 1, {})  # not a tuning study: nothing is written anywhere


def test_what_is_exported_reads_as_what_was_trained(finished):
    folder, output, _ = finished
    (place,) = (folder / "export").iterdir()
    read = tf.saved_model.load(str(place)).signatures["serving_default"]
    images = mnistdata.read_data_sets().test.images[..., 0]
    answers = read(image=tf.constant(images))
    assert answers["classes"].dtype == tf.int64
    assert answers["probabilities"].shape == (10_000, 10)
    classes = mnistdata.read_data_sets().test.classes
    assert f"{np.mean(answers['classes'].numpy() == classes):.4f}" == FINAL.search(output)[1]
    assert read(image=tf.zeros([0, 28, 28]))["classes"].shape == (0,)


def test_another_runs_folder_is_refused_and_fresh_clears_it(finished, tmp_path):
    folder, _, _ = finished
    flags = ("--train-steps", 20, "--eval-every", 20, "--job-dir", folder)
    own = [folder / name for name in ("notes.txt", "export/notes.txt", "checkpoints/best.txt")]
    for path in own:
        path.write_text("mine")
    before = sorted(folder.rglob("*"))
    code, output, error = run("trainer.task", "--model", "linear", *flags)
    assert (code, output) == (2, "")
    assert "expected a run like this one, found one with model dnn instead of linear" in error
    assert "add --fresh to delete it, or choose another --job-dir" in error
    assert sorted(folder.rglob("*")) == before
    with pytest.raises(UsageError, match=r"found one with seed 0 instead of 1; add --fresh"):
        prepare(told("--seed", 1, "--job-dir", folder), True)
    prepare(told("--job-dir", folder, steps=999), True)  # longer: the same run
    # What it would train on is looked at before anything is deleted.
    for wrong, message in (
        (("--data", "/nowhere"), "error: data folder /nowhere: "),
        (("--batch-size", 60_001), "error: --batch-size: expected at most the "),
        (("--cpu-devices", 3), "error: --batch-size: expected a multiple of 3, the number of dev"),
    ):
        code, output, error = run("trainer.task", "--model", "linear", *flags, "--fresh", *wrong)
        assert (code, output) == (2, "")
        assert error.startswith(message)
        assert sorted(folder.rglob("*")) == before
    given = told("--fresh", "--eval-every", 20, "--job-dir", folder, model="linear")
    train(given)
    assert {path.name for path in (folder / "export").iterdir()} == {"20", "notes.txt"}
    assert [path.read_text() for path in own] == ["mine"] * 3
    assert list(curve(folder, "validation", "loss")) == [20]


@pytest.fixture(scope="module")
def small_data(tmp_path_factory):
    return write_first(tmp_path_factory.mktemp("data"), 2000, 500)


@pytest.mark.parametrize("model", ARCHITECTURES)
def test_every_model_learns(model, small_data):
    """In memory, which is to TensorFlow a file system like a bucket."""
    flags = ("--data", small_data, "--validation", 500, "--eval-every", 30, "--batch-size", 50)
    job, result, said = train(told(*flags, "--job-dir", f"ram://{model}", model=model, steps=60))
    assert [line.split(":")[0] for line in said] == ["step 30", "step 60"]
    assert result.test.accuracy > 0.6  # of guessing, 0.1
    assert result.test.loss < 1.5  # and 2.3
    answers = tf.saved_model.load(result.exported).signatures["serving_default"]
    images = tf.constant(job.test.images[:50])
    expected = tf.nn.softmax(job.network.answer(images))
    found = answers(image=images[..., 0])["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_cnn_has_the_980_values_of_its_source():
    with tf.Graph().as_default():
        network = loop.Network(told("--job-dir", "ram://shapes", model="cnn"))
        shapes = [layer.W.shape for layer in network.layers]
    assert shapes == [(5, 5, 1, 10), (5, 5, 10, 20), (980, 300), (300, 10)]


def test_flags_change_the_model():
    flags = ("--filters", "3,4", "--kernel-sizes", "3,5", "--layer-sizes", "20,10")
    network = loop.Network(told(*flags, "--job-dir", "ram://flags", model="cnn"))
    shapes = [tuple(layer.W.shape) for layer in network.layers]
    assert shapes == [(3, 3, 1, 3), (5, 5, 3, 4), (196, 20), (20, 10), (10, 10)]


def test_smoothed_labels_leave_some_doubt():
    network = loop.Network(told("--job-dir", "ram://smoothed", model="lesson_5_0"))
    logits = tf.random.stateless_normal([50, 10], [1, 2])
    labels = np.arange(50) % 10
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    smoothed = 0.9 * np.eye(10)[labels] + 0.01  # as lesson 5.0 does
    expected = tf.nn.softmax_cross_entropy_with_logits(smoothed, logits)
    assert np.allclose(network.objective(losses, logits), expected, atol=1e-5)
    plain = loop.Network(told("--job-dir", "ram://plain", model="cnn"))
    assert (plain.objective(losses, logits) == losses).numpy().all()


def test_convolutions_have_to_leave_something(tmp_path):
    flags = ("--kernel-sizes", "5,5,5,5,5,5", "--job-dir", tmp_path)
    code, output, error = run("trainer.task", "--model=lesson_5_0", "--train-steps=1", *flags)
    assert (code, output) == (2, "")
    assert error.startswith("error: --kernel-sizes: expected them to leave something of the 28 x")
    # The corrected command is not kept out.
    assert not (tmp_path / "checkpoints" / "run.json").exists()


def test_ctrl_c_while_tensorflow_starts_ends_it_without_a_word(tmp_path):
    command = [sys.executable, "-m", "trainer.task", "--model", "linear", "--job-dir", tmp_path]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=MLENGINE, text=True, **pipes) as process:
        mapped = Path(f"/proc/{process.pid}/maps")
        wait_for(lambda: "libtensorflow" in mapped.read_text())
        process.send_signal(signal.SIGINT)
        output, error = process.communicate()
    assert (process.returncode, output, error) == (130, "", "")
    assert not list(tmp_path.iterdir())


def test_a_signal_amid_a_computation_harms_nothing(tmp_path):
    (tmp_path / "multiplying.py").write_text(
        "import quiet_tensorflow, time, tensorflow as tf\n"
        "tf.config.threading.set_intra_op_parallelism_threads(1)  # that of the signals\n"
        "A, B, end = tf.ones([1000, 784]), tf.ones([784, 200]), time.monotonic() + 3\n"
        "while time.monotonic() < end:\n"
        "    C = tf.matmul(A, B)\n"
        "    D = tf.matmul(A, C, transpose_a=True)\n"
        "print(int(tf.reduce_min(C)), int(tf.reduce_max(D)))\n"
    )
    ended = subprocess.run(
        [sys.executable, SIGNALLED, tmp_path / "multiplying.py"],
        env=programs.with_modules(os.environ),
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "784 784000\n", "")


def test_closed_standard_error_is_no_obstacle():
    command = [sys.executable, "-c", "import quiet_tensorflow; print('there')"]
    shell = ["bash", "-c", 'exec "$@" 2>&-', "bash", *command]
    ended = subprocess.run(shell, cwd=MLENGINE, stdout=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stdout) == (0, "there\n")


def test_a_signal_while_tensorflow_starts_shows_nothing_of_its_chatter(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os, signal\nos.write(2, b'chatter')\nos.kill(os.getpid(), signal.SIGTERM)"
    )
    program = (
        f"import signal, sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); import quiet_tensorflow"
    )
    command = [sys.executable, "-B", "-c", program]
    ended = subprocess.run(command, cwd=MLENGINE, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "", "")


def test_it_stops_early_and_keeps_the_best(small_data):
    flags = ("--data", small_data, "--validation", 500, "--eval-every", 10, "--patience", 2)
    rate = ("--learning-rate", 3, "--schedule", "constant")
    given = told(*flags, *rate, "--job-dir", "ram://early", steps=1000)
    _, result, said = train(given)
    accuracies = [float(re.search(r"accuracy (\S+),", line)[1]) for line in said]
    losses = [float(line.rsplit(" ", 1)[1]) for line in said]
    merits = list(zip(accuracies, [-loss for loss in losses], strict=True))
    best = merits.index(max(merits))
    assert len(said) == best + 3 < 100
    assert result.steps == 10 * len(said)
    assert result.exported == f"ram://early/export/{10 * (best + 1)}"


def test_without_a_validation_set_the_test_digits_are_judged_by(small_data):
    flags = ("--data", small_data, "--validation", 0, "--eval-every", 20)
    given = told(*flags, "--job-dir", "ram://none", model="linear")
    job, result, said = train(given)
    assert len(job.training) == 2000
    assert said == [
        f"step 20: test accuracy {result.test.accuracy:.4f}, loss {result.test.loss:.4f}"
    ]
    assert result.exported == "ram://none/export/20"


def test_vertex_says_where_and_flags_win():
    said = {variable: f"gs://bucket/{variable}" for variable in settings.FOLDERS.values()}
    given = settings.read(["--model", "dnn", "--train-steps", "5"], said)
    assert given.export_dir == "gs://bucket/AIP_MODEL_DIR"
    assert given.checkpoints_dir == "gs://bucket/AIP_CHECKPOINT_DIR"
    assert given.logs_dir == "gs://bucket/AIP_TENSORBOARD_LOG_DIR"
    flags = ["--model", "dnn", "--train-steps", "5", "--job-dir", "gs://own/job/"]
    given = settings.read(flags, said)
    assert given.export_dir == "gs://own/job/export"
    assert given.checkpoints_dir == "gs://own/job/checkpoints"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--model", "rnn"), "invalid choice: 'rnn'"),
        (("--train-steps", "0"), "expected a whole number from 1 to 2147483647, found '0'"),
        (("--learning-rate", "nan"), "expected a number from 1e-08 to 10, found 'nan'"),
        (("--layer-sizes", "300,,3"), "expected a whole number from 1 to 10000, found ''"),
        (("--filters", "10,20"), "expected none, because the model dnn has 0 convolutions"),
        (("--model", "cnn", "--filters", "10"), "expected 2, because the model cnn has 2 conv"),
        (("--model", "linear", "--layer-sizes", "9"), "the model linear has no hidden layers"),
        (("--model", "linear", "--dropout", "0.5"), "expected a hidden layer to drop from"),
        (("--patience", "3", "--validation", "0"), "expected digits to judge by"),
        (("--step", "3"), "unrecognized arguments: --step 3"),
    ],
)
def test_wrong_flags_are_explained(capsys, flags, message):
    with pytest.raises(SystemExit) as end:
        told("--job-dir", "ram://wrong", *flags)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_a_job_without_a_folder_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        told()
    assert end.value.code == 2
    assert "expected a folder for the export, found none; add --job-dir" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--data", "nowhere"), "data folder nowhere: expected a folder"),
        (("--validation", 60_000), "expected a part of the 60000 training images, found 60000"),
        (("--batch-size", 55_001), "expected at most the 55000 training digits, found 55001"),
    ],
)
def test_data_that_does_not_do_is_explained(flags, message):
    with pytest.raises((UsageError, mnistdata.DataError), match=message) as refused:
        train(told("--job-dir", "ram://mistake", *flags))
    assert refused.value.exit_code == 2
    # The mistake has not made the folder its own.
    prepare(told("--job-dir", "ram://mistake"), True)


def test_a_folder_that_cant_be_written_is_explained(tmp_path):
    (tmp_path / "file").write_text("precious")
    for folder in (tmp_path / "file", "/proc/job"):
        with pytest.raises(UsageError, match=r"can't be written \(.+\); choose another --job-dir"):
            prepare(told("--job-dir", folder), True)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("name", ["a[1]", "b*", "c?", "d\\e"])
def test_a_folder_that_tensorflow_takes_for_a_pattern_is_refused(tmp_path, name):
    for folder in (tmp_path / name, f"gs://bucket/{name}"):
        for is_chief in (True, False):
            with pytest.raises(UsageError, match=r"takes for a pattern, found .*; choose another"):
                prepare(told("--job-dir", folder), is_chief)
    assert not list(tmp_path.iterdir())


def test_states_of_nobody_knows_which_run_are_refused(tmp_path):
    given = told("--job-dir", tmp_path)
    number = tf.Variable(1.0)
    Checkpoints(given.checkpoints_dir, {"number": number}, True).save(1)
    with pytest.raises(UsageError, match=r"found states without run\.json, .*; add --fresh to"):
        prepare(given, True)
    prepare(told("--job-dir", tmp_path, "--fresh"), True)
    prepare(given, True)


def test_a_disk_without_room_is_explained_and_what_was_saved_is_whole(
    tmp_path, monkeypatch, capsys
):
    steps = ("--train-steps", "60", "--eval-every", "60", "--save-every", "20")
    flags = ("--model", "dnn", "--job-dir", str(tmp_path), *steps)
    monkeypatch.setattr(sys, "argv", ["task", *flags])
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # those of the tests shall stay
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file can grow: the system then refuses as it does when the disk is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
    try:
        with pytest.raises(SystemExit) as ended:
            explain_and_exit(task.main)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert "File too large; make room, or choose a smaller model" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "checkpoints" / "checkpoint").exists()
    assert task.main() == 0
    assert "60 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "as JSON, found '{'"),
        ("[1]", "as JSON"),
        ('{"cluster": {"chief": ["a:1"], "ps": ["b:1"]}, "task": {}}', "found ps; here all"),
        (
            '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker", '
            '"index": 3}}',
            "this machine, worker 3, is not in its own cluster",
        ),
        ('{"cluster": {"worker": ["alpha", "beta"]}}', "as host:port, .* found 'alpha'"),
        ('{"cluster": {"worker": ["a:1", "b:70001"]}}', "as host:port, .* found 'b:70001'"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"index": Infinity}}', "as JSON, found"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": ["worker"]}}', "as JSON, found"),
        ('{"cluster": {"chief": ["a:1", "b:1"]}}', "expected one chief, found 2"),
        ('{"cluster": {"worker": [1, 2]}}', "as host:port, such as alpha:2222, found 1"),
    ],
)
def test_a_cluster_that_makes_no_sense_is_explained(text, message):
    with pytest.raises(UsageError, match=message):
        cluster.from_environment({"TF_CONFIG": text})


def test_a_single_machine_is_no_cluster():
    for text in ("", '{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}}'):
        found = cluster.from_environment({"TF_CONFIG": text})
        assert not found.addresses
        assert found.is_chief


def test_a_state_that_is_not_whole_is_not_taken_for_one(tmp_path):
    """What a kill in the middle of saving leaves: files, but not yet named by `checkpoint`."""
    number = tf.Variable(1.0)
    states = Checkpoints(str(tmp_path), {"number": number}, True)
    states.save(1)
    named = (tmp_path / "checkpoint").read_bytes()
    number.assign(2.0)
    states.save(2)
    (tmp_path / "ckpt-2.index").rename(tmp_path / "kept")
    (tmp_path / "checkpoint").write_bytes(named)
    said = []
    assert Checkpoints(str(tmp_path), {"number": number}, True).restore(said.append)
    assert (number.numpy(), said) == (1.0, [])


@pytest.mark.parametrize("damage", ["empty index", "no index", "half the data"])
def test_before_a_damaged_state_there_is_another(tmp_path, damage):
    numbers = tf.Variable(tf.zeros([1000]))
    states = Checkpoints(str(tmp_path), {"numbers": numbers}, True)
    for step in (1, 2, 3):
        numbers.assign(tf.fill([1000], float(step)))
        states.save(step)
    index, data = tmp_path / "ckpt-3.index", tmp_path / "ckpt-3.data-00000-of-00001"
    if damage == "no index":
        index.unlink()
    elif damage == "empty index":
        index.write_bytes(b"")
    else:
        data.write_bytes(data.read_bytes()[:2000])
    said = []
    assert Checkpoints(str(tmp_path), {"numbers": numbers}, True).restore(said.append)
    assert set(numbers.numpy()) == {2.0}
    assert said == [f"{tmp_path / 'ckpt-3'} is damaged"]
    for left in tmp_path.glob("*.index"):
        left.unlink()
    with pytest.raises(JobError, match="expected a state to go on from, but all are damaged"):
        Checkpoints(str(tmp_path), {"numbers": numbers}, True).restore(said.append)


@pytest.mark.parametrize(
    "damage", ["missing", b"", bytes(80), b"\xff", b'model_checkpoint_path: "c']
)
def test_the_states_are_found_without_the_file_that_names_them(tmp_path, damage, capfd):
    """Damaged as a power cut does it. The one that was being saved then is left alone."""
    numbers = tf.Variable(tf.zeros([1000]))
    states = Checkpoints(str(tmp_path), {"numbers": numbers}, True)
    for step in (8, 9, 10):
        numbers.assign(tf.fill([1000], float(step)))
        states.save(step)
        states.save_best(step)
    (tmp_path / "ckpt-11.index").touch()
    for file in (tmp_path / "checkpoint", tmp_path / "best" / "checkpoint"):
        if damage == "missing":
            file.unlink()
        else:
            file.write_bytes(damage)
    said = []
    for is_chief in (False, True):  # the chief mends it, so the others have to find them first
        states = Checkpoints(str(tmp_path), {"numbers": numbers}, is_chief)
        for put_back in (states.restore, states.restore_best):
            numbers.assign(tf.zeros([1000]))
            put_back(said.append)
            assert set(numbers.numpy()) == {10.0}
    states.save(12)
    states.save_best(12)
    assert {path.stem for path in tmp_path.glob("*-*.index")} == {
        *("ckpt-9", "ckpt-10", "ckpt-11", "ckpt-12")
    }
    assert [path.stem for path in (tmp_path / "best").glob("*.index")] == ["best-12"]
    assert (said, capfd.readouterr().err) == ([], "")


@pytest.mark.parametrize("damage", ["empty index", "half the data"])
def test_where_the_best_state_is_damaged_the_last_one_is_exported(tmp_path, damage):
    numbers = tf.Variable(tf.zeros([1000]))
    states = Checkpoints(str(tmp_path), {"numbers": numbers}, True)
    states.save_best(1)
    numbers.assign(tf.ones([1000]))
    if damage == "empty index":
        (tmp_path / "best" / "best-1.index").write_bytes(b"")
    else:
        data = tmp_path / "best" / "best-1.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:2000])
    said = []
    states.restore_best(said.append)
    assert set(numbers.numpy()) == {1.0}
    assert said == [f"{tmp_path / 'best' / 'best-1'} is damaged, the last state is exported"]


def test_a_machine_that_does_not_come_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "APPEAR_WITHIN", 1)
    addresses = []
    for _ in range(3):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            addresses.append(f"127.0.0.1:{unused.getsockname()[1]}")
    tasks = ("chief", 0), ("worker", 0), ("worker", 1)
    machines = dict(zip(tasks, addresses, strict=True))
    with (
        socket.create_server(("127.0.0.1", int(addresses[1].rpartition(":")[2]))),
        pytest.raises(JobError, match=rf"^worker 1 \({addresses[2]}\) has not come; start"),
    ):
        cluster.meet(cluster.Cluster(machines))
    with (
        socket.create_server(("", int(addresses[0].rpartition(":")[2]))),
        pytest.raises(JobError, match=r"port \d+ of this machine can't be used \("),
    ):
        cluster.meet(cluster.Cluster(machines))
