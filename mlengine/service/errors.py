"""What can go wrong by a client's doing, with one clear message for it."""


class RefusedError(Exception):
    """A request is not answered, with this HTTP status. The message says why."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status
