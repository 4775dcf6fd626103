"""Train on several machines, all of them this one: each worker is a process of its own.

    python -m launch_local --workers 2 --model dnn --train-steps 1000 --job-dir /tmp/dnn

All flags but --workers are the trainer's. The workers find one another as they would in a cloud, by
TF_CONFIG. When one of them ends before its time, or this program does, so do the others. Linux,
macOS or WSL2.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress

from flags import whole
from programs import as_a_shell_has_it, fall_silent, with_modules

STOPPED = 128 + signal.SIGTERM  # the exit code of who was asked to end, and has saved
WELL = (0, STOPPED, -signal.SIGTERM)  # the last one when there was nothing to save yet
GRACE = 15.0  # seconds that the others have to notice that one is gone, before they are ended
SAVING = 60.0  # the same, when it was asked to go: the chief has to save
LOOK_EVERY = 0.1  # seconds


def main():
    parser = argparse.ArgumentParser(
        prog="python -m launch_local",
        description="Train with several processes on this machine; all other flags are the "
        "trainer's (python -m trainer.task -h).",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--workers",
        type=whole(1, 64),
        default=2,
        metavar="N",
        help="processes, the chief among them (2)",
    )
    given, flags = parser.parse_known_args()
    return launch(given.workers, flags)


def launch(count, flags):
    """Run `count` workers to their end. Returns the exit code: that of the first who failed."""
    names = ["chief", *(f"worker {number}" for number in range(count - 1))]
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(count)]
    machines = {"chief": addresses[:1], "worker": addresses[1:]}
    workers, readers, asked = {}, [], []  # ..., the exit code that was asked for
    held_back = []  # what the others complain of: with wrong flags, the same as the chief
    signals = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        signals.append(signal.SIGHUP)

    def stop(code):
        asked.append(code)
        _stop(workers)

    def show(line):
        try:
            print(line, end="", flush=True)
        except OSError as error:
            stop(fall_silent(error))

    def complain(line):
        print(line, end="", file=sys.stderr, flush=True)

    with ExitStack() as ended:
        for number in signals:
            signal.signal(number, lambda number, _: stop(128 + number))
        for number, name in enumerate(names):
            task = {"type": "worker" if number else "chief", "index": max(number - 1, 0)}
            config = json.dumps({"cluster": machines, "task": task})
            worker = _start(flags, {"TF_CONFIG": config} if count > 1 else {}, count)
            ended.callback(_end, worker)
            workers[name] = worker
            errors = held_back.append if number else complain
            for pipe, to in ((worker.stdout, show), (worker.stderr, errors)):
                readers.append(threading.Thread(target=_pass_on, args=(name, pipe, to)))
                readers[-1].start()
        if asked:  # meanwhile: some did not hear of it
            _stop(workers)
        code = _wait(workers)
    for reader in readers:
        reader.join()
    if workers["chief"].returncode != 2:
        print(*held_back, sep="", end="", file=sys.stderr, flush=True)
    return asked[0] if asked and code == STOPPED else code


def _wait(workers):
    """Wait until all have ended, or one has failed and the others had time to notice."""
    failed, until = None, None
    while any(worker.poll() is None for worker in workers.values()):
        time.sleep(LOOK_EVERY)
        if failed is None:
            failed = _first_to_fail(workers)
            stopped = failed and workers[failed].poll() in WELL
            until = time.monotonic() + (SAVING if stopped else GRACE)
        elif time.monotonic() > until:
            break
    failed = failed or _first_to_fail(workers)
    if failed is None:
        return 0
    codes = {name: worker.poll() for name, worker in workers.items()}
    if codes[failed] in WELL:  # as it was asked to, but maybe another one has failed
        failed = next((name for name, code in codes.items() if code not in WELL), failed)
    code = codes[failed]
    if code == 2 or code in WELL:  # it has said what there is to say
        return as_a_shell_has_it(code)
    how = "has not ended in time" if code is None else f"has ended with exit code {code}"
    print(
        f"error: the {failed} {how}, so the job ends; start it again, and it goes on from its "
        "last checkpoint",
        file=sys.stderr,
    )
    return 1 if code is None else as_a_shell_has_it(code)


def _first_to_fail(workers):
    """The name of one that has ended badly; None if there is none.

    Of several, one whose exit code is not 1, which may mean that another one is gone.
    """
    failed = [name for name, worker in workers.items() if worker.poll()]
    return min(failed, key=lambda name: workers[name].poll() == 1, default=None)


def _start(flags, settings, count):
    # They share the processors, instead of each taking all of them.
    threads = str(max((os.cpu_count() or 1) // count, 1))
    settings = {"TF_NUM_INTRAOP_THREADS": threads, "OMP_NUM_THREADS": threads, **settings}
    inherited = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "leash", str(SAVING)),
            *(sys.executable, "-m", "trainer.task", *flags),
        ],
        env=with_modules({**inherited, **settings}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches this process, which tells the others once
    )


def _pass_on(name, pipe, to):
    for line in pipe:
        to(f"[{name}] {line}")


def _stop(workers):
    for worker in list(workers.values()):
        if worker.poll() is None:
            worker.terminate()  # also for Ctrl-C, of which Python has much to say while it starts


def _end(worker):
    if worker.poll() is None or worker.returncode < 0:  # without its leash a trainer may be left
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def _free_ports(count):
    """So many ports that nobody uses at the moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


if __name__ == "__main__":
    sys.exit(main())
