"""What several test files use."""

import os
import shutil
import signal

# TensorFlow's own words would drown pytest's; the lessons' own output has its own tests.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Several lessons at once have a processor each, not two threads that wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts the tests in the background has them and their programs ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis
import pytest

from tests.forked import Forked
from tests.screen import RunningLesson, VirtualScreen, afresh

# A real start of TensorFlow takes longer than most of what is tried here; see `fresh`.
RunningLesson.start = Forked

# How long an example takes says more about what else the machine does than about the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


# What takes long to start, and serves all the tests that ask for it: they run in one worker.
SHARED = {"finished", "convolutional"}


def pytest_pycollect_makemodule():
    """Start TensorFlow as a lesson does, before a module of tests imports it.

    Not before that: the process that only hands the tests out can do without.
    """
    import tensorflowvisu  # noqa: F401


def pytest_collection_modifyitems(items):
    """Long tests first: else the other workers wait for them in the end."""
    for item in items:
        for fixture in SHARED & set(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group(fixture))
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


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory):
    """A folder with MNIST, but only the first thousand test digits, for who takes long to read."""
    from tests.digits import write_first  # late: it imports TensorFlow

    return write_first(tmp_path_factory.mktemp("few_digits"), 60_000, 1000)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright  # late: the smoke run does without

    with sync_playwright() as playwright:
        # Without Debian's, the one that `playwright install chromium` has brought.
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        yield chromium
        chromium.close()


@pytest.fixture
def run(tmp_path):
    """Run a lesson in text mode to its end: run("1.0", "--seed", 3) -> (code, output, error)."""

    def run_in_text_mode(number, *flags, **settings):
        settings = {"folder": tmp_path, **settings}
        with RunningLesson(number, "--no-window", *flags, **settings) as lesson:
            return lesson.wait()

    return run_in_text_mode


@pytest.fixture
def fresh(monkeypatch):
    """Lessons start as a user starts them, with all that TensorFlow says and does at its import."""
    monkeypatch.setattr(RunningLesson, "start", staticmethod(afresh))
