"""The trainer: one program for several models, from a laptop to several machines.

    python -m trainer.task --model cnn --train-steps 10000 --job-dir /tmp/cnn

`settings` is what a job is told, `models` what it trains, `loop` how; `cluster` is on what.
"""

import sys
from pathlib import Path

import quiet_tensorflow  # noqa: F401

# The loader, `mnistdata`, is a folder up in a clone; in a container it lies beside this package.
sys.path.append(str(Path(__file__).resolve().parents[2]))
