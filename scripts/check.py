"""Run every check of the project and report all that failed: `./wk test` without arguments.

Eight things go on side by side, since tests mostly wait: for leases to end, for processes to start, for pages to be
drawn. Those that wait most, and are disturbed most, come first: the crash tests and properties, the browser's and those
of the protocol, without coverage, which would only slow them down. What they leave of the processors is for the static
checks and all other tests, in three parts with coverage; the summary line of the last one closes the output. Exits
non-zero if any check, any test or the coverage gate failed.

A test that failed beside all the others may have been starved by them: it is executed once more, when nothing else goes
on. If it passes then, that is told of, for somebody to mend the test, and fails nothing. Tests that look for what
happens rarely (``FIRM``) get no second chance.
"""

from __future__ import annotations

import compileall
import os
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

from scripts import failures  # noqa: E402  the line above makes scripts/ importable
from scripts.chromium import find_chromium  # noqa: E402

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
#: Those of the browser take longest: two processes share them, file by file.
BROWSER = tuple(sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/browser").rglob("test_*.py")))
#: The tests that run beside the others, by the process that they share.
FIRST = {
    "tests/crash, tests/properties, tests/e2e, tests/examples": (
        "tests/crash", "tests/properties", "tests/e2e", "tests/examples",
    ),
    "tests/browser, one half": BROWSER[::2],
    "tests/browser, the other half": BROWSER[1::2],
    "tests/protocol, and others that are not measured": ("tests/protocol", *DEAF),
}  # fmt: skip
MEASURED = (
    ("tests/api", "tests/docs", "tests/migration", "tests/security"),
    ("tests/store",),
)
#: Tests of which one failure counts, whatever comes after it; and as many of the others at most are executed once more.
FIRM = ("tests/crash", "tests/properties")
AGAIN_AT_MOST = 30
#: What tests load in some hundred processes. Where Python is told to write no bytecode, as in many containers, each of
#: them would compile it anew, which takes up to half a second.
COMPILED = ("workflowkit", "actions", "migrations")
#: How much less the rest is worth, as ``nice`` takes it.
LESS = 5

#: The parts that decide what happens to a run, and the share of their lines that the tests must execute.
COVERED_PACKAGES = ("workflowkit/engine", "workflowkit/definition", "workflowkit/runtime")
COVERAGE_REQUIRED_PERCENT = 95.0
_ONLY_TESTS = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
MEASURING = ("--cov-report=", *(f"--cov={package}" for package in COVERED_PACKAGES))


def static_checks() -> int:
    """Run the checks one after the other; return the exit status."""
    failed = []
    for name, (program, *arguments) in CHECKS.items():
        print(f"== {name}", flush=True)
        if subprocess.run([Path(sys.executable).with_name(program), *arguments], cwd=ROOT, check=False).returncode:
            failed.append(name)
    print("failed:" if failed else "all passed", *failed)
    return int(bool(failed))


class Beside:
    """A Python program in a process of its own, which ends with the block at the latest."""

    def __init__(self, title: str, *arguments: str, coverage_file: Path | None = None) -> None:
        self.title, self.coverage_file = title, coverage_file
        self._command = [sys.executable, *arguments]
        #: What it printed, once it has ended, and the tests that failed, if nothing else did.
        self.report, self.failed = "", list[str]()

    @classmethod
    def tests(cls, title: str, paths: Sequence[str], *options: str, coverage_file: Path | None = None) -> Beside:
        """Return the tests of ``paths``, measured if there is a file for that."""
        if coverage_file is not None:
            options = (*options, *MEASURING)
        options = ("--rootdir", str(ROOT), "-p", "no:cacheprovider", "-p", failures.__name__, "-q", *options, *paths)
        return cls(title, "-m", "pytest", *options, coverage_file=coverage_file)

    def __enter__(self) -> Beside:
        self._log = tempfile.TemporaryFile()
        self._failed = tempfile.NamedTemporaryFile("r")
        environment = {**os.environ, failures.VARIABLE: self._failed.name}
        if self.coverage_file is not None:
            environment["COVERAGE_FILE"] = str(self.coverage_file)
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdout=self._log, stderr=subprocess.STDOUT, env=environment
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # so that it kills the processes it started
        self._process.wait()
        self._log.close()
        self._failed.close()

    def has_passed(self) -> bool:
        """Wait for its end, for its report, and for what failed if it was only tests."""
        status = self._process.wait()
        self._log.seek(0)
        self.report = self._log.read().decode(errors="replace")
        if status == pytest.ExitCode.TESTS_FAILED:
            self.failed = self._failed.read().splitlines()
        return status == 0


def may_be_starved(tests: Sequence[str]) -> bool:
    """Tell whether tests that failed are such, and so few, that it is worth to execute them once more."""
    return 0 < len(tests) <= AGAIN_AT_MOST and not any(test.startswith(FIRM) for test in tests)


class Verdict:
    """A pytest plugin that joins the other checks and the coverage gate to the verdict of the test session."""

    def __init__(self, beside: Sequence[Beside], failed: Path) -> None:
        self._problems: list[str] = []
        self._notes: list[str] = []
        self._beside = list(beside)
        self._failed = failed
        self._starved: list[str] = []

    @pytest.hookimpl(trylast=True)  # pytest-cov has written its data by then
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn the session's exit status to failure where the tests alone would have passed."""
        if session.exitstatus == pytest.ExitCode.INTERRUPTED:
            return
        self._judge_tests(session)
        measured = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
        measured.load()
        measured.combine([str(each.coverage_file) for each in self._beside if each.coverage_file is not None])
        for package in COVERED_PACKAGES:
            self._judge(measured, package)
        if self._problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what ran beside and the figures, then what failed outside the tests."""
        for each in self._beside:
            terminalreporter.section(each.title)
            terminalreporter.write(each.report)
        terminalreporter.section("coverage of lines")
        for note in self._notes:
            terminalreporter.write_line(note)
        if find_chromium() is None:
            terminalreporter.write_line("the browser tests did not run: there is no Chromium", yellow=True)
        if self._starved:
            terminalreporter.section("failed beside the others, passed alone: to be mended", yellow=True)
            for test in self._starved:
                terminalreporter.write_line(test, yellow=True)
        if self._problems:
            terminalreporter.section("failed checks", red=True)
            for problem in self._problems:
                terminalreporter.write_line(problem, red=True)

    def _judge_tests(self, session: pytest.Session) -> None:
        """Wait for what goes on beside; execute once more what failed there and here, if nothing but tests did."""
        failed = [each for each in self._beside if not each.has_passed()]
        groups = [each.failed for each in failed]
        if session.exitstatus != pytest.ExitCode.OK:
            groups.append(self._failed.read_text().splitlines())
        tests = list(dict.fromkeys(test for group in groups for test in group))
        if all(groups) and session.exitstatus in _ONLY_TESTS and may_be_starved(tests):
            with Beside.tests(f"once more, alone: {len(tests)} that failed beside the others", tests) as again:
                has_passed = again.has_passed()
            self._beside.append(again)
            if has_passed:
                self._starved = tests
                session.exitstatus = pytest.ExitCode.OK
                return
        self._problems += [f"{each.title}: failed, see above" for each in failed]

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
    if sys.argv[1:] == ["--static"]:
        return static_checks()
    for name in COMPILED:
        compileall.compile_dir(ROOT / name, quiet=1)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        beside = [stack.enter_context(Beside.tests(title, paths)) for title, paths in FIRST.items()]
        os.nice(LESS)
        deaf = [f"--ignore={path}" for path in DEAF]
        rest = [Beside("static checks", __file__, "--static")]
        for number, paths in enumerate(MEASURED):
            measured = directory / f"coverage-{number}"
            rest.append(Beside.tests(", ".join(paths), paths, *deaf, coverage_file=measured))
        beside += [stack.enter_context(each) for each in rest]
        failed = directory / "failed"
        failed.touch()
        os.environ[failures.VARIABLE] = str(failed)
        elsewhere = [f"--ignore={path}" for paths in (*FIRST.values(), *MEASURED) for path in paths]
        plugins = [failures, Verdict(beside, failed)]
        return int(pytest.main(["--rootdir", str(ROOT), *MEASURING, *elsewhere], plugins=plugins))


if __name__ == "__main__":
    sys.exit(main())
