"""Run every check of the project and report all that failed: `./wk test` without arguments.

Two things go on side by side. The crash tests mostly wait, for leases to end and for processes to start; they, the
properties and the browser tests, which measuring coverage would only slow down, are a pytest of their own. Meanwhile
come the static checks, then all other tests with coverage; their summary line closes the output. Exits non-zero if any
check, any test or the coverage gate failed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

import coverage
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.chromium import find_chromium  # noqa: E402  the line above makes scripts/ importable

CHECKS = {
    "web: types, lint, unit tests": ["python", "scripts/build_web.py", "--check"],
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "import contracts": ["lint-imports", "--no-logo"],
}

#: The tests that run beside the others.
ASIDE = ("tests/crash", "tests/properties", "tests/browser")

#: The parts that decide what happens to a run, and the share of their lines that the tests must execute.
COVERED_PACKAGES = ("workflowkit/engine", "workflowkit/definition", "workflowkit/runtime")
COVERAGE_REQUIRED_PERCENT = 95.0


def static_checks() -> list[str]:
    """Run the checks one after the other; return the names of those that failed."""
    failed = []
    for name, (program, *arguments) in CHECKS.items():
        print(f"== {name}", flush=True)
        if subprocess.run([Path(sys.executable).with_name(program), *arguments], cwd=ROOT, check=False).returncode:
            failed.append(name)
    return failed


class Aside:
    """The tests of ``ASIDE`` in a process of their own, which ends with the block at the latest."""

    def __enter__(self) -> Aside:
        self._log = tempfile.TemporaryFile()
        options = ["--rootdir", str(ROOT), "-p", "no:cacheprovider", "-q", *ASIDE]
        command = [sys.executable, "-m", "pytest", *options]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=self._log, stderr=subprocess.STDOUT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # so that it kills the processes it started
        self._process.wait()
        self._log.close()

    def wait(self) -> tuple[bool, str]:
        """Wait for their end; return whether all passed, and what they printed."""
        status = self._process.wait()
        self._log.seek(0)
        return status == pytest.ExitCode.OK, self._log.read().decode(errors="replace")


class Verdict:
    """A pytest plugin that joins the other checks and the coverage gate to the verdict of the test session."""

    def __init__(self, failed_checks: list[str], aside: Aside) -> None:
        self._problems = [f"{name}: failed, see above" for name in failed_checks]
        self._notes: list[str] = []
        self._aside = aside
        self._aside_report = ""

    @pytest.hookimpl(trylast=True)  # pytest-cov has written its data by then
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn the session's exit status to failure where the tests alone would have passed."""
        measured = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
        measured.load()
        for package in COVERED_PACKAGES:
            self._judge(measured, package)
        if session.exitstatus != pytest.ExitCode.INTERRUPTED:
            passed, self._aside_report = self._aside.wait()
            if not passed:
                self._problems.append("tests beside: failed, see above")
        if self._problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the tests beside and the figures, then what failed outside the tests."""
        terminalreporter.section(", ".join(ASIDE))
        terminalreporter.write(self._aside_report)
        terminalreporter.section("coverage of lines")
        for note in self._notes:
            terminalreporter.write_line(note)
        if find_chromium() is None:
            terminalreporter.write_line("the browser tests did not run: there is no Chromium", yellow=True)
        if self._problems:
            terminalreporter.section("failed checks", red=True)
            for problem in self._problems:
                terminalreporter.write_line(problem, red=True)

    def _judge(self, measured: coverage.Coverage, package: str) -> None:
        lines = missed = 0
        gaps = []
        for path in sorted((ROOT / package).rglob("*.py")):
            _, statements, _, missing, missing_text = measured.analysis2(str(path))
            lines += len(statements)
            missed += len(missing)
            if missing:
                gaps.append(f"  {path.relative_to(ROOT)}: lines {missing_text}")
        percent = 100.0 * (lines - missed) / lines if lines else 0.0
        self._notes.append(f"{package}: {percent:.1f} % of {lines}")
        if percent < COVERAGE_REQUIRED_PERCENT:
            self._problems.append(f"{package}: {percent:.1f} % covered, {COVERAGE_REQUIRED_PERCENT:.0f} % required")
            self._notes.extend(gaps)


def main() -> int:
    """Return the exit status for the shell."""
    with Aside() as aside:
        failed = static_checks()
        print("== pytest", flush=True)
        options = [f"--ignore={path}" for path in ASIDE] + [f"--cov={package}" for package in COVERED_PACKAGES]
        return int(pytest.main(["--rootdir", str(ROOT), "--cov-report=", *options], plugins=[Verdict(failed, aside)]))


if __name__ == "__main__":
    sys.exit(main())
