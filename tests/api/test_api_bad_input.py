"""Bad input: a clear 4xx that names the place, and nothing stored."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from webapi import Web, a_document, a_web, problems_of

JSON = "application/json"
NOTHING_STORED = ("events", "event_ids", "pending_events", "workflows", "workflow_drafts", "workflow_versions")

#: What is sent as the body of ``POST /api/events``, and the status, pointer and code of the answer.
BAD_EVENTS = {
    "broken JSON": ('{"name": ', 400, "", "invalid-json"),
    "no JSON at all": ("hello", 400, "", "invalid-json"),
    "an empty body": ("", 400, "", "invalid-json"),
    "not UTF-8": (b'{"name": "\xff"}', 400, "", "invalid-json"),
    "more after the end": ('{"name": "a/b", "data": {}} x', 400, "", "invalid-json"),
    "NaN": ('{"name": "a/b", "data": {"n": NaN}}', 400, "/data/n", "number-out-of-range"),
    "infinity": ('{"name": "a/b", "data": {"n": -Infinity}}', 400, "/data/n", "number-out-of-range"),
    "a number too large": ('{"name": "a/b", "data": {"n": 1e400}}', 400, "/data/n", "number-out-of-range"),
    "a whole number too large": (f'{{"name": "a/b", "data": {{"n": {2**53 + 1}}}}}', 400, "/data/n",
                                 "number-out-of-range"),
    "NUL": ('{"name": "a/b", "data": {"text": "\\u0000"}}', 400, "/data/text", "nul-character"),
    "half a surrogate": ('{"name": "a/b", "data": {"text": "\\ud800"}}', 400, "/data/text", "lone-surrogate"),
    "a key twice": ('{"name": "a/b", "name": "c/d", "data": {}}', 400, "/name", "duplicate-key"),
    "too deep": ('{"name": "a/b", "data": {"n": ' + "[" * 70 + "]" * 70 + "}}", 400, "", "too-deep"),
    "no name": ('{"data": {}}', 400, "/name", "required"),
    "no data": ('{"name": "a/b"}', 400, "/data", "required"),
    "data of the wrong type": ('{"name": "a/b", "data": 7}', 400, "/data", "wrong-type"),
    "a name of the wrong type": ('{"name": ["a/b"], "data": {}}', 400, "/name", "required"),
    "a name too long": (json.dumps({"name": "n" * 257, "data": {}}), 400, "/name", "too-long"),
    "a reserved name": ('{"name": "inngest/x", "data": {}}', 400, "/name", "reserved-name"),
    "an id of the wrong type": ('{"name": "a/b", "data": {}, "id": 7}', 400, "/id", "wrong-type"),
    "a time in seconds": ('{"name": "a/b", "data": {}, "ts": 1700000000}', 400, "/ts", "out-of-range"),
    "a time with a fraction": ('{"name": "a/b", "data": {}, "ts": 1700000000000.5}', 400, "/ts", "wrong-type"),
    "events that are no list": ('{"events": {"name": "a/b"}}', 400, "/events", "invalid-type"),
    "no object": ("7", 400, "", "wrong-type"),
    "an oversized event": (json.dumps({"name": "a/b", "data": {"text": "x" * 600_000}}), 413, "", "limit-exceeded"),
}  # fmt: skip


def _assert_nothing_stored(web: Web) -> None:
    assert {table: web.count(table) for table in NOTHING_STORED} == dict.fromkeys(NOTHING_STORED, 0)


@pytest.mark.parametrize(("body", "status", "pointer", "code"), BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_a_bad_event_is_refused_with_its_place(
    sqlite_url: str, body: Any, status: int, pointer: str, code: str
) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().post("/api/events", data=body, content_type=JSON)
        assert response.status_code == status
        assert (pointer, code) in problems_of(response)
        _assert_nothing_stored(web)


def test_an_event_of_an_unknown_tenant_is_refused(database_url: str) -> None:
    with a_web(database_url) as web:
        event = {"name": "a/b", "data": {}}
        response = web.client().post("/api/events", event, headers={"Workflowkit-Tenant": "nobody"})
        assert response.status_code == 400
        assert problems_of(response) == [("/headers/Workflowkit-Tenant", "unknown-tenant")]
        response = web.client().post("/api/events", event, headers={"Workflowkit-Environment": "nowhere"})
        assert problems_of(response) == [("/headers/Workflowkit-Environment", "unknown-environment")]
        _assert_nothing_stored(web)
        right = {"Workflowkit-Tenant": "default", "Workflowkit-Environment": "default"}
        assert web.client().post("/api/events", event, headers=right).status_code == 200


#: Documents that cannot be published, and the pointer and code of one of the problems.
BAD_DOCUMENTS = {
    "an unknown kind": (a_document(actions=[{"id": "greet", "kind": "no-such"}]), "/actions/0/kind", "unknown-kind"),
    "a cycle": (
        a_document(
            actions=[{"id": "a", "kind": "noop"}, {"id": "b", "kind": "noop"}],
            edges=[{"from": "$source", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "a"}],
        ),
        "/edges",
        "cycle",
    ),
    "a huge graph": (
        a_document(
            actions=[{"id": f"a{index}", "kind": "noop"} for index in range(2_000)],
            edges=[{"from": "$source", "to": f"a{index}"} for index in range(2_000)],
        ),
        "/actions",
        "limit-exceeded",
    ),
    "a wrong type": (a_document(actions=[{"id": "greet", "kind": 7}]), "/actions/0/kind", "invalid-type"),
    "a missing key": (a_document(actions=[{"id": "greet"}]), "/actions/0", "missing-key"),
    "a reference to nothing": (
        a_document(actions=[{"id": "greet", "kind": "noop", "inputs": {"value": "!ref($.state.nobody)"}}]),
        "/actions/0/inputs/value",
        "unknown-reference",
    ),
    "a broken condition": (
        a_document(triggers=[{"event": "a/b", "if": "event."}]), "/triggers/0/if", "invalid-expression",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("document", "pointer", "code"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_a_bad_document_is_not_published_and_the_place_is_named(
    sqlite_url: str, document: dict[str, Any], pointer: str, code: str
) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        assert client.post("/api/workflows", {"id": "bad", "document": document}).status_code == 201
        validated = client.post("/api/validate", {"document": document}).get_json()
        published = client.post("/api/workflows/bad/publish")
        assert (published.status_code, published.get_json()["code"]) == (422, "invalid-definition")
        found = problems_of(published)
        assert any(place.startswith(pointer) and word == code for place, word in found), found
        assert validated == {"is_valid": False, "problems": published.get_json()["problems"]}
        assert web.count("workflow_versions") == web.count("workflow_triggers") == 0


#: Bodies of ``POST /api/workflows`` that cannot even be a draft.
BAD_DRAFTS = {
    "no document": ({}, 400, "/document", "missing-key"),
    "a document that is text": ({"document": "{}"}, 400, "/document", "invalid-type"),
    "no document, but null": ({"document": None}, 400, "/document", "invalid-type"),
    "a misspelt key": ({"document": {}, "docment": {}}, 400, "/docment", "unknown-key"),
    "an id of the wrong type": ({"document": {}, "id": 7}, 400, "/id", "invalid-type"),
    "no object": ([], 400, "", "invalid-type"),
    "a document too large": ({"document": {"name": "x" * 1_100_000}}, 413, "/document", "limit-exceeded"),
}


@pytest.mark.parametrize(("body", "status", "pointer", "code"), BAD_DRAFTS.values(), ids=BAD_DRAFTS)
def test_what_cannot_be_a_draft_is_not_stored(sqlite_url: str, body: Any, status: int, pointer: str, code: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().post("/api/workflows", body)
        assert (response.status_code, problems_of(response)) == (status, [(pointer, code)])
        _assert_nothing_stored(web)


def test_a_request_larger_than_the_limit_is_not_read(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        body = b'{"name": "a/b", "data": {}}' + b" " * (10 * 1024 * 1024)
        response = web.client().post("/api/events", data=body, content_type=JSON)
        assert (response.status_code, response.get_json()["code"]) == (413, "limit-exceeded")
        _assert_nothing_stored(web)


def test_a_body_without_a_length_is_read_no_further_than_the_limit(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        endless = _Endless()
        environ = {"wsgi.input": endless, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        response = web.client().post("/api/events", content_type=JSON, environ_overrides=environ)
        assert (response.status_code, response.get_json()["code"]) == (413, "limit-exceeded")
        assert endless.read_bytes <= 11 * 1024 * 1024
        _assert_nothing_stored(web)


class _Endless(io.RawIOBase):
    """A body that never ends."""

    read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), 65_536)
        buffer[:size] = b" " * size
        self.read_bytes += size
        return size


#: Query strings of ``GET /api/runs`` and the pointer and code of the problem.
BAD_QUERIES = {
    "limit=0": ("/query/limit", "invalid-value"),
    "limit=x": ("/query/limit", "invalid-type"),
    "limit=1&limit=2": ("/query/limit", "repeated"),
    "status=sleepy": ("/query/status/0", "invalid-value"),
    "cursor=": ("/query/cursor", "invalid-value"),
    "cursor=%21": ("/query/cursor", "invalid-value"),
    "cursor=A": ("/query/cursor", "invalid-value"),
    "cursor=AA": ("/query/cursor", "invalid-value"),
    "cursor=_w": ("/query/cursor", "invalid-value"),
    "cursor=\N{SNOWMAN}": ("/query/cursor", "invalid-value"),
    "created_after=yesterday": ("/query/created_after", "invalid-type"),
    "created_after=2025-01-01T00:00:00": ("/query/created_after", "invalid-type"),
    "workflow_id=%00": ("/query/workflow_id", "nul-character"),
    "tenant=other": ("/query/tenant", "unknown-key"),
    "version=0": ("/query/version", "invalid-value"),
    f"version={2**53 + 1}": ("/query/version", "invalid-value"),
    "version=" + 40 * "9": ("/query/version", "invalid-value"),
}


@pytest.mark.parametrize(("query", "problem"), BAD_QUERIES.items(), ids=str)
def test_a_bad_query_is_refused_with_its_parameter(sqlite_url: str, query: str, problem: Any) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().get(f"/api/runs?{query}")
        assert (response.status_code, problems_of(response)) == (400, [problem])


def test_no_run_is_of_the_largest_version(database_url: str) -> None:
    with a_web(database_url) as web:
        assert web.client().get(f"/api/runs?version={2**53}").get_json()["items"] == []


def test_cursors_of_versions_are_numbers(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        client.post("/api/workflows", {"id": "w", "document": {}})
        for cursor in ("YWJj", "wrI"):
            response = client.get(f"/api/workflows/w/versions?cursor={cursor}")
            assert problems_of(response) == [("/query/cursor", "invalid-value")]
        assert client.get("/api/workflows/w/versions?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5").status_code == 200
