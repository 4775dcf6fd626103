"""What the programs of mlengine have in common: how they end, and what they write."""

import signal
import subprocess
import sys

import pytest

import mnistdata
from errors import UsageError, explain_and_exit
from files import unfinished
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


def run_python(code):
    """Let Python run this: (exit code, standard output, standard error)."""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=MLENGINE,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return ended.returncode, ended.stdout, ended.stderr


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
    assert run_python(program) == (code, said, "")


FLAGS = {
    "predict": ("--model-dir=.", "--json-instances=samples/instances.jsonl"),
    "serve": ("--model=.", "--port=0"),
    "tune": ("--study=vertex/tuning_study.yaml", "--folder=/nowhere"),
}


def run_without(module, program, *flags):
    """Let a program end where a module is missing: (exit code, standard output, standard error)."""
    return run_python(
        "import runpy, sys\n"
        f"sys.modules[{module!r}] = None\n"
        f"sys.argv = {[program, *flags]}\n"
        f"runpy.run_module({program!r}, run_name='__main__', alter_sys=True)\n"
    )


@pytest.mark.parametrize(
    ("program", "package", "needs", "command"),
    [
        ("predict", "pydantic", "serving", "`pip install -e './mlengine[serve]'`"),
        ("serve", "fastapi", "serving", "`pip install -e './mlengine[serve]'`"),
        ("serve", "pydantic", "serving", "`pip install -e './mlengine[serve]'`"),
        ("serve", "uvicorn", "serving", "`pip install -e './mlengine[serve]'`"),
        ("tune", "optuna", "tuning", "`pip install -e './mlengine[tune]'` (on Windows: in WSL2)"),
        ("tune", "yaml", "tuning", "`pip install -e './mlengine[tune]'` (on Windows: in WSL2)"),
    ],
)
def test_a_missing_package_is_named_and_how_to_install_it(program, package, needs, command):
    code, output, error = run_without(package, program, *FLAGS[program])
    assert (code, output) == (2, "")
    assert error == (
        f"error: {package} is missing; install what {needs} needs, in the project's folder, with "
        f"{command}\n"
    )


@pytest.mark.parametrize("program", FLAGS)
def test_help_needs_no_extra(program):
    package = "optuna" if program == "tune" else "pydantic"
    code, output, error = run_without(package, program, "--help")
    assert (code, error) == (0, "")
    assert output.startswith("usage: ")


@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("predict", "service.instances"),
        ("serve", "service.batching"),
        ("tune", "tuning.document"),
    ],
)
def test_a_missing_module_of_ours_is_not_taken_for_a_package_to_install(program, module):
    code, output, error = run_without(module, program, *FLAGS[program])
    assert (code, output) == (1, "")
    assert error.startswith("Traceback")
    assert f"ModuleNotFoundError: import of {module} halted" in error
    assert "pip install" not in error


def test_a_link_to_a_file_stays_one(tmp_path):
    (tmp_path / "file").write_text("before")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")
    with unfinished(link) as growing:
        growing.write_text("whole")
    assert link.is_symlink()
    assert (tmp_path / "file").read_text() == "whole"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_file_that_is_not_finished_leaves_what_was_there_before(tmp_path, error):
    path = tmp_path / "file"
    with unfinished(path) as growing:
        growing.write_text("whole")
        assert not path.exists()
    with pytest.raises(error), unfinished(path) as growing:
        growing.write_text("half")
        raise error
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]
