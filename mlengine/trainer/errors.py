"""What can go wrong in a way that whoever started the job can do something about."""


class JobError(Exception):
    """The job can't go on. The message says what was expected, what was found, what to do."""

    exit_code = 1
