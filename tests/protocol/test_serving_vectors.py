"""Requests as a server was seen to send them (ids shortened), and what an app of ours answers."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from servedapps import an_app, served, sync

from workflowkit import WorkflowKit
from workflowkit.base.clock import SystemClock
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.signing import SIGNATURE_HEADER, sign

KEY = "signkey-test-12345678"
EVENT = {"data": {"id": 7, "u": "u1"}, "id": "01M80XVY8W", "name": "cap/steps", "ts": 1795327654172, "user": {}}
#: The first call of a run, with every key that it has.
FIRST: dict[str, Any] = {
    "ctx": {
        "attempt": 0, "disable_immediate_execution": False, "env": "", "fn_id": "7c08a3f1-0000-4000-8000-000000000000",
        "generation_id": 1, "job_id": "2u4b9cit398vu", "max_attempts": 3, "qi_id": "MnU0YjljaXQzOTh2dTo6ZGVmYXVsdA==",
        "request_id": "01M80Y7G9H0000000000000000", "run_id": "01M80XVY8W5S89X6WH0761K36X",
        "stack": {"current": 0, "stack": []}, "step_id": "step", "use_api": False,
    },
    "defers": {},
    "event": EVENT, "events": [EVENT],
    "steps": {}, "use_api": False, "version": -1,
}  # fmt: skip
#: What the server remembered before the last call of the same run.
REMEMBERED = {
    "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8": {"data": {"x": 1}},
    "e9d71f5ee7c92d6dc9e92ffdad17b8bd49418f98": {"data": "ok"},
    "c2640f79b4ed481b838ce4ad75330aa3f825d4d9": None,
}


@pytest.fixture
def steps_fn() -> WorkflowKit:
    wk = an_app("cap")

    @wk.function("steps", trigger={"event": "cap/steps"}, retries=2)
    def steps(ctx: Any) -> Any:
        first = ctx.step.run("a", lambda: {"x": 1})
        second = ctx.step.run("b", lambda: "ok")
        return {"a": first, "b": second, "id": ctx.event["data"]["id"], "attempt": ctx.attempt}

    return wk


def _call(url: str, payload: Any, step: str = "step") -> httpx.Response:
    body = canonical_json(payload)
    headers = {
        "User-Agent": "Inngest", "Content-Type": "application/json", "X-Run-Id": payload["ctx"]["run_id"],
        "X-Inngest-Req-Version": "-1", "X-Inngest-Step-Id": step,
        SIGNATURE_HEADER: sign(KEY, body, SystemClock().now_ms() // 1000),
    }  # fmt: skip
    query = {"fnId": "cap-steps", "stepId": step}
    return httpx.post(url, params=query, content=body, headers=headers, timeout=30)


def test_the_first_and_the_last_call_of_a_run(steps_fn: WorkflowKit) -> None:
    with served(steps_fn, signing_key=KEY) as url:
        first = _call(url, FIRST)
        last = _call(url, {**FIRST, "steps": REMEMBERED, "version": 2})
    assert first.status_code == 206
    assert [(each["op"], each["id"], each["data"]) for each in first.json()] == [
        ("StepRun", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", {"x": 1})
    ]
    assert (last.status_code, last.json()) == (200, {"a": {"x": 1}, "b": "ok", "id": 7, "attempt": 0})


def test_the_last_call_of_a_run_of_six_steps_of_every_kind() -> None:
    wk = an_app("cap")

    @wk.function("steps", trigger={"event": "cap/steps"})
    def steps(ctx: Any) -> Any:
        first = ctx.step.run("a", pytest.fail)
        ctx.step.sleep("nap", "1s")
        second = ctx.step.run("b", pytest.fail)
        sent = ctx.step.send_event("send", {"name": "cap/told", "data": {}})
        event = ctx.step.wait_for_event("wait", "cap/go", timeout="30s")
        invoked = ctx.step.invoke("inv", "cap/child", {"q": 2})
        return {"a": first, "b": second, "n": len(sent), "ev": event, "inv": invoked}

    remembered = {
        "37ed": {"data": ["01M80XY3JQ"]}, "86f7": {"data": {"x": 1}}, "a22c": {"data": {"doubled": 4}}, "c264": None,
        "daaa": None, "e9d7": {"data": "ok"},
    }  # fmt: skip
    whole = {hash_of(name)[:4]: hash_of(name) for name in ("a", "nap", "b", "send", "wait", "inv")}
    with served(wk, signing_key=KEY) as url:
        answer = _call(url, {**FIRST, "steps": {whole[short]: value for short, value in remembered.items()}})
    assert answer.json() == {"a": {"x": 1}, "b": "ok", "ev": None, "inv": {"doubled": 4}, "n": 1}


def test_a_call_that_is_repeated_is_answered_the_same(steps_fn: WorkflowKit) -> None:
    def again(number: int) -> dict[str, Any]:
        return {**FIRST, "ctx": {**FIRST["ctx"], "request_id": f"request-{number}", "generation_id": number}}

    with served(steps_fn, signing_key=KEY) as url:
        first, second = (_call(url, again(number)) for number in (1, 2))
    assert first.json() == second.json()


def test_what_a_later_server_adds_is_ignored(steps_fn: WorkflowKit) -> None:
    payload = json.loads(json.dumps(FIRST))
    payload["ctx"]["new"], payload["more"], payload["event"]["meta"] = {"x": 1}, [1], {"sessions": {"a": "b"}}
    with served(steps_fn, signing_key=KEY) as url:
        assert _call(url, payload).status_code == 206


def test_a_step_whose_input_was_edited_for_a_rerun_has_no_result_yet(steps_fn: WorkflowKit) -> None:
    edited = {"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8": {"input": [{"x": 2}]}}
    with served(steps_fn, signing_key=KEY) as url:
        (told,) = _call(url, {**FIRST, "steps": edited}).json()
    assert (told["op"], told["displayName"]) == ("StepRun", "a")


def test_the_hash_that_shows_who_registers_is_the_one_that_servers_expect(
    steps_fn: WorkflowKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    import flask
    from sdkapps import serving

    server, seen = flask.Flask("server"), dict[str, Any]()

    @server.post("/fn/register")
    def register() -> Any:
        seen.update(headers=dict(flask.request.headers), body=flask.request.get_json(), query=dict(flask.request.args))
        return {"ok": True, "modified": True, "sync_id": "s", "app_id": "a"}

    with serving(server) as address, served(steps_fn, signing_key=KEY, base_url=address, environment="branch") as url:
        answer = sync(f"{url}?deployId=d1", KEY, url, **{"x-inngest-server-kind": "cloud"})
    assert answer.json() == {"ok": True, "modified": True, "sync_id": "s", "app_id": "a"}
    headers, body = seen["headers"], seen["body"]
    assert headers["Authorization"] == "Bearer b2ed992186a5cb19f6668aade821f502c1d00970dfd0e35128d51bac4649916c"
    assert (headers["X-Inngest-Expected-Server-Kind"], headers["X-Inngest-Env"]) == ("cloud", "branch")
    assert seen["query"] == {"deployId": "d1"}
    assert (body["appName"], body["deployType"], body["framework"], body["v"]) == ("cap", "ping", "flask", "0.1")
    (function,) = body["functions"]
    assert function["steps"]["step"]["retries"] == {"attempts": 2}
    assert function["steps"]["step"]["runtime"]["url"].endswith("/api/inngest?fnId=cap-steps&stepId=step")
