"""What the coach says of the lessons, and of lessons with a mistake in them.

    python3 -m benchmarks.coach             # five seeds of all lessons, and mistakes
    python3 -m benchmarks.coach 2.1 --seeds 1
    python3 -m benchmarks.coach zeros       # a lesson with a mistake

The runs are those of `benchmarks.results`: what is not there yet is trained.
"""

from benchmarks.results import EPOCH, SEEDS, parse, run
from benchmarks.variants import MISTAKES, lesson_files
from visu.coach import Coach, Curves
from visu.runs import read


def story(run, digits=True):
    """What the coach says of a run, and when it says something new: [(iteration, Diagnosis)].

    run     `visu.runs.EarlierRun`
    digits  whether it was trained on MNIST's
    """
    once = len(run.test) == 1
    curves = Curves(run.training, run.test, {}, 10, EPOCH, digits=digits, test_once=once)
    coach, said = Coach(), []
    for iteration in curves.moments():
        diagnosis = coach.hear(curves.until(iteration))
        if diagnosis and not (said and said[-1][1].name == diagnosis.name):
            said.append((int(iteration), diagnosis))
        elif diagnosis:
            said[-1] = (said[-1][0], diagnosis)
    return said


def main():
    lessons = lesson_files()
    given = parse(__doc__.splitlines()[0], [*lessons, *MISTAKES])
    for name in given.lessons or [*lessons, *MISTAKES]:
        for seed in range((given.seeds or SEEDS) if name in lessons else 1):
            log = given.runs / f"{name}-seed{seed}.csv"
            run(name, seed, given.iterations, log)
            print(f"{name}, seed {seed}")
            for iteration, diagnosis in story(read(log)) or [("", "nothing")]:
                print(f"{iteration:>8}  {diagnosis}", flush=True)


if __name__ == "__main__":
    main()
