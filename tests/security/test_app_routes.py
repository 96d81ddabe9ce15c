"""The door for apps of SDKs: every route and method, walked without the signing key, and with foreign ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import flask
import pytest
from asking import SECRET_KEY
from flask import Flask
from remoteapps import operations, register
from runtimes import Harness, a_runtime
from scripted_server import ScriptedServer
from webapi import OTHER_TENANT
from werkzeug.test import Client, TestResponse

from workflowkit import WorkflowKit
from workflowkit.base.settings import Settings
from workflowkit.inngest.remote import install
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.signing import key_hash
from workflowkit.inngest.web import create_app

KEY = "signkey-test-12345678"
BEARER = {"Authorization": f"Bearer {key_hash(KEY)}"}
#: What anybody may see. A route that is added here is a decision; everything else needs the signing key.
PUBLIC = {("GET", "/health")}
#: What apps ask, and tell, of their own runs, whichever tenant the event was of.
OF_APPS = (
    "/v0/runs/<run_id>/actions",
    "/v0/runs/<run_id>/batch",
    "/v1/checkpoint/<run_id>/async",
    "/v1/checkpoint/<run_id>/steps",
    "/v1/http/runs/<run_id>/steps",
    "/v1/runs/<run_id>/metadata",
)
#: For whoever has the token of the run.
FOR_A_TOKEN = ("/v1/checkpoint/<run_id>/output", "/v1/http/runs/<run_id>/output")
#: What is in the way of an id: values for all other parameters.
NAMES = {"app_name": "none", "function": "none"}


@contextmanager
def a_door(
    database_url: str, *, dev_mode: bool = False, signing_key: str | None = None
) -> Iterator[tuple[Harness, Flask]]:
    with a_runtime(database_url, dev_apps=True, signing_key=signing_key, secret_key=SECRET_KEY) as harness:
        install(harness.registry, lambda: harness.runtime.database, harness.runtime.settings)
        yield harness, create_app(AppServer(lambda: harness.runtime), dev_mode=dev_mode)


def routes(app: Flask) -> list[tuple[str, str]]:
    found = [(method, rule.rule) for rule in app.url_map.iter_rules() for method in sorted(rule.methods or ())]
    assert len(found) > 20
    return found


def path(rule: str, **values: str) -> str:
    for name in [part.partition(">")[0] for part in rule.split("<")[1:]]:
        rule = rule.replace(f"<{name}>", (NAMES | values).get(name, "x"))
    return rule


def call(app: Flask, method: str, target: str, headers: dict[str, str] | None = None) -> TestResponse:
    return app.test_client().open(target, method=method, headers=headers or {}, json={} if method != "GET" else None)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Bearer {KEY}", f"Basic {key_hash(KEY)}", "Bearer " + "0" * 64, key_hash(KEY)],
)
@pytest.mark.parametrize("dev_mode", [False, True])
def test_no_route_answers_without_the_signing_key(
    sqlite_url: str, authorization: str | None, *, dev_mode: bool
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    with a_door(sqlite_url, dev_mode=dev_mode, signing_key=KEY) as (_, app):
        for method, rule in [*routes(app), ("GET", "/v1/nothing"), ("POST", "/fn/nothing")]:
            status = call(app, method, path(rule), headers).status_code
            expected = 200 if ("GET" if method in ("HEAD", "OPTIONS") else method, rule) in PUBLIC else 401
            assert status == expected, (method, rule)


def test_without_a_key_of_its_own_the_server_answers_nobody(sqlite_url: str) -> None:
    with a_door(sqlite_url) as (_, app):
        for method, rule in routes(app):
            if ("GET" if method in ("HEAD", "OPTIONS") else method, rule) not in PUBLIC:
                assert call(app, method, path(rule), BEARER).status_code == 401, (method, rule)


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example:8288"}, {"Origin": "https://evil.example"}, {"X-Forwarded-For": "192.0.2.7"}]
)
def test_a_dev_server_trusts_only_programs_on_its_machine(sqlite_url: str, headers: dict[str, str]) -> None:
    with a_door(sqlite_url, dev_mode=True) as (_, app):
        assert call(app, "GET", "/v1/events").status_code == 200
        for method, rule in routes(app):
            if ("GET" if method in ("HEAD", "OPTIONS") else method, rule) not in PUBLIC:
                assert call(app, method, path(rule), headers).status_code == 401, (method, rule)


def test_ids_of_another_tenant_answer_like_ids_that_do_not_exist(database_url: str) -> None:
    sleep = operations({"op": "Sleep", "id": "a" * 40, "name": "1h", "opts": {}})
    with a_door(database_url, signing_key=KEY) as (harness, app), ScriptedServer(lambda _: sleep) as remote:
        register(harness, f"{remote.url}/api/inngest")
        event_id = harness.send("go", {"secret": "secret-data"}, scope=OTHER_TENANT)
        harness.drain()
        run_id = harness.run()["id"]
        walked = 0
        for method, rule in routes(app):
            if method == "OPTIONS" or "_id>" not in rule or rule in OF_APPS:
                continue
            walked += 1
            answers = []
            for ids in ({"run_id": run_id, "event_id": event_id}, {"run_id": "none", "event_id": "none"}):
                answer = call(app, method, path(rule, **ids), BEARER)
                assert answer.status_code == (401 if rule in FOR_A_TOKEN else 404), (method, rule)
                text = answer.get_data(as_text=True)
                for value in ids.values():
                    text = text.replace(value, "<id>")
                answers.append(text)
            assert answers[0] == answers[1], (method, rule)
        assert walked > 5
        assert "secret" not in call(app, "GET", "/v1/events", BEARER).get_data(as_text=True)
        assert harness.run()["status"] == "waiting"


def test_the_app_of_a_run_sees_its_state_whatever_the_tenant(database_url: str) -> None:
    sleep = operations({"op": "Sleep", "id": "a" * 40, "name": "1h", "opts": {}})
    with a_door(database_url, signing_key=KEY) as (harness, app), ScriptedServer(lambda _: sleep) as remote:
        register(harness, f"{remote.url}/api/inngest")
        harness.send("go", {"of": "theirs"}, scope=OTHER_TENANT)
        harness.drain()
        answer = call(app, "GET", f"/v0/runs/{harness.run()['id']}/batch", BEARER)
        assert [event["data"] for event in answer.get_json()] == [{"of": "theirs"}]


def test_every_answer_carries_the_security_headers(sqlite_url: str) -> None:
    with a_door(sqlite_url, signing_key=KEY) as (_, app):
        for method, rule in [*routes(app), ("GET", "/v1/nothing")]:
            headers = call(app, method, path(rule), BEARER).headers
            assert headers["X-Content-Type-Options"] == "nosniff", rule
            assert headers["X-Frame-Options"] == "DENY", rule
            assert headers["Cache-Control"] == "no-store", rule
            assert "Access-Control-Allow-Origin" not in headers, rule


@pytest.mark.parametrize("prefix", ["/workflows", "/deep/er"])
def test_a_blueprint_has_the_door_too(sqlite_url: str, prefix: str) -> None:
    wk = WorkflowKit(settings=Settings(database_url=sqlite_url, signing_key=KEY))
    wk.migrate()
    try:
        host = flask.Flask("shop")
        host.register_blueprint(wk.blueprint(), url_prefix=prefix)
        http: Client = host.test_client()
        assert http.get(f"{prefix}/v1/events").status_code == 401
        answer = http.get(f"{prefix}/v1/events", headers=BEARER)
        assert (answer.status_code, answer.headers["X-Inngest-Server-Kind"]) == (200, "cloud")
        assert http.post(f"{prefix}/fn/register", headers=BEARER, json={}).status_code == 400
        assert http.get("/v1/events", headers=BEARER).status_code == 404
    finally:
        wk.stop()
