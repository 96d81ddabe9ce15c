"""``workflowkit prune`` and ``workflowkit audit``, on a database of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from workflowkit.cli.root import cli
from workflowkit.store.database import Database
from workflowkit.store.statements import Sql


@pytest.fixture
def database_url(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A database that the settings name, and a working directory."""
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    monkeypatch.chdir(tmp_path)
    return sqlite_url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def told(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def _make_old(database_url: str) -> None:
    database = Database.open(database_url)
    with database.transaction("key") as tx:
        tx.run(Sql("DROP TRIGGER audit_log_are_facts"))
        tx.run(Sql("UPDATE audit_log SET at_ms = 1 WHERE seq = 1"))
    database.close()


def test_old_entries_are_counted_and_then_deleted(database_url: str) -> None:
    for name in ("a", "b"):
        assert run("keys", "create", name).exit_code == 0
    _make_old(database_url)
    assert told("prune", "--audit-days", "30", "--dry-run") == {"runs": 0, "events": 0, "audit_entries": 1}
    assert told("prune", "--audit-days", "30")["audit_entries"] == 1
    assert told("prune", "--audit-days", "30")["audit_entries"] == 0
    assert "deleted: 0 runs, 0 events, 0 audit entries" in run("prune", "--runs-days", "1").output
    assert [entry["detail"]["name"] for entry in told("audit", "list")["items"]] == ["b"]


def test_nothing_is_deleted_by_a_command_that_does_not_say_what(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = run("prune")
    assert refused.exit_code == 2
    assert "WORKFLOWKIT_KEEP_RUNS_DAYS" in refused.output
    monkeypatch.setenv("WORKFLOWKIT_KEEP_RUNS_DAYS", "30")
    assert run("prune").exit_code == 0
    monkeypatch.setenv("WORKFLOWKIT_KEEP_RUNS_DAYS", "0")
    assert run("prune").exit_code != 0


def test_a_log_that_was_changed_is_told_of(database_url: str) -> None:
    for name in ("a", "b"):
        run("keys", "create", name)
    whole = told("audit", "verify")
    assert (whole["checked"], whole["broken_at"]) == (2, None)
    listed = run("audit", "list").output
    assert "key.created" in listed
    assert "cli" in listed
    _make_old(database_url)
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert "broken at entry 1" in broken.output
