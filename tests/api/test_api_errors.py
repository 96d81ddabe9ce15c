"""Errors: one shape, one table of statuses, and nothing of the inside."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Never, cast

import pytest
from runtimes import a_runtime
from webapi import Client, Web, a_web

from workflowkit.api.errors import STATUSES, status_of
from workflowkit.api.services import services_of
from workflowkit.base import errors
from workflowkit.base.errors import WorkflowKitError
from workflowkit.base.limits import Limits
from workflowkit.store.database import Database


def _all_errors(base: type[WorkflowKitError]) -> list[type[WorkflowKitError]]:
    return [base, *(found for child in base.__subclasses__() for found in _all_errors(child))]


#: The errors that a request can meet, and their statuses. What is not here is a fault of ours.
EXPECTED = {
    "invalid-definition": 422,
    "invalid-expression": 422,
    "invalid-stub": 422,
    "options-failed": 424,
    "too-many-at-once": 429,
    "process-busy": 503,
    "invalid-form": 422,
    "invalid-cron": 422,
    "unknown-timezone": 422,
    "invalid-input": 400,
    "invalid-data": 422,
    "not-manual": 409,
    "idempotency-key-reused": 409,
    "run-cancelled": 409,
    "limit-exceeded": 413,
    "not-found": 404,
    "gone": 410,
    "conflict": 409,
    "already-exists": 409,
    "stale-revision": 412,
    "lease-lost": 409,
    "secret-in-use": 409,
    "workflow-archived": 409,
    "auth-error": 403,
    "unauthenticated": 401,
    "forbidden": 403,
    "csrf-refused": 403,
    "too-many-attempts": 429,
    "oidc-refused": 403,
    "store-unavailable": 503,
    "precondition-required": 428,
    "unsupported-media-type": 415,
    "unreadable-body": 415,
    "webhook-disabled": 410,
}


def test_every_class_of_error_has_its_status() -> None:
    classes = {cls.code: cls for cls in _all_errors(WorkflowKitError) if cls.__module__.startswith("workflowkit.")}
    for code, cls in classes.items():
        instance = cls.__new__(cls)
        assert status_of(instance) == EXPECTED.get(code, 500), code
    assert set(EXPECTED) <= set(classes)
    assert all(issubclass(cls, WorkflowKitError) for cls in STATUSES)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/api/nowhere", 404, "not-found"),
        ("GET", "/api/runs/", 404, "not-found"),
        ("PATCH", "/api/runs", 405, "method-not-allowed"),
        ("POST", "/api/health", 405, "method-not-allowed"),
        ("OPTIONS", "/api/runs", 405, "method-not-allowed"),
        ("TRACE", "/api/runs", 405, "method-not-allowed"),
    ],
)
def test_what_flask_refuses_is_a_problem_document_too(
    sqlite_url: str, method: str, path: str, status: int, code: str
) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().call(method, path)
        document = response.get_json()
        assert (response.status_code, document["status"], document["code"]) == (status, status, code)
        assert document["type"] == f"urn:workflowkit:problem:{code}"
        assert document["request_id"] == response.headers["X-Request-Id"]


def test_a_method_that_is_not_allowed_tells_those_that_are(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        allowed = web.client().call("PATCH", "/api/events").headers["Allow"]
        assert set(allowed.split(", ")) == {"GET", "HEAD", "POST"}


def test_without_a_key_the_answer_says_how_to_send_one(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.anonymous().get("/api/runs")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert "Authorization: Bearer" in response.get_json()["detail"]


@pytest.mark.parametrize("given", ["trace-1.a_B", "x" * 64])
def test_a_callers_request_id_is_kept(sqlite_url: str, given: str) -> None:
    with a_web(sqlite_url) as web:
        assert web.anonymous().get("/api/health", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>"])
def test_a_request_id_that_could_harm_a_log_is_replaced(sqlite_url: str, given: str) -> None:
    with a_web(sqlite_url) as web:
        answered = web.anonymous().get("/api/health", headers={"X-Request-Id": given}).headers["X-Request-Id"]
        assert answered != given
        assert len(answered) == 16


def test_an_unexpected_error_tells_nothing_but_its_request_id(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with a_runtime(sqlite_url) as harness:

        def fail(*_: Any, **__: Any) -> Never:
            raise RuntimeError("SELECT password FROM api_keys")

        web = Web(harness, replace(services_of(harness.runtime), control=cast(Any, SimpleNamespace(cancel=fail))))
        with caplog.at_level(logging.ERROR):
            response = web.client().post("/api/runs/1/cancel")
        text = response.get_data(as_text=True)
        assert (response.status_code, response.get_json()["code"]) == (500, "internal-error")
        for word in ("SELECT", "password", "api_keys", "Traceback", "RuntimeError"):
            assert word not in text
        assert "SELECT password" in caplog.text
        assert response.get_json()["request_id"] in caplog.text


def test_an_error_of_ours_that_no_request_should_meet_is_unexpected_too(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with a_runtime(sqlite_url) as harness:

        def fail(*_: Any, **__: Any) -> Never:
            raise errors.ActionError("the inside of an action")

        web = Web(harness, replace(services_of(harness.runtime), rerunning=cast(Any, SimpleNamespace(rerun=fail))))
        response = web.client().post("/api/runs/1/rerun")
        assert response.status_code == 500
        assert "inside" not in response.get_data(as_text=True)
        assert "inside" in caplog.text


def test_without_a_database_the_answer_is_503_and_says_when_to_try_again(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        web = Web(harness, services_of(harness.runtime))
        key = web.client().key
        gone = Database.open("postgresql://nobody@127.0.0.1:1/none", harness.clock)
        web = Web(harness, replace(web.services, database=gone, keys=replace(web.services.keys, database=gone)))
        for path in ("/api/runs", "/api/health/ready"):
            response = Client(web, key).get(path)
            assert (response.status_code, response.get_json()["code"]) == (503, "store-unavailable")
            assert int(response.headers["Retry-After"]) >= 1
            assert "127.0.0.1" not in response.get_data(as_text=True)
        assert web.anonymous().get("/api/health").status_code == 200
        gone.close()


def test_a_database_without_its_tables_is_not_ready(tmp_path: Path) -> None:
    with a_runtime(f"sqlite:///{tmp_path}/empty.db") as harness:
        web = Web(harness, services_of(harness.runtime))
        response = web.anonymous().get("/api/health/ready")
        assert (response.status_code, response.get_json()["code"]) == (503, "not-migrated")
        assert web.anonymous().get("/api/health").get_json() == {"status": "ok"}


def test_a_migrated_database_is_ready(database_url: str) -> None:
    with a_web(database_url) as web:
        assert web.anonymous().get("/api/health/ready").get_json() == {"status": "ok"}


@pytest.mark.parametrize(("revision", "status"), [("9999", 200), ("0001", 503)])
def test_a_database_that_a_newer_version_has_migrated_is_ready(sqlite_url: str, revision: str, status: int) -> None:
    with a_web(sqlite_url) as web:
        with web.harness.runtime.database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE workflowkit_version SET version_num = ?", (revision,))
        assert web.anonymous().get("/api/health/ready").status_code == status


def test_the_limits_of_the_installation_count(sqlite_url: str) -> None:
    with a_web(sqlite_url, limits=Limits(page_size=1, events_per_request=1)) as web:
        client = web.client()
        event = {"name": "a/b", "data": {}}
        assert client.post("/api/events", [event, event]).status_code == 413
        client.post("/api/events", event)
        client.post("/api/events", event)
        assert len(client.get("/api/events?limit=50").get_json()["items"]) == 1
