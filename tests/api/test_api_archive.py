"""Archiving and restoring workflows over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from webapi import OTHER_TENANT, Client, Web, a_document, a_web, problems_of

from workflowkit.base.secrets import Keyring
from workflowkit.runtime.roles import ROLES


def _published(web: Web, workflow_id: str = "welcome", **more: Any) -> Client:
    client = web.client()
    client.post("/api/workflows", {"id": workflow_id, "document": a_document("Welcome", **more)})
    assert client.post(f"/api/workflows/{workflow_id}/publish").status_code == 201
    return client


def _ids(client: Client, query: str = "") -> list[str]:
    return [each["id"] for each in client.get(f"/api/workflows{query}").get_json()["items"]]


def test_an_archived_workflow_is_listed_if_asked_for_and_comes_back(database_url: str) -> None:
    with a_web(database_url) as web:
        client = _published(web)
        _published(web, "other")
        before = client.get("/api/workflows/welcome").get_json()
        shown = client.post("/api/workflows/welcome/archive").get_json()
        assert shown["archived_at"] == shown["updated_at"] != before["archived_at"]
        assert client.post("/api/workflows/welcome/archive").get_json() == shown
        assert client.get("/api/workflows/welcome").get_json() == shown
        assert (_ids(client), _ids(client, "?archived=true")) == (["other"], ["welcome"])
        assert (_ids(client, "?archived=false"), _ids(client, "?archived=all")) == (["other"], ["other", "welcome"])
        page = client.get("/api/workflows?archived=all&limit=1").get_json()
        assert _ids(client, f"?archived=all&cursor={page['next_cursor']}") == ["welcome"]
        restored = client.post("/api/workflows/welcome/restore").get_json()
        assert restored == before | {"updated_at": restored["updated_at"]}
        assert _ids(client) == ["other", "welcome"]
        acts = client.get("/api/audit?subject=workflow:welcome").get_json()["items"]
        assert [entry["action"] for entry in acts] == ["workflow.restored", "workflow.archived", "workflow.published"]


def test_a_filter_that_does_not_exist_is_refused(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().get("/api/workflows?archived=maybe")
        assert (response.status_code, problems_of(response)) == (400, [("/query/archived", "invalid-value")])


def test_an_event_tells_that_it_started_nothing_because_of_that(database_url: str) -> None:
    with a_web(database_url) as web:
        client = _published(web)
        client.post("/api/workflows/welcome/archive")
        event_id = web.harness.send("user/created", {"name": "Ada"})
        web.harness.drain()
        told = client.get(f"/api/events/{event_id}").get_json()
        assert (told["runs"], [(each["workflow_id"], each["reason"]) for each in told["decisions"]]) == (
            [], [("welcome", "archived")],
        )  # fmt: skip


def test_deliveries_to_a_webhook_start_nothing_and_say_so(database_url: str) -> None:
    with a_web(database_url, secret_key=Keyring.generate().render()) as web:
        client = web.client()
        hook = client.post("/api/webhooks", {"name": "shop", "verification": {"preset": "none"}}).get_json()
        _published(web, triggers=[{"webhook": "shop"}])
        client.post("/api/workflows/welcome/archive")
        path = hook["url"].partition("/w/")[2]
        assert web.anonymous().post(f"/w/{path}", {"n": 1}).status_code < 300
        web.harness.drain()
        assert web.harness.column("SELECT reason FROM decisions") == ["archived"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "draft", {"document": a_document("Changed")}),
        ("POST", "publish", {"note": "now"}),
        ("POST", "enable", None),
        ("POST", "disable", None),
        ("POST", "runs", {}),
    ],
)
def test_an_archived_workflow_is_neither_changed_nor_started(
    sqlite_url: str, method: str, path: str, body: dict[str, Any] | None
) -> None:
    with a_web(sqlite_url) as web:
        client = _published(web, triggers=[{"event": "user/created"}, {"manual": True}])
        client.post("/api/workflows/welcome/archive")
        options: dict[str, Any] = {} if body is None else {"json": body}
        headers = {"If-Match": '"1"'}
        response = client.call(method, f"/api/workflows/welcome/{path}", headers=headers, **options)
        assert (response.status_code, response.get_json()["code"]) == (409, "workflow-archived")
        assert web.count("workflow_versions") == 1
        assert client.get("/api/workflows/welcome/draft").headers["ETag"] == '"1"'


def test_those_who_publish_archive_workflows_of_their_own_tenant(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = _published(web)
        for what in ("archive", "restore"):
            path = f"/api/workflows/welcome/{what}"
            assert web.client(scope=OTHER_TENANT).post(path).status_code == 404
            assert web.client(ROLES["editor"]).post(path).status_code == 403
            assert web.client(ROLES["operator"]).post(path).status_code == 403
            assert web.client(ROLES["publisher"]).post(path).status_code == 200
        assert client.get("/api/workflows/welcome").get_json()["archived_at"] is None


def test_a_program_archives_and_restores(tmp_path: Any) -> None:
    from workflowkit import WorkflowKit

    wk = WorkflowKit("test", database_url=f"sqlite:///{tmp_path / 'a.db'}")
    wk.migrate()
    wk.publish("w", {"name": "W", "actions": [{"id": "a", "kind": "builtin:wait", "inputs": {"duration": "1s"}}],
                     "edges": [{"from": "$source", "to": "a"}]}, note="first", actor="release")  # fmt: skip
    wk.archive("w", actor="ada")
    authoring = wk.runtime.authoring
    assert authoring.find(wk.settings.scope, limit=9) == []
    wk.restore("w")
    (only,) = authoring.find(wk.settings.scope, limit=9)
    assert only.archived_at_ms is None
    (version,) = authoring.find_versions(wk.settings.scope, "w", limit=9)
    assert (version.published_by, version.note) == ("release", "first")
    wk.stop()
