"""Every route and method, walked without credentials, without the permission, and with another tenant's ids.

The walk starts from the application's URL map, so a new route cannot be missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from asking import ask
from flask import Flask
from people import a_user
from webapi import OTHER_TENANT, Client, Web, a_document, a_web

from workflowkit.api import create_app
from workflowkit.api.auth import access_of, public, requires
from workflowkit.api.routes.pages import SECTIONS
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.base.secrets import Keyring
from workflowkit.engine.alerts import AlertKind, AlertSettings, Condition
from workflowkit.runtime.jobs import NewJob
from workflowkit.runtime.keys import PERMISSIONS
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.secrets import NewSecret
from workflowkit.store.jobs import JobKind
from workflowkit.webhooks.settings import WebhookSettings

KEY = Keyring.generate().render()
#: What anybody may see. A route that is added here is a decision; everything else needs a key.
PUBLIC = {
    ("GET", "/"),
    ("GET", f"/<any({', '.join(SECTIONS)}):section>"),
    ("GET", f"/<any({', '.join(SECTIONS)}):section>/<path:rest>"),
    ("GET", "/assets/<name>"),
    # The editor for hosts: code, and a page that shows nothing without a token.
    ("GET", "/embed/workflow-editor.js"),
    ("GET", "/embed/workflow-frame.js"),
    ("GET", "/embed/realtime.js"),
    ("GET", "/embed/frame"),
    ("GET", "/api/docs"),
    ("GET", "/api/docs.css"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/health"),
    ("GET", "/api/health/ready"),
    # Who is calling, and logging in.
    ("GET", "/api/session"),
    ("POST", "/api/session"),
    ("GET", "/login/oidc"),
    ("GET", "/login/oidc/callback"),
    # The token is the credential: an unknown one is answered as a page that does not exist.
    ("GET", "/w/<token>"),
    ("POST", "/w/<token>"),
    ("PUT", "/w/<token>"),
    # Likewise: one who is asked for an approval, and one who calls back.
    ("GET", "/a/<token>"),
    ("POST", "/a/<token>"),
    ("POST", "/c/<token>"),
    # Likewise: one who follows a channel.
    ("GET", "/api/realtime"),
}
#: Parameters of paths that name nothing of a tenant's.
NOT_OWNED = {"key", "kind", "app_id", "function_id"}
DOCUMENT_BODY: dict[str, Any] = {"document": {}}
#: Bodies of the routes that take another one.
BODIES: dict[str, dict[str, Any]] = {
    "/api/triggers/try": {"event": "a/b"},
    "/api/schedules/next": {"cron": "0 9 * * *"},
    "/api/workflows/<workflow_id>/simulate": {"settings": {}, "since": "2026-01-01T00:00:00Z"},
    "/api/functions/<app_id>/<function_id>/simulate": {"settings": {}, "since": "2026-01-01T00:00:00Z"},
    "/api/workflows/<workflow_id>/pause": {},
    "/api/workflows/<workflow_id>/drain": {},
    "/api/workflows/<workflow_id>/runs": {"data": {}},
    "/api/workflows/<workflow_id>/duplicate": {"name": "ours"},
    "/api/workflows/<workflow_id>/publish": {"note": "ours"},
    "/api/runs/<run_id>/reschedule": {"at": "2030-01-01T00:00:00Z"},
    "/api/runs/<run_id>/skip-wait": {"step": "a"},
    "/api/webhooks/<webhook_name>": {"verification": {"preset": "none"}},
    "/api/webhooks/<webhook_name>/test": {"body": {}},
    "/api/secrets/<secret_name>": {"value": "a value of theirs"},
    "/api/approvals/<approval_id>/decision": {"decision": "approved"},
    "/api/runs/<run_id>/rerun": {"from_step": "first"},
    "/api/runs/<run_id>/move": {},
    "/api/users/<user_id>/roles": {"roles": ["viewer"]},
    "/api/users/<user_id>/password": {"password": "a password of theirs"},
    "/api/runs/<run_id>/token": {},
    "/api/alerts/<alert_id>": {"name": "x", "condition": {"kind": "failure_count", "failures": 1}},
}
#: Lists that are the same for everybody, and what is no list.
NOT_OF_A_TENANT = (
    "/api/actions", "/api/functions", "/api/webhook-templates", "/api/webhooks/intent", "/api/workers", "/api/system",
    "/api/connections", "/api/apps", "/api/app-syncs", "/api/triggers", "/metrics",
)  # fmt: skip


def _routes(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods or ()):
            yield method, rule.rule


def _guarded(app: Flask) -> list[tuple[str, str]]:
    return [
        (method, rule) for method, rule in _routes(app) if ("GET" if method == "HEAD" else method, rule) not in PUBLIC
    ]


def _needs_a_login(app: Flask, rule: str) -> bool:
    """Tell whether a route is about somebody's own session: tests/api/test_api_sessions.py walks those."""
    endpoints = {each.endpoint for each in app.url_map.iter_rules() if each.rule == rule}
    return any(access_of(app.view_functions[endpoint]).credential == "session" for endpoint in endpoints)


def _path(rule: str, **values: str) -> str:
    defaults = {
        "key": "wk_default_wrong", "event_id": "x", "workflow_id": "x", "int:version": "1", "path:kind": "if",
        "run_id": "x", "key_id": "x", "path:rest": "x", "name": "x.js", "webhook_name": "x", "token": "x",
        "secret_name": "x", "function_id": "x",
        "approval_id": "x", "job_id": "x", "alert_id": "x", "app_id": "x", "user_id": "x", "session_id": "x",
        f"any({', '.join(SECTIONS)}):section": SECTIONS[0],
    }  # fmt: skip
    path = rule
    for name, value in (defaults | values).items():
        path = path.replace(f"<{name}>", value)
    assert "<" not in path, f"tell the walk what to put into {rule}"
    return path


def test_public_is_what_is_listed_and_nothing_else(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        found = {
            (method, rule.rule)
            for rule in web.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD"}
            if access_of(web.app.view_functions[rule.endpoint]).permission is None
        }
        assert found == PUBLIC


def test_no_guarded_route_answers_without_credentials(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        anonymous = web.anonymous()
        guarded = _guarded(web.app)
        assert len(guarded) > 25
        for method, rule in guarded:
            response = anonymous.call(method, _path(rule), json=DOCUMENT_BODY)
            assert response.status_code == 401, (method, rule)
            assert response.headers["WWW-Authenticate"], (method, rule)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "bearer wk_default_", "Basic d2s6eA==", "Bearer wk_default_" + "A" * 52, "wk_default_x"],
)
def test_no_guarded_route_takes_bad_credentials(sqlite_url: str, authorization: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        for method, rule in _guarded(web.app):
            if "<key>" not in rule:
                response = web.anonymous().call(
                    method, _path(rule), json=DOCUMENT_BODY, headers={"Authorization": authorization}
                )
                assert response.status_code == 401, (method, rule)


def test_each_route_needs_exactly_its_own_permission(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        clients = {
            permission: web.client([other for other in PERMISSIONS if other != permission])
            for permission in PERMISSIONS
        }
        for rule in web.app.url_map.iter_rules():
            needed = access_of(web.app.view_functions[rule.endpoint]).permission
            for method in (rule.methods or ()) if needed else ():
                for permission, client in clients.items():
                    path = _path(rule.rule, key=str(client.key))
                    response = client.call(method, path, json=DOCUMENT_BODY, headers={"If-Match": "*"})
                    assert (response.status_code == 403) is (permission == needed), (method, rule.rule, permission)


def test_what_is_about_ones_own_session_is_for_those_who_have_one(sqlite_url: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        walked = [(method, rule) for method, rule in _guarded(web.app) if _needs_a_login(web.app, rule)]
        assert len(walked) > 5
        for method, rule in walked:
            for client in (web.client(), web.anonymous()):  # with every permission, and the developer
                assert client.call(method, _path(rule), json=DOCUMENT_BODY).status_code == 403, (method, rule)


class _Theirs:
    """Everything another tenant can have, by the name it has in paths."""

    def __init__(self, web: Web) -> None:
        document = a_document("Secret", triggers=[{"event": "secret/event"}, {"cron": "@yearly"}])
        web.services.authoring.deploy(OTHER_TENANT, "secret-workflow", document)
        event_id = web.harness.send("secret/event", {"name": "secret-data"}, scope=OTHER_TENANT)
        web.harness.drain()
        web.services.pausing.drain(Target(OTHER_TENANT, "secret-workflow"))
        self.client = web.client(scope=OTHER_TENANT)
        (run,) = web.harness.rows("SELECT id FROM runs")
        key_id = web.services.keys.find(OTHER_TENANT, limit=1)[0].id
        web.services.webhooks.create(OTHER_TENANT, "secret-webhook", WebhookSettings({"preset": "none"}))
        web.services.secrets.set(OTHER_TENANT, NewSecret("secret-secret", "secret-value"))
        condition = Condition(AlertKind.FAILURE_COUNT, failures=7)
        rule = web.services.alerts.create(OTHER_TENANT, AlertSettings("secret-alert", condition, "secret-workflow"))
        self.ids = {
            "event_id": event_id, "workflow_id": "secret-workflow", "run_id": run["id"], "key_id": key_id,
            "webhook_name": "secret-webhook", "secret_name": "secret-secret",
            "approval_id": ask(web.harness, OTHER_TENANT, title="secret-title"),
            "job_id": web.services.jobs.create(OTHER_TENANT, NewJob(JobKind.CANCEL, workflow_id="none")).id,
            "alert_id": rule.id, "user_id": a_user(web, "secret-user", scope=OTHER_TENANT).id,
        }  # fmt: skip


def test_another_tenants_ids_answer_like_ids_that_do_not_exist(database_url: str) -> None:
    with a_web(database_url, secret_key=KEY) as web:
        theirs, ours = _Theirs(web), web.client()
        before = _everything(web)
        walked = set()
        for method, rule in _guarded(web.app):
            if _needs_a_login(web.app, rule):
                continue
            owned = set(theirs.ids) & {name.rpartition(":")[2] for name in _parameters(rule)}
            assert owned or not set(_parameters(rule)) - NOT_OWNED - {"path:kind"}, f"{rule} names something new"
            if not owned:
                continue
            walked |= owned
            answers = []
            for ids in (theirs.ids, dict.fromkeys(theirs.ids, "missing")):
                response = ours.call(
                    method, _path(rule, **ids), json=BODIES.get(rule, DOCUMENT_BODY), headers={"If-Match": '"1"'}
                )
                assert response.status_code == 404, (method, rule)
                problem = {} if method == "HEAD" else response.get_json()
                text = json.dumps({**problem, "request_id": ""})
                for value in ids.values():
                    text = text.replace(value, "<id>")
                answers.append(text)
            assert answers[0] == answers[1], (method, rule)
        assert walked == set(theirs.ids)
        # Nothing changed by asking, but the time of our key's last use.
        assert _everything(web) == before


def test_lists_show_nothing_of_another_tenant(database_url: str) -> None:
    with a_web(database_url, secret_key=KEY) as web:
        theirs, ours = _Theirs(web), web.client()
        for method, rule in _guarded(web.app):
            if method == "GET" and "<" not in rule and not _needs_a_login(web.app, rule):
                text = ours.get(rule).get_data(as_text=True)
                for secret in (*theirs.ids.values(), "secret-", "secret/"):
                    assert secret not in text, rule
                if rule not in NOT_OF_A_TENANT:
                    assert theirs.client.get(rule).get_json()["items"], f"{rule} shows them nothing of their own"


def _parameters(rule: str) -> list[str]:
    return [part.partition(">")[0] for part in rule.split("<")[1:]]


def _everything(web: Web) -> dict[str, list[dict[str, object]]]:
    tables = (
        "workflows", "workflow_drafts", "workflow_versions", "workflow_triggers", "events", "runs", "steps",
        "webhooks", "webhook_deliveries", "webhook_event_ids", "webhook_outcomes", "webhook_samples",
        "approvals", "approval_assignees", "approval_decisions",
        "pauses", "alert_rules", "users", "user_roles", "secrets",
    )  # fmt: skip
    rows = {table: web.harness.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables}
    return rows | {"api_keys": web.harness.rows("SELECT id, revoked_at_ms FROM api_keys ORDER BY id")}


def test_an_application_with_an_undeclared_view_does_not_start(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflowkit.api.routes import health

    with a_web(sqlite_url) as web:
        monkeypatch.delattr(health.live, "access")
        with pytest.raises(LookupError, match="live declares neither"):
            create_app(web.services)


def test_a_permission_that_does_not_exist_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="unknown permission"):
        requires("everything")
    assert access_of(public(lambda: None)).permission is None


#: Ways to write a path or a request so that a careless check sees something else than the router.
TRICKS = [
    "/api/runs.css", "/api/runs.json", "/api/runs/", "//api/runs", "/api//runs", "/api/runs//", "/API/RUNS",
    "/Api/runs", "/api/runs;x", "/api/runs;.css", "/api;/runs", "/api%2fruns", "/api%2Fruns", "/%61pi/runs",
    "/api/%72uns", "/api/runs%00", "/api/runs%20", "/api/runs%0a", "/api/runs?x=/api/health", "/api/runs#/api/health",
    "/api/health/../runs", "/api/health/..%2fruns", "/api/health%2f..%2fruns", "/api/docs/../runs", "/./api/runs",
    "/api/./runs", "/api/health/%2e%2e/runs", "/api\\runs", "/api/runs/..;/health", "/api/health;/../runs",
    "/api/docs.css/../../api/runs", "/api/openapi.json/../runs", "/e/../api/runs", "/api/runs/x/../../health",
    "/api/runs%252f", "/api/runs/%2e%2e%2fhealth", "/api/runs\t", "/api/\N{FULLWIDTH LATIN SMALL LETTER R}uns", "http://evil.example/api/runs",
]  # fmt: skip
OVERRIDES = ["X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Forwarded-Prefix", "X-Forwarded-Uri"]


def test_no_spelling_of_a_path_gets_past_the_guard(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        theirs = _Theirs(web)
        for trick in TRICKS:
            for method in ("GET", "POST"):
                response = web.app.test_client().open(trick, method=method)
                # The editor's page holds nothing of anybody's; "//api/runs" is its section "/runs" on a host "api".
                assert response.status_code in (401, 404, 405) or response.mimetype == "text/html", (method, trick)
                assert theirs.ids["run_id"] not in response.get_data(as_text=True), (method, trick)


@pytest.mark.parametrize("header", OVERRIDES)
def test_no_header_makes_a_request_another_one(sqlite_url: str, header: Any) -> None:
    with a_web(sqlite_url) as web:
        http = web.app.test_client()
        for value in ("/api/health", "GET", "HEAD"):
            assert http.get("/api/runs", headers={header: value}).status_code == 401
            assert http.post("/api/keys", headers={header: value}, json={}).status_code == 401
        assert http.get("/api/health", headers={header: "/api/runs"}).get_json() == {"status": "ok"}


def test_every_answer_carries_the_security_headers(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        paths = [_path(rule) for _, rule in _routes(web.app)] + ["/nowhere"]
        for path in paths:
            for method in ("GET", "POST", "OPTIONS"):
                headers = client._http.open(path, method=method).headers
                assert headers["X-Content-Type-Options"] == "nosniff", path
                may_be_framed = path == "/embed/frame" and headers["X-Frame-Options"] == "SAMEORIGIN"
                assert may_be_framed or headers["X-Frame-Options"] == "DENY", path
                assert headers["Referrer-Policy"] == "no-referrer", path
                assert headers["Cache-Control"] in ("no-store", "no-cache"), path
                assert "default-src 'none'" in headers["Content-Security-Policy"], path
                ancestors = "'self'" if may_be_framed else "'none'"
                assert f"frame-ancestors {ancestors}" in headers["Content-Security-Policy"], path
                assert "Access-Control-Allow-Origin" not in headers, path


#: A local caller is a program on the developer's machine; these are not.
NOT_LOCAL = {
    "another machine": {"environ_overrides": {"REMOTE_ADDR": "192.0.2.7"}},
    "no address": {"environ_overrides": {"REMOTE_ADDR": ""}},
    "a page after DNS rebinding": {"headers": {"Host": "evil.example:8288"}},
    "a page of another site": {"headers": {"Origin": "https://evil.example"}},
    "a page of another port": {"headers": {"Origin": "http://localhost:3000"}},
    "a page without an origin": {"headers": {"Origin": "null"}},
    "a reverse proxy": {"headers": {"X-Forwarded-For": "192.0.2.7"}},
    "a standard proxy": {"headers": {"Forwarded": "for=192.0.2.7"}},
}


@pytest.mark.parametrize("options", NOT_LOCAL.values(), ids=NOT_LOCAL)
def test_a_dev_server_trusts_only_programs_on_its_machine(sqlite_url: str, options: Any) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        http = web.app.test_client()
        assert http.get("/api/runs", **options).status_code == 401
        assert http.post("/e/anything", json={"name": "a/b", "data": {}}, **options).status_code == 401


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8288", "[::1]:8288"])
def test_a_dev_server_trusts_programs_and_pages_of_its_own(sqlite_url: str, host: str) -> None:
    with a_web(sqlite_url, dev_mode=True) as web:
        for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
            assert web.app.test_client().get("/api/runs", headers=headers).status_code == 200


def test_without_dev_mode_nobody_is_trusted_for_being_local(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        assert web.app.test_client().get("/api/runs", headers={"Host": "127.0.0.1"}).status_code == 401


def test_a_key_acts_for_its_own_tenant_whatever_the_request_says(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        theirs, ours = _Theirs(web), web.client()
        run = f"/api/runs/{theirs.ids['run_id']}"
        for headers in ({"Workflowkit-Tenant": OTHER_TENANT.tenant}, {"X-Tenant": OTHER_TENANT.tenant}):
            assert ours.get(run, headers=headers).status_code in (400, 404)
        assert Client(web, theirs.client.key).get(run).status_code == 200
        assert web.services.default_scope == DEFAULT_SCOPE
