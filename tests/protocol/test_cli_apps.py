"""``workflowkit apps sync``."""

from __future__ import annotations

import json
from pathlib import Path

import inngest
import pytest
from click.testing import CliRunner
from sdkapps import SdkApp

from workflowkit.cli.root import cli


def test_an_app_is_asked_to_register(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"))
    def greet(ctx: inngest.ContextSync) -> None:
        pass

    with sdk.serve([greet]):
        again = CliRunner().invoke(cli, ["apps", "sync", sdk.app_url, "--json"])
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == {"url": sdk.app_url, "modified": False}


def test_what_is_no_app_is_told(sdk: SdkApp) -> None:
    result = CliRunner().invoke(cli, ["apps", "sync", f"{sdk.server}/api/health"])
    assert result.exit_code == 1
    assert "is no app of an SDK: 405" in result.output


def test_an_app_that_cannot_register_says_why(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="bad", trigger=inngest.TriggerEvent(event="go", expression="((("))
    def bad(ctx: inngest.ContextSync) -> None:
        pass

    with sdk.serve([bad]) as synced:
        result = CliRunner().invoke(cli, ["apps", "sync", sdk.app_url])
    assert result.exit_code == 1
    assert "the app has not registered" in result.output
    assert "/triggers/0/if: shop/bad: " in synced.text


def test_apps_are_listed_with_their_syncs_archived_and_brought_back(
    sdk: SdkApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    @sdk.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="go"))
    def greet(ctx: inngest.ContextSync) -> None:
        pass

    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sdk.wk.settings.database_url)
    with sdk.serve([greet]):
        url = sdk.app_url

    def told(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["apps", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    (app,) = json.loads(told("list", "--json"))["items"]
    assert (app["id"], app["url"], app["is_archived"]) == ("shop", url, False)
    assert app["sdk"].startswith("py:v")
    (sync,) = json.loads(told("syncs", "--app-id", "shop", "--json"))["items"]
    assert (sync["status"], sync["published"]) == ("synced", ["shop/greet"])
    assert "archived shop" in told("archive", "shop")
    assert "archived" in told("list")
    assert "in force shop" in told("unarchive", "shop")
    assert "1 published, 0 retired" in told("syncs")
    assert told("syncs", "--unattached") == "no syncs\n"


def test_an_app_that_cannot_be_reached_is_told_and_kept(sdk: SdkApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sdk.wk.settings.database_url)
    url = "http://127.0.0.1:9/api/inngest"
    result = CliRunner().invoke(cli, ["apps", "sync", url])
    assert (result.exit_code, "error:" in result.output) == (1, True)
    (row,) = sdk.wk.runtime.apps.syncs("default", limit=10)
    assert (row.status, row.app_id, row.url) == ("failed", "", url)
    assert row.error is not None
    assert row.error in result.output


def test_without_a_database_an_app_that_cannot_be_reached_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    result = CliRunner().invoke(cli, ["apps", "sync", "http://127.0.0.1:9/api/inngest"])
    assert result.exit_code == 1
    assert not (tmp_path / "none.db").exists()
