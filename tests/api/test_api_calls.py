"""Runs that are started by hand, and workflows that answer HTTP requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest
from builders import WorkflowBuilder, a_workflow
from webapi import OTHER_TENANT, Web, a_web, problems_of

from workflowkit.api.waiting import MAX_WAITING, Waiting
from workflowkit.base import failpoints
from workflowkit.base.sealing import is_sealed
from workflowkit.contrib.encryption import EncryptionMiddleware
from workflowkit.engine.extensions import Extensions
from workflowkit.runtime.keys import PERMISSIONS
from workflowkit.runtime.pausing import Target

MANUAL: dict[str, Any] = {"manual": True}
NOT_AUTHOR = [permission for permission in PERMISSIONS if permission != "workflows:write"]
NUMBERS = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@contextmanager
def a_web_that_works(database_url: str, **settings: Any) -> Iterator[Web]:
    """Open the API; while a request waits, everything happens that can."""
    with a_web(database_url, **settings) as web:
        waiting = Waiting(web.services.database, pause=lambda _: web.harness.drain())
        yield Web(web.harness, replace(web.services, waiting=waiting))


def _document(workflow: WorkflowBuilder, *triggers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return workflow.document() | {"triggers": list(triggers)} | more


def _http(workflow: WorkflowBuilder, wait: Any = "5m", **more: Any) -> dict[str, Any]:
    return _document(workflow, {"http": {"wait": wait}}, **more)


# --- by hand


def test_a_run_is_started_by_hand_and_is_there_at_once(database_url: str) -> None:
    with a_web(database_url) as web:
        document = _document(
            a_workflow().action("a", inputs={"value": "!ref($.event.data.n)"}).path("$source", "a"), MANUAL
        )
        web.harness.deploy(document)
        client = web.client(["runs:write", "runs:read"])
        response = client.post("/api/workflows/test/runs", {"data": {"n": 3}})
        started = response.get_json()
        assert (response.status_code, set(started)) == (202, {"run_id", "event_id"})
        shown = client.get(f"/api/runs/{started['run_id']}").get_json()
        assert (shown["status"], shown["event"]["name"]) == ("queued", "workflow/run.requested")
        assert shown["event"]["id"] == started["event_id"]
        web.harness.drain()
        assert client.get(f"/api/runs/{started['run_id']}").get_json()["output"] == {"a": 3}
        assert client.post("/api/workflows/test/runs").status_code == 202


@pytest.mark.parametrize(
    "settings", [{"batch": {"max_size": 9, "timeout": "1m"}}, {"debounce": {"period": "1m"}}], ids=["batch", "debounce"]
)
def test_a_run_that_is_started_by_hand_is_in_no_batch_and_no_window(
    database_url: str, settings: dict[str, Any]
) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(_document(a_workflow().chain("a").settings(**settings), MANUAL))
        client = web.client()
        started = client.post("/api/workflows/test/runs", {"data": {}}).get_json()
        assert client.get(f"/api/runs/{started['run_id']}").get_json()["status"] == "queued"
        shown = client.get(f"/api/events/{started['event_id']}").get_json()
        assert ([run["id"] for run in shown["runs"]], shown["collections"]) == ([started["run_id"]], [])


def test_without_a_manual_trigger_only_authors_start_a_run(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(_document(a_workflow().chain("a"), {"event": "test/happened"}))
        refused = web.client(NOT_AUTHOR).post("/api/workflows/test/runs", {"data": {}})
        assert (refused.status_code, refused.get_json()["code"]) == (409, "not-manual")
        assert web.count("events") == 0
        assert web.client(["runs:write", "workflows:write"]).post("/api/workflows/test/runs").status_code == 202


def test_data_that_the_workflow_does_not_take_is_refused_with_its_places(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(_document(a_workflow().chain("a"), MANUAL, inputs=NUMBERS))
        refused = web.client().post("/api/workflows/test/runs", {"data": {"n": "one"}})
        assert (refused.status_code, refused.get_json()["code"]) == (422, "invalid-data")
        assert problems_of(refused) == [("/data/n", "invalid-value")]
        assert web.count("events") == 0
        assert web.client().post("/api/workflows/test/runs", {"data": {"n": 1}}).status_code == 202


@pytest.mark.parametrize("trigger", [MANUAL, {"http": {}}], ids=["manual", "http"])
def test_what_is_off_paused_or_drained_is_started_by_nobody(database_url: str, trigger: dict[str, Any]) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(_document(a_workflow().chain("a"), trigger))
        client = web.client()
        path = "/api/workflows/test/runs" if trigger is MANUAL else "/h/test"
        for done, undone, why in (
            ("pause", "resume", "pause"), ("drain", "undrain", "drain"), ("disable", "enable", "switched off"),
        ):  # fmt: skip
            body: Any = {} if done != "disable" else None
            assert client.post(f"/api/workflows/test/{done}", body).status_code == 200
            refused = client.post(path)
            assert (refused.status_code, refused.get_json()["code"]) == (409, "conflict")
            assert why in refused.get_json()["detail"]
            assert client.post(f"/api/workflows/test/{undone}").status_code == 200
        assert web.count("events") == 0


def test_a_draft_and_another_tenants_workflow_are_not_found(database_url: str) -> None:
    with a_web(database_url) as web:
        document = _document(a_workflow().chain("a"), MANUAL, {"http": {}})
        web.services.authoring.create(web.services.default_scope, document, workflow_id="draft")
        web.harness.deploy(document, "theirs", OTHER_TENANT)
        for workflow_id in ("draft", "theirs", "missing"):
            assert web.client().post(f"/api/workflows/{workflow_id}/runs").status_code == 404
            assert web.client().post(f"/h/{workflow_id}").status_code == 404
        assert web.count("events") == 0


def test_what_is_paused_between_the_request_and_its_matching_is_told_as_well(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        web.harness.deploy(_http(a_workflow().chain("a")))
        target = Target(web.services.default_scope, "test")

        def pause(name: str) -> None:
            if name == "invoke.after_commit":
                web.services.pausing.pause(target)

        stop = failpoints.listen(pause)
        try:
            refused = web.client().post("/h/test")
        finally:
            stop()
        assert (refused.status_code, refused.get_json()["code"]) == (409, "conflict")
        assert refused.get_json()["detail"].endswith("paused")
        assert web.count("runs") == 0


# --- over HTTP


def test_a_request_is_answered_with_the_output_of_the_run(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        given = a_workflow().action("a", inputs={"value": "!ref($.event.data)"}).path("$source", "a")
        web.harness.deploy(_http(given, output="!ref($.state.a)"))
        response = web.client(["http:call"]).post(
            "/h/test?tag=x&tag=y&page=2", {"n": 1}, headers={"Cookie": "session=1", "X-Request-Id": "r-1"}
        )
        assert response.status_code == 200
        assert response.headers["Workflowkit-Run"] == web.harness.run()["id"]
        data = response.get_json()
        # What the caller could be impersonated with is not among the headers.
        assert data.pop("headers").items() - {("user-agent", f"Werkzeug/{version('werkzeug')}")} == {
            ("content-type", "application/json"), ("x-request-id", "r-1"),
        }  # fmt: skip
        assert data == {"method": "POST", "body": {"n": 1}, "query": {"tag": ["x", "y"], "page": "2"}}


def test_a_request_without_a_body_has_none(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        given = a_workflow().action("a", inputs={"value": "!ref($.event.data.body)"}).path("$source", "a")
        web.harness.deploy(_http(given, output="!ref($.state.a)"))
        assert web.client().post("/h/test").get_json() is None
        assert web.client().post("/h/test", data="x=1", content_type="text/plain").status_code == 415
        assert web.client().post("/h/test", data="{", content_type="application/json").status_code == 400


def test_problems_of_a_request_point_into_the_request(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        page = {"type": "object", "required": ["page"]}
        inputs = {"type": "object", "properties": {"body": NUMBERS, "query": page}}
        web.harness.deploy(_http(a_workflow().chain("a"), inputs=inputs))
        refused = web.client().post("/h/test", {"n": "one"})
        assert refused.status_code == 422
        assert {pointer for pointer, _ in problems_of(refused)} == {"/n", "/query"}


def test_a_reply_answers_while_the_run_goes_on(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        reply = {"status": 201, "headers": {"X-Workflow-Order": "7"}, "body": {"order": 7}}
        workflow = (
            a_workflow().action("answer", "builtin:reply", reply).action("nap", "builtin:wait", {"duration": "1h"})
        )
        web.harness.deploy(_http(workflow.path("$source", "answer", "nap")))
        client = web.client()
        response = web.app.test_client().post("/h/test", headers={"Authorization": f"Bearer {client.key}"})
        assert (response.status_code, response.get_json()) == (201, {"order": 7})
        assert (response.headers["X-Workflow-Order"], response.content_type) == ("7", "application/json")
        assert web.harness.run()["status"] == "waiting"
        web.harness.skip(3601)
        assert web.harness.run()["status"] == "completed"


def test_a_reply_without_a_body_and_the_first_of_two(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        workflow = a_workflow().action("one", "builtin:reply", {"status": 204, "body": "unseen"})
        web.harness.deploy(
            _http(workflow.action("two", "builtin:reply", {"status": 200}).path("$source", "one", "two"))
        )
        client = web.client()
        response = web.app.test_client().post("/h/test", headers={"Authorization": f"Bearer {client.key}"})
        assert (response.status_code, response.get_data()) == (204, b"")


@pytest.mark.parametrize(
    "inputs",
    [
        {"headers": {"Set-Cookie": "a=b"}},
        {"headers": {"Content-Security-Policy": "default-src *"}},
        {"headers": {"Access-Control-Allow-Origin": "*"}},
        {"headers": {"X-Frame-Options": "ALLOW"}},
        {"headers": {"X-Accel-Redirect": "/internal/other"}},
        {"headers": {"x-sendfile": "/etc/passwd"}},
        {"headers": {"X-LIGHTTPD-send-file": "/etc/passwd"}},
        {"headers": {"X-Reproxy-URL": "http://10.0.0.1/"}},
        {"headers": {"X-Anything": "a"}},
        {"headers": {"X-Workflow-": "a"}},
        {"headers": {"Content-Type": "text/html"}},
        {"headers": {"X-Workflow-Note": "a\r\nSet-Cookie: b=c"}},
        {"headers": {"X-Workflow-Nöte": "a"}},
        {"status": 199},
        {"status": 600},
    ],
)
def test_a_reply_cannot_change_how_we_are_read(sqlite_url: str, inputs: dict[str, Any]) -> None:
    with a_web_that_works(sqlite_url) as web:
        # By a reference, so that it is not refused when it is published.
        given = {name: f"!ref($.event.data.body.{name})" for name in inputs}
        web.harness.deploy(_http(a_workflow().action("r", "builtin:reply", given).path("$source", "r")))
        response = web.client().post("/h/test", inputs)
        assert (response.status_code, response.get_json()["code"]) == (500, "run-failed")
        assert web.harness.run()["id"] in response.get_json()["detail"]


def test_a_header_that_no_reply_may_set_is_refused_when_it_is_published(sqlite_url: str) -> None:
    headers = {"Location": "/a", "X-Workflow-A": "b", "X-RateLimit-Limit": "5", "X-Sendfile": "/etc/passwd"}
    workflow = _http(a_workflow().action("r", "builtin:reply", {"headers": headers}).path("$source", "r"))
    with a_web_that_works(sqlite_url) as web:
        refused = web.client().post("/api/validate", {"document": workflow})
        assert [(each["pointer"], each["code"]) for each in refused.get_json()["problems"]] == [
            ("/actions/0/inputs/headers/X-Sendfile", "invalid-input")
        ]


@pytest.mark.parametrize("name", ["X-Accel-Redirect", "X-Sendfile"])
def test_what_was_published_before_its_header_was_refused_fails_and_says_which(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with a_web_that_works(sqlite_url) as web:
        with monkeypatch.context() as before:
            before.setattr("workflowkit.definition.checks.replies.name_problem", lambda name: None)
            web.harness.deploy(
                _http(a_workflow().action("r", "builtin:reply", {"headers": {name: "/x"}}).path("$source", "r"))
            )
        response = web.client().post("/h/test")
        assert (response.status_code, name in response.headers) == (500, False)
        (step,) = web.client().get(f"/api/runs/{web.harness.run()['id']}").get_json()["steps"]
        assert step["error"]["message"] == f"a reply cannot set the header {name!r}: name your own X-Workflow-..."


def test_a_failed_run_is_told_without_its_reasons(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        workflow = a_workflow().action("a", "boom", {"message": "the password is x"}, retries=0).path("$source", "a")
        web.harness.deploy(_http(workflow))
        response = web.client().post("/h/test")
        assert (response.status_code, response.get_json()["code"]) == (500, "run-failed")
        assert "password" not in response.get_data(as_text=True)
        run_id = web.harness.run()["id"]
        again = web.client().get(f"/api/runs/{run_id}/result")
        assert (again.status_code, again.get_json()["detail"]) == (500, f"run {run_id} has failed")


def test_what_takes_too_long_is_asked_for_later(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        workflow = a_workflow().action("nap", "builtin:wait", {"duration": "1h"}).action("a", inputs={"value": 7})
        web.harness.deploy(_http(workflow.path("$source", "nap", "a"), 0, output="!ref($.state.a)"))
        client = web.client(["http:call"])
        response = client.post("/h/test")
        run_id = web.harness.run()["id"]
        assert (response.status_code, response.get_json()) == (202, {"run_id": run_id, "status": "queued"})
        location = response.headers["Location"]
        assert location == f"/api/runs/{run_id}/result"
        web.harness.drain()
        assert client.get(location).get_json() == {"run_id": run_id, "status": "waiting"}
        assert client.get(location).headers["Location"] == location
        web.harness.skip(3601)
        assert (client.get(location).status_code, client.get(location).get_json()) == (200, 7)
        assert web.client(scope=OTHER_TENANT).get(location).status_code == 404
        assert client.get(f"{location}?wait=301").status_code == 400


def test_the_result_of_a_cancelled_run_is_a_conflict(database_url: str) -> None:
    with a_web_that_works(database_url) as web:
        web.harness.deploy(
            _http(a_workflow().action("nap", "builtin:wait", {"duration": "1h"}).path("$source", "nap"), 0)
        )
        client = web.client()
        run_id = client.post("/h/test").get_json()["run_id"]
        client.post(f"/api/runs/{run_id}/cancel")
        answer = client.get(f"/api/runs/{run_id}/result?wait=300")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "run-cancelled")


def test_a_workflow_without_an_http_trigger_answers_like_none(database_url: str) -> None:
    with a_web(database_url) as web:
        web.harness.deploy(_document(a_workflow().chain("a"), MANUAL))
        answer = web.client().post("/h/test")
        assert (answer.status_code, answer.get_json()["detail"]) == (404, "there is no published workflow 'test'")


def test_a_request_waits_for_workers_of_other_threads_and_no_connection_is_held(database_url: str) -> None:
    with a_web(database_url) as web:
        workflow = a_workflow().action("nap", "builtin:wait", {"duration": "1h"}).path("$source", "nap")
        web.harness.deploy(_http(workflow, output="done"))
        answers: list[Any] = []
        looked = threading.Event()

        def pause(seconds: float) -> None:
            looked.set()
            threading.Event().wait(seconds)

        waiting = Waiting(web.services.database, pause=pause)
        held = Web(web.harness, replace(web.services, waiting=waiting))
        client = held.client()
        caller = threading.Thread(target=lambda: answers.append(client.post("/h/test")))
        caller.start()
        assert looked.wait(60)
        web.harness.drain()
        web.harness.skip(3601)
        caller.join(60)
        assert [(answer.status_code, answer.get_json()) for answer in answers] == [(200, "done")]


def test_who_finds_all_places_taken_is_answered_at_once(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        web.harness.deploy(_http(a_workflow().chain("a")))
        for _ in range(MAX_WAITING):
            assert web.services.waiting._places[0].acquire(blocking=False)
        assert web.client().post("/h/test").status_code == 202


def test_events_that_ask_for_runs_cannot_be_made_up(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        for name in ("workflow/run.requested", "workflow/http.requested"):
            assert web.client().post("/api/events", {"name": name, "data": {}}).status_code == 400
        assert web.count("events") == 0


def test_encrypted_results_are_in_the_clear_for_those_who_may_see_them(database_url: str) -> None:
    extensions = Extensions()
    extensions.use(EncryptionMiddleware("the one passphrase"))
    with a_web_that_works(database_url, extensions=extensions) as web:
        reply = a_workflow().action("r", "builtin:reply", {"status": 201, "body": {"card": "4242"}})
        web.harness.deploy(_http(reply.path("$source", "r"), output={"card": "4242"}))
        answers = []
        for permissions in (["http:call", "runs:decrypt"], ["http:call"]):
            key = web.client(permissions).key
            answers.append(web.app.test_client().post("/h/test", headers={"Authorization": f"Bearer {key}"}))
        seeing, other = answers
        assert (seeing.status_code, seeing.get_json()) == (201, {"card": "4242"})
        assert other.status_code == 200
        assert is_sealed(other.get_json())
        assert "4242" not in other.get_data(as_text=True)
