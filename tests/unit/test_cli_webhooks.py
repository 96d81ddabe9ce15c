"""``workflowkit webhooks``: made, listed, tried out, given new URLs, deleted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from runtimes import Harness

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.cli.root import cli


def _cli(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["webhooks", *arguments], input=stdin)


def _listed() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(_cli("list", "--json").stdout)["items"]
    return items


def test_a_webhook_is_made_listed_given_a_new_url_and_deleted(installation: Harness) -> None:
    assert _cli("list").stdout == "no webhooks\n"
    made = _cli("create", "stripe", "--template", "stripe", "--secret", "-", "--event", "stripe/*", stdin="whsec_x\n")
    assert made.exit_code == 0
    url = made.stdout.splitlines()[-1]
    assert re.fullmatch(r"/w/[0-9A-Z]{52}", url)
    (item,) = _listed()
    assert (item["verification"], item["has_secrets"]) == ({"preset": "stripe"}, True)
    assert item["transform"]["name"] == "stripe/!ref($.body.type)"
    webhooks = installation.runtime.webhooks
    (record,) = webhooks.find(DEFAULT_SCOPE, limit=1)
    assert webhooks.secrets_of(record) == ("whsec_x",)
    shown = _cli("list").stdout
    assert re.search(r"stripe +stripe +on +never +stripe/\*", shown)
    new = json.loads(_cli("rotate", "stripe", "--json").stdout)
    assert new["name"] == "stripe"
    assert new["url"] != url
    assert _cli("delete", "stripe").stdout == "deleted stripe\n"
    assert _listed() == []
    assert _cli("delete", "stripe").exit_code == 1


def test_the_url_is_whole_where_the_installation_knows_how_it_is_reached(
    installation: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_PUBLIC_URL", "https://flows.example.com/wk/")
    made = json.loads(_cli("create", "form", "--verify", "none", "--json").stdout)
    assert made["url"].startswith("https://flows.example.com/wk/w/")


def test_any_verification_can_be_written_as_json(installation: Harness) -> None:
    verification = {"preset": "hmac", "header": "x-sign", "encoding": "base64"}
    assert _cli("create", "a", "--verify", json.dumps(verification), "--secret", "s").exit_code == 0
    (item,) = _listed()
    assert item["verification"] == verification


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a"], "--verify PRESET"),
        (["a", "--template", "paypal"], "stripe, github"),
        (["a", "--verify", "paypal"], "/verification/preset"),
        (["a", "--verify", "{"], "--verify:1"),
        (["a", "--template", "stripe"], "/secrets"),
        (["A", "--verify", "none"], "/name"),
        (["a", "--verify", "none", "--transform", "nowhere.json"], "nowhere.json"),
        (["a", "--verify", "none", "--cidr", "x"], "/cidrs/0"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused(installation: Harness, arguments: list[str], told: str) -> None:
    result = _cli("create", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert _listed() == []


def test_a_delivery_is_tried_out(installation: Harness, tmp_path: Path) -> None:
    _cli("create", "github", "--template", "github", "--secret", "s", "--event", "github/p*")
    (tmp_path / "push.json").write_text('{"ref": "main"}')
    (tmp_path / "other.json").write_text('{"name": "x/y", "if": "body.ref == \'main\'"}')
    (tmp_path / "broken.json").write_text('{"name": "workflow/x"}')

    tried = _cli("test", "github", "--body", "push.json", "--header", "X-GitHub-Event: push", "--json")
    assert json.loads(tried.stdout)["event"] == {"name": "github/push", "data": {"ref": "main"}}
    shown = _cli("test", "github", "--body", "push.json", "--transform", "other.json")
    assert '"name": "x/y"' in shown.stdout
    assert "ignored event-name-not-allowed" in shown.stdout
    broken = _cli("test", "github", "--body", "push.json", "--transform", "broken.json")
    assert broken.exit_code == 2
    assert "reserved-name" in broken.stderr
    assert _cli("test", "github", "--body", "push.json", "--header", "x").exit_code == 2
    assert installation.rows("SELECT * FROM events") == []
