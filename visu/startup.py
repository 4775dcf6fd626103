"""Starts TensorFlow, quietly and on its fastest CPU kernels. Import this before TensorFlow."""

import faulthandler
import gc
import importlib
import logging
import os
import platform
import sys
import tempfile
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path

from visu.errors import INTERRUPTED

X86 = platform.machine().lower() in ("x86_64", "amd64")


def start():
    """Import TensorFlow; hide what it prints, unless --verbose is given or the import fails.

    Ctrl-C meanwhile ends the program without a word, as it does later; not an interactive one.
    """
    try:
        _start()
    except KeyboardInterrupt:
        if hasattr(sys, "ps1"):
            raise
        raise SystemExit(INTERRUPTED) from None


def _start():
    _have_outputs()
    if X86:
        # TensorFlow switches oneDNN on by itself only where the CPU has AVX-512; the convolutions
        # of lesson 3.1 run 2.5 times as fast with it on older ones too.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        # Else TensorFlow prepares oneDNN's kernels of the way back anew in every training step, to
        # save memory that networks as small as these don't need: some percent of lesson 3.1.
        os.environ.setdefault("TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE", "false")
        _take_signals_elsewhere()
    if "--verbose" not in sys.argv:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    _hiding_stderr(_import)


def _have_outputs():
    """Where nobody can read them, as under pythonw, what is said and what goes wrong is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It takes the lowest file descriptor that is free: the one that C++ writes to.
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115


def _take_signals_elsewhere():
    """Let Ctrl-C, and any signal, be taken on a stack of its own.

    While oneDNN 3.7, that of TensorFlow 2.21, multiplies matrices, the stack pointer stands in the
    middle of the heap: a signal would be noted over somebody's data, and bring the program down.
    https://github.com/uxlfoundation/oneDNN/issues/4845
    """
    # Python's handlers ask for the alternate stack, if there is one; this brings it. Where it is on
    # already, as in notebooks, whoever did that has also said where to write.
    if sys.platform != "win32" and not faulthandler.is_enabled():
        faulthandler.enable(2)


def _import():
    # Keras would load matplotlib too, for galleries that nobody asks it for here.
    with _collecting_no_garbage(), _left_out("matplotlib"):
        tf = importlib.import_module("tensorflow")
    if X86 and not tf.config.list_physical_devices("GPU"):
        # For oneDNN's kernels; GPUs and other processors have their own.
        from visu import bias, convolution, gradients  # late: they import TensorFlow
        from visu.adam import speed_up_adam

        speed_up_adam()
        gradients.speed_up("Conv2D", convolution.faster_gradient)
        gradients.speed_up("AddV2", bias.faster_gradient)


@cache
def warm_up(threads=None):
    """Before anything is computed: let TensorFlow say now what it has to say, which is hidden.

    threads  among how many processors an operation is divided, None for all. Too late, and without
             effect, if this process has computed something already.
    """
    _hiding_stderr(partial(_warm_up, threads))


def _warm_up(threads):
    import tensorflow as tf  # late: not before `start` has chosen its settings

    if threads:
        with suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(threads)
    # Listing the devices and the first XLA compilation have words of their own to say; in older
    # versions also the first one with random numbers, which dropout needs.
    tf.config.list_logical_devices()
    tf.function(tf.identity, jit_compile=True)(tf.zeros([1]))
    if tuple(map(int, tf.__version__.split(".")[:2])) < (2, 18):
        tf.function(tf.random.uniform, jit_compile=True)([1])


@contextmanager
def _collecting_no_garbage():
    """What an import makes is there to stay: to search it for garbage is a fifth of its time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor is it searched later
        gc.enable()


@contextmanager
def _left_out(module):
    """Who asks for this module now goes without, as Keras does for good; not if it is loaded."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None
    try:
        yield
    finally:
        del sys.modules[module]


def _hiding_stderr(action):
    if "--verbose" in sys.argv:
        action()
        return
    # TensorFlow's C++ code writes to the file descriptor, past Python's sys.stderr.
    try:
        terminal = os.dup(2)
    except OSError:  # started without a terminal, by pythonw for example: nothing to hide from
        action()
        return
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            action()
        except Exception:
            os.dup2(terminal, 2)
            hidden.seek(0)
            os.write(2, hidden.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


start()
