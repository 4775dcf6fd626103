"""What a long run costs at its end: memory and redraws, after 10,000 and after 200,000 iterations.

    python3 -m benchmarks.long_run              # lesson 1.0, about three minutes
    python3 -m benchmarks.long_run 2.1 --iterations 100000

Needs Xvfb and xdotool. One run, live and `--fast`; the memory is what its process and the window's
hold, and the cost of redraws is the share of a processor that the window takes, at the same number
of redraws a second.
"""

import argparse
import time
from pathlib import Path

from benchmarks import SECONDS, check_lessons, check_programs
from benchmarks.variants import lesson_files
from tests.screen import PROGRAMS, RunningLesson, VirtualScreen, children, processor_seconds
from visu.options import whole_number

EARLY = 10_000  # iterations
RUN = whole_number(12_000, 10**9)  # that long, for argparse: there is something after it
MEGABYTE = 1e6


def megabytes(process):
    """Resident memory."""
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / MEGABYTE


def look(lesson, window, seconds):
    """(megabytes of the run, of the window, share of a processor that the window takes)"""
    before, _ = processor_seconds(window)
    time.sleep(seconds)
    share = (processor_seconds(window)[0] - before) / seconds
    return megabytes(lesson.process.pid), megabytes(window), share


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="?", default="1.0", metavar="LESSON")
    parser.add_argument("--iterations", type=RUN, default=200_000)
    parser.add_argument("--seconds", type=SECONDS, default=5, help="of each look")
    given = parser.parse_args()
    check_lessons(parser, [given.lesson], lesson_files())
    check_programs(parser, PROGRAMS)
    early = -(-100 * EARLY // given.iterations)  # percent
    flags = ("--fast", "--verbose", "--iterations", given.iterations)
    print("| after | the run, MB | its window, MB | the window's share of a processor |")
    print("|---|---|---|---|")
    with VirtualScreen() as screen, RunningLesson(given.lesson, *flags, screen=screen) as lesson:
        lesson.window()
        (window,) = children(lesson.process.pid)
        for percent in (early, 50, 95):
            lesson.wait_for(lambda percent=percent: lesson.iteration() >= percent, 3600)
            run, shown, share = look(lesson, window, given.seconds)
            reached = percent * given.iterations // 100
            print(f"| {reached:,} | {run:.0f} | {shown:.0f} | {share:.2f} |", flush=True)
        lesson.wait_for(lambda: "finished" in lesson.title(), 3600)
        lesson.close_window()
        print(lesson.wait()[1].splitlines()[-1])


if __name__ == "__main__":
    main()
