"""What a job is told: by flags, by the platform's environment, else by each model's own numbers."""

import argparse
import os
from dataclasses import asdict, dataclass

from errors import UsageError
from flags import real, whole
from trainer.models import ARCHITECTURES

SCHEDULES = ("constant", "decay", "cycle")
FOLDERS = {
    # folder in the job's: the variable in which Vertex AI names another place,
    # https://cloud.google.com/vertex-ai/docs/training/code-requirements#environment-variables
    "export": "AIP_MODEL_DIR",
    "checkpoints": "AIP_CHECKPOINT_DIR",
    "logs": "AIP_TENSORBOARD_LOG_DIR",
}
# What may differ when a job goes on where it stopped: how far it goes and what it leaves where.
NOT_IDENTITY = {"train_steps", "patience", "eval_every", "save_every", "cpu_devices", "fresh"}


@dataclass(frozen=True)
class Settings:
    """One job. Folders may be in a bucket, gs://bucket/folder."""

    model: str
    layer_sizes: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    filters: tuple[int, ...]
    dropout: float  # the share of the last hidden layer that a step leaves out
    learning_rate: float  # the highest
    schedule: str  # one of SCHEDULES
    weight_decay: float
    batch_size: int  # of all devices together
    validation: int  # training digits held out
    seed: int
    data: str | None  # a folder of IDX files
    train_steps: int
    patience: int | None  # evaluations without a better one, after which training stops
    eval_every: int  # steps
    save_every: int  # steps
    cpu_devices: int
    fresh: bool
    export_dir: str
    checkpoints_dir: str
    logs_dir: str

    def identity(self):
        """What makes two runs the same, as a dict that JSON can hold."""
        values = asdict(self).items()
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values
            if name not in NOT_IDENTITY and not name.endswith("_dir")
        }


def read(arguments=None, environment=os.environ):
    """Make `Settings` of a command line; wrong flags end the program with exit code 2.

    arguments    those of this program when None
    environment  where the folders are, unless --job-dir names one
    """
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    job_dir = given.pop("job_dir")
    for folder, variable in FOLDERS.items():
        place = f"{job_dir.rstrip('/')}/{folder}" if job_dir else environment.get(variable)
        if not place:
            parser.error(f"expected a folder for the {folder}, found none; add --job-dir DIR")
        given[f"{folder}_dir"] = place
    try:
        return Settings(**_complete(given))
    except UsageError as error:
        return parser.error(str(error))


def _complete(given):
    """The flags with each model's own numbers where there was no flag. Raises UsageError."""
    own = ARCHITECTURES[given["model"]]
    for name, value in own.numbers().items():
        if given[name] is None:
            given[name] = value
        elif isinstance(value, tuple) and len(given[name]) != len(value) and name != "layer_sizes":
            raise UsageError(
                f"{_flag(name)}: expected {len(value) or 'none'}, because the model "
                f"{given['model']} has {len(value)} convolutions, found {len(given[name])}"
            )
    if given["layer_sizes"] and given["model"] == "linear":
        raise UsageError("--layer-sizes: the model linear has no hidden layers; try --model dnn")
    if given["dropout"] and not given["layer_sizes"]:
        raise UsageError(
            f"--dropout: expected a hidden layer to drop from, but {given['model']} has none"
        )
    if given["patience"] and not given["validation"]:
        raise UsageError(
            "--patience: expected digits to judge by, found --validation 0; hold some out"
        )
    return given


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m trainer.task",
        description="Train a model on MNIST, export it, and go on where an earlier run stopped.",
        allow_abbrev=False,
    )
    models = ", ".join(ARCHITECTURES)
    parser.add_argument(
        "--model", required=True, choices=ARCHITECTURES, metavar="NAME", help=models
    )
    parser.add_argument(
        "--train-steps", required=True, type=whole(1), metavar="N", help="batches to train on"
    )
    parser.add_argument(
        "--job-dir",
        metavar="DIR",
        help="for checkpoints, logs and the exported model; may be gs://...; without it, where "
        f"{', '.join(FOLDERS.values())} say",
    )
    parser.add_argument("--fresh", action="store_true", help="delete what is there of another run")
    own = parser.add_argument_group("the model; where a flag is missing, its own numbers")
    own.add_argument("--layer-sizes", type=sizes, metavar="N,N,...", help="of the hidden layers")
    own.add_argument("--kernel-sizes", type=sizes, metavar="N,N,...", help="of the convolutions")
    own.add_argument("--filters", type=sizes, metavar="N,N,...", help="of the convolutions")
    own.add_argument(
        "--dropout", type=real(0, 0.95), metavar="X", help="share of the last hidden layer"
    )
    training = parser.add_argument_group("training")
    training.add_argument(
        "--learning-rate", type=real(1e-8, 10), metavar="X", help="the highest one"
    )
    training.add_argument("--schedule", choices=SCHEDULES, help="of the learning rate")
    training.add_argument("--weight-decay", type=real(0, 1), metavar="X")
    training.add_argument(
        "--batch-size",
        type=whole(1),
        default=100,
        metavar="N",
        help="of all devices together (100)",
    )
    training.add_argument("--seed", type=whole(0), default=0, metavar="N")
    training.add_argument("--data", metavar="DIR", help="other data: a folder with four IDX files")
    judged = parser.add_argument_group("evaluation")
    judged.add_argument(
        "--validation",
        type=whole(0),
        default=5000,
        metavar="N",
        help="training digits to hold out; by them the best weights are chosen (5000); 0: none, "
        "and the test digits are evaluated all along",
    )
    judged.add_argument("--eval-every", type=whole(1), default=500, metavar="N", help="steps (500)")
    judged.add_argument(
        "--patience",
        type=whole(1),
        metavar="N",
        help="stop after so many evaluations without a better one",
    )
    judged.add_argument("--save-every", type=whole(1), default=500, metavar="N", help="steps (500)")
    parser.add_argument(
        "--cpu-devices",
        type=whole(1, 64),
        default=1,
        metavar="N",
        help="split the CPU, to try out what several GPUs would do",
    )
    return parser


def sizes(text):
    """A type for argparse: whole numbers with commas between them."""
    return tuple(whole(1, 10_000)(part) for part in text.split(","))


def _flag(name):
    return f"--{name.replace('_', '-')}"
