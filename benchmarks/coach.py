"""What the coach says of the lessons, and of lessons with a mistake in them.

    python3 -m benchmarks.coach                    # five seeds of all lessons: about an hour
    python3 -m benchmarks.coach 2.1 --seeds 1
    python3 -m benchmarks.coach zeros              # a lesson with a mistake
    python3 -m benchmarks.coach --runs tests/recorded

Every run is a process of its own, and leaves its measurements in a CSV file; runs whose file is
there already are read from it.
"""

import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.results import ROOT, lesson_files, parse, run
from visu.coach import Coach, Curves
from visu.runs import read

EPOCH = 600  # iterations


class Mistake(NamedTuple):
    """A lesson whose text was changed: (pattern, replacement), each found at least once."""

    lesson: str
    iterations: int
    changes: tuple[tuple[str, str], ...]

    def write(self, folder):
        """Write the changed lesson. Returns its path."""
        original = lesson_files()[self.lesson]
        text = original.read_text(encoding="utf-8")
        for pattern, replacement in self.changes:
            text, found = re.subn(pattern, replacement, text)
            if not found:
                raise ValueError(f"{original.name} has no {pattern}")
        # A script finds its modules beside it.
        text = text.replace("import tensorflowvisu", f"{FROM_HERE}import tensorflowvisu", 1)
        path = Path(folder) / original.name
        path.write_text(text, encoding="utf-8")
        return path


FROM_HERE = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
MISTAKES = {
    "zeros": Mistake(
        "2.1", 1000, ((r"tf\.random\.truncated_normal\((.*), stddev=0\.1\)", r"tf.zeros(\1)"),)
    ),
    "log0": Mistake("1.0", 600, ((r"return 0\.5", "return 5.0"),)),
    "far": Mistake(
        "1.0", 1000, ((r"return 0\.5", "return 1000.0"), (r"log\(Y\)", "log(Y + 1e-10)"))
    ),
}


def story(run):
    """What the coach says of a run, and when it says something new: [(iteration, Diagnosis)].

    run  `visu.runs.EarlierRun`
    """
    curves = Curves(run.training, run.test, {}, classes=10, epoch=EPOCH)
    coach, said = Coach(), []
    for iteration in run.test[:, 0]:
        diagnosis = coach.hear(curves.until(iteration))
        if diagnosis and not (said and said[-1][1].name == diagnosis.name):
            said.append((int(iteration), diagnosis))
        elif diagnosis:
            said[-1] = (said[-1][0], diagnosis)
    return said


def main():
    lessons = lesson_files()
    given = parse(__doc__.splitlines()[0], [*lessons, *MISTAKES])
    for name in given.lessons:
        for seed in range(given.seeds if name in lessons else 1):
            log = given.runs / f"{name}-seed{seed}.csv"
            with tempfile.TemporaryDirectory() as folder:
                if mistake := MISTAKES.get(name):
                    script, iterations = mistake.write(folder), mistake.iterations
                else:
                    script, iterations = lessons[name], None
                run(script, seed, given.iterations or iterations, log)
            print(f"{name}, seed {seed}")
            for iteration, diagnosis in story(read(log)) or [("", "nothing")]:
                print(f"{iteration:>8}  {diagnosis}", flush=True)


if __name__ == "__main__":
    main()
