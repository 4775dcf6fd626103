"""Programs that begin with TensorFlow imported, which is half of what most of them take here."""

import atexit
import gc
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path

# A process imports what is named here, once, and starts nothing of it; the programs fork from it.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tensorflow", "keras"])
# As the programs would set them: TensorFlow looks at these when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE", "false")


class Forked:
    """A process that runs a program of the project's; to be used as `subprocess.Popen`, with text.

    program  a script's path, or a module's name; imports look in the script's folder or in `cwd`
    flags    for it
    """

    def __init__(self, program, flags, cwd, env):
        _begin_quietly()
        ours, theirs = zip(*(CONTEXT.Pipe(duplex=False) for _ in range(2)), strict=True)
        arguments = (program, [*map(str, flags)], str(cwd or Path.cwd()), env, *theirs)
        self._process = CONTEXT.Process(target=_become, args=arguments)
        self._process.start()
        self.pid, self.args = self._process.pid, [program, *flags]
        for end in theirs:
            end.close()
        self.stdout, self.stderr = (os.fdopen(os.dup(end.fileno()), "r") for end in ours)
        for end in ours:
            end.close()

    @property
    def returncode(self):
        """The exit code, or minus the signal that ended it; None before it has ended."""
        return self._process.exitcode

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        if not wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired(self.args, timeout)
        self._process.join()
        return self.returncode

    def communicate(self, timeout=None):
        """(standard output, standard error) of what it has yet to say, when it has ended."""
        said = {}

        def read(pipe):
            said[pipe] = "" if pipe.closed else pipe.read()
            pipe.close()

        readers = [threading.Thread(target=read, args=[p]) for p in (self.stdout, self.stderr)]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return said[self.stdout], said[self.stderr]

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


@cache
def _begin_quietly():
    """Start the process that the others come from, without what TensorFlow says at its import."""
    error = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        forkserver.ensure_running()
    finally:
        os.dup2(error, 2)
        os.close(error)


def _become(program, flags, cwd, env, output, error):
    """Run it here as Python does, by `python program flags` or `python -m program flags`."""
    gc.freeze()  # all that has been imported is there to stay
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started the tests by `nohup`
    os.dup2(output.fileno(), 1)
    os.dup2(error.fileno(), 2)
    output.close()
    error.close()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [str(program), *flags]
    is_script = isinstance(program, Path)
    inherited = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:0] = [str(program.parent) if is_script else cwd, *inherited]
    try:
        if is_script:
            runpy.run_path(str(program), run_name="__main__")
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
    finally:
        atexit._run_exitfuncs()  # which `multiprocessing` leaves out
