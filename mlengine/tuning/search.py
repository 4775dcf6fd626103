"""The search: asks Optuna for parameters, has trainers try them, and tells it what came of them.

All that is known is in study.db, a SQLite file in the study's folder. A trial that is at work when
the tuner ends stays "running" there; the next tuner takes it up again under its own number, with
its parameters and in its job folder, where the trainer goes on from its last checkpoint. To Optuna
the two are different trials; the number that counts here, `id`, is an attribute of both.
"""

import signal
import time
from contextlib import ExitStack

import numpy as np
import optuna
from optuna.trial import TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from errors import UsageError
from tuning import locks, trials

DATABASE = "study.db"
TICK = 0.1  # seconds between two looks at the trainers
# Trials whose median a hopeless one is worse than: from three on it means something.
BEFORE_PRUNING = 3
# So many trials that fail, and none that does not: it is not their parameters.
FAILURES_THAT_TELL = 3
STOPPED, KILLED = 128 + signal.SIGTERM, 128 + signal.SIGKILL  # a trainer's exit codes


class Search:
    """A study at work.

    study   a `study.Study`
    folder  for the database and the trials
    seed    of the proposals
    say     what to do with a line for the terminal
    """

    def __init__(self, study, folder, seed, say):
        """Raises UsageError if the folder can't be used, or holds another study."""
        self.study, self._folder, self._seed, self._say = study, folder, seed, say
        self._runs = {}  # {Optuna's trial: its `Run`}
        self._hopeless = set()  # of these trials
        self._grid = study.grid(seed) if study.algorithm == "GRID_SEARCH" else None
        self._wanted = min(study.trials, len(self._grid)) if self._grid else study.trials
        with ExitStack() as if_it_fails:
            self._alone = if_it_fails.enter_context(self._lock_folder())
            self._trainers = if_it_fails.enter_context(self._lock_trainers())
            self.optuna = self._open()
            if_it_fails.pop_all()
        self._take_up_what_was_interrupted()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """However a search ends, no trainer is left behind."""
        for run in self._runs.values():
            run.stop()
        for run in self._runs.values():
            run.wait()
        self._runs.clear()
        self._trainers.close()
        self._alone.close()

    def trials(self):
        """Optuna's trials in the order of their numbers here; of each number, the last one."""
        known = {}
        for trial in self.optuna.get_trials(deepcopy=False):
            if "id" in trial.user_attrs:
                known[trial.user_attrs["id"]] = trial
        return [known[number] for number in sorted(known)]

    def run(self, wants_to_stop):
        """Try what is to be tried, or until `wants_to_stop()`. Raises UsageError if it is in vain.

        That is also when all have been tried before, and none of them has finished.

        What is at work then is ended by the end of the `with` block.
        """
        while not wants_to_stop():
            while len(self._runs) < self.study.parallel and (trial := self.propose()):
                self._begin(trial)
            if not self._runs:
                self._check_that_not_all_failed()
                return
            time.sleep(TICK)
            for trial, run in list(self._runs.items()):
                self._look_at(trial, run)

    def propose(self):
        """Optuna's trial that is to be tried next, or None if there are enough."""
        waiting = self.optuna.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if waiting:
            number = waiting[0].user_attrs["id"]
        else:
            number = len(self.trials()) + 1
            if number > self._wanted:
                return None
            fixed = self._grid[number - 1] if self._grid else {}
            self.optuna.enqueue_trial(fixed, user_attrs={"id": number})
        self.optuna.sampler = self._sampler(number)
        return self.optuna.ask({each.name: each.distribution for each in self.study.parameters})

    def _begin(self, trial):
        flags = [each.flag(trial.params[each.name]) for each in self.study.parameters]
        number = trial.user_attrs["id"]
        self._say(f"trial {number}: {' '.join(flags)}")
        self._runs[trial] = trials.Run(
            number, [*self.study.flags, *flags], self._folder, self.study.metric, self._trainers
        )

    def _lock_folder(self):
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = locks.hold(self._folder / ".tuner.lock")
        except OSError as error:
            raise UsageError(
                f"--folder {self._folder}: expected a folder to write in, found none "
                f"({error.strerror}); choose another"
            ) from None
        if lock is None:
            raise UsageError(
                f"--folder {self._folder}: another tuner is at work there; wait for its end, or "
                "choose another folder"
            )
        return lock

    def _lock_trainers(self):
        path = self._folder / ".trainers.lock"
        lock = locks.hold(path)
        if lock is None:
            self._say("waiting for the trainers of the last tuner, which are about to end")
            lock = locks.hold(path, patience=trials.GRACE + 10)
        if lock is None:
            raise UsageError(
                f"--folder {self._folder}: trainers are at work there; end them, or choose another "
                "folder"
            )
        return lock

    def _open(self):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        path = self._folder / DATABASE
        pruner = optuna.pruners.MedianPruner(BEFORE_PRUNING)
        url = URL.create("sqlite", database=str(path)).render_as_string()
        try:
            opened = optuna.create_study(
                storage=optuna.storages.RDBStorage(url),
                study_name="tuning",
                direction=self.study.goal.lower(),
                pruner=pruner if self.study.prunes else optuna.pruners.NopPruner(),
                load_if_exists=True,
            )
            there = opened.user_attrs.get("identity")
        except (SQLAlchemyError, RuntimeError) as error:
            raise UsageError(
                f"{path}: expected the database of a study, but it can't be used "
                f"({str(error).splitlines()[0]}); choose another --folder"
            ) from None
        identity = self.study.identity(self._seed)
        if there is None:
            if strangers := sorted(self._folder.glob("trial-*")):
                raise UsageError(
                    f"--folder {self._folder}: expected no trials where there is no study, found "
                    f"{strangers[0].name}; choose another"
                )
            opened.set_user_attr("identity", identity)
            return opened
        differing = [
            f"{name} {there.get(name)}, not {value}"
            for name, value in identity.items()
            if there.get(name) != value
        ]
        if differing:
            raise UsageError(
                f"{path}: expected a study like this one, found one with {'; '.join(differing)}; "
                "choose another --folder"
            )
        return opened

    def _take_up_what_was_interrupted(self):
        newest = {trial.number for trial in self.trials()}
        for trial in self.optuna.get_trials(states=(TrialState.RUNNING,)):
            if trial.number in newest:
                self._put_back(trial)
            else:
                self.optuna.tell(trial.number, state=TrialState.FAIL)

    def _put_back(self, trial):
        """Have an interrupted trial tried again, under its own number."""
        # First the new one, then the old one's end: whoever is killed in between finds both.
        self.optuna.enqueue_trial(trial.params, user_attrs={"id": trial.user_attrs["id"]})
        self.optuna.tell(trial.number, state=TrialState.FAIL)

    def _sampler(self, number):
        # A generator of its own for each trial: a study that was interrupted goes on with the
        # proposals that it would have had, instead of with its first ones again.
        (seed,) = np.random.SeedSequence([self._seed, number]).generate_state(1)
        if self.study.algorithm == "RANDOM_SEARCH":
            return optuna.samplers.RandomSampler(seed=int(seed))
        return optuna.samplers.TPESampler(seed=int(seed))

    def _look_at(self, trial, run):
        code = run.exit_code()  # first: what the trainer measured before it ended is then there
        new = run.new_measurements()
        for step, value in new:
            trial.report(value, step)
        if code is not None:
            run.wait()
            del self._runs[trial]
            self._conclude(trial, run, code)
        elif new and trial.should_prune():
            self._hopeless.add(trial)
            run.stop()

    def _conclude(self, trial, run, code):
        number = trial.user_attrs["id"]
        measured = self._measured(trial)
        if code == 0 and measured:
            value = self.study.judged_by(list(measured.values()))
            self.optuna.tell(trial, value)
            self._say(f"trial {number}: {self.study.metric} {value:.4f}, {max(measured)} steps")
        elif trial in self._hopeless:
            self.optuna.tell(trial, state=TrialState.PRUNED)
            step, value = list(measured.items())[-1]
            self._say(f"trial {number}: pruned, {self.study.metric} {value:.4f} after {step} steps")
        elif code == STOPPED:
            self._put_back(trial)
            self._say(f"trial {number}: ended from outside (SIGTERM); it goes on where it was")
        else:
            self.optuna.tell(trial, state=TrialState.FAIL)
            nothing = f"expected the metric {self.study.metric!r} in its metric file, found none"
            reason = _killed(code) or (run.last_words() if code else nothing)
            self._say(f"trial {number}: failed (exit code {code}): {reason}")
            self._stop_if_in_vain(reason)

    def _measured(self, trial):
        """What a trial reported, {step: value} in order."""
        stored = self.optuna.get_trials(deepcopy=False)[trial.number]
        return dict(sorted(stored.intermediate_values.items()))

    def _check_that_not_all_failed(self):
        known = self.trials()
        if all(trial.state == TrialState.FAIL for trial in known):
            raise UsageError(
                f"--folder {self._folder}: expected a trial that has finished, found "
                f"{len(known)}, all failed; see the trainer.log of each, ask for more --trials, "
                "or choose another folder"
            )

    def _stop_if_in_vain(self, reason):
        """Raises UsageError if there is no sense in going on."""
        refused = reason.partition("unrecognized arguments:")[2]
        for parameter in self.study.parameters:
            if f" --{parameter.name}=" in refused:
                raise UsageError(
                    f"parameterId: expected a flag of the trainer, found {parameter.name!r}; "
                    "`python -m trainer.task --help` lists them"
                )
        ended = [trial for trial in self.trials() if trial.state.is_finished()]
        failed = [trial for trial in ended if trial.state == TrialState.FAIL]
        enough = min(FAILURES_THAT_TELL, self._wanted)
        if len(failed) == len(ended) >= enough:
            raise UsageError(
                f"all of the first {len(failed)} trials failed, the last with: {reason}"
            )
        allowed = self.study.failures_allowed
        if allowed and len(failed) >= allowed:
            raise UsageError(
                f"{len(failed)} trials failed, as many as maxFailedTrialCount bears, the last "
                f"with: {reason}"
            )


def _killed(code):
    """What an exit code says of a signal that ended a trainer with no time to say it; or None."""
    if code >= 0 and code != KILLED:
        return None
    number = -code if code < 0 else signal.SIGKILL
    return f"killed by signal {number:d}" + ("; perhaps out of memory" if number == 9 else "")
