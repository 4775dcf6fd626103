"""What a study found: a table, the best trial's flags, and Optuna's pictures."""

import warnings

import matplotlib
import numpy as np
import optuna
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import TrialState, create_trial

matplotlib.use("Agg")  # before pyplot, which Optuna draws with, looks for a screen

from matplotlib import pyplot
from optuna.visualization import matplotlib as pictures

from errors import UsageError
from files import unfinished

SIZE = (12, 5)  # of a picture, in inches of 100 pixels
WORDS = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "interrupted",
    TrialState.WAITING: "interrupted",
}


def table(study, trials):
    """The trials as the lines of a Markdown table, and one about the best of them."""
    names = [parameter.name for parameter in study.parameters]
    lines = [
        _row(["trial", *names, study.metric, "steps", "state"]),
        "|---" * (len(names) + 4) + "|",
    ]
    for trial in trials:
        values = [_short(trial.params.get(name, "")) for name in names]
        value = "" if trial.value is None else f"{trial.value:.4f}"
        steps = "" if trial.last_step is None else trial.last_step
        lines.append(_row([trial.user_attrs["id"], *values, value, steps, WORDS[trial.state]]))
    finished = _finished(trials)
    if finished:
        value = study.best([trial.value for trial in finished])
        best = next(trial for trial in finished if trial.value == value)
        flags = " ".join(p.flag(best.params[p.name]) for p in study.parameters)
        lines.append(f"best: trial {best.user_attrs['id']}, {study.metric} {value:.4f}: {flags}")
    return lines


def draw(study, trials, folder):
    """Write Optuna's pictures of the study's trials into `folder`. Returns their paths.

    There are none before a trial has finished, and no importances before two have. Raises
    UsageError if they can't be written.
    """
    search = _numbered_from_1(study, trials)
    finished = _finished(trials)
    varied = len({trial.value for trial in finished}) > 1
    wanted = {
        "optimization_history": (pictures.plot_optimization_history, len(finished) > 0),
        "slice": (pictures.plot_slice, len(finished) > 0),
        "parallel_coordinate": (pictures.plot_parallel_coordinate, len(finished) > 0),
        "parameter_importances": (_plot_importances, varied),
    }
    drawn = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that these pictures are experimental, to Optuna
        for name, (plot, possible) in wanted.items():
            if possible:
                drawn.append(folder / f"{name}.png")
                _save(plot(search, target_name=study.metric), drawn[-1])
    return drawn


def _numbered_from_1(study, trials):
    """A copy for Optuna, which counts from 0, and knows more trials where one was interrupted."""
    copy = optuna.create_study(direction=study.goal.lower())
    copy.add_trials([create_trial(state=TrialState.FAIL), *trials])
    return copy


def _plot_importances(search, target_name):
    # The one evaluator that needs no further package.
    return pictures.plot_param_importances(
        search, evaluator=PedAnovaImportanceEvaluator(), target_name=target_name
    )


def _save(axes, path):
    figure = np.ravel(axes)[0].figure
    figure.set_size_inches(SIZE)
    try:
        with unfinished(path) as growing:
            figure.savefig(growing, format="png", dpi=100, bbox_inches="tight")
    except OSError as error:
        raise UsageError(
            f"{path}: can't be written ({error.strerror}); mend that, and the same command draws it"
        ) from None
    finally:
        pyplot.close(figure)


def _finished(trials):
    return [trial for trial in trials if trial.state == TrialState.COMPLETE]


def _row(cells):
    return f"| {' | '.join(map(str, cells))} |"


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else value
