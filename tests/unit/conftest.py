"""What tests of commands share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from runtimes import Harness, a_runtime


@pytest.fixture
def installation(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Harness]:
    """A database that the settings name, without a workflow, and a working directory."""
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    monkeypatch.chdir(tmp_path)
    with a_runtime(sqlite_url) as harness:
        yield harness
