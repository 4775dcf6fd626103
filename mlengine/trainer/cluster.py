"""Which devices and machines train, and whether all of them are still there."""

import json
import os
import re
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import NamedTuple

import tensorflow as tf

from errors import UsageError
from trainer.errors import JobError

# How TensorFlow puts it when something far away does not answer any more.
GONE = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
CHIEF = ("chief", 0)
START_AGAIN = "start the job again, and it goes on from its last checkpoint"
MEET_EVERY, LOOK_EVERY = 0.2, 2.0  # seconds
GONE_AFTER = 4  # looks in a row that a machine does not answer
APPEAR_WITHIN = 600.0  # seconds; containers are pulled at different speeds
_LAST_WORD = threading.Lock()


class Cluster(NamedTuple):
    """The machines of a job, as `TF_CONFIG` describes them, and which of them this one is.

    https://www.tensorflow.org/guide/distributed_training#TF_CONFIG
    """

    addresses: dict  # {(type, index): "host:port"}; empty for a single machine
    own: tuple = CHIEF

    @property
    def is_chief(self):
        """Whether this machine writes what all have in common."""
        leader = CHIEF if CHIEF in self.addresses else ("worker", 0)
        return not self.addresses or self.own == leader

    @property
    def others(self):
        return {task: address for task, address in self.addresses.items() if task != self.own}


def from_environment(environment=os.environ):
    """The `Cluster` in TF_CONFIG. Raises UsageError if it makes no sense."""
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return Cluster({})
    try:
        config = json.loads(text)
        machines, task = config.get("cluster", {}), config.get("task", {})
        addresses = {
            (kind, index): address
            for kind, listed in machines.items()
            for index, address in enumerate(listed)
        }
        own = task.get("type"), int(task.get("index", 0))
        is_there = own in addresses
    except (ValueError, AttributeError, TypeError, OverflowError) as error:
        raise UsageError(
            f'TF_CONFIG: expected {{"cluster": ..., "task": ...}} as JSON, found {text!r} ({error})'
        ) from None
    if len(addresses) < 2:
        return Cluster({})
    if other := {kind for kind, _ in addresses} - {"chief", "worker"}:
        raise UsageError(
            f"TF_CONFIG: expected chief and workers, found {', '.join(sorted(other))}; here "
            "all machines train, none serves parameters or evaluates for the others"
        )
    if ("chief", 1) in addresses:
        raise UsageError(f"TF_CONFIG: expected one chief, found {len(machines['chief'])}")
    for address in addresses.values():
        if not (isinstance(address, str) and _port(address)):
            raise UsageError(
                f"TF_CONFIG: expected machines as host:port, such as alpha:2222, found {address!r}"
            )
    if not is_there:
        raise UsageError(f"TF_CONFIG: this machine, {own[0]} {own[1]}, is not in its own cluster")
    return Cluster(addresses, own)


def meet(cluster):
    """Wait until all machines are there. Raises JobError if one of them does not come in time.

    TensorFlow would wait too, for very long, and deaf to all signals.
    """
    if not cluster.others:
        return
    port = _port(cluster.addresses[cluster.own])
    missing, until = cluster.others, time.monotonic() + APPEAR_WITHIN
    try:
        listening = socket.create_server(("", port))
    except OSError as error:
        raise JobError(f"port {port} of this machine can't be used ({error.strerror})") from None
    with listening:
        listening.setblocking(False)
        while missing := {t: address for t, address in missing.items() if not _answers(address)}:
            if time.monotonic() > until:
                task, address = missing.popitem()
                raise JobError(f"{name(task)} ({address}) has not come; {START_AGAIN}")
            time.sleep(MEET_EVERY)
            with suppress(BlockingIOError):
                while True:
                    listening.accept()[0].close()


def strategy_for(cluster, cpu_devices):
    """How this machine's devices train together, and with others: a `tf.distribute` strategy.

    Call it before anything else of TensorFlow's.
    """
    if cpu_devices > 1:
        (cpu,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * cpu_devices
        tf.config.set_logical_device_configuration(cpu, parts)
    if cluster.addresses:
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus > 1:
        return tf.distribute.MirroredStrategy()
    if cpu_devices > 1 and not gpus:
        return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(cpu_devices)])
    return tf.distribute.get_strategy()


def described(cluster, strategy):
    """What trains, in a few words."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = strategy.num_replicas_in_sync
    text = f"{devices} {kind}{'s' if devices > 1 else ''}"
    return f"{text} on {len(cluster.addresses)} machines" if cluster.addresses else text


class Watch:
    """Ends this process when another machine of the job is gone.

    TensorFlow itself may wait for it for a very long time, in C++, where no exception and no
    signal handler of Python's gets through; so a thread looks whether the others' ports answer.
    """

    def __init__(self, cluster):
        self._missing = dict.fromkeys(cluster.others, 0)
        self._cluster, self._ended = cluster, threading.Event()
        if self._missing:
            threading.Thread(target=self._look, daemon=True).start()

    def stop(self):
        """From now on the others may go when they like."""
        self._ended.set()

    def _look(self):
        while not self._ended.wait(LOOK_EVERY):
            for task, address in self._cluster.others.items():
                self._missing[task] = 0 if _answers(address) else self._missing[task] + 1
                if self._missing[task] >= GONE_AFTER:
                    self._give_up(f"{name(task)} ({address}) is gone")

    def _give_up(self, what):
        if not self._ended.is_set():
            give_up(what)


def give_up(what):
    """End this process at once, from any thread; who comes first says what happened.

    TensorFlow's own way out may wait for the machine that is gone.
    """
    _LAST_WORD.acquire()
    try:
        print(f"error: {what}; {START_AGAIN}", file=sys.stderr, flush=True)
    finally:  # also when nobody listens any more
        os._exit(JobError.exit_code)


def name(task):
    """What to call a machine: chief, worker 1."""
    return "chief" if task == CHIEF else f"{task[0]} {task[1]}"


def _port(address):
    """That of a "host:port"; 0 if there is none."""
    found = re.fullmatch(r".+:(\d{1,5})", address, re.ASCII)
    return int(found[1]) if found and int(found[1]) < 2**16 else 0


def _answers(address):
    host = address.rpartition(":")[0]
    try:
        with socket.create_connection((host, _port(address)), timeout=LOOK_EVERY):
            return True
    except (OSError, UnicodeError):  # the latter for names like "a..b"
        return False
