"""Several steps of a served function in one call: results are saved on the way, else told in the answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import flask
import httpx
import pytest
from scripted_server import Received, ScriptedServer, reply
from sdkapps import SdkApp, serving
from servedapps import PATH, Caller, an_app, served

from workflowkit import RetryAfterError, WorkflowKit
from workflowkit.base.errors import ActionError, InvalidInput
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.serving.checkpointing import Checkpointing, perform_on
from workflowkit.inngest.serving.operations import operation
from workflowkit.inngest.serving.performing import Reply
from workflowkit.inngest.serving.requests import Call


@contextmanager
def _counted(wk: WorkflowKit, sdk: SdkApp, **options: Any) -> Iterator[list[str]]:
    """Serve an application and register it; give the steps that are called for, as they are."""
    web, calls = flask.Flask("served"), list[str]()

    @web.before_request
    def note() -> None:
        if "fnId" in flask.request.args:
            calls.append(flask.request.args["stepId"])

    wk.serve(web, is_dev=True, base_url=sdk.server, **options)
    with serving(web) as url:
        answer = httpx.put(url + PATH, timeout=30)
        assert answer.status_code == 200, answer.text
        yield calls


@pytest.mark.parametrize("is_async", [False, True])
def test_steps_in_a_row_take_one_call_on_our_server(sdk: SdkApp, is_async: bool) -> None:
    wk, executed = an_app(), list[int]()

    def note(number: int) -> int:
        executed.append(number)
        return number

    def fn(ctx: Any) -> Any:
        first = [ctx.step.run(f"one-{number}", note, number) for number in range(5)]
        ctx.step.sleep("nap", 0.05)
        return [*first, *(ctx.step.run(f"two-{number}", note, number) for number in range(5, 10))]

    async def fn_async(ctx: Any) -> Any:
        first = [await ctx.step.run(f"one-{number}", note, number) for number in range(5)]
        await ctx.step.sleep("nap", 0.05)
        return [*first, *[await ctx.step.run(f"two-{number}", note, number) for number in range(5, 10)]]

    wk.function("fn", trigger={"event": "go"})(fn_async if is_async else fn)
    with _counted(wk, sdk, checkpointing={"buffered_steps": 2}) as calls:
        run = sdk.run_of(sdk.send("go"))
    assert (run["status"], run["output"], executed) == ("Completed", [*range(10)], [*range(10)])
    assert calls == ["step", "step"]


def test_actions_of_a_document_in_a_row_take_one_call_on_our_server(sdk: SdkApp) -> None:
    wk = an_app()
    wk.action("double")(lambda n: n * 2)
    body = {"actions": [{"id": "n", "kind": "double", "inputs": {"n": "!ref($.item)"}}],
            "edges": [{"from": "$source", "to": "n"}], "output": "!ref($.state.n)"}  # fmt: skip
    each = {"id": "each", "kind": "builtin:for_each", "inputs": {"items": [1, 2, 3], "concurrency": 1}, "body": body}
    last = {"id": "last", "kind": "double", "inputs": {"n": 4}}
    document = {
        "name": "Doubling", "triggers": [{"event": "go"}], "actions": [each, last],
        "edges": [{"from": "$source", "to": "each"}, {"from": "each", "to": "last"}],
        "output": ["!ref($.state.each.items)", "!ref($.state.last)"],
    }  # fmt: skip
    with _counted(wk, sdk, checkpointing=True, workflows={"doubling": document}) as calls:
        run = sdk.run_of(sdk.send("go"))
    assert (run["status"], run["output"], calls) == ("Completed", [[2, 4, 6], 8], ["step"])


def test_what_was_saved_is_not_executed_again_after_the_function_has_failed(sdk: SdkApp) -> None:
    wk, executed = an_app(), list[str]()

    def note(what: str) -> str:
        executed.append(what)
        return what

    @wk.function("fn", trigger={"event": "go"}, retries=1)
    def fn(ctx: Any) -> Any:
        note("entered")
        one = ctx.step.run("one", note, "one")
        if executed.count("entered") == 2:
            raise RetryAfterError("again", delay_seconds=1)
        return one

    with _counted(wk, sdk, checkpointing=True) as calls:
        run = sdk.run_of(sdk.send("go"))
    assert (run["output"], executed) == ("one", ["entered", "one", "entered", "entered"])
    assert calls == ["step", "step"]


# --- what servers are told


def _three(ctx: Any) -> Any:
    for name in ("a", "b", "c"):
        ctx.step.run(name, str, name)
    ctx.step.sleep("nap", "1h")


class _Dispatched(Caller):
    """Says in its calls what a server says of where they come from."""

    def payload(self, *args: Any, **options: Any) -> dict[str, Any]:
        payload = super().payload(*args, **options)
        payload["ctx"] |= {"qi_id": "MW8z==", "generation_id": 3, "request_id": "01M80Y7G9H"}
        return payload


@contextmanager
def _saving(status: int, **options: Any) -> Iterator[tuple[_Dispatched, list[Received]]]:
    wk, received = an_app(), list[Received]()
    wk.function("fn", trigger={"event": "go"})(_three)

    def answer(each: Received) -> bytes:
        received.append(each)
        return reply(status, b"")

    with ScriptedServer(answer) as server, served(wk, server.url, **options) as url:
        yield _Dispatched(url), received


def test_a_server_is_told_results_as_the_protocol_has_them_and_the_answer_has_what_is_left() -> None:
    with _saving(200, checkpointing={"buffered_steps": 2}) as (caller, received):
        (left,) = caller.operations()
    assert (left["op"], left["displayName"]) == ("Sleep", "nap")
    bodies = [json.loads(each.body) for each in received]
    assert [each.target for each in received] == ["/v1/checkpoint/01M80XVY8W5S89X6WH0761K36X/async"] * 2
    assert [[(step["op"], step["id"], step["data"]) for step in body["steps"]] for body in bodies] == [
        [("StepRun", hash_of("a"), "a"), ("StepRun", hash_of("b"), "b")], [("StepRun", hash_of("c"), "c")],
    ]  # fmt: skip
    told = {name: bodies[0][name] for name in ("run_id", "fn_id", "qi_id", "generation_id", "request_id")}
    assert told == {
        "run_id": "01M80XVY8W5S89X6WH0761K36X", "fn_id": "f", "qi_id": "MW8z==", "generation_id": 3,
        "request_id": "01M80Y7G9H",
    }  # fmt: skip
    assert bodies[0]["request_started_at"] <= bodies[0]["ts"]
    assert all(step["timing"]["a"] > 10**18 for body in bodies for step in body["steps"])


@pytest.mark.parametrize(("status", "tries"), [(409, 1), (413, 1), (404, 1), (503, 5)])
def test_what_cannot_be_saved_is_told_in_the_answer(status: int, tries: int) -> None:
    with _saving(status, checkpointing={"buffered_steps": 2}) as (caller, received):
        told = caller.operations()
    assert [(each["op"], each["data"]) for each in told] == [("StepRun", "a"), ("StepRun", "b")]
    assert len(received) == tries


def test_without_checkpoints_and_for_a_single_step_a_call_executes_one_step() -> None:
    with _saving(200) as (caller, received):
        assert [each["displayName"] for each in caller.operations()] == ["a"]
    with _saving(200, checkpointing=True) as (caller, received):
        planned = caller.operations(plans_only=True)
        executed = caller.operations(target=hash_of("a"), plans_only=True)
    assert [(each["op"], each["displayName"]) for each in (*planned, *executed)] == [
        ("StepPlanned", "a"), ("StepRun", "a"),
    ]  # fmt: skip
    assert received == []


# --- when results are saved

CALL = Call("shop-fn", "01M80XVY8W5S89X6WH0761K36X", None, 2, 5, False, (), ({},), {})


def _step(call: Call) -> Reply:
    """Answer with the next of three steps, then with the end."""
    number = len(call.steps)
    return Reply(206, [operation("StepRun", f"s{number}", data=number)]) if number < 3 else Reply(200, [*call.stack])


def test_a_call_that_goes_on_counts_attempts_anew_and_knows_the_order_of_results() -> None:
    attempts: list[int] = []

    def perform(call: Call) -> Reply:
        attempts.append(call.attempt)
        return _step(call)

    done = perform_on(CALL, perform, Checkpointing(), lambda steps: None, lambda: 1)
    assert attempts == [2, 0, 0, 0]
    assert done.value == [hash_of("s0"), hash_of("s1"), hash_of("s2")]


def test_a_call_ends_after_its_time_with_the_step_that_it_is_at() -> None:
    saved: list[Any] = []
    options = Checkpointing(max_runtime_seconds=1e-9)
    reply = perform_on(CALL, _step, options, saved.append, lambda: 1)
    assert ([each["displayName"] for each in reply.value], saved) == (["s0"], [])


def test_a_result_is_saved_when_its_time_has_come_while_the_next_step_is_executed() -> None:
    is_saved = threading.Event()

    def save(steps: Sequence[dict[str, Any]]) -> None:
        is_saved.set()

    def perform(call: Call) -> Reply:
        if len(call.steps) == 1:
            assert is_saved.wait(60), "the result was kept back"
        return _step(call)

    options = Checkpointing(buffered_steps=100, max_interval_seconds=0.01)
    assert perform_on(CALL, perform, options, save, lambda: 1).status == 200


def test_a_last_answer_is_withheld_where_results_could_not_be_saved_before_it() -> None:
    def save(steps: Sequence[dict[str, Any]]) -> None:
        raise ActionError("away")

    reply = perform_on(CALL, _step, Checkpointing(buffered_steps=100), save, lambda: 1)
    assert (reply.status, [each["displayName"] for each in reply.value]) == (206, ["s0", "s1", "s2"])


def test_results_are_saved_where_the_process_is_stopped() -> None:
    saved: list[Any] = []

    def perform(call: Call) -> Reply:
        if call.steps:
            raise KeyboardInterrupt
        return _step(call)

    with pytest.raises(KeyboardInterrupt):
        perform_on(replace(CALL), perform, Checkpointing(buffered_steps=9), saved.append, lambda: 1)
    assert [each["displayName"] for (each,) in saved] == ["s0"]


@pytest.mark.parametrize(
    "given", [{"buffered_steps": 0}, {"buffered_steps": True}, {"max_interval": "soon"}, {"max_runtime": "900d"}]
)
def test_what_is_no_way_to_save_results_is_refused(given: Any) -> None:
    wk = an_app()
    with pytest.raises(InvalidInput) as refused:
        wk.serve(is_dev=True, checkpointing=given)
    assert refused.value.problems[0].pointer == f"/checkpointing/{next(iter(given))}"
