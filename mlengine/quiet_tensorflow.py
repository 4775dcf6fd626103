"""Starts TensorFlow soon, with its fastest kernels and without its chatter. Import this first."""

import faulthandler
import gc
import os
import platform
import signal
import sys
import tempfile


def start():
    """Import TensorFlow; show what it prints only if that fails.

    Ctrl-C meanwhile ends the program without a word; not an interactive one.
    """
    try:
        os.fstat(2)
    except OSError:  # it is closed, as by 2>&-
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # Errors only; and on x86 the fast convolutions, which TensorFlow uses by itself only where the
    # processor has AVX-512, and whose kernels it would prepare anew for every way back.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        os.environ.setdefault("TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE", "false")
        # While oneDNN 3.7, that of TensorFlow 2.21, multiplies matrices, the stack pointer stands
        # in the middle of the heap: SIGTERM would be noted over somebody's data. So signals are
        # taken on a stack of their own. https://github.com/uxlfoundation/oneDNN/issues/4845
        if sys.platform != "win32" and not faulthandler.is_enabled():
            faulthandler.enable(2)
    # The first lines come from C++ before it knows that setting; they go to the file descriptor.
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        gc.disable()  # what an import makes is there to stay: to search it is a fifth of its time
        # Keras would load matplotlib too, for galleries that nobody asks it for here.
        left_out = {} if "matplotlib" in sys.modules else {"matplotlib": None}
        sys.modules.update(left_out)
        try:
            import tensorflow

            tensorflow.get_logger().setLevel("ERROR")  # the same for what comes from Python
        except KeyboardInterrupt:
            if hasattr(sys, "ps1"):
                raise
            raise SystemExit(128 + signal.SIGINT) from None
        except SystemExit:  # from a signal handler
            raise
        except BaseException:
            hidden.seek(0)
            os.write(terminal, hidden.read())
            raise
        finally:
            for module in left_out:
                del sys.modules[module]
            gc.freeze()
            gc.enable()
            os.dup2(terminal, 2)
            os.close(terminal)


start()
