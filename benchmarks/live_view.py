"""What the live view costs: `--fast` with a window against `--no-window`, in turns.

    python3 -m benchmarks.live_view          # lessons 1.0, 2.1 and 3.1, about twenty-five minutes
    python3 -m benchmarks.live_view --web    # the same with a page, for someone who takes all of it
    python3 -m benchmarks.live_view 2.2 --iterations 20000    # another lesson: it has to be told

Needs Xvfb and xdotool. Every run is a process of its own, started as a user would; the figures are
those that `--verbose` prints, without the first 100 iterations, and the seconds from the start of
the process to a window that shows digits. For lesson 3.1 it also measures how long the window takes
to answer a key while the network trains, in pixels that changed, and how long training goes on
after Space, in processor time that the process takes.
"""

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
import Xlib.display
from Xlib import XK, X
from Xlib.ext import xtest

from benchmarks import COUNT, check_lessons, check_programs
from benchmarks.variants import ROOT, lesson_files
from tests.screen import PROGRAMS, RunningLesson, VirtualScreen, processor_seconds
from tests.web import has_finished, serving, watch
from visu.options import whole_number

ITERATIONS = {"1.0": 60_000, "2.1": 20_000, "3.1": 10_000}
RUN = whole_number(200, 10**6)  # iterations, for argparse; the first 100 don't count
# Left, top, width, height: the part of the window where every two of these views differ.
WATCHED = (0, 45, 1280, 30)
DIGITS = (950, 120, 1150, 320)  # left, top, right, bottom, within the training digits
WHITE, INKED = 240, 0.1
PAUSES = 10
LOOK_SECONDS = 0.01
LOOK_FOR_THE_END_SECONDS = 2
AT_REST = 0.3  # of one processor
KEYS = ("1", "Escape", "6", "0", "7", "9", "8", "Escape", "2", "5", "Escape")


class Run(NamedTuple):
    """What a run's last line says, and when it showed its first picture."""

    iterations_a_second: float
    testing: float  # share of the time, in percent
    redraws_a_second: float = 0.0
    redraw_milliseconds: float = 0.0
    first_picture: float = 0.0  # seconds
    imported: float = 0.0  # seconds that TensorFlow's import takes of them


def headless(number, iterations):
    with RunningLesson(number, "--no-window", "--verbose", "--iterations", iterations) as lesson:
        return Run(*speeds(lesson.wait(600)[1]))


def import_seconds():
    """From the start of a process until it has imported TensorFlow, as the lessons do."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import tensorflowvisu"], cwd=ROOT, check=True)
    return time.perf_counter() - began


def live(number, iterations, screen):
    flags = ("--fast", "--verbose", "--iterations", iterations)
    imported = import_seconds()
    with RunningLesson(number, *flags, screen=screen) as lesson:
        began = time.perf_counter()
        lesson.wait_for(lambda: shows_digits(screen))
        first_picture = time.perf_counter() - began
        lesson.window()
        # Seldom: to look takes processor time, which a run without a window would keep.
        while "finished" not in lesson.title():
            time.sleep(LOOK_FOR_THE_END_SECONDS)
        lesson.close_window()
        return Run(*speeds(lesson.wait()[1]), first_picture, imported)


def live_page(number, iterations):
    imported = import_seconds()
    began = time.perf_counter()
    with serving(number, "--fast", "--verbose", "--iterations", iterations) as lesson:
        asyncio.run(watch(lesson.url, lambda message: message.size))
        first_picture = time.perf_counter() - began
        asyncio.run(watch(lesson.url, has_finished))
        lesson.interrupt()
        return Run(*speeds(lesson.wait()[1]), first_picture, imported)


def shows_digits(screen):
    """Whether the panel of training digits is full; all axes are there before it."""
    share = np.mean(np.asarray(screen.picture(DIGITS)) < WHITE)
    return INKED < share < 1 - INKED  # before there is a window, all is black


def speeds(output):
    """The four figures of the line that begins with "speed:"; 0 where nothing was redrawn."""
    (line,) = (line for line in output.splitlines() if line.startswith("speed:"))
    trained, tested, *drawn = (float(figure) for figure in re.findall(r"\d+\.\d+", line))
    return trained, tested, *(drawn or (0.0, 0.0))


class Keyboard:
    """Key presses without the time that a program takes to start, and looks at the screen."""

    def __init__(self, screen):
        self._display = Xlib.display.Display(screen.display)

    def press(self, name):
        code = self._display.keysym_to_keycode(XK.string_to_keysym(name))
        for kind in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(self._display, kind, code)
        self._display.sync()

    def look(self):
        root = self._display.screen().root
        return root.get_image(*WATCHED, X.ZPixmap, 0xFFFFFFFF).data


def answers(keyboard):
    """Milliseconds from each key press to the first changed pixels."""
    found = []
    for key in KEYS:
        time.sleep(0.53)
        before, pressed = keyboard.look(), time.perf_counter()
        keyboard.press(key)
        while keyboard.look() == before:
            time.sleep(0.002)  # looking takes processor time too
        found.append(1000 * (time.perf_counter() - pressed))
    return found


def rests(keyboard, process):
    """Milliseconds from each press of Space to the last moment at which training took time."""
    found = []
    for _ in range(PAUSES):
        time.sleep(0.71)
        pressed, spent, last = time.perf_counter(), taken(process), 0.0
        keyboard.press("space")
        while time.perf_counter() < pressed + 1.5:
            time.sleep(LOOK_SECONDS)
            before, spent = spent, taken(process)
            if spent - before > AT_REST * LOOK_SECONDS:
                last = time.perf_counter() - pressed
        keyboard.press("space")
        found.append(1000 * last)
    return found


def taken(process):
    """Seconds of processor time so far."""
    return processor_seconds(process.pid)[0]


def summary(milliseconds):
    return (
        f"median {statistics.median(milliseconds):.0f} ms, longest {max(milliseconds):.0f} ms, "
        f"n = {len(milliseconds)}"
    )


def row(number, rounds):
    """A line of the table from pairs of a headless and a live `Run`."""
    ratios = [live.iterations_a_second / plain.iterations_a_second for plain, live in rounds]
    plain, live = (
        Run(*map(statistics.median, zip(*runs, strict=True))) for runs in zip(*rounds, strict=True)
    )
    return (
        f"| {number} | {plain.iterations_a_second:.0f} | {plain.testing:.1f} "
        f"| {live.iterations_a_second:.0f} | {statistics.median(ratios):.2f} "
        f"({', '.join(f'{ratio:.2f}' for ratio in ratios)}) | {live.redraws_a_second:.1f} "
        f"| {live.redraw_milliseconds:.0f} | {live.first_picture:.1f} | {live.imported:.1f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", default=list(ITERATIONS), metavar="LESSON")
    parser.add_argument("--rounds", type=COUNT, default=3)
    parser.add_argument("--web", action="store_true", help="a page in place of a window")
    parser.add_argument("--iterations", type=RUN, help="of a run, instead of the usual ones")
    given = parser.parse_args()
    check_lessons(parser, given.lessons, lesson_files())
    others = [lesson for lesson in given.lessons if lesson not in ITERATIONS]
    if others and not given.iterations:
        parser.error(
            f"lesson {' '.join(others)}: expected --iterations too, found none; without it, "
            f"there are {' '.join(ITERATIONS)}"
        )
    check_programs(parser, PROGRAMS)
    print(
        "| lesson | headless, it/s | testing, % of the time | live, it/s | ratio, median (all) "
        "| redraws/s | ms each | first picture after, s | TensorFlow imported after, s |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    with VirtualScreen() as screen:
        for number in given.lessons:
            iterations = given.iterations or ITERATIONS[number]
            rounds = [
                (
                    headless(number, iterations),
                    live_page(number, iterations)
                    if given.web
                    else live(number, iterations, screen),
                )
                for _ in range(given.rounds)
            ]
            print(row(number, rounds), flush=True)
        if "3.1" in given.lessons and not given.web:
            with RunningLesson("3.1", "--fast", screen=screen) as lesson:
                lesson.window()
                lesson.wait_for(lambda: lesson.iteration() >= 1)
                keyboard = Keyboard(screen)
                print(f"\nAnswer to a key while 3.1 trains: {summary(answers(keyboard))}")
                print(f"From Space to rest: {summary(rests(keyboard, lesson.process))}")


if __name__ == "__main__":
    main()
