"""``workflowkit secrets``: stored from standard input or a prompt, listed, deleted, sealed again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import a_workflow
from click.testing import CliRunner, Result
from runtimes import Harness, a_runtime

from workflowkit import Scope, WorkflowKit
from workflowkit.base.errors import Conflict
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.base.secrets import Keyring
from workflowkit.base.secretstore import FixedSecrets
from workflowkit.cli.root import cli

VALUE = "sk_live_C4n4ry"
OLD = Keyring({"old": b"o" * 32}).render()
NEW = f"{Keyring({'new': b'n' * 32}).render()},{OLD}"


@pytest.fixture
def installation(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Harness]:
    """A database that the settings name, and a working directory."""
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("WORKFLOWKIT_SECRET_KEY", OLD)
    monkeypatch.chdir(tmp_path)
    with a_runtime(sqlite_url, secret_key=OLD) as harness:
        yield harness


def _cli(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(cli, ["secrets", *arguments], input=stdin)
    assert VALUE not in result.output
    return result


def test_a_secret_is_stored_listed_and_deleted(installation: Harness) -> None:
    assert _cli("list").stdout == "no secrets\n"
    assert _cli("set", "stripe", "--stdin", "--description", "live", stdin=f"{VALUE}\n").stdout == "stored stripe\n"
    assert installation.runtime.secrets.values(DEFAULT_SCOPE, ["stripe"]) == {"stripe": VALUE}
    inputs = {"url": "https://example.com", "bearer": "!secret(stripe)"}
    installation.deploy(a_workflow().action("a", "http_request", inputs).path("$source", "a").document(), "pay")
    (item,) = json.loads(_cli("list", "--json").stdout)["items"]
    assert (item["name"], item["description"], item["used_by"]) == ("stripe", "live", ["pay"])
    assert re.search(r"stripe +\S+ +pay +live", _cli("list").stdout)
    refused = _cli("delete", "stripe")
    assert (refused.exit_code, "pay" in refused.stderr) == (1, True)
    assert _cli("delete", "stripe", "--force").stdout == "deleted stripe\n"
    assert _cli("delete", "stripe").exit_code == 1


def test_a_value_is_asked_for_and_not_shown(installation: Harness) -> None:
    asked = _cli("set", "stripe", stdin=f"{VALUE}\n{VALUE}\n")
    assert asked.exit_code == 0, asked.output
    assert "stored stripe" in asked.output
    assert "replaced" in _cli("set", "stripe", "--stdin", stdin="line one\nline two\n").output
    assert installation.runtime.secrets.values(DEFAULT_SCOPE, ["stripe"]) == {"stripe": "line one\nline two"}
    assert _cli("set", "short", "--stdin", stdin="abc").exit_code == 2
    assert _cli("set", "stripe", "--stdin", "--tenant", "acme", stdin=VALUE).exit_code == 0
    assert installation.runtime.secrets.values(Scope("default", "acme"), ["stripe"]) == {"stripe": VALUE}


def test_everything_is_sealed_again_and_what_cannot_be_is_said(
    installation: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cli("set", "stripe", "--stdin", stdin=VALUE)
    monkeypatch.setenv("WORKFLOWKIT_SECRET_KEY", NEW)
    done = _cli("reseal")
    assert (done.exit_code, done.stdout) == (0, "1 secrets encrypted again\n0 webhooks encrypted again\n")
    (row,) = installation.rows("SELECT sealed FROM secrets")
    assert row["sealed"].startswith("v1.new.")
    monkeypatch.setenv("WORKFLOWKIT_SECRET_KEY", Keyring({"third": b"t" * 32}).render())
    lost = _cli("reseal")
    assert lost.exit_code == 1
    assert "default/default/stripe" in lost.stderr


def test_an_application_stores_secrets_or_keeps_them_itself(tmp_path: Path) -> None:
    wk = WorkflowKit("shop", database_url=f"sqlite:///{tmp_path}/own.db")
    wk.migrate()
    acme = Scope("default", "acme")
    wk.secrets.set("stripe", VALUE, description="live")
    wk.secrets.set("mail", VALUE, scope=acme)
    assert (wk.secrets.names(), wk.secrets.names(scope=acme)) == (["stripe"], ["mail"])
    wk.secrets.delete("mail", scope=acme)
    assert wk.secrets.names(scope=acme) == []
    with pytest.raises(Conflict, match="in use already"):
        wk.use_secrets(FixedSecrets({}))
    wk.stop()

    own = WorkflowKit("shop", database_url=f"sqlite:///{tmp_path}/own.db")
    own.use_secrets(FixedSecrets({"kept": VALUE}))
    assert own.secrets.names() == ["kept"]
    with pytest.raises(Conflict, match="kept by the application"):
        own.secrets.set("stripe", VALUE)
    own.stop()


def test_secrets_of_a_run_in_memory_are_given_with_it() -> None:
    wk = WorkflowKit("shop", database_url="sqlite://")
    seen: list[str] = []

    @wk.action("use")
    def use(password: str) -> str:
        seen.append(password)
        return f"<{password}>"

    document = a_workflow().action("u", "use", {"password": "!secret(stripe)"}).path("$source", "u").document()
    result = wk.engine.run(document, {"name": "go"}, secrets={"stripe": VALUE})
    assert (seen, result.output) == ([VALUE], {"u": "<•••(stripe)>"})
    (step,) = result.steps
    assert step.inputs == {"password": "!secret(stripe)"}
    without = wk.engine.run(document, {"name": "go"})
    assert without.error is not None
    assert (without.status.value, without.error.code) == ("failed", "secret-missing")


def test_the_command_that_runs_a_workflow_in_memory_reads_secrets_from_a_file(tmp_path: Path) -> None:
    inputs = {"url": "https://localhost/", "bearer": "!secret(stripe)"}
    document = a_workflow().action("u", "http_request", inputs, retries=0).path("$source", "u").document()
    (tmp_path / "w.json").write_text(json.dumps(document))
    command = ["run", str(tmp_path / "w.json"), "--name", "go", "--data", "{}", "--json"]
    without = CliRunner().invoke(cli, command)
    assert json.loads(without.stdout)["error"]["code"] == "secret-missing"
    (tmp_path / "secrets.json").write_text(json.dumps({"stripe": VALUE}))
    given = CliRunner().invoke(cli, [*command, "--secrets", str(tmp_path / "secrets.json")])
    assert json.loads(given.stdout)["error"]["code"] == "destination-forbidden"
    assert VALUE not in given.output
    (tmp_path / "secrets.json").write_text("[1]")
    assert CliRunner().invoke(cli, [*command, "--secrets", str(tmp_path / "secrets.json")]).exit_code == 2
