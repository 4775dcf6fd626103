"""One trial: a trainer at work, and the metric file that it fills.

In the study's folder, trial 3 has trial-3/job (its --job-dir), trial-3/output.metrics and
trial-3/trainer.log (what the trainer says).
"""

import json
import math
import os
import signal
import subprocess
import sys

from errors import UsageError
from programs import with_modules

TRAINER = (sys.executable, "-m", "trainer.task")
GRACE = 20.0  # seconds that a trainer has to save its state when it is told to stop
# What the platform says to a container is not said to a trial here: not where its files go, and
# not that there are other machines.
THE_PLATFORMS = ("AIP_", "CLOUD_ML_", "TF_CONFIG")


class Run:
    """A trainer that works on a trial.

    number  of the trial, from 1 on
    flags   of the trainer
    folder  the study's; a trial that was begun there goes on from its last checkpoint
    metric  its tag in the metric file
    lock    an open file that no one else may lock until the trainer has ended
    """

    def __init__(self, number, flags, folder, metric, lock):
        """Raises UsageError if the trial's folder can't be written."""
        self._metric, self._known = metric, set()
        place = folder / f"trial-{number}"
        self._metrics, self._log = place / "output.metrics", place / "trainer.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(THE_PLATFORMS)}
        try:
            place.mkdir(exist_ok=True)
            log = self._log.open("ab")
        except OSError as error:
            raise UsageError(
                f"{error.filename}: can't be written ({error.strerror}); move it away"
            ) from None
        with log:
            self._leash = subprocess.Popen(
                [
                    *(sys.executable, "-m", "leash", str(GRACE)),
                    *(*TRAINER, *flags, f"--job-dir={place / 'job'}"),
                ],
                env=with_modules(
                    {
                        **inherited,
                        "CLOUD_ML_TRIAL_ID": str(number),
                        "CLOUD_ML_HP_METRIC_FILE": str(self._metrics),
                    }
                ),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tuner alone
                pass_fds=(lock.fileno(),),
            )

    def exit_code(self):
        """None while the trainer is at work."""
        return self._leash.poll()

    def new_measurements(self):
        """What was measured since the last call: a list of (step, value), in order."""
        found = read_metrics(self._metrics, self._metric)
        new = [(step, value) for step, value in found.items() if step not in self._known]
        self._known.update(found)
        return new

    def stop(self):
        """Tell the trainer to save and end; it may take `GRACE` seconds. Does not wait."""
        self._leash.stdin.close()

    def wait(self):
        """Until the trainer has ended."""
        try:
            self._leash.wait(GRACE + 10)
        except subprocess.TimeoutExpired:
            os.killpg(self._leash.pid, signal.SIGKILL)
            self._leash.wait()
        self.stop()  # its end of the pipe is not needed any more

    def last_words(self):
        """The last line that the trainer said, which is its message if something went wrong."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def read_metrics(path, metric):
    """A metric's values in a metric file, {step: value} in the order of the steps.

    The format is that of Google's package cloudml-hypertune: a JSON object a line. A line that is
    not whole yet, one about something else and one whose value is not a number are passed over.
    """
    try:
        *whole, _ = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return {}
    found = {}
    for line in whole:
        try:
            entry = json.loads(line)
            step, value = int(entry["global_step"]), float(entry[metric])
        except (ValueError, KeyError, TypeError):
            continue
        if math.isfinite(value):
            found[step] = value
    return dict(sorted(found.items()))
