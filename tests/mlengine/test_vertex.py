"""The cloud's side, without a cloud: the job files against Vertex AI's own types and against the
trainer, and the images' layouts, in which both programs are run as the platform would.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from functools import cache
from pathlib import Path

import pytest
import yaml
from google.protobuf.json_format import ParseDict, ParseError
from packaging.requirements import Requirement

from tests.mlengine.jobs import MLENGINE, PATIENCE
from tests.screen import ROOT
from trainer import cluster, settings
from tuning import study

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings it
    import tomli as tomllib

pytestmark = pytest.mark.xdist_group("vertex")  # they share what takes long to start

JOBS = ("single_gpu", "several_gpus", "several_machines")
TUNING = MLENGINE / "vertex" / "tuning_study.yaml"
# What Google builds into its G2 machines: so many L4s.
L4S = {"g2-standard-4": 1, "g2-standard-24": 2, "g2-standard-48": 4}
FOLDERS = {
    "AIP_MODEL_DIR": "model",
    "AIP_CHECKPOINT_DIR": "checkpoints",
    "AIP_TENSORBOARD_LOG_DIR": "logs",
}


@cache
def vertex():
    """Google's own types: their import takes five seconds, and one worker of all needs them."""
    from google.cloud import aiplatform_v1

    return aiplatform_v1


def job_file(name):
    return yaml.safe_load((MLENGINE / "vertex" / f"{name}.yaml").read_text(encoding="utf-8"))


def custom_job(name):
    """A job file as Vertex AI's own message, in protobuf's classes."""
    return ParseDict(job_file(name), vertex().CustomJobSpec.pb(vertex().CustomJobSpec()))


def tuning_job():
    kind = vertex().HyperparameterTuningJob
    return ParseDict(job_file("tuning_study"), kind.pb(kind()))


def parsed(flags):
    """What the trainer itself makes of a container's arguments, with the platform's folders."""
    platform = {name: f"gs://bucket/{folder}/" for name, folder in FOLDERS.items()}
    return settings.read(list(flags), platform)


def keys(part):
    if isinstance(part, dict):
        for key, value in part.items():
            yield key
            yield from keys(value)
    elif isinstance(part, list):
        for value in part:
            yield from keys(value)


@pytest.mark.parametrize("name", [*JOBS, "tuning_study"])
def test_a_job_file_is_what_the_service_takes(name):
    message = tuning_job() if name == "tuning_study" else custom_job(name)
    spec = message.trial_job_spec if name == "tuning_study" else message
    assert spec.base_output_directory.output_uri_prefix.startswith("gs://BUCKET/")
    assert 0 < spec.scheduling.timeout.seconds <= 3600  # nothing here may cost money for long
    pools = spec.worker_pool_specs
    assert pools and all(pool.replica_count > 0 for pool in pools)
    assert pools[0].replica_count == 1  # the chief
    for pool in pools:
        assert re.fullmatch(
            r"REGION-docker\.pkg\.dev/PROJECT/mnist/training:\S+", pool.container_spec.image_uri
        )
        assert list(pool.container_spec.args) == list(pools[0].container_spec.args)
        machine = pool.machine_spec
        gpu = vertex().AcceleratorType(machine.accelerator_type).name
        if machine.machine_type in L4S:
            assert (gpu, machine.accelerator_count) == ("NVIDIA_L4", L4S[machine.machine_type])
        else:
            assert machine.machine_type == "n1-standard-4"
            assert (gpu, machine.accelerator_count) == ("ACCELERATOR_TYPE_UNSPECIFIED", 0)


@pytest.mark.parametrize("name", [*JOBS, "tuning_study"])
def test_keys_are_in_camel_case_and_names_to_fill_in_are_few(name):
    # gcloud refuses what protobuf's own parser would let pass: machine_spec.
    found = list(keys(job_file(name)))
    assert found and all(re.fullmatch(r"[a-z][A-Za-z]*", key) for key in found)
    values = re.sub(r"#.*", "", (MLENGINE / "vertex" / f"{name}.yaml").read_text())
    capitals = set(re.findall(r"(?<![A-Z_])[A-Z]{3,}(?![A-Z_])", values))
    assert capitals - {"MAXIMIZE"} == {"REGION", "PROJECT", "BUCKET"}


def test_a_wrong_key_would_have_been_noticed():
    job = job_file("single_gpu")
    job["workerPoolSpecs"][0]["machineSpec"]["acceleratorKind"] = "NVIDIA_L4"
    with pytest.raises(ParseError, match="acceleratorKind"):
        ParseDict(job, vertex().CustomJobSpec.pb(vertex().CustomJobSpec()))


@pytest.mark.parametrize("name", JOBS)
def test_the_trainer_takes_the_arguments_of_a_job(name):
    job = custom_job(name)
    given = parsed(job.worker_pool_specs[0].container_spec.args)
    assert given.train_steps == 10_000
    assert given.export_dir == "gs://bucket/model/"
    assert given.checkpoints_dir == "gs://bucket/checkpoints/"
    assert given.logs_dir == "gs://bucket/logs/"
    devices = sum(
        pool.replica_count * pool.machine_spec.accelerator_count for pool in job.worker_pool_specs
    )
    assert given.batch_size % devices == 0
    assert devices == {"single_gpu": 1, "several_gpus": 2, "several_machines": 3}[name]


def test_the_trainer_takes_every_value_of_the_study():
    read = study.read(TUNING)
    tried = 0
    for parameter in read.parameters:
        ends = parameter.grid() or [parameter.distribution.low, parameter.distribution.high]
        for value in ends:
            given = parsed([*read.flags, parameter.flag(value)])
            found = getattr(given, parameter.name.replace("-", "_"))
            assert found == value or ",".join(map(str, found)) == value
            tried += 1
    assert tried >= 6


def test_the_local_tuner_reads_the_study_as_the_cloud_does():
    read, job = study.read(TUNING), tuning_job()
    assert (read.trials, read.parallel) == (job.max_trial_count, job.parallel_trial_count)
    assert read.failures_allowed == job.max_failed_trial_count
    spec = job.study_spec
    assert (read.metric, read.maximises) == (spec.metrics[0].metric_id, spec.metrics[0].goal == 1)
    assert read.prunes == spec.HasField("median_automated_stopping_spec")
    selection = vertex().StudySpec.MeasurementSelectionType(spec.measurement_selection_type)
    assert read.selection == selection.name
    args = job.trial_job_spec.worker_pool_specs[0].container_spec.args
    assert read.flags == tuple(args)
    assert [p.name for p in read.parameters] == [p.parameter_id for p in spec.parameters]
    rate, layers, _ = spec.parameters
    ours = {p.name: p.distribution for p in read.parameters}
    assert ours["learning-rate"].low == rate.double_value_spec.min_value
    assert ours["learning-rate"].high == rate.double_value_spec.max_value
    assert ours["learning-rate"].log
    assert list(ours["layer-sizes"].choices) == list(layers.categorical_value_spec.values)


@pytest.mark.parametrize(
    ("ours", "message"),
    [
        (study.JOB_KEYS, "HyperparameterTuningJob"),
        (study.STUDY_KEYS, "StudySpec"),
        (study.TRIAL_KEYS, "CustomJobSpec"),
        (study.POOL_KEYS, "WorkerPoolSpec"),
        (study.CONTAINER_KEYS, "ContainerSpec"),
    ],
)
def test_the_local_tuner_knows_no_key_that_the_service_does_not(ours, message):
    kind = getattr(vertex(), message)
    fields = kind.pb(kind()).DESCRIPTOR.fields
    assert set(ours) <= {field.json_name for field in fields}


def test_the_local_tuner_knows_the_words_of_the_service():
    spec = vertex().StudySpec
    assert set(study.ALGORITHMS) == {word.name for word in spec.Algorithm}
    assert set(study.SELECTIONS) < {word.name for word in spec.MeasurementSelectionType}
    assert set(study.SCALES) < {word.name for word in spec.ParameterSpec.ScaleType}
    assert set(study.GOALS) < {word.name for word in spec.MetricSpec.GoalType}


def test_several_machines_find_one_another_by_what_the_platform_says():
    # The form: https://cloud.google.com/vertex-ai/docs/training/distributed-training
    pools = custom_job("several_machines").worker_pool_specs
    machines = {
        kind: [f"training-workerpool{pool}-ab-{i}:2222" for i in range(pools[pool].replica_count)]
        for pool, kind in enumerate(("chief", "worker"))
    }
    found = []
    for kind, addresses in machines.items():
        for index in range(len(addresses)):
            config = {
                "cluster": machines,
                "task": {"type": kind, "index": index, "cloud": "ab"},
                "job": job_file("several_machines"),
                "environment": "cloud",
            }
            found.append(cluster.from_environment({"TF_CONFIG": json.dumps(config)}))
    assert [len(each.addresses) for each in found] == [3, 3, 3]
    assert [each.is_chief for each in found] == [True, False, False]


def instructions(name):
    """A Dockerfile's lines as (instruction, rest), joined where they are broken."""
    text = (MLENGINE / "docker" / f"{name}.Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def of_kind(name, kind):
    return [rest for instruction, rest in instructions(name) if instruction == kind]


@pytest.mark.parametrize("name", ["training", "serving"])
def test_an_image_is_pinned_and_does_not_run_as_root(name):
    assert of_kind(name, "FROM") == ["python:3.11-slim-bookworm"]
    (install,) = [run for run in of_kind(name, "RUN") if "pip install" in run]
    pins = re.findall(r'"([^"]+)"', install)
    assert all(re.fullmatch(r"[a-z-]+(\[[a-z-]+\])?==\d[\d.]+", pin) for pin in pins)
    with (MLENGINE / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    needed = project["dependencies"]
    if name == "serving":
        extra = project["optional-dependencies"]["serve"]
        needed = [text for text in needed if not text.startswith("tensorboard")] + extra
    installed = {Requirement(pin).name: Requirement(pin).specifier for pin in pins}
    for requirement in map(Requirement, needed):
        (version,) = installed.pop(requirement.name)
        assert version.version in requirement.specifier
    assert not installed
    created = re.search(r"useradd .* (\w+)$", " ".join(of_kind(name, "RUN")))[1]
    user = of_kind(name, "USER")[-1]
    assert user == created or of_kind(name, "ARG") == [f"RUN_AS={created}"]
    assert user in (created, "${RUN_AS}")


def test_every_package_and_module_of_the_project_file_is_there():
    with (MLENGINE / "pyproject.toml").open("rb") as file:
        ours = tomllib.load(file)["tool"]["setuptools"]
    found = {path.parent.name for path in MLENGINE.glob("*/__init__.py")}
    assert set(ours["packages"]) == found
    assert set(ours["py-modules"]) == {path.stem for path in MLENGINE.glob("*.py")}


def laid_out(name, folder):
    """Copy into `folder` what the image has in its working folder. Returns its entry point."""
    for line in of_kind(name, "COPY"):
        *sources, target = line.split()
        for source in map(ROOT.joinpath, sources):
            place = folder / target
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
    command, *rest = json.loads(of_kind(name, "ENTRYPOINT")[-1])
    assert command == "python"
    return [sys.executable, *rest]


# The tests' own installation of mlengine is "editable": its modules would be found in the project
# what an image's folder lacks.
ONLY_HERE = """
import sys

sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, "__name__", "") != "_EditableFinder"]
"""


@pytest.fixture(scope="module")
def nowhere_else(tmp_path_factory):
    """A folder for PYTHONPATH, with which Python finds our modules where it was started only."""
    folder = tmp_path_factory.mktemp("nowhere_else")
    (folder / "sitecustomize.py").write_text(ONLY_HERE)
    return folder


def environment(name, platforms, nowhere_else):
    """The environment of a container: the image's, and then the platform's."""
    lines = dict(line.split("=", 1) for line in of_kind(name, "ENV"))
    return {**os.environ, "PYTHONPATH": str(nowhere_else), **lines, **platforms}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, nowhere_else):
    """The folders of a trial that ran in the training image's layout, as the cloud starts it."""
    image, output = tmp_path_factory.mktemp("training"), tmp_path_factory.mktemp("output")
    read = study.read(TUNING, ["--train-steps=2", "--eval-every=1"])
    flags = [p.flag((p.grid() or [p.distribution.low])[0]) for p in read.parameters]
    platform = {name: f"{output / folder}/" for name, folder in FOLDERS.items()}
    platform |= {
        "CLOUD_ML_TRIAL_ID": "7",
        "CLOUD_ML_HP_METRIC_FILE": str(output / "hypertune" / "output.metrics"),
    }
    done = subprocess.run(
        [*laid_out("training", image), *read.flags, *flags],
        cwd=image,
        env=environment("training", platform, nowhere_else),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return output


def test_the_training_image_has_all_that_a_trial_needs(trained):
    assert (trained / "model" / "2" / "saved_model.pb").is_file()
    assert (trained / "checkpoints" / "checkpoint").is_file()
    assert list((trained / "logs").rglob("events.out.tfevents.*"))
    lines = (trained / "hypertune" / "output.metrics").read_text().splitlines()
    metrics = [json.loads(line) for line in lines]
    assert [(each["trial"], each["global_step"]) for each in metrics] == [("7", "1"), ("7", "2")]
    assert all(0 <= float(each["accuracy"]) <= 1 for each in metrics)


def test_the_serving_image_answers_on_the_platforms_port_and_routes(
    trained, nowhere_else, tmp_path
):
    platform = {
        "AIP_HTTP_PORT": "0",
        "AIP_HEALTH_ROUTE": "/alive",
        "AIP_PREDICT_ROUTE": "/answer",
        "AIP_STORAGE_URI": str(trained / "model"),
    }
    process = subprocess.Popen(
        laid_out("serving", tmp_path),
        cwd=tmp_path,
        env=environment("serving", platform, nowhere_else),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        port = re.search(r"http://0\.0\.0\.0:(\d+)/", process.stdout.readline())[1]
        address = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(f"{address}/alive", timeout=PATIENCE) as answer:
            assert answer.status == 200
        blank = {"instances": [{"image": [[0.0] * 28] * 28}] * 2}
        request = urllib.request.Request(
            f"{address}/answer",
            json.dumps(blank).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            predictions = json.load(answer)["predictions"]
        assert len(predictions) == 2
        assert sum(predictions[0]["probabilities"]) == pytest.approx(1, abs=1e-4)
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("name", ["training", "serving"])
def test_an_image_takes_nothing_that_is_not_there(name):
    for line in of_kind(name, "COPY"):
        *sources, _ = line.split()
        assert sources and all((ROOT / source).exists() for source in sources)
    assert Path(of_kind(name, "WORKDIR")[0]) == Path("/app")
    assert (of_kind(name, "EXPOSE") == ["8080"]) == (name == "serving")
