"""Types of numbers for argparse, with a message that says what was expected and what was found."""

import argparse


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
