"""What flags may say, with messages that say what was expected and what was found."""

import argparse
import os

# TensorFlow takes a path with these for a pattern: it would neither find nor delete states there.
OF_PATTERNS = set("[]*?\\") - {os.sep}


def without_patterns(path):
    """What is wrong with the path of a folder of TensorFlow's, in words; None if nothing is."""
    if found := OF_PATTERNS.intersection(path):
        return (
            f"{path}: expected a folder without {' '.join(sorted(OF_PATTERNS))} in its path, which "
            f"TensorFlow takes for a pattern, found {' '.join(sorted(found))}"
        )
    return None


def whole(least, most=2**31 - 1):
    """A whole number in a range."""
    return _number(int, "a whole number", least, most)


def real(least, most):
    """A number in a range."""
    return _number(float, "a number", least, most)


def _number(kind, words, least, most):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"expected {words} from {least:g} to {most:.10g}, found {text!r}"
            )
        return value

    return parse
