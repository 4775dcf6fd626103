"""What else a lesson might have chosen, and what that would be worth, on digits that it holds out.

    python3 -m benchmarks.choices                   # lessons 2.2 and 3.1
    python3 -m benchmarks.choices 2.2 --seeds 16

Each choice is the lesson with one thing changed. It trains on 50,000 digits, and reads the other
10,000 of the training digits after the last iteration; no test digit is looked at. Every run has
one processor, so that the figures do not depend on how many there are; as many run at a time as
there are. What each misread is kept in `choices.csv`, and a run that is there is not repeated.
"""

import argparse
import csv
import os
import re
import statistics
from pathlib import Path

from benchmarks import COUNT, check, check_lessons
from benchmarks.results import together, train
from benchmarks.variants import COMPARISONS, ROOT, Variant

KEPT = ROOT / "benchmarks" / "choices.csv"  # lesson, choice, seed, digits misread
HELD_OUT = "10000"
SEEDS = 4
AS_IT_IS = "as it is"
ADAM = r"optimizers\.Adam\(\)"


def _spread(shape, stddev):
    """The change after which weights of that shape, a pattern, begin otherwise spread."""
    return (
        rf"truncated_normal\(\[({shape})\], stddev=0\.1\)",
        rf"truncated_normal([\1], stddev={stddev})",
    )


def _adam(setting):
    return (ADAM, f"optimizers.Adam({setting})")


# In words, what is another in each; and the changes, as in `Variant`.
CHOICES = {
    "2.2": {
        AS_IT_IS: (),
        "weights spread by √(2 / inputs), after He": (
            _spread(r"(?P<inputs>\d+), \d+", r"(2 / \g<inputs>) ** 0.5"),
        ),
        "W1 spread by 0.05": (_spread(r"784, 200", "0.05"),),
        "W1 spread by 0.2": (_spread(r"784, 200", "0.2"),),
        "biases from 0": ((r"tf\.ones\((\[\d+\])\) / 10", r"tf.zeros(\1)"),),
        "Adam's beta_2 0.99": (_adam("beta_2=0.99"),),
        "Adam's beta_2 0.95": (_adam("beta_2=0.95"),),
        "Adam's beta_2 0.9": (_adam("beta_2=0.9"),),
        "Adam's epsilon 1e-10": (_adam("epsilon=1e-10"),),
        "Adam's epsilon 1e-4": (_adam("epsilon=1e-4"),),
        "Adam's epsilon 1e-3": (_adam("epsilon=1e-3"),),
    },
    "3.1": {
        AS_IT_IS: (),
        "the convolutions' biases from 0.1": COMPARISONS["3.1-biased"].changes,
        "W1 spread by 0.24": (_spread("6, 6, 1, 6", "0.24"),),
        "W4 spread by 0.04": (_spread("1176, 200", "0.04"),),
        "W5 from 0": ((r"tf\.random\.truncated_normal\((\[200, 10\]), .*\)\)", r"tf.zeros(\1))"),),
        "Adam's beta_2 0.99": (_adam("beta_2=0.99"),),
        "Adam's beta_2 0.95": (_adam("beta_2=0.95"),),
        "Adam's epsilon 1e-10": (_adam("epsilon=1e-10"),),
    },
}


def read(kept):
    """What is known: {(lesson, choice): {seed: digits misread}}."""
    known = {(lesson, choice): {} for lesson in CHOICES for choice in CHOICES[lesson]}
    if kept.exists():
        with kept.open(encoding="utf-8", newline="") as file:
            for lesson, choice, seed, wrong in csv.reader(file):
                known.setdefault((lesson, choice), {})[int(seed)] = int(wrong)
    return known


def add(kept, lesson, choice, seed, iterations):
    """Train it once, and keep what it misread."""
    variant = Variant(lesson, CHOICES[lesson][choice], iterations, flags=("--validation", HELD_OUT))
    (wrong,) = re.findall(r"(\d+) of \d+ misread", train(variant, seed, threads=1))
    with kept.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow((lesson, choice, seed, wrong))


def rows(lesson, known):
    """Lines of the table, the fewest misread first; differences are between runs of one seed."""
    found = {choice: known[lesson, choice] for choice in CHOICES[lesson] if known[lesson, choice]}
    for choice, wrong in sorted(found.items(), key=lambda item: statistics.mean(item[1].values())):
        pairs = [wrong[seed] - found[AS_IT_IS][seed] for seed in wrong.keys() & found[AS_IT_IS]]
        difference = "" if choice == AS_IT_IS else _mean(pairs, len(pairs) ** 0.5, "+.1f")
        yield f"| {lesson} | {choice} | {len(wrong)} | {_mean(wrong.values())} | {difference} |"


def _mean(values, divided_by=1.0, form=".1f"):
    """Their mean ± their standard deviation, divided: by √n, it is the mean's standard error."""
    values = list(values)
    spread = f" ± {statistics.stdev(values) / divided_by:.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):{form}}{spread}" if values else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=f"of {' '.join(CHOICES)}")
    parser.add_argument("--seeds", type=COUNT, default=SEEDS, help=f"at least ({SEEDS})")
    parser.add_argument("--iterations", type=COUNT, help="instead of the lesson's own number")
    parser.add_argument("--runs", type=Path, default=KEPT, metavar="FILE.csv", help="what is known")
    given = parser.parse_args()
    check_lessons(parser, given.lessons, CHOICES)
    check(parser, "--runs", given.runs, ".csv")
    if given.iterations and given.runs.resolve() == KEPT:
        parser.error("--iterations: name another file with --runs; that one is for whole runs")
    lessons, known = given.lessons or list(CHOICES), read(given.runs)
    missing = [
        (add, given.runs, lesson, choice, seed, given.iterations)
        for seed in range(given.seeds)
        for lesson in lessons
        for choice in CHOICES[lesson]
        if seed not in known[lesson, choice]
    ]
    together(os.cpu_count() or 1, missing)
    print("| lesson | choice | n | misread of 10,000, ± sd | difference, ± standard error |")
    print("|---|---|---|---|---|")
    known = read(given.runs)
    for lesson in lessons:
        print("\n".join(rows(lesson, known)), flush=True)


if __name__ == "__main__":
    main()
