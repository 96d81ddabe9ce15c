"""The host application of the example: who gets which token, and what its pages may load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import services
from flask import Flask
from flask.testing import FlaskClient

from examples.embed.app import create_app
from workflowkit import Scope, WorkflowKit
from workflowkit.runtime.embedding import Embed


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.delenv("WORKFLOWKIT_URL", raising=False)
    wk = WorkflowKit("embed-example", database_url=f"sqlite:///{tmp_path / 'embed.db'}")
    yield create_app(wk)
    wk.stop()


def logged_in(host: Flask, name: str) -> FlaskClient:
    client = host.test_client()
    assert client.post("/login", data={"name": name, "password": name}).status_code == 302
    return client


@pytest.mark.parametrize(
    ("name", "embed"),
    [
        ("ada", Embed(Scope("default", "acme"), "orders", ("view", "edit", "publish", "run"), "Ada")),
        ("ben", Embed(Scope("default", "acme"), "orders", ("view",), "Ben")),
        ("eve", Embed(Scope("default", "umbrella"), "orders", ("view", "edit"), "Eve")),
    ],
)
def test_the_session_says_what_a_token_allows(host: Flask, name: str, embed: Embed) -> None:
    client = logged_in(host, name)
    answer = client.post("/embed-token", json={"tenant": "acme", "rights": ["publish"]}).get_json()
    wk: WorkflowKit = host.extensions["workflowkit"]
    assert wk.runtime.embed_tokens.read(answer["token"]) == embed
    # The blueprint inside the same application takes it.
    authorization = {"Authorization": f"Bearer {answer['token']}"}
    assert client.get("/workflows/api/workflows/orders", headers=authorization).get_json()["name"] == "Orders"
    saved = client.put(
        "/workflows/api/workflows/orders/draft",
        json={"document": {"name": "x"}},
        headers=authorization | {"If-Match": '"1"'},
    )
    assert saved.status_code == (200 if "edit" in embed.rights else 403)


def test_strangers_get_no_token(host: Flask) -> None:
    client = host.test_client()
    assert client.post("/embed-token", json={}).status_code == 401
    assert client.post("/login", data={"name": "ada", "password": "guess"}).status_code == 403
    assert client.get("/element").headers["Location"] == "/login"
    # A form on another site could be sent along with the cookie; it is not JSON.
    assert logged_in(host, "ada").post("/embed-token", data={"a": "b"}).status_code == 415


def test_users_decide_what_their_tenants_workflow_asks_them(host: Flask) -> None:
    wk: WorkflowKit = host.extensions["workflowkit"]
    wk.start()
    ada, ben, eve = (logged_in(host, name) for name in ("ada", "ben", "eve"))
    assert ada.post("/returns", data={"article": "teapot"}).status_code == 302
    authorizations = {}
    for name, client in (("Ben", ben), ("Eve", eve)):
        token = client.post("/approvals-token", json={"user": "Ada", "tenant": "acme"}).get_json()["token"]
        tenant = "acme" if name == "Ben" else "umbrella"
        assert wk.runtime.embed_tokens.read(token) == Embed(
            Scope("default", tenant), "returns", ("view", "decide"), name
        )
        authorizations[name] = {"Authorization": f"Bearer {token}"}

    def asked(name: str) -> list[dict[str, Any]]:
        path = "/workflows/api/approvals?workflow_id=returns&status=open"
        answer = host.test_client().get(path, headers=authorizations[name])
        return list(answer.get_json()["items"])

    assert services.wait_until(lambda: asked("Ben") != [], timeout_seconds=60)
    (approval,) = asked("Ben")
    assert (approval["title"], approval["assignees"]) == ("Take back: teapot", ["Ben"])
    assert asked("Eve") == []
    path = f"/workflows/api/approvals/{approval['id']}/decision"
    decision = {"decision": "approved", "data": {"refund": 12}}
    assert host.test_client().post(path, json=decision, headers=authorizations["Eve"]).status_code == 404
    decided = host.test_client().post(path, json=decision, headers=authorizations["Ben"]).get_json()
    assert [(each["actor"], each["decision"]) for each in decided["decisions"]] == [("Ben", "approved")]


def test_only_those_who_decide_get_a_token_for_it(host: Flask) -> None:
    assert host.test_client().post("/approvals-token", json={}).status_code == 401
    assert logged_in(host, "ada").post("/approvals-token", json={}).status_code == 403
    assert logged_in(host, "ben").post("/approvals-token", data={"a": "b"}).status_code == 415
    assert b"workflow-approvals" not in logged_in(host, "ada").get("/approvals").data
    assert b'<workflow-approvals id="editor" workflow-id="returns">' in logged_in(host, "ben").get("/approvals").data


@pytest.mark.parametrize("page", ["element", "iframe", "react", "approvals"])
def test_the_pages_allow_nothing_inline(host: Flask, page: str) -> None:
    answer = logged_in(host, "ada").get(f"/{page}")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
