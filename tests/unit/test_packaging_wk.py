"""The `wk` script, with stand-ins for the programs that it installs with."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ("wk", "pyproject.toml", "requirements-run.lock", "requirements-test.lock")

RECORDER = """#!/bin/sh
printf '%s %s\\n' "$(basename "$0")" "$*" >>"{log}"
case " {failing} " in *" $(basename "$0") "*) exit 1 ;; esac
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A copy of what the script reads, with an environment whose programs only write down how they are called."""

    root: Path

    @property
    def _log(self) -> Path:
        return self.root / "calls"

    def has_programs(self, *names: str, failing: str = "") -> None:
        """Put recording programs into the environment; those named in `failing` exit with 1."""
        programs = self.root / ".venv/bin"
        programs.mkdir(parents=True, exist_ok=True)
        for name in names:
            (programs / name).write_text(RECORDER.format(log=self._log, failing=failing))
            (programs / name).chmod(0o755)

    def wk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script from another directory, as a user may."""
        # The Python that would make a new environment is a recorder too: nothing is ever downloaded here.
        maker = str(self.root / ".venv/bin/base-python")
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.root), "WORKFLOWKIT_PYTHON": maker}
        return subprocess.run(
            [self.root / "wk", *arguments], cwd="/", env=environment, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[str]:
        """Return the calls since the last time."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a checkout"
    root.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, root / name)
    made = Checkout(root)
    made.has_programs("base-python", "python", "uv", "workflowkit")
    return made


def installs(calls: list[str]) -> list[str]:
    return [call for call in calls if " install " in call]


def test_the_first_start_installs_the_locked_packages_and_then_the_project(checkout: Checkout) -> None:
    assert checkout.wk("up", "--once").returncode == 0
    calls = checkout.calls()
    packages, project = installs(calls)
    assert "--require-hashes -r requirements-run.lock" in packages
    assert project.endswith("--no-deps --no-build-isolation -e .")
    assert calls[-1] == "workflowkit up --once"


def test_the_second_start_runs_the_command_and_nothing_else(checkout: Checkout) -> None:
    checkout.wk("up")
    checkout.calls()
    checkout.wk("up", "--once", "--port", "0")
    assert checkout.calls() == ["workflowkit up --once --port 0"]


def test_a_changed_lock_file_is_installed(checkout: Checkout) -> None:
    checkout.wk("up")
    checkout.calls()
    with open(checkout.root / "requirements-run.lock", "a") as lock:
        lock.write("# changed\n")
    checkout.wk("up")
    assert len(installs(checkout.calls())) == 2


def test_a_failed_install_is_tried_again_at_the_next_start(checkout: Checkout) -> None:
    checkout.has_programs("python", "uv", failing="python uv")
    assert checkout.wk("up").returncode != 0
    checkout.has_programs("python", "uv")
    checkout.calls()
    assert checkout.wk("up").returncode == 0
    assert len(installs(checkout.calls())) == 2


def test_pip_installs_where_uv_cannot(checkout: Checkout) -> None:
    checkout.has_programs("uv", failing="uv")
    result = checkout.wk("up")
    assert "trying pip" in result.stderr
    by_pip = [call for call in checkout.calls() if call.startswith("python -m pip install")]
    assert len(by_pip) == 2
    assert "--require-hashes -r requirements-run.lock" in by_pip[0]


def test_setting_up_for_the_tests_is_enough_for_running(checkout: Checkout) -> None:
    checkout.wk("test", "tests/unit")
    calls = checkout.calls()
    assert "requirements-test.lock" in installs(calls)[0]
    assert calls[-1] == "python -m pytest tests/unit"
    checkout.wk("up")
    assert checkout.calls() == ["workflowkit up"]


def test_without_arguments_every_check_is_run(checkout: Checkout) -> None:
    checkout.wk("test")
    assert checkout.calls()[-1] == "python scripts/check.py"


def test_an_environment_that_was_moved_is_made_anew(checkout: Checkout) -> None:
    checkout.wk("up")
    (checkout.root / ".venv/.wk-home").write_text("/somewhere/else/.venv\n")
    (checkout.root / ".venv/.wk-run").unlink()
    checkout.calls()
    checkout.wk("up")
    assert f"base-python -m venv --clear {checkout.root}/.venv" in checkout.calls()


def test_a_directory_that_is_no_environment_is_left_alone(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / ".venv")
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv/diary").write_text("dear diary")
    result = checkout.wk("up")
    assert result.returncode == 1
    assert "is in the way" in result.stderr
    assert (checkout.root / ".venv/diary").exists()


def test_help_needs_no_setting_up(checkout: Checkout) -> None:
    result = checkout.wk()
    assert "./wk test" in result.stdout
    assert checkout.calls() == []
