"""The host application of the example: who gets which token, and what its pages may load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("page", ["element", "iframe", "react"])
def test_the_pages_allow_nothing_inline(host: Flask, page: str) -> None:
    answer = logged_in(host, "ada").get(f"/{page}")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
