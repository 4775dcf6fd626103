"""What panels say in words: names of classes as far as there is room, numbers. Pure functions."""

import numpy as np

LINES = 2
LONGEST_NAME = 20  # characters
BETWEEN = "   "
SMALLEST_WITH_DECIMALS = 1e-6


def decimals(value, least=4):
    """A number with so many decimals, or as many more as show two digits of a small one."""
    if not 0 < value < 10 ** (1 - least):
        return f"{value:.{least}f}"
    if value < SMALLEST_WITH_DECIMALS:
        return f"{value:.1e}"
    places = 1 - int(f"{value:.1e}".partition("e")[2])
    return f"{value:.{max(places, least)}f}"


def names(class_names, fits):
    """All classes with their numbers, on two lines at the most; None if there is no room for them.

    fits  tells of a line whether there is room for it
    """
    entries = [_entry(class_names, number) for number in range(len(class_names))]
    a_line = len(entries) if len(entries) <= 5 else -(-len(entries) // LINES)
    lines = [BETWEEN.join(entries[i : i + a_line]) for i in range(0, len(entries), a_line)]
    return "\n".join(lines) if all(map(fits, lines)) else None


def confusions(class_names, labels, computed, fits):
    """The classes that are most often taken for others, as many as fit on two lines.

    labels, computed  int [n]
    """
    wrong = labels != computed
    pairs = np.asarray(labels, int)[wrong] * len(class_names) + np.asarray(computed, int)[wrong]
    found, counts = np.unique(pairs, return_counts=True)
    lines = ["Most often misread:"]
    for which in np.argsort(-counts, kind="stable"):
        label, taken_for = (
            _entry(class_names, number) for number in divmod(int(found[which]), len(class_names))
        )
        entry = f"{label} as {taken_for}, {counts[which]} ×"
        if fits(lines[-1] + BETWEEN + entry):
            lines[-1] += BETWEEN + entry
        elif len(lines) < LINES and fits(entry):
            lines.append(entry)
        else:
            break
    return "\n".join(lines) if lines[0] != lines[-1] or BETWEEN in lines[0] else ""


def cut(line, fits):
    """As much of a line as there is room for."""
    kept = line
    while kept and not fits(kept):
        kept = f"{kept.rstrip('…')[:-1].rstrip()}…" if len(kept) > 1 else ""
    return kept


def _entry(class_names, number):
    name = class_names[number]
    if name == str(number):
        return name
    return f"{number} {name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + '…'}"
