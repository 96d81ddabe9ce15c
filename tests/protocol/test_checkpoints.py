"""Checkpoints: steps that an app reports in the middle of a call, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from remoteapps import Answer, operations, register
from runtimes import Harness
from scripted_server import Received, ScriptedServer, reply

from workflowkit.base.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from workflowkit.base.ids import new_id
from workflowkit.inngest.checkpoints import Checkpoints
from workflowkit.inngest.server import AppServer
from workflowkit.inngest.state import RunState

A, B = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8", "e9d71f5ee7c92d6dc9e92ffdad17b8bd49418f98"
SDK = {"x_inngest_sdk": "inngest-js:v4.24.0"}


def step(hashed: str, name: str, data: Any) -> dict[str, Any]:
    return {"op": "StepRun", "id": hashed, "userland": {"id": name}, "data": data, "timing": {"a": 2**60, "b": 0}}


def state_of(harness: Harness) -> RunState:
    return AppServer(lambda: harness.runtime).state


def run(harness: Harness, answer: Answer, *, retries: int = 0) -> None:
    with ScriptedServer(answer) as app:
        register(harness, f"{app.url}/api/inngest", retries=retries)
        harness.send("go")
        harness.drain()
        harness.skip(3_600)


def report(harness: Harness, received: Received, *steps: Any, generation: int | None = None) -> None:
    context = json.loads(received.body)["ctx"]
    number = context["generation_id"] if generation is None else generation
    state_of(harness).checkpoint(context["run_id"], {"generation_id": number, "steps": list(steps)})


def test_reported_steps_are_kept_in_order_and_the_next_call_knows_them(remote_harness: Harness) -> None:
    states: list[Any] = []

    def answer(received: Received) -> bytes:
        body = json.loads(received.body)
        states.append((body["ctx"]["stack"], body["steps"]))
        if len(states) > 1:
            return reply(200, b'"done"', **SDK)
        report(remote_harness, received, step(B, "b", 1))
        report(remote_harness, received, step(A, "a", None))
        return operations({"op": "DiscoveryRequest", "id": "x"}, **SDK)

    run(remote_harness, answer)
    assert remote_harness.run()["status"] == "completed"
    assert states[1] == ({"current": 2, "stack": [B, A]}, {A: {"data": None}, B: {"data": 1}})


def test_a_step_that_is_reported_again_keeps_its_first_result(remote_harness: Harness) -> None:
    def answer(received: Received) -> bytes:
        if not json.loads(received.body)["steps"]:
            for number in (1, 2):
                report(remote_harness, received, step(A, "a", number))
            return operations(step(A, "a", 3), **SDK)
        return reply(200, json.dumps(json.loads(received.body)["steps"]).encode(), **SDK)

    run(remote_harness, answer)
    assert json.loads(remote_harness.run()["output"]) == {A: {"data": 1}}


def test_an_attempt_after_a_crash_goes_on_after_the_reported_steps(remote_harness: Harness) -> None:
    states: list[Any] = []

    def answer(received: Received) -> bytes:
        states.append(json.loads(received.body)["steps"])
        if len(states) == 1:
            report(remote_harness, received, step(A, "a", 1))
            return b""
        return reply(200, b"1", **SDK)

    run(remote_harness, answer, retries=1)
    assert remote_harness.run()["status"] == "completed"
    assert states == [{}, {A: {"data": 1}}]


@pytest.mark.parametrize("off_by", [-1, 1])
def test_a_report_of_another_attempt_is_refused(remote_harness: Harness, off_by: int) -> None:
    refused: list[str] = []

    def answer(received: Received) -> bytes:
        generation = json.loads(received.body)["ctx"]["generation_id"] + off_by
        with pytest.raises(Conflict, match="is over") as caught:
            report(remote_harness, received, step(A, "a", 1), generation=generation)
        refused.append(caught.value.code)
        return reply(200, b"1", **SDK)

    run(remote_harness, answer)
    assert refused == ["conflict"]


def test_a_report_may_name_its_call_by_the_item_as_older_sdks_do(remote_harness: Harness) -> None:
    items: list[str] = []

    def answer(received: Received) -> bytes:
        context = json.loads(received.body)["ctx"]
        if items:
            return reply(200, json.dumps(json.loads(received.body)["steps"]).encode(), **SDK)
        items.append(context["qi_id"])
        report_item = state_of(remote_harness).checkpoint
        report_item(context["run_id"], {"qi_id": context["qi_id"], "steps": [step(A, "a", 1)]})
        for other in ("", "x", "shop/fn.", context["qi_id"] + "x"):
            with pytest.raises(InvalidInput):
                report_item(context["run_id"], {"qi_id": other, "steps": [step(B, "b", 1)]})
        with pytest.raises(Conflict, match="is over"):
            report_item(context["run_id"], {"qi_id": context["qi_id"] + "0", "steps": [step(B, "b", 1)]})
        return operations({"op": "DiscoveryRequest", "id": "x"}, **SDK)

    run(remote_harness, answer)
    assert json.loads(remote_harness.run()["output"]) == {A: {"data": 1}}


def test_a_report_after_the_end_is_refused(remote_harness: Harness) -> None:
    calls: list[Received] = []

    def answer(received: Received) -> bytes:
        calls.append(received)
        return reply(200, b"1", **SDK)

    run(remote_harness, answer)
    with pytest.raises(Conflict):
        report(remote_harness, calls[0], step(A, "a", 1))
    assert state_of(remote_harness).actions(remote_harness.run()["id"]) == {}


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (lambda _: None, InvalidInput),
        (lambda g: {"generation_id": str(g), "steps": []}, InvalidInput),
        (lambda g: {"generation_id": g, "steps": {}}, InvalidInput),
        (lambda g: {"generation_id": g, "steps": ["a"]}, InvalidInput),
        (lambda g: {"generation_id": g, "steps": [{"op": "Sleep", "id": A}]}, InvalidInput),
        (lambda g: {"generation_id": g, "steps": [{"op": "StepRun", "data": 1}]}, InvalidInput),
        (lambda g: {"generation_id": g, "steps": [step("a\0b", "a", 1)]}, InvalidInput),
        (lambda g: {"generation_id": g, "steps": [step("a" * 1_000, "a", 1)]}, InvalidInput),
        (lambda g: {"generation_id": g, "steps": [step(A, "a", 2**60)]}, InvalidInput),
        (lambda g: {"generation_id": g, "steps": [step(A, "a", "x" * 5_000_000)]}, LimitExceeded),
        (lambda g: {"generation_id": g, "steps": [{}] * 5_000}, LimitExceeded),
    ],
)
def test_a_report_that_is_none_is_refused_and_leaves_nothing(
    remote_harness: Harness, payload: Callable[[int], Any], error: type[Exception]
) -> None:
    def answer(received: Received) -> bytes:
        context = json.loads(received.body)["ctx"]
        with pytest.raises(error):
            state_of(remote_harness).checkpoint(context["run_id"], payload(context["generation_id"]))
        return reply(200, json.dumps(state_of(remote_harness).actions(context["run_id"])).encode(), **SDK)

    run(remote_harness, answer)
    assert json.loads(remote_harness.run()["output"]) == {}


def test_runs_of_workflows_have_no_state_for_apps(remote_harness: Harness) -> None:
    document = {
        "name": "w", "triggers": [{"event": "go"}], "actions": [{"id": "1", "kind": "set", "inputs": {"value": 1}}],
        "edges": [{"from": "$source", "to": "1"}],
    }  # fmt: skip
    remote_harness.deploy(document)
    remote_harness.send("go")
    remote_harness.drain()
    state = state_of(remote_harness)
    for run_id in (remote_harness.run()["id"], "no-such-run"):
        for ask in (state.actions, state.batch):
            with pytest.raises(NotFound):
                ask(run_id)
        with pytest.raises(NotFound):
            state.checkpoint(run_id, {"generation_id": 1, "steps": []})


def test_a_run_that_its_app_has_not_begun_is_not_taken_from_the_worker_that_is_at_it(remote_harness: Harness) -> None:
    """What an app tells of runs of its own is no way into the attempt of a worker, which calls the app just now."""
    calls: list[Any] = []

    def answer(received: Received) -> bytes:
        run_id = json.loads(received.body)["ctx"]["run_id"]
        calls.append(run_id)
        sleep = {"op": "Sleep", "id": A, "name": "1h", "userland": {"id": "a"}, "opts": {}}
        with pytest.raises(NotFound):
            Checkpoints(lambda: remote_harness.runtime).report(run_id, {"steps": [step(B, "b", 1), sleep]})
        return reply(200, json.dumps("done").encode(), **SDK)

    run(remote_harness, answer)
    assert (remote_harness.run()["status"], len(calls)) == ("completed", 1)


def test_an_app_that_was_silent_for_too_long_tells_nothing_of_its_run_while_a_worker_is_at_it(
    remote_harness: Harness,
) -> None:
    harness, refused = remote_harness, list[str]()
    own = Checkpoints(lambda: harness.runtime)
    run_id = new_id(harness.clock.now_ms())

    def answer(_received: Received) -> bytes:
        with pytest.raises(Conflict):
            own.report(run_id, {"steps": [step(A, "a", 1)]})
        refused.append(run_id)
        return reply(200, b'"done"', **SDK)

    with ScriptedServer(answer) as app:
        data = {"domain": app.url, "method": "GET", "path": "/x"}
        own.open({"run_id": run_id, "event": {"data": data}, "steps": [step(B, "b", 2)]}, "test:v1")
        harness.skip(harness.runtime.settings.limits.endpoint_silence_seconds + 1)
    assert (refused, harness.run()["status"]) == ([run_id], "completed")
    assert state_of(harness).actions(run_id) == {B: {"data": 2}}
