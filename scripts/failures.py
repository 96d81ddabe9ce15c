"""A pytest plugin that notes which tests failed, a line each, in the file that ``TEST_FAILURES_FILE`` names."""

from __future__ import annotations

import os

import pytest

VARIABLE = "TEST_FAILURES_FILE"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed, or what was made for it before, or was to be tidied up after."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be read."""
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.failed:
        with open(os.environ[VARIABLE], "a") as noted:
            noted.write(f"{report.nodeid}\n")
