"""Encrypted values over HTTP and on the command line: shown with the permission and the key, and else as stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import a_workflow
from click.testing import CliRunner
from runtimes import a_registry
from sse import read
from webapi import Web, a_web

from workflowkit.api.services import services_of
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.base.sealing import MARKER, is_sealed
from workflowkit.cli.root import cli
from workflowkit.contrib.encryption import EncryptionMiddleware
from workflowkit.engine.extensions import Extensions

KEY, OTHER = "the one passphrase", "another passphrase"
SECRET = {"card": "4242"}


def with_keys(key: str) -> Extensions:
    extensions = Extensions()
    extensions.use(EncryptionMiddleware(key))
    return extensions


def _document() -> dict[str, Any]:
    document = a_workflow().trigger("order/paid")
    document.action("first", inputs={"value": "!ref($.event.data.encrypted)"})
    document.action("second", inputs={"value": "!ref($.state.first.card)"})
    document.action("third", inputs={"value": "!ref($.event.data.encrypted.card)"})
    return document.path("$source", "first", "second", "third").document()


def _started(web: Web) -> tuple[str, str]:
    web.harness.deploy(_document())
    event_id = web.harness.send("order/paid", {"id": 1, "encrypted": SECRET})
    web.harness.drain()
    return event_id, web.harness.run()["id"]


def test_values_are_shown_to_those_who_may_see_them_and_to_nobody_else(database_url: str) -> None:
    with a_web(database_url, extensions=with_keys(KEY)) as web:
        event_id, run_id = _started(web)
        seeing, other = web.client(["runs:read", "runs:decrypt"]), web.client(["runs:read", "runs:write"])
        for _ in range(2):  # what one of them has seen is not remembered for the other
            run = seeing.get(f"/api/runs/{run_id}").get_json()
            assert run["output"] == {"third": "4242"}
            assert run["event"]["data"] == {"id": 1, "encrypted": SECRET}
            assert [step["inputs"] for step in run["steps"]] == [{"value": v} for v in (SECRET, "4242", "4242")]
            assert [step["output"] for step in run["steps"]] == [SECRET, "4242", "4242"]

            response = other.get(f"/api/runs/{run_id}")
            run = response.get_json()
            assert "4242" not in response.get_data(as_text=True)
            assert is_sealed(run["output"])
            assert is_sealed(run["event"]["data"]["encrypted"])
            first, second, third = run["steps"]
            assert is_sealed(first["inputs"]["value"])
            assert is_sealed(first["output"])
            assert (second["inputs"], third["inputs"]) == (None, None)

        for path in ("/api/events", f"/api/events/{event_id}"):
            assert "4242" in seeing.get(path).get_data(as_text=True)
            assert "4242" not in other.get(path).get_data(as_text=True)


def test_what_the_api_has_no_key_for_is_shown_as_it_is_stored(database_url: str) -> None:
    with a_web(database_url, extensions=with_keys(KEY)) as web:
        event_id, run_id = _started(web)
        for extensions in (Extensions(), with_keys(OTHER)):
            elsewhere = Web(web.harness, services_of(web.harness.new_process(extensions=extensions)))
            client = elsewhere.client(["runs:read", "runs:decrypt"])
            for path in (f"/api/runs/{run_id}", f"/api/events/{event_id}", "/api/events"):
                text = client.get(path).get_data(as_text=True)
                assert "4242" not in text
                assert MARKER in text


def test_events_that_are_sent_over_http_are_stored_encrypted(database_url: str) -> None:
    with a_web(database_url, extensions=with_keys(KEY)) as web:
        event = {"name": "order/paid", "data": {"encrypted": SECRET}}
        assert web.client(["events:send"]).post("/api/events", event).status_code == 200
        (row,) = web.harness.rows("SELECT data FROM events")
        assert is_sealed(json.loads(row["data"])["encrypted"])
        assert "4242" not in row["data"]


@pytest.mark.parametrize(("options", "is_shown"), [([], False), (["--decrypt-with", "app.py:wk"], True)])
def test_the_command_line_decrypts_with_the_keys_of_an_application(
    sqlite_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, options: list[str], is_shown: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    (tmp_path / "app.py").write_text(
        "from workflowkit import WorkflowKit\n"
        "from workflowkit.contrib.encryption import EncryptionMiddleware\n"
        f"wk = WorkflowKit()\nwk.use(EncryptionMiddleware({KEY!r}))\n"
    )
    with a_web(sqlite_url, registry=a_registry(), extensions=with_keys(KEY)) as web:
        _, run_id = _started(web)
    result = CliRunner().invoke(cli, ["runs", "show", run_id, *options, "--json"])
    assert result.exit_code == 0, result.output
    assert ("4242" in result.output) is is_shown


def test_messages_are_encrypted_while_they_are_kept_and_told_as_they_were_published(sqlite_url: str) -> None:
    with a_web(sqlite_url, extensions=with_keys(KEY)) as web:
        web.harness.runtime.publishing.publish(DEFAULT_SCOPE, "room", "news", SECRET)
        (row,) = web.harness.rows("SELECT data FROM messages")
        assert "4242" not in row["data"]
        token = web.services.subscription_tokens.mint(DEFAULT_SCOPE, "room", ["news"]).token
        response = web.anonymous().get(f"/api/realtime?token={token}&last_event_id=-1.0")
        assert [each.data["data"] for each in read(response.get_data(as_text=True))] == [SECRET]
