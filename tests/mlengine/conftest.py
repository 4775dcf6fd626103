"""What several test files of mlengine share."""

from tests.mlengine.serving import service, trained  # noqa: F401 - fixtures
