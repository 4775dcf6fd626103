"""A virtual screen with a lesson's window on it: real keys, a real mouse, real pixels."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import Xlib.display
import Xlib.error
import Xlib.protocol.event
import Xlib.X
from PIL import ImageGrab

ROOT = Path(__file__).resolve().parent.parent
SIGNALLED = ROOT / "tests" / "signalled.py"


def lesson_file(number):
    """The script of lesson "1.0", "2.1", ..."""
    (path,) = ROOT.glob(f"mnist_{number}_*.py")
    return path


def growing(path):
    """Where a run lets this file grow until it is whole; where nothing is, if none does."""
    return next(path.parent.glob(f".{path.name}.*.unfinished"), path.with_name("nothing"))


def measured(log):
    """How many lines a run has written so far of what will be this log."""
    with suppress(FileNotFoundError):
        return growing(log).read_text().count("\n")
    return 0


def script_of(lesson):
    """The script of a lesson's number, or of whoever has one of their own."""
    return lesson if isinstance(lesson, Path) else lesson_file(lesson)


def without_display():
    """A clean slate: what the tests' own surroundings say about displays must not count."""
    return {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MPLBACKEND")}


def children(parent):
    """The processes that this one has started and that are still there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            # The name, in brackets, may hold anything; the state and the parent come after it.
            if int((process / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(process.name))
    return found


def kill_with_children(process):
    """Kill a process and those that it has started, each with the group that it may lead."""
    found = [process.pid, *children(process.pid)]
    for each in found:
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(each, signal.SIGKILL)


def processor_seconds(process):
    """What all threads of a process have taken so far, and what they have waited for."""
    taken = waited = 0
    for task in Path(f"/proc/{process}/task").glob("*"):
        with suppress(OSError):  # the thread has ended
            nanoseconds = (task / "schedstat").read_text().split()
            taken, waited = taken + int(nanoseconds[0]), waited + int(nanoseconds[1])
    return taken / 1e9, waited / 1e9


def _is_visible(window):
    return window.get_attributes().map_state == Xlib.X.IsViewable


PROGRAMS = {"Xvfb": "xvfb", "xdotool": "xdotool"}  # and their Debian packages


class VirtualScreen:
    """An X server without a monitor, for as long as the `with` block lasts."""

    def __init__(self, width=1920, height=1080, dpi=96):
        self.size, self.dpi = (width, height), dpi

    def __enter__(self):
        ours, theirs = os.pipe()
        screen = ["-screen", "0", "{}x{}x24".format(*self.size), "-dpi", str(self.dpi)]
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(theirs), *screen, "-noreset", "-nolisten", "tcp"],
            pass_fds=[theirs],
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            self.display = f":{pipe.readline().strip()}"
        self._connection = Xlib.display.Display(self.display)
        # On a busy machine a key's release may come so late that the server thinks it is held down.
        self._connection.change_keyboard_control(auto_repeat_mode=Xlib.X.AutoRepeatModeOff)
        self._connection.sync()
        return self

    def __exit__(self, *_):
        self.shut_down()

    def shut_down(self):
        self._connection = None
        self._server.terminate()
        self._server.wait(10)

    def windows(self, name):
        """The windows on the screen whose title begins so: {id: title}.

        A toolkit makes its window some time before it shows it: until then, it hears no keys.

        Tests wait for titles, and look again and again. A round trip to the server costs nothing
        beside the start of xdotool, which would take its processor time from the lesson.
        """
        if self._connection is None:
            return {}
        found = {}
        for window in self._connection.screen().root.query_tree().children:
            with suppress(Xlib.error.BadWindow):  # it has just been closed
                title = window.get_full_text_property(self._connection.intern_atom("_NET_WM_NAME"))
                if title and title.startswith(name) and _is_visible(window):
                    found[window.id] = title
        return found

    def focus(self):
        """The window that has the keyboard."""
        focus = self._connection.get_input_focus().focus
        return getattr(focus, "id", focus)

    def size_of(self, window):
        """Its width and height in pixels."""
        geometry = self._connection.create_resource_object("window", window).get_geometry()
        return geometry.width, geometry.height

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


def afresh(script, flags, cwd, env):
    """Start a script as a user would."""
    return subprocess.Popen(
        [sys.executable, script, *map(str, flags)],
        env=env,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def without_room(command, folder):
    """Run a command whose output goes to a full disk: (exit code, standard error)."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return ended.returncode, ended.stderr


NO_ROOM = (
    "error: standard output: can't be written (No space left on device); make room, or send it "
    "elsewhere\n"
)


class RunningLesson:
    """A lesson in a process of its own."""

    start = staticmethod(afresh)
    _window_name = "mnist_"

    def __init__(self, lesson, *flags, screen=None, environment=None, folder=None):
        self.screen, self.folder = screen, folder
        script = script_of(lesson)
        self._window_name = script.stem
        inherited = without_display()
        if screen:
            inherited["DISPLAY"] = screen.display
        self.process = self.start(script, flags, folder, {**inherited, **(environment or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            # A window on its way would open on whatever screen has this one's number next.
            kill_with_children(self.process)
        self.process.communicate()
        # The window is a process of its own, which may take a moment longer.
        end = time.monotonic() + 10
        while self.screen and self._windows() and time.monotonic() < end:
            time.sleep(0.02)

    def wait(self, seconds=120):
        """Let it end by itself: (exit code, standard output, standard error)."""
        out, error = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, error

    def window(self, seconds=60):
        """The window's id, once it is there and has the keyboard."""
        self.id = next(iter(self.wait_for(self._windows, seconds)))
        self.screen.xdotool("windowmove", self.id, 0, 0)
        self.screen.xdotool("windowfocus", "--sync", self.id)
        self.wait_for(lambda: self.screen.focus() == self.id)
        return self.id

    def _windows(self):
        return self.screen.windows(self._window_name)

    def title(self):
        return self._windows().get(self.id, "")

    def iteration(self):
        """How far the title says that the run is, in percent; 100 when it has finished."""
        title = self.title()
        found = re.search(r"(\d+)%", title)
        return 100 if "finished" in title else int(found[1]) if found else 0

    def key(self, *keys):
        for key in keys:
            self.screen.xdotool("key", key)

    def interrupt(self):
        """Ctrl-C in a terminal, which all processes there hear of."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close_window(self):
        """Ask the window to close as a window manager does when its close button is pressed."""
        display = Xlib.display.Display(self.screen.display)
        try:
            window = display.create_resource_object("window", self.id)
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

    def processor_seconds(self):
        """What all its threads, and its window's, have taken so far or waited for."""
        processes = (self.process.pid, *children(self.process.pid))
        return sum(sum(processor_seconds(process)) for process in processes)

    def wait_for(self, condition, seconds=60):
        """The first true value of `condition()`; AssertionError if there is none in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            if self.process.poll() is not None:
                out, error = self.process.communicate()
                raise AssertionError(f"the lesson ended ({self.process.returncode}): {out}{error}")
            time.sleep(0.05)
        shown = (
            f"; windows {self._windows()}, keyboard {self.screen.focus()}" if self.screen else ""
        )
        raise AssertionError(f"waited {seconds} s in vain{shown}")
