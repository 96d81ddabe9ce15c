"""Runs that an app has begun by itself, on both databases: told of, handed over, and taken over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from remoteapps import operations
from runtimes import Harness
from scripted_server import Received, ScriptedServer, reply

from workflowkit.base.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from workflowkit.base.ids import new_id
from workflowkit.inngest.checkpoints import Checkpoints
from workflowkit.inngest.state import RunState

SDK = {"x_inngest_sdk": "inngest-js:v4.24.0"}
A = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
STEP = {"op": "StepRun", "id": A, "userland": {"id": "a"}, "data": 1}
SLEEP = {"op": "Sleep", "id": "b" * 40, "name": "1h", "opts": {}}


class App:
    """An endpoint of an app, and the runs that it has begun."""

    def __init__(self, harness: Harness, url: str = "http://127.0.0.1:9") -> None:
        self.harness, self.url = harness, url
        self.runs = Checkpoints(lambda: harness.runtime)

    def begin(self, *steps: Any, path: str = "/orders", run_id: str | None = None) -> str:
        run_id = run_id or new_id(self.harness.clock.now_ms())
        data = {"domain": self.url, "method": "GET", "path": path, "query_params": "q=1", "body": ""}
        payload = {"run_id": run_id, "event": {"name": "inngest/http.request", "data": data}, "steps": list(steps)}
        assert self.runs.open(payload, "inngest-js:v4.24.0")["run_id"] == run_id
        return run_id

    def report(self, run_id: str, *steps: Any) -> None:
        self.runs.report(run_id, {"steps": list(steps)})

    def steps(self, run_id: str) -> dict[str, Any]:
        settings = self.harness.runtime.settings
        return RunState(self.harness.runtime.database, settings.environment, settings.limits).actions(run_id)


def status(harness: Harness) -> str:
    return str(harness.run()["status"])


def test_a_run_is_the_apps_own_while_it_tells_of_steps(remote_harness: Harness) -> None:
    app = App(remote_harness)
    run_id = app.begin(STEP)
    for _ in range(3):
        remote_harness.skip(200)  # less than the silence after which it is taken over
        app.report(run_id, STEP)
    assert (status(remote_harness), app.steps(run_id)) == ("running", {A: {"data": 1}})
    app.report(run_id, {"op": "RunComplete", "id": "x", "data": {"n": 7}})
    remote_harness.drain()
    assert (status(remote_harness), json.loads(remote_harness.run()["output"])) == ("completed", {"n": 7})


def test_an_app_that_falls_silent_is_called_as_its_caller_did(remote_harness: Harness) -> None:
    with ScriptedServer(lambda _: reply(206, b'[{"op": "RunComplete", "id": "x", "data": 1}]', **SDK)) as server:
        app = App(remote_harness, server.url)
        run_id = app.begin(STEP)
        remote_harness.skip(301)
        (call,) = server.received
    assert status(remote_harness) == "completed"
    assert (call.method, call.target, call.body) == ("GET", "/orders?q=1", b"")
    assert (call.headers["x-run-id"], "x-inngest-signature" in call.headers) == (run_id, True)
    with pytest.raises(Conflict):
        app.report(run_id, STEP)


def test_what_an_app_hands_over_is_done_without_asking_it_again(remote_harness: Harness) -> None:
    calls: list[Received] = []

    def answer(received: Received) -> bytes:
        calls.append(received)
        return operations({"op": "RunComplete", "id": "x", "data": "done"}, **SDK)

    with ScriptedServer(answer) as server:
        app = App(remote_harness, server.url)
        run_id = app.begin(STEP, SLEEP)
        remote_harness.drain()
        assert (status(remote_harness), calls) == ("waiting", [])
        with pytest.raises(Conflict):
            app.report(run_id, STEP)
        remote_harness.skip(3_601)
    assert (status(remote_harness), len(calls)) == ("completed", 1)


def test_a_step_that_failed_is_tried_again_by_calling_the_endpoint(remote_harness: Harness) -> None:
    failed = {"op": "StepError", "id": A, "userland": {"id": "a"}, "error": {"name": "E", "message": "m"}}
    with ScriptedServer(lambda _: operations({"op": "RunComplete", "id": "x", "data": 2}, **SDK)) as server:
        app = App(remote_harness, server.url)
        app.begin(failed)
        remote_harness.drain()
        assert (status(remote_harness), server.received) == ("waiting", [])
        remote_harness.skip(3_600)
    assert status(remote_harness) == "completed"


def test_a_function_that_failed_for_good_fails_the_run(remote_harness: Harness) -> None:
    whole = "0737c22d3bfae812339732d14d8c7dbd6dc4e09c"
    app = App(remote_harness)
    app.begin({"op": "StepFailed", "id": whole, "error": {"name": "TypeError", "message": "broken"}})
    remote_harness.drain()
    assert status(remote_harness) == "failed"
    assert json.loads(remote_harness.run()["error"])["name"] == "TypeError"


def test_an_id_is_that_of_one_run_of_one_endpoint(remote_harness: Harness) -> None:
    app = App(remote_harness)
    run_id = app.begin(STEP)
    assert app.begin(STEP, run_id=run_id) == run_id
    with pytest.raises(Conflict):
        app.begin(STEP, run_id=run_id, path="/other")
    assert len(remote_harness.rows("SELECT id FROM runs")) == 1
    assert len(remote_harness.rows("SELECT id FROM events WHERE name = 'workflow/endpoint.requested'")) == 1


def test_a_report_that_is_none_leaves_nothing(remote_harness: Harness) -> None:
    app = App(remote_harness)
    run_id = app.begin()
    for steps, error in (([{}], InvalidInput), ([7], InvalidInput), ([STEP] * 5_000, LimitExceeded)):
        with pytest.raises(error):
            app.report(run_id, *steps)
    with pytest.raises(InvalidInput):
        app.runs.report(run_id, None)
    with pytest.raises(NotFound):
        app.report(new_id(1), STEP)
    assert app.steps(run_id) == {}


def test_paths_that_callers_make_up_are_bounded_in_number(
    remote_harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    settings = remote_harness.runtime.settings
    fewer = replace(settings, limits=replace(settings.limits, remote_endpoints=2))
    monkeypatch.setattr(remote_harness.runtime, "settings", fewer)
    app = App(remote_harness)
    for number in range(2):
        app.begin(STEP, path=f"/{number}")
    with pytest.raises(LimitExceeded, match="remote_endpoints"):
        app.begin(STEP, path="/2")
    app.begin(STEP, path="/1")  # one that there is
