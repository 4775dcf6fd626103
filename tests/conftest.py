"""What several test files use."""

import os

# TensorFlow's own words would drown pytest's; the lessons' own output has its own tests.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Several lessons at once have a processor each, not two threads that wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

import tensorflowvisu  # noqa: F401 - starts TensorFlow as a lesson does
from tests.screen import RunningLesson, VirtualScreen

# How long an example takes says more about what else the machine does than about the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items):
    """Long tests first: else the other workers wait for them in the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session", autouse=True)
def runs_of_their_own(tmp_path_factory):
    """The last runs that the user of this folder has kept are not for tests to replace."""
    os.environ["TENSORFLOWVISU_RUNS"] = str(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def screen():
    """A virtual screen with nothing on it."""
    with VirtualScreen() as virtual:
        yield virtual


@pytest.fixture
def run(tmp_path):
    """Run a lesson in text mode to its end: run("1.0", "--seed", 3) -> (code, output, error)."""

    def run_in_text_mode(number, *flags, **settings):
        settings = {"folder": tmp_path, **settings}
        with RunningLesson(number, "--no-window", *flags, **settings) as lesson:
            return lesson.wait()

    return run_in_text_mode
