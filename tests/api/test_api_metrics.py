"""Metrics over HTTP: who may scrape them, in which formats, and from where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from builders import a_workflow
from flask import Flask, session
from people import Browser, a_user
from runtimes import Harness
from scraping import Scraped
from webapi import OTHER_TENANT, a_web

from workflowkit.app import WorkflowKit
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.keys import ORDINARY_PERMISSIONS, PERMISSIONS
from workflowkit.runtime.metrics import Metrics
from workflowkit.runtime.roles import ROLES
from workflowkit.store.statements import Sql

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"


def _a_run(harness: Harness, scope: Scope = DEFAULT_SCOPE) -> None:
    document = a_workflow().action("a", "noop", {"value": 1}).path("$source", "a").trigger("test/happened").document()
    harness.deploy(document, "w", scope)
    harness.send("test/happened", scope=scope)
    harness.drain()


def test_who_has_the_permission_scrapes_in_either_format(database_url: str) -> None:
    with a_web(database_url) as web:
        _a_run(web.harness)
        _a_run(web.harness, OTHER_TENANT)
        client = web.client(["metrics:read"])
        plain = client.get("/metrics")
        assert plain.content_type == "text/plain; version=0.0.4; charset=utf-8"
        assert plain.headers["Cache-Control"] == "no-store"
        seen = Scraped(plain.get_data(as_text=True))
        ended = {"environment": "default", "workflow": "w", "status": "completed"}
        assert (seen("workflowkit_runs_ended_total", **ended), seen("workflowkit_runs_ended_total")) == (1, 2)
        strict = client.get("/metrics", headers={"Accept": OPENMETRICS})
        assert strict.mimetype == "application/openmetrics-text"
        assert Scraped(strict.get_data(as_text=True), is_openmetrics=True)("workflowkit_runs_ended_total") == 2
        assert client.get("/metrics", headers={"Accept": "text/html;version=\u00e9,*/*"}).mimetype == "text/plain"


def test_it_is_to_be_asked_for_and_no_tenants_key_has_it(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        assert "metrics:read" not in ORDINARY_PERMISSIONS
        assert [role for role, allowed in ROLES.items() if "metrics:read" in allowed] == ["owner"]
        assert web.anonymous().get("/metrics").status_code == 401
        without = web.client(permission for permission in PERMISSIONS if permission != "metrics:read")
        assert without.get("/metrics").status_code == 403
        # Not even if somebody gave it to one.
        for scope in (OTHER_TENANT, Scope("another", DEFAULT_SCOPE.tenant)):
            refused = web.client(["metrics:read"], scope=scope).get("/metrics")
            assert refused.status_code == 403
            assert "application's own tenant" in refused.get_json()["detail"]


@pytest.mark.parametrize(("role", "scope", "status"), [
    ("owner", DEFAULT_SCOPE, 200), ("admin", DEFAULT_SCOPE, 403), ("owner", OTHER_TENANT, 403),
])  # fmt: skip
def test_people_get_them_as_owners_of_the_application(sqlite_url: str, role: str, scope: Scope, status: int) -> None:
    with a_web(sqlite_url) as web:
        a_user(web, "ann@example.org", role, scope=scope)
        browser = Browser(web)
        assert browser.log_in().status_code == 200
        assert browser.get("/metrics").status_code == status


def test_a_dev_server_shows_them_to_its_own_machine(sqlite_url: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        assert web.anonymous().get("/metrics").status_code == 200
        assert web.anonymous().get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 401


def test_a_database_that_is_away_is_told(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_web(sqlite_url) as web:
        client = web.client(["metrics:read"])
        monkeypatch.setattr(Metrics, "read", _away)
        answer = client.get("/metrics")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def _away(self: Metrics) -> None:
    raise StoreUnavailable("the database is not available", driver_message="no answer from db.internal")


def test_tenants_are_named_if_the_settings_say_so(sqlite_url: str) -> None:
    with a_web(sqlite_url, metrics_tenants=("other",)) as web:
        _a_run(web.harness)
        _a_run(web.harness, OTHER_TENANT)
        seen = Scraped(web.client(["metrics:read"]).get("/metrics").get_data(as_text=True))
        assert seen.labels("workflowkit_runs_ended_total", "tenant") == {"default", "other"}
        assert seen("workflowkit_runs_ended_total", tenant="other", workflow="w") == 1


@contextmanager
def a_host(database_url: str, *, url_prefix: str = "/metrics") -> Iterator[Flask]:
    """An application with metrics of its kit for whom its own session calls an operator."""
    wk = WorkflowKit("shop", database_url=database_url)
    app = Flask("host")
    app.secret_key = "s" * 32

    @app.get("/operator")
    def log_in() -> str:
        session["operator"] = True
        return ""

    app.register_blueprint(wk.metrics_blueprint(allow=lambda: session.get("operator") is True, url_prefix=url_prefix))
    try:
        yield app
    finally:
        wk.stop()


def test_a_host_mounts_them_where_and_for_whom_it_wants(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_host(database_url, url_prefix="/internal/metrics") as app:
        client = app.test_client()
        assert client.get("/internal/metrics").status_code == 404
        client.get("/operator")
        answer = client.get("/internal/metrics")
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
        assert Scraped(answer.get_data(as_text=True))("workflowkit_info") == 1
        assert client.post("/internal/metrics").status_code == 405
        monkeypatch.setattr(Metrics, "read", _away)
        answer = client.get("/internal/metrics")
        assert (answer.status_code, answer.text) == (503, "the database is not available\n")


def test_whoever_says_anything_but_yes_lets_nobody_in(sqlite_url: str) -> None:
    wk = WorkflowKit("shop", database_url=sqlite_url)
    for number, said in enumerate((False, None, "no")):
        app = Flask("host")
        app.register_blueprint(wk.metrics_blueprint(allow=lambda said=said: said, name=f"m{number}"))  # type: ignore[misc]
        assert app.test_client().get("/metrics").status_code == 404
    with pytest.raises(TypeError):
        wk.metrics_blueprint()  # type: ignore[call-arg]
    wk.stop()


def test_a_mark_that_is_gone_is_made_again(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        _a_run(web.harness)
        with web.harness.runtime.database.transaction("test") as tx:
            tx.run(Sql("DELETE FROM total_marks"))
        web.harness.clock.advance(seconds=3_600)
        for _ in range(2):
            seen = Scraped(web.client(["metrics:read"]).get("/metrics").get_data(as_text=True))
            assert seen("workflowkit_runs_ended_total") == 1
