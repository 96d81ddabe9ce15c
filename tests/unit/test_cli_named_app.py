"""Commands work on the installation of the application that ``WORKFLOWKIT_APP`` names, and write as it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from workflowkit.cli.devserver import DATABASE_NAME, STATE_DIRECTORY
from workflowkit.cli.root import cli

APP = """
from workflowkit import WorkflowKit
from workflowkit.contrib.encryption import EncryptionMiddleware

wk = WorkflowKit("shop", database_url="sqlite:///{path}")
wk.use(EncryptionMiddleware("a passphrase of the application"))


@wk.action("keep")
def keep(card: dict) -> dict:
    return card
"""
DOCUMENT = {
    "name": "Keep",
    "trigger": {"event": "card/added"},
    "actions": [{"id": "keep", "kind": "set", "inputs": {"x": 1}}],
    "edges": [{"from": "$source", "to": "keep"}],
}


def _cli(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of an application with a database of its own, which the environment does not name."""
    (tmp_path / "shopapp.py").write_text(APP.format(path=tmp_path / "own.db"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKFLOWKIT_APP", f"{tmp_path / 'shopapp.py'}:wk")
    return tmp_path


@pytest.fixture
def stored(home: Path) -> Callable[[str], list[str]]:
    """What a query finds in the application's own database."""

    def find(query: str) -> list[str]:
        engine = sa.create_engine(f"sqlite:///{home / 'own.db'}")
        with engine.connect() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql(query)]
        engine.dispose()
        return found

    return find


def test_commands_work_on_the_database_of_the_application(home: Path, stored: Callable[[str], list[str]]) -> None:
    assert _cli("migrate").stdout.startswith("migrated from an empty database")
    assert _cli("migrate", "--check").exit_code == 0
    assert _cli("keys", "create", "mine").exit_code == 0

    assert stored("SELECT name FROM api_keys") == ["mine"]
    assert not (home / "workflowkit.db").exists()
    told = json.loads(_cli("doctor", "--json").stdout)
    assert told["settings"]["database_url"] == {"value": f"sqlite:///{home / 'own.db'}", "source": "the application"}
    assert {one["name"]: one["state"] for one in told["checks"]}["database"] == "ok"
    assert "application" not in [one["name"] for one in told["checks"]]


def test_what_is_sent_is_encrypted_as_the_application_does_it(home: Path, stored: Callable[[str], list[str]]) -> None:
    assert _cli("migrate").exit_code == 0
    sent = _cli("send", "card/added", "--data", '{"encrypted": {"card": "4242-cli"}, "n": 1}')

    assert sent.exit_code == 0, sent.output
    (data,) = stored("SELECT data FROM events")
    assert "4242-cli" not in data
    assert json.loads(data)["n"] == 1


def test_what_is_sent_again_is_encrypted_and_shown_as_it_is_stored(
    home: Path, stored: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflowkit.cli.loading import load_app

    assert _cli("migrate").exit_code == 0
    wk = load_app(f"{home / 'shopapp.py'}:wk")
    wk.publish("keep", DOCUMENT)
    (event,) = wk.send({"name": "card/added", "data": {"encrypted": {"card": "4242-first"}}})
    wk.runtime.worker.match([event.id])
    wk.stop()
    (run_id,) = stored("SELECT id FROM runs")

    again = _cli("runs", "rerun", run_id, "--data", '{"encrypted": {"card": "4242-again"}}')

    assert again.exit_code == 0, again.output
    assert not [data for data in stored("SELECT data FROM events") if "4242" in data]
    assert "4242" not in _cli("runs", "show", run_id, "--json").stdout
    assert "4242-first" in _cli("runs", "show", run_id, "--json", "--decrypt-with", f"{home / 'shopapp.py'}:wk").stdout


def test_doctor_warns_of_an_environment_that_says_otherwise(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _cli("migrate").exit_code == 0
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", f"sqlite:///{home / 'other.db'}")

    told = _cli("doctor").stdout

    assert "though the environment says" in told
    assert f"own.db, though the environment says sqlite:///{home / 'other.db'}" in told


def test_a_dev_server_in_the_directory_is_what_commands_work_on_and_they_say_so(home: Path) -> None:
    assert _cli("migrate").exit_code == 0
    (home / STATE_DIRECTORY).mkdir()
    (home / "own.db").rename(home / STATE_DIRECTORY / DATABASE_NAME)

    sent = _cli("send", "card/added")

    assert sent.exit_code == 0, sent.output
    assert "on the database of the dev server in this directory" in sent.stderr
    assert not (home / "own.db").exists()
    assert "what was looked at is the dev server's in this directory" in _cli("doctor").stdout


def test_an_application_that_cannot_be_loaded_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "shopapp.py").write_text("raise RuntimeError('no network here')")

    for command in (("keys", "list"), ("send", "a/b"), ("migrate",)):
        result = _cli(*command)
        assert result.exit_code == 2
        assert "no network here" in result.output


def test_a_directory_of_actions_has_no_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWKIT_APP", str(tmp_path))
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", f"sqlite:///{tmp_path / 'kit.db'}")

    assert _cli("migrate").exit_code == 0
    assert _cli("send", "a/b").exit_code == 0
