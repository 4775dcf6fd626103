"""What can go wrong in a way that whoever started the tuner can do something about."""


class UsageError(Exception):
    """The study can't go on. The message says what was expected, what was found, what to do."""

    exit_code = 2
