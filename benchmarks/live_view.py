"""What the live view costs: `--fast` with a window against `--no-window`, in turns.

    python3 -m benchmarks.live_view          # lessons 1.0, 2.1 and 3.1, about ten minutes

Needs Xvfb and xdotool. Every run is a process of its own, started as a user would; the figures are
those that `--verbose` prints, without the first 100 iterations. For lesson 3.1 it also measures
how long the window takes to answer a key while the network trains, in pixels that changed.
"""

import argparse
import re
import statistics
import time

from tests.screen import RunningLesson, VirtualScreen

ITERATIONS = {"1.0": 20_000, "2.1": 10_000, "3.1": 1_500}
# Left, top, right, bottom: the part of the window where every two of these views differ.
WATCHED = (0, 45, 1280, 75)
KEYS = ("1", "Escape", "6", "0", "7", "9", "8", "Escape", "2", "5", "Escape")


def headless(number, iterations):
    with RunningLesson(number, "--no-window", "--verbose", "--iterations", iterations) as lesson:
        return speeds(lesson.wait(600)[1])


def live(number, iterations, screen):
    flags = ("--fast", "--verbose", "--iterations", iterations)
    with RunningLesson(number, *flags, screen=screen) as lesson:
        lesson.window()
        lesson.wait_for(lambda: "finished" in lesson.title(), 600)
        lesson.close_window()
        return speeds(lesson.wait()[1])


def speeds(output):
    """The figures of the line that begins with "speed:"; iterations/s first."""
    (line,) = (line for line in output.splitlines() if line.startswith("speed:"))
    return [float(figure) for figure in re.findall(r"\d+\.\d+", line)]


def answers(screen):
    """Milliseconds from a key press to the first changed pixels, while lesson 3.1 trains."""
    found = []
    with RunningLesson("3.1", "--fast", screen=screen) as lesson:
        lesson.window()
        lesson.wait_for(lambda: lesson.iteration() >= 1)
        for key in KEYS:
            time.sleep(0.5)
            before, pressed = screen.picture(WATCHED), time.perf_counter()
            lesson.key(key)
            while screen.picture(WATCHED) == before:
                pass
            found.append(1000 * (time.perf_counter() - pressed))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", default=list(ITERATIONS), metavar="LESSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, help="of a run, instead of the usual ones")
    given = parser.parse_args()
    print("| lesson | headless, it/s | live, it/s | ratio, median (all) | redraws/s | ms each |")
    print("|---|---|---|---|---|---|")
    with VirtualScreen() as screen:
        for number in given.lessons:
            iterations = given.iterations or ITERATIONS[number]
            pairs = [
                (headless(number, iterations), live(number, iterations, screen))
                for _ in range(given.rounds)
            ]
            ratios = [with_window[0] / without[0] for without, with_window in pairs]
            without, *figures = (
                statistics.median(column)
                for column in zip(*(a[:1] + b for a, b in pairs), strict=True)
            )
            print(
                f"| {number} | {without:.0f} | {figures[0]:.0f} | {statistics.median(ratios):.2f} "
                f"({', '.join(f'{ratio:.2f}' for ratio in ratios)}) | {figures[1]:.1f} "
                f"| {figures[2]:.0f} |",
                flush=True,
            )
        if "3.1" in given.lessons:
            found = answers(screen)
            print(
                f"\nAnswer to a key while 3.1 trains: median {statistics.median(found):.0f} ms, "
                f"longest {max(found):.0f} ms, n = {len(found)}"
            )


if __name__ == "__main__":
    main()
