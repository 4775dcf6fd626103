"""Train the same job on one device and on two, in one process, and save what came of both.

python -m tests.mlengine.split FOLDER TRAINER_FLAGS...
"""

import sys

import tensorflow as tf

from trainer import data, settings
from trainer.checkpoints import Checkpoints
from trainer.cluster import Cluster, strategy_for
from trainer.loop import Job


def main():
    folder, *flags = sys.argv[1:]
    two = strategy_for(Cluster({}), 2)
    assert two.num_replicas_in_sync == 2
    for name, strategy in (("one", tf.distribute.get_strategy()), ("two", two)):
        given = settings.read([*flags, "--job-dir", f"{folder}/{name}"])
        job = Job(given, strategy, data.read(given, strategy))
        job.train(given.train_steps)
        Checkpoints(given.checkpoints_dir, job.state(), True).save(job.steps)


if __name__ == "__main__":
    main()
