"""Runs a command that ends when the program that started it does, however that ends: killed, even.

    python -m leash SECONDS COMMAND ...

Standard input is the leash, a pipe that nothing is ever written to. When it closes, because that
program closed it or is gone, the command gets SIGTERM and, after so many seconds, SIGKILL. So it
does when this process is told to end.
"""

import os
import signal
import subprocess
import sys
import threading

from programs import as_a_shell_has_it


def main():
    grace, *command = sys.argv[1:]
    told = threading.Event()
    # Before the command is started: there is no moment in which a signal would leave it alone.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: told.set())
    # It inherits what was passed on, such as the tuner's lock, and holds it as long as it lives.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)

    def when_it_closes():
        os.read(sys.stdin.fileno(), 1)
        told.set()

    def when_told():
        told.wait()
        _end(process, float(grace))

    for job in (when_it_closes, when_told):
        threading.Thread(target=job, daemon=True).start()
    return as_a_shell_has_it(process.wait())


def _end(process, grace):
    process.terminate()
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    sys.exit(main())
