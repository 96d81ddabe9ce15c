"""Bodies of another type than the route reads, and definitions sent where nobody may send any."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from webapi import Web, a_document, a_web

EVENT = json.dumps({"name": "a/b", "data": {}})
#: Bodies that a form on any web site can send without asking (n8n's "Ni8mare" shape), and other spellings.
OTHER_TYPES = [
    None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json",
    "application/jsonx", "application/problem+json", "application/json-patch+json", "*/*", "application/octet-stream",
]  # fmt: skip


def _routes_with_bodies(web: Web) -> list[tuple[str, str]]:
    return [
        (method.upper(), path.replace("{workflow_id}", "w"))
        for path, item in web.contract.document["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation and operation["security"] != [{"Session": []}]
    ]


@pytest.mark.parametrize("content_type", OTHER_TYPES)
def test_a_body_of_another_type_is_refused_by_every_route(sqlite_url: str, content_type: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        client.post("/api/workflows", {"id": "w", "document": {}})
        routes = _routes_with_bodies(web)
        assert len(routes) >= 6
        for method, path in routes:
            response = client.call(
                method, path.replace("{key}", client.key or ""), data=EVENT, content_type=content_type,
                headers={"If-Match": "*"},
            )  # fmt: skip
            assert (response.status_code, response.get_json()["code"]) == (415, "unsupported-media-type"), path
        assert web.count("events") == 0
        assert web.count("workflows") == 1


def test_an_upload_dressed_as_json_is_no_upload(sqlite_url: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with a_web(sqlite_url) as web:
        client = web.client()
        upload = {"files": {"f": {"filepath": str(secret), "originalFilename": "x"}}, "name": "a/b", "data": {}}
        response = client.post("/api/events", upload)
        assert response.status_code == 200
        stored = client.get("/api/events").get_data(as_text=True)
        assert "secret" not in stored
        form = {"file": (io.BytesIO(b"x"), "x.json"), "name": "a/b"}
        assert client.post("/api/events", data=form, content_type="multipart/form-data").status_code == 415


def test_a_charset_in_the_content_type_changes_nothing(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        body = '{"name": "a/b", "data": {"text": "é"}}'
        client = web.client()
        for content_type in (
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
            "application/json; charset=latin-1",
        ):
            assert client.post("/api/events", data=body.encode(), content_type=content_type).status_code == 200
        latin = client.post(
            "/api/events", data=body.encode("latin-1"), content_type="application/json; charset=latin-1"
        )
        assert latin.status_code == 400
        assert {event["data"]["text"] for event in client.get("/api/events").get_json()["items"]} == {"é"}


@pytest.mark.parametrize("path", ["/api/validate", "/api/workflows"])
def test_nobody_sends_a_definition_without_credentials(sqlite_url: str, path: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.anonymous().post(path, {"document": a_document(), "definition": a_document()})
        assert response.status_code == 401
        assert web.count("workflows") == 0


def test_validating_and_publishing_execute_nothing(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        ran = []
        web.harness.registry.action("probe")(lambda value=None: ran.append(value))
        document = a_document(
            triggers=[{"event": "a/b", "if": "event.data.n > 1"}],
            actions=[{"id": "greet", "kind": "probe", "inputs": {"value": "!ref($.event.data)"}}],
        )
        client = web.client()
        assert client.post("/api/validate", {"document": document}).get_json()["is_valid"] is True
        assert client.post("/api/workflows", {"id": "w", "document": document}).status_code == 201
        assert client.post("/api/workflows/w/validate").get_json()["is_valid"] is True
        assert client.post("/api/workflows/w/publish").status_code == 201
        web.harness.drain()
        assert ran == []
        assert web.count("runs") == 0


def test_a_broken_body_is_not_looked_at_before_the_credentials(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        for body in ("{", "x" * 1_000_000):
            response = web.anonymous().post("/api/events", data=body, content_type="application/json")
            assert response.status_code == 401


def test_an_unknown_key_and_a_revoked_one_get_the_same_answer(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        record, key = web.services.keys.create(web.services.default_scope, "gone", ["runs:read"])
        web.services.keys.revoke(web.services.default_scope, record.id)
        answers = []
        for given in (key, key[:-4] + "AAAA"):
            response = web.anonymous().get("/api/runs", headers={"Authorization": f"Bearer {given}"})
            answers.append((response.status_code, response.get_json() | {"request_id": ""}))
        assert answers[0] == answers[1]
        assert answers[0][0] == 401
