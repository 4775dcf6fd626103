"""What the programs of mlengine have in common: how they end."""

import signal
import subprocess
import sys

import pytest

import mnistdata
from errors import UsageError, explain_and_exit
from tests.mlengine.jobs import MLENGINE, PATIENCE
from trainer.errors import JobError


@pytest.mark.parametrize(
    ("error", "code"), [(UsageError, 2), (mnistdata.DataError, 2), (JobError, 1)]
)
def test_a_mistake_is_told_by_its_message_alone(error, code, capsys):
    def main():
        raise error("expected one thing, found another")

    with pytest.raises(SystemExit) as ended:
        explain_and_exit(main)
    assert ended.value.code == code
    assert capsys.readouterr() == ("", "error: expected one thing, found another\n")


def test_a_program_ends_with_the_exit_code_that_it_returns(capsys):
    def interrupted():
        raise KeyboardInterrupt

    for main, code in ((lambda: None, None), (lambda: 143, 143), (interrupted, 130)):
        with pytest.raises(SystemExit) as ended:
            explain_and_exit(main)
        assert ended.value.code == code
    assert capsys.readouterr() == ("", "")


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        explain_and_exit(lambda: 1 / 0)


@pytest.mark.parametrize(
    ("second_kills", "code", "said"), [(True, -signal.SIGTERM, "15\n"), (False, 0, "15\n15\n")]
)
def test_a_second_signal_ends_a_program_at_once_where_it_shall(second_kills, code, said):
    program = (
        "import os\n"
        "from programs import Stop\n"
        f"stop = Stop(second_kills={second_kills})\n"
        "assert stop.asked is None\n"
        "for _ in range(2):\n"
        "    os.kill(os.getpid(), 15)\n"
        "    print(stop.asked, flush=True)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=MLENGINE,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, said, "")
