"""The measure that a tuning service optimises, in the file where it looks for it.

A line for each report, the same that Google's package cloudml-hypertune would write.
"""

import json
import os
import time
from pathlib import Path

from errors import UsageError

TAG = "accuracy"
FILE = "/tmp/hypertune/output.metrics"


def report(value, step, environment=os.environ):
    """Append a line, if this run is one of a tuning study. Raises UsageError."""
    trial = environment.get("CLOUD_ML_TRIAL_ID")
    file = environment.get("CLOUD_ML_HP_METRIC_FILE")
    if trial is None and file is None:
        return
    path = Path(file or FILE)
    line = {
        "timestamp": time.time(),
        "trial": trial or "0",
        TAG: str(float(value)),
        "global_step": str(int(step)),
        "checkpoint_path": "",
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="ascii") as metrics:
            metrics.write(json.dumps(line, sort_keys=True) + "\n")
    except OSError as error:
        raise UsageError(
            f"metric file {path}: can't be written ({error.strerror}); the platform's folder is "
            "root's: run the container as root, or set CLOUD_ML_HP_METRIC_FILE"
        ) from None
