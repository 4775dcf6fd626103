"""Lessons with one thing changed: to see what it is worth, or what a mistake looks like; or on
other images.
"""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
# A script finds its modules beside it.
FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist
FROM_HERE = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"


def lesson_files():
    """The lessons by their numbers: {"1.0": path, ...}."""
    return {path.name.split("_")[1]: path for path in sorted(ROOT.glob("mnist_*.py"))}


def depends_on_threads(lesson):
    """Whether the same seed comes to other figures where there are more or fewer threads.

    TensorFlow's own operations are divided among them, and so are the images of some lessons: sums
    are added up in another order, and dropout draws other numbers. What XLA makes of dense layers
    comes to the same for any number.
    """
    text = lesson_files()[lesson].read_text(encoding="utf-8")
    return re.search(r"\b(threads=1|xla=False)\b", text) is not None


class Variant(NamedTuple):
    """A lesson whose text was changed: (pattern, replacement), each found at least once."""

    lesson: str
    changes: tuple[tuple[str, str], ...] = ()
    iterations: int | None = None  # None for the lesson's own number
    difference: str = ""  # in words
    flags: tuple[str, ...] = ()

    def write(self, folder):
        """Write the changed lesson. Returns its path."""
        original = lesson_files()[self.lesson]
        text = original.read_text(encoding="utf-8")
        for pattern, replacement in self.changes:
            text, found = re.subn(pattern, replacement, text)
            if not found:
                raise ValueError(f"{original.name} has no {pattern}")
        text = text.replace("import tensorflowvisu", f"{FROM_HERE}import tensorflowvisu", 1)
        path = Path(folder) / original.name
        path.write_text(text, encoding="utf-8")
        return path


COMPARISONS = {
    "2.1-fixed": Variant(
        "2.1",
        ((r"return 0\.0001 \+ .*", "return 0.003"),),
        difference="with a learning rate that stays at 0.003",
    ),
    "3.1-biased": Variant(
        "3.1",
        ((r"tf\.zeros\((\[\d+\])\)", r"tf.ones(\1) / 10"),),
        difference="with biases that begin at 0.1 in its convolutions too",
    ),
    "3.1-whole": Variant("3.1", ((r"PKEEP = 0\.75", "PKEEP = 1"),), difference="without dropout"),
}
MISTAKES = {
    "zeros": Variant(
        "2.1", ((r"tf\.random\.truncated_normal\((.*), stddev=0\.1\)", r"tf.zeros(\1)"),), 1000
    ),
    "log0": Variant("1.0", ((r"return 0\.5", "return 5.0"),), 600),
    "far": Variant(
        "1.0", ((r"return 0\.5", "return 1000.0"), (r"log\(Y\)", "log(Y + 1e-10)")), 1000
    ),
}
ON_FASHION = {
    f"{lesson}-fashion": Variant(lesson, flags=("--data", str(FASHION)))
    for lesson in lesson_files()
}
VARIANTS = COMPARISONS | MISTAKES | ON_FASHION
