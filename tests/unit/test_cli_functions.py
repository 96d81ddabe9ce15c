"""``workflowkit functions``: what is in the database, and whether it is what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from workflowkit.cli.root import cli

CODE = """
from workflowkit import Cron, Event, WorkflowKit

wk = WorkflowKit("shop", app_version={version!r})
"""
FUNCTION = """

@wk.function({id!r}, trigger={trigger})
def {id}(ctx):
    return None
"""


@pytest.fixture
def directory(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for the application's code; the settings name a database without functions."""
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    return tmp_path


def _app(directory: Path, name: str, version: str | None, **triggers: str) -> str:
    path = directory / f"{name}.py"
    functions = [FUNCTION.format(id=id, trigger=trigger) for id, trigger in triggers.items()]
    path.write_text(CODE.format(version=version) + "".join(functions))
    return str(path)


def _cli(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["functions", *arguments])


def test_the_check_fails_until_the_database_is_what_the_code_says(directory: Path) -> None:
    app = _app(directory, "first", "1", welcome='Event("user/created")', report='Cron("0 9 * * *")')
    checked = _cli("sync", app, "--check")
    assert (checked.exit_code, checked.stdout.splitlines()) == (
        1, ["would be published  shop/report", "would be published  shop/welcome"]
    )  # fmt: skip
    assert _cli("list").stdout == "no functions\n"
    synced = _cli("sync", app)
    assert (synced.exit_code, synced.stdout.splitlines()) == (0, ["published  shop/report", "published  shop/welcome"])
    checked = _cli("sync", app, "--check")
    assert (checked.exit_code, checked.stdout) == (0, "nothing has changed\n")


def test_functions_are_listed_with_what_starts_them(directory: Path) -> None:
    _cli("sync", _app(directory, "first", "1", welcome='Event("user/created")', report='Cron("0 9 * * *")'))
    _cli("sync", _app(directory, "second", "2", welcome='Event("user/created")'))
    lines = [line.split() for line in _cli("list").stdout.splitlines()[1:]]
    assert lines == [["·", "shop/report", "1", "1", "off"], ["✓", "shop/welcome", "2", "2", "user/created"]]
    shown = json.loads(_cli("list", "--app-id", "shop", "--json").stdout)["items"]
    assert [item["id"] for item in shown] == ["shop/report", "shop/welcome"]
    assert _cli("list", "--environment", "staging").stdout == "no functions\n"


def test_older_code_is_refused_and_forced(directory: Path) -> None:
    old, new = (_app(directory, f"v{n}", str(n), welcome='Event("user/created")') for n in (1, 2))
    _cli("sync", new)
    refused = _cli("sync", old)
    assert refused.exit_code == 1
    assert refused.stdout == "nothing is changed: version 2 is newer (--force replaces it)\n"
    assert json.loads(_cli("sync", old, "--check", "--json").stdout)["status"] == "superseded"
    assert _cli("sync", old, "--force").exit_code == 0
    assert json.loads(_cli("sync", new, "--check", "--json").stdout) == {
        "status": "synced", "version_in_force": "2", "published": ["shop/welcome"], "retired": [], "warnings": [],
    }  # fmt: skip


LIMITED = """

@wk.function("limited", trigger=Event("user/created"), singleton={"mode": "skip"}, concurrency=3)
def limited(ctx):
    return None
"""


def test_what_has_no_use_together_is_told_when_it_is_published(directory: Path) -> None:
    app = _app(directory, "first", "1", fine='Event("user/created")')
    Path(app).write_text(Path(app).read_text() + LIMITED)
    told = "shop/limited: concurrency has no use together with singleton: one run at a time leaves little to limit"
    assert _cli("sync", app).stdout.splitlines() == [
        "published  shop/fine",
        "published  shop/limited",
        f"warning  {told}",
    ]
    assert _cli("sync", app).stdout == "nothing has changed\n"
    Path(app).write_text(Path(app).read_text().replace("concurrency=3", "concurrency=4"))
    [warning] = json.loads(_cli("sync", app, "--json").stdout)["warnings"]
    assert (warning["pointer"], warning["message"]) == ("/settings/concurrency", told)


def test_an_application_must_be_named(directory: Path) -> None:
    assert _cli("sync").exit_code == 2
