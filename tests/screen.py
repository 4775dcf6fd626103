"""A virtual screen with a lesson's window on it: real keys, a real mouse, real pixels."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import Xlib.display
import Xlib.protocol.event
import Xlib.X
from PIL import ImageGrab

ROOT = Path(__file__).resolve().parent.parent


def lesson_file(number):
    """The script of lesson "1.0", "2.1", ..."""
    (path,) = ROOT.glob(f"mnist_{number}_*.py")
    return path


def _script(lesson):
    """The script of a lesson's number, or of whoever has one of their own."""
    return lesson if isinstance(lesson, Path) else lesson_file(lesson)


class VirtualScreen:
    """An X server without a monitor, for as long as the `with` block lasts."""

    def __init__(self, width=1920, height=1080):
        self.size = width, height

    def __enter__(self):
        ours, theirs = os.pipe()
        screen = ["-screen", "0", "{}x{}x24".format(*self.size), "-dpi", "96", "-noreset"]
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(theirs), *screen, "-nolisten", "tcp"],
            pass_fds=[theirs],
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            self.display = f":{pipe.readline().strip()}"
        return self

    def __exit__(self, *_):
        self.shut_down()

    def shut_down(self):
        self._server.terminate()
        self._server.wait(10)

    def xdotool(self, *arguments):
        done = subprocess.run(
            ["xdotool", *map(str, arguments)],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout.strip()

    def picture(self, box=None):
        """The pixels of (left, top, right, bottom), or of the whole screen, as a Pillow image."""
        return ImageGrab.grab(bbox=box, xdisplay=self.display).convert("RGB")


class RunningLesson:
    """A lesson in a process of its own, started as a user would."""

    _window_names = "^mnist_"

    def __init__(self, lesson, *flags, screen=None, environment=None, folder=None):
        self._screen = screen
        script = _script(lesson)
        self._window_names = f"^{script.stem}"
        # A clean slate: what the tests' own surroundings say about displays must not count.
        inherited = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MPLBACKEND")}
        if screen:
            inherited["DISPLAY"] = screen.display
        self.process = subprocess.Popen(
            [sys.executable, script, *map(str, flags)],
            env={**inherited, **(environment or {})},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        # The window is a process of its own, which may take a moment longer.
        end = time.monotonic() + 10
        while self._screen and self._windows() and time.monotonic() < end:
            time.sleep(0.02)

    def wait(self, seconds=120):
        """Let it end by itself: (exit code, standard output, standard error)."""
        out, error = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, error

    def window(self, seconds=60):
        """The window's id, once it is there and has the keyboard."""
        self.id = self.wait_for(self._windows, seconds)[0]
        self._screen.xdotool("windowmove", self.id, 0, 0)
        self._screen.xdotool("windowfocus", "--sync", self.id)
        return self.id

    def _windows(self):
        return self._screen.xdotool("search", "--name", self._window_names).split()

    def title(self):
        return self._screen.xdotool("getwindowname", self.id)

    def iteration(self):
        """How far the title says that the run is, in percent; 100 when it has finished."""
        title = self.title()
        found = re.search(r"(\d+)%", title)
        return 100 if "finished" in title else int(found[1]) if found else 0

    def key(self, *keys):
        for key in keys:
            self._screen.xdotool("key", key)

    def interrupt(self):
        """Ctrl-C in a terminal, which all processes there hear of."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close_window(self):
        """Ask the window to close as a window manager does when its close button is pressed."""
        display = Xlib.display.Display(self._screen.display)
        try:
            window = display.create_resource_object("window", int(self.id))
            delete = display.intern_atom("WM_DELETE_WINDOW")
            message = Xlib.protocol.event.ClientMessage(
                window=window,
                client_type=display.intern_atom("WM_PROTOCOLS"),
                data=(32, [delete, Xlib.X.CurrentTime, 0, 0, 0]),
            )
            window.send_event(message)
            display.sync()
        finally:
            display.close()

    def wait_for(self, condition, seconds=60):
        """The first true value of `condition()`; AssertionError if there is none in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            if self.process.poll() is not None:
                out, error = self.process.communicate()
                raise AssertionError(f"the lesson ended ({self.process.returncode}): {out}{error}")
            time.sleep(0.02)
        raise AssertionError(f"waited {seconds} s in vain")
