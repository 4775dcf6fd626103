"""A study as its file describes it: Vertex AI's HyperparameterTuningJob, in YAML.

What the local tuner does not know of that format is refused, rather than passed over: a study that
runs here and there is the same study. Only what describes machines is the cloud's alone.
The format: google.cloud.aiplatform_v1.types.HyperparameterTuningJob.
"""

import itertools
import math
import random
from dataclasses import dataclass

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuning import document

JOB_KEYS = (
    "displayName",
    "maxTrialCount",
    "parallelTrialCount",
    "maxFailedTrialCount",
    "studySpec",
    "trialJobSpec",
    "labels",
)
STUDY_KEYS = (
    "metrics",
    "parameters",
    "algorithm",
    "medianAutomatedStoppingSpec",
    "measurementSelectionType",
)
# Machines: what is in these keys is left to the cloud.
TRIAL_KEYS = (
    "workerPoolSpecs",
    "baseOutputDirectory",
    "scheduling",
    "serviceAccount",
    "network",
    "tensorboard",
    "enableWebAccess",
)
POOL_KEYS = ("containerSpec", "machineSpec", "replicaCount", "diskSpec")
CONTAINER_KEYS = ("imageUri", "args")

GOALS = ("MAXIMIZE", "MINIMIZE")
# Vertex AI's own choice when nothing is said is Bayesian; Optuna's is TPE, likewise.
ALGORITHMS = ("ALGORITHM_UNSPECIFIED", "RANDOM_SEARCH", "GRID_SEARCH")
SELECTIONS = ("LAST_MEASUREMENT", "BEST_MEASUREMENT")
MOST_POINTS = 100_000  # of a grid, which is in memory as a whole
LINEAR, LOGARITHMIC = SCALES = ("UNIT_LINEAR_SCALE", "UNIT_LOG_SCALE")


@dataclass(frozen=True)
class Parameter:
    """Something to tune: a flag of the trainer, and what values it may take."""

    name: str  # without the dashes
    distribution: BaseDistribution

    def flag(self, value):
        """As the cloud passes it. It makes a float of any discrete value: 128 is 128.0."""
        return f"--{self.name}={value}"

    def grid(self):
        """All values, if there is a finite number of them, else None."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return list(choices)
            case IntDistribution(low=low, high=high):
                return range(low, high + 1)
        return None


@dataclass(frozen=True)
class Study:
    """What is to be found, and how."""

    name: str
    metric: str  # its tag in the metric file
    goal: str  # one of GOALS
    parameters: tuple[Parameter, ...]
    algorithm: str  # one of ALGORITHMS
    prunes: bool
    selection: str  # one of SELECTIONS: which measurement a finished trial is judged by
    trials: int
    parallel: int
    failures_allowed: int | None
    flags: tuple[str, ...]  # of the trainer, in every trial

    @property
    def maximises(self):
        return self.goal == "MAXIMIZE"

    def best(self, values):
        return max(values) if self.maximises else min(values)

    def judged_by(self, values):
        """Of a trial's measurements, in their order, the one that counts."""
        return self.best(values) if self.selection == "BEST_MEASUREMENT" else values[-1]

    def grid(self, seed):
        """All combinations of values, shuffled, as dicts; only in a grid search."""
        names = [parameter.name for parameter in self.parameters]
        values = [parameter.grid() for parameter in self.parameters]
        points = [dict(zip(names, point, strict=True)) for point in itertools.product(*values)]
        # In its own order, a grid that is not run to its end would know one corner well.
        random.Random(seed).shuffle(points)
        return points

    def identity(self, seed):
        """What makes two studies the same, as a dict that JSON can hold."""
        return {
            "metric": self.metric,
            "goal": self.goal,
            "parameters": {p.name: repr(p.distribution) for p in self.parameters},
            "algorithm": self.algorithm,
            "selection": self.selection,
            "flags": list(self.flags),
            "seed": seed,
        }


def read(path, more_flags=()):
    """The study in the YAML file at `path`, with more flags for the trainer. Raises UsageError."""
    job = document.read(path).mapping(JOB_KEYS, ("studySpec", "trialJobSpec"))
    spec = job["studySpec"].mapping(STUDY_KEYS, ("metrics", "parameters"))
    metrics = spec["metrics"].items()
    if len(metrics) > 1:
        raise spec["metrics"].wrong("one metric, which the tuner can optimise", f"{len(metrics)}")
    metric = metrics[0].mapping(("metricId", "goal"), ("metricId",))
    algorithm = spec["algorithm"].one_of(ALGORITHMS, default=ALGORITHMS[0])
    parameters = tuple(_parameter(part) for part in spec["parameters"].items())
    for part, parameter in zip(spec["parameters"].items(), parameters, strict=True):
        if [other.name for other in parameters].count(parameter.name) > 1:
            raise part["parameterId"].wrong("each parameterId once")
        if algorithm == "GRID_SEARCH" and parameter.grid() is None:
            raise part.wrong("values that can be counted, for GRID_SEARCH", "a doubleValueSpec")
    if algorithm == "GRID_SEARCH":
        points = math.prod(len(parameter.grid()) for parameter in parameters)
        if points > MOST_POINTS:
            raise spec["parameters"].wrong(
                f"at most {MOST_POINTS:,} combinations of values, for GRID_SEARCH", f"{points:,}"
            )
    return Study(
        name=job["displayName"].text() if "displayName" in job else path.stem,
        metric=metric["metricId"].text(),
        goal=metric["goal"].one_of(GOALS),
        parameters=parameters,
        algorithm=algorithm,
        prunes=_prunes(spec),
        selection=spec["measurementSelectionType"].one_of(SELECTIONS, default=SELECTIONS[0]),
        trials=job["maxTrialCount"].whole(1),
        parallel=job["parallelTrialCount"].whole(1),
        failures_allowed=job["maxFailedTrialCount"].whole(0, default=0) or None,
        flags=(*_flags(job["trialJobSpec"]), *more_flags),
    )


def _parameter(part):
    kinds = {
        "doubleValueSpec": _double,
        "integerValueSpec": _integer,
        "categoricalValueSpec": _categorical,
        "discreteValueSpec": _discrete,
    }
    part.mapping(("parameterId", "scaleType", *kinds), ("parameterId",))
    (*others, kind) = [kind for kind in kinds if kind in part] or [None]
    if kind is None or others:
        raise part.wrong(f"one of {', '.join(kinds)}", "none" if kind is None else "several")
    if kind == "categoricalValueSpec" and "scaleType" in part:
        raise part["scaleType"].wrong("none, because words are not on a scale")
    logarithmic = part["scaleType"].one_of(SCALES, default=LINEAR) == LOGARITHMIC
    return Parameter(part["parameterId"].text(), kinds[kind](part[kind], logarithmic))


def _double(part, logarithmic):
    low, high = _range(part, lambda end: end.number(), logarithmic)
    return FloatDistribution(low, high, log=logarithmic)


def _integer(part, logarithmic):
    low, high = _range(part, lambda end: end.whole(), logarithmic)
    return IntDistribution(low, high, log=logarithmic)


def _range(part, number, logarithmic):
    part.mapping(("minValue", "maxValue"), ("minValue", "maxValue"))
    low, high = number(part["minValue"]), number(part["maxValue"])
    if low > high:
        raise part.wrong("minValue not above maxValue", f"{low} and {high}")
    if logarithmic and low <= 0:
        raise part["minValue"].wrong(f"more than 0, because of {LOGARITHMIC}")
    return low, high


def _categorical(part, _):
    part.mapping(("values",), ("values",))
    return CategoricalDistribution([value.text() for value in part["values"].items()])


def _discrete(part, _):
    part.mapping(("values",), ("values",))
    values = [value.number() for value in part["values"].items()]
    if values != sorted(set(values)):
        raise part["values"].wrong("increasing numbers")
    return CategoricalDistribution(values)


def _prunes(spec):
    """Whether trials worse than the median are stopped early."""
    if "medianAutomatedStoppingSpec" not in spec:
        return False
    rule = spec["medianAutomatedStoppingSpec"].mapping(("useElapsedDuration",))
    if rule["useElapsedDuration"].true_or_false(default=False):
        raise rule["useElapsedDuration"].wrong("false, because trials are compared step by step")
    return True


def _flags(trial):
    pools = trial.mapping(TRIAL_KEYS, ("workerPoolSpecs",))["workerPoolSpecs"].items()
    containers = [
        pool.mapping(POOL_KEYS, ("containerSpec",))["containerSpec"].mapping(CONTAINER_KEYS)
        for pool in pools
    ]
    # The first pool is the chief; locally it trains alone.
    chief = containers[0]
    return [flag.text() for flag in chief["args"].items()] if "args" in chief else []
