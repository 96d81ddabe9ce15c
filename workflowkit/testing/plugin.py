"""The pytest plugin: the fixture ``workflowkit_run``, and the option that writes golden traces anew.

pytest imports this module in every session of every project that has the package installed, so it imports nothing of
the package itself before a test asks for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflowkit.testing.result import RunResult

OPTION = "--workflowkit-update-golden"
#: As in ``testing.golden``, which is too much to import for a name.
UPDATE_VARIABLE = "WORKFLOWKIT_UPDATE_GOLDEN"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our one option."""
    group = parser.getgroup("workflowkit")
    group.addoption(OPTION, action="store_true", help="write golden traces of workflows instead of comparing them")


def pytest_configure(config: pytest.Config) -> None:
    """Let ``assert_golden`` know of the option, in worker processes of the session too."""
    if config.getoption(OPTION):
        os.environ[UPDATE_VARIABLE] = "1"
        config.add_cleanup(_forget)


@pytest.fixture
def workflowkit_run() -> Callable[..., RunResult]:
    """Runs a workflow or a function with stubs: ``workflowkit.testing.run``."""
    from workflowkit.testing import run

    return run


def _forget() -> None:
    os.environ.pop(UPDATE_VARIABLE, None)
