"""Tune the trainer on this machine, by the study file that the cloud takes.

    python tune.py --study vertex/tuning_study.yaml --folder /tmp/tuning

What follows -- are more flags for the trainer. Interrupted or killed, the same command goes on.
Linux, macOS or WSL2.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from errors import UsageError, explain_and_exit, require
from flags import whole, without_patterns
from programs import Stop, say


def main(arguments=None):
    """Returns the exit code. Raises UsageError."""
    arguments = sys.argv[1:] if arguments is None else arguments
    own, trainers = _split(arguments)
    given = _parser().parse_args(own)
    # Whoever asks twice waits, too: the trainers have to save, and none is left behind.
    return tune(given, trainers, Stop(second_kills=False))


def tune(given, trainers_flags, stop):
    """Run the study. Returns the exit code. Raises UsageError."""
    # fcntl comes with Python, but not on Windows.
    require("tune", "fcntl", "matplotlib", "optuna", "sqlalchemy", "yaml")
    from tuning import report, search, study

    if given.train_steps is not None:
        trainers_flags = [f"--train-steps={given.train_steps}", *trainers_flags]
    wanted = study.read(given.study, trainers_flags)
    numbers = {"trials": given.trials, "parallel": given.parallel}
    wanted = dataclasses.replace(wanted, **{k: v for k, v in numbers.items() if v is not None})
    folder = given.folder.resolve()
    if wrong := without_patterns(str(folder)):
        raise UsageError(f"--folder {wrong}; choose another")
    with search.Search(wanted, folder, given.seed, say) as at_work:
        say(
            f"{wanted.name}: {wanted.trials} trials, {wanted.parallel} at a time, for the "
            f"{'highest' if wanted.maximises else 'lowest'} {wanted.metric}, in {folder}"
        )
        at_work.run(lambda: stop.asked is not None)
    trials = at_work.trials()
    say(*report.table(wanted, trials))
    if stop.asked is not None:
        say("stopped; the same command goes on")
        return 128 + stop.asked
    for path in report.draw(wanted, trials, folder):
        say(f"see {path}")
    return 0


def _split(arguments):
    """The tuner's own flags, and the trainer's, which follow the first --."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _parser():
    parser = argparse.ArgumentParser(
        usage="python tune.py --study FILE --folder DIR [flags] [-- flags of the trainer]",
        description="Find good parameters for the trainer, on this machine.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--study", required=True, type=Path, metavar="FILE", help="YAML: what to tune, and how"
    )
    parser.add_argument(
        "--folder", required=True, type=Path, metavar="DIR", help="for the study and its trials"
    )
    parser.add_argument(
        "--trials", type=whole(1), metavar="N", help="in all (the study's maxTrialCount)"
    )
    parser.add_argument(
        "--parallel", type=whole(1), metavar="N", help="at a time (the study's parallelTrialCount)"
    )
    parser.add_argument(
        "--train-steps",
        type=whole(1),
        metavar="N",
        help="of each trial (the study's --train-steps)",
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="of the proposals (0)"
    )
    return parser


if __name__ == "__main__":
    explain_and_exit(main)
