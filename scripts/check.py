"""Run every check of the project and report all that failed: `./wk test` without arguments.

Four things go on side by side, since tests mostly wait: for leases to end, for processes to start, for pages to be
drawn. The crash tests and properties, the browser's, and those of the protocol are a pytest of their own each, without
coverage, which would only slow them down. Meanwhile come the static checks, then all other tests with coverage; their
summary line closes the output. Exits non-zero if any check, any test or the coverage gate failed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
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

#: Tests that interrupt a thread which does not hear it. Python 3.11 then has other threads that are measured, as they
#: enter a function, look at the interrupt again and again until the thread wakes up: these are not measured.
DEAF = (
    "tests/api/test_api_live_dry_runs.py", "tests/unit/test_option_lists.py", "tests/unit/test_option_secrets.py",
)  # fmt: skip
#: The tests that run beside the others, by the process that they share.
ASIDE = (
    ("tests/crash", "tests/properties", "tests/e2e", "tests/examples"),
    ("tests/browser",),
    ("tests/protocol", *DEAF),
)

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
    """Tests in a process of their own, which ends with the block at the latest."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths

    def __enter__(self) -> Aside:
        self._log = tempfile.TemporaryFile()
        options = ["--rootdir", str(ROOT), "-p", "no:cacheprovider", "-q", *self.paths]
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

    def __init__(self, failed_checks: list[str], beside: Sequence[Aside]) -> None:
        self._problems = [f"{name}: failed, see above" for name in failed_checks]
        self._notes: list[str] = []
        self._beside = beside
        self._reports: list[str] = []

    @pytest.hookimpl(trylast=True)  # pytest-cov has written its data by then
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn the session's exit status to failure where the tests alone would have passed."""
        measured = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
        measured.load()
        for package in COVERED_PACKAGES:
            self._judge(measured, package)
        if session.exitstatus != pytest.ExitCode.INTERRUPTED:
            for aside in self._beside:
                passed, report = aside.wait()
                self._reports.append(report)
                if not passed:
                    self._problems.append(f"{', '.join(aside.paths)}: failed, see above")
        if self._problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the tests beside and the figures, then what failed outside the tests."""
        for aside, report in zip(self._beside, self._reports, strict=False):
            terminalreporter.section(", ".join(aside.paths))
            terminalreporter.write(report)
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
    with ExitStack() as stack:
        beside = [stack.enter_context(Aside(paths)) for paths in ASIDE]
        failed = static_checks()
        print("== pytest", flush=True)
        options = [f"--ignore={path}" for paths in ASIDE for path in paths]
        options += [f"--cov={package}" for package in COVERED_PACKAGES]
        return int(pytest.main(["--rootdir", str(ROOT), "--cov-report=", *options], plugins=[Verdict(failed, beside)]))


if __name__ == "__main__":
    sys.exit(main())
