"""Documents with loops, compensations and other workflows on a server that calls them over HTTP: here our own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest
from sdkapps import SdkApp, eventually
from servedapps import an_app, registered

from workflowkit import NonRetriableError, WorkflowKit


def _run(sdk: SdkApp, data: dict[str, Any]) -> dict[str, Any]:
    return sdk.run_of(sdk.send("go", data))


def _with_actions() -> tuple[WorkflowKit, list[str]]:
    wk, calls = an_app(), []

    @wk.action("double")
    def double(n: int) -> int:
        calls.append(f"double {n}")
        return n * 2

    @wk.action("note")
    def note(text: str) -> None:
        calls.append(text)

    @wk.action("refuses")
    def refuses(ctx: Any) -> None:
        raise NonRetriableError("for good")

    @wk.action("stepping")
    def stepping(ctx: Any, n: int) -> int:
        one = ctx.step.run("one", lambda: n + 1)
        ctx.step.sleep("nap", 0.05)
        return int(ctx.step.run("two", lambda: one * 10))

    return wk, calls


def _graph(*actions: dict[str, Any]) -> dict[str, Any]:
    ids = ["$source", *(each["id"] for each in actions)]
    edges = [{"from": source, "to": target} for source, target in pairwise(ids)]
    return {"actions": [*actions], "edges": edges}


def test_a_loop_whose_items_wait_and_have_steps_of_their_own(sdk: SdkApp) -> None:
    wk, calls = _with_actions()
    each = {
        "id": "each", "kind": "builtin:for_each",
        "inputs": {"items": "!ref($.event.data.items)", "key": "item.id", "concurrency": 2},
        "body": {
            **_graph(
                {"id": "d", "kind": "double", "inputs": {"n": "!ref($.item.n)"}},
                {"id": "w", "kind": "builtin:wait", "inputs": {"duration": 0.05}},
                {"id": "s", "kind": "stepping", "inputs": {"n": "!ref($.state.d)"}},
            ),
            "output": "!ref($.key): !ref($.state.s)",
        },
    }  # fmt: skip
    document = {"name": "Main", "triggers": [{"event": "go"}], **_graph(each), "output": "!ref($.state.each.items)"}
    with registered(wk, sdk, workflows={"main": document}):
        run = _run(sdk, {"items": [{"id": "a/1", "n": 1}, {"id": "b", "n": 2}, {"id": "c", "n": 3}]})
    assert (run["status"], run["output"]) == ("Completed", ["a/1: 30", "b: 50", "c: 70"])
    assert sorted(calls) == ["double 1", "double 2", "double 3"]


def test_what_was_done_is_undone_and_the_failure_handled_before_the_run_ends(sdk: SdkApp) -> None:
    wk, calls = _with_actions()

    def undone(node_id: str, n: int) -> dict[str, Any]:
        settings = {"compensate": {"kind": "note", "inputs": {"text": f"undo {node_id}: !ref($.state.{node_id})"}}}
        return {"id": node_id, "kind": "double", "inputs": {"n": n}, "settings": settings}

    tell = _graph({"id": "tell", "kind": "note", "inputs": {"text": "told: !ref($.error.message)"}})
    document = {
        "name": "Main", "triggers": [{"event": "go"}],
        **_graph(undone("a", 1), undone("b", 2), {"id": "c", "kind": "refuses"}), "settings": {"on_failure": tell},
    }  # fmt: skip
    with registered(wk, sdk, workflows={"main": document}):
        run = _run(sdk, {})
    assert (run["status"], run["output"]["message"]) == ("Failed", "for good")
    assert calls == ["double 1", "double 2", "undo b: 4", "undo a: 2", "told: for good"]


def test_a_document_runs_another_one_and_is_started_by_its_failure(sdk: SdkApp) -> None:
    wk, calls = _with_actions()
    run_other = {
        "id": "run", "kind": "builtin:run_workflow",
        "inputs": {"workflow": "other", "data": {"n": "!ref($.event.data.n)"}},
    }  # fmt: skip
    main = {"name": "Main", "triggers": [{"event": "go"}], **_graph(run_other), "output": "!ref($.state.run)",
            "settings": {"on_failure": {"workflow": "handler"}}}  # fmt: skip
    takes = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    other = {"name": "Other", "inputs": takes,
             **_graph({"id": "d", "kind": "double", "inputs": {"n": "!ref($.event.data.n)"}})}  # fmt: skip
    told = "!ref($.event.data.workflow_id) !ref($.event.data.event.data.n)"
    handler = {"name": "Handler", **_graph({"id": "t", "kind": "note", "inputs": {"text": told}})}
    with registered(wk, sdk, workflows={"main": main, "other": other, "handler": handler}):
        assert _run(sdk, {"n": 4})["output"] == {"d": 8}
        failed = _run(sdk, {"n": "four"})
        eventually(lambda: "shop/main four" in calls or None)
    assert failed["status"] == "Failed"
    assert "/data/n" in failed["output"]["message"]


def test_a_run_that_nobody_waits_for_is_started_and_told_with_the_id_that_the_server_has(sdk: SdkApp) -> None:
    wk, calls = _with_actions()
    start = {"id": "start", "kind": "builtin:run_workflow",
             "inputs": {"workflow": "other", "data": {"n": 4}, "wait": False}}  # fmt: skip
    main = {"name": "Main", "triggers": [{"event": "go"}], **_graph(start)}
    other = {"name": "Other", **_graph({"id": "d", "kind": "double", "inputs": {"n": "!ref($.event.data.n)"}})}
    missing = {**main, **_graph({**start, "inputs": {"workflow": "missing", "wait": False}})}
    with registered(wk, sdk, workflows={"main": main, "other": other, "missing-one": missing}):
        event_id = sdk.send("go")
        runs = {run["function_id"]: run for run in (sdk.run_of(event_id, index=index) for index in range(2))}
        started = runs["shop/main"]["output"]["start"]["run_id"]
        eventually(lambda: "double 4" in calls or None)
        child = httpx.get(f"{sdk.server}/v1/runs/{started}").json()["data"]
    assert child["function_id"] == "shop/other"
    assert runs["shop/missing-one"]["status"] == "Failed"
    assert "missing" in runs["shop/missing-one"]["output"]["message"]


def test_what_follows_a_cancellation_is_executed_with_the_event_of_the_run(sdk: SdkApp) -> None:
    wk, calls = _with_actions()
    told = _graph({"id": "t", "kind": "note", "inputs": {"text": "cancelled !ref($.event.data.n): !ref($.error.code)"}})
    main = {
        "name": "Main", "triggers": [{"event": "go"}], "settings": {"on_cancel": told},
        **_graph({"id": "w", "kind": "builtin:wait", "inputs": {"duration": "1h"}}),
    }  # fmt: skip
    with registered(wk, sdk, workflows={"main": main}):
        event_id = sdk.send("go", {"n": 7})
        run = eventually(lambda: each if (each := sdk.run_of(event_id, ended=False))["status"] == "Running" else None)
        httpx.delete(f"{sdk.server}/v1/runs/{run['run_id']}").raise_for_status()
        eventually(lambda: calls or None)
    assert calls == ["cancelled 7: run-cancelled"]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_function_that_fails_undoes_its_steps(sdk: SdkApp, checkpointing: bool) -> None:
    wk, calls = an_app(), list[str]()

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> None:
        ctx.step.run("flight", calls.append, "flight", compensate=lambda _: calls.append("undo flight"))
        ctx.step.sleep("nap", 0.05)
        ctx.step.run("hotel", calls.append, "hotel", compensate=lambda _: calls.append("undo hotel"))
        raise NonRetriableError("no car left")

    with registered(wk, sdk, checkpointing=checkpointing):
        run = sdk.run_of(sdk.send("go"))
    assert (run["status"], run["output"]["message"]) == ("Failed", "no car left")
    assert calls == ["flight", "hotel", "undo hotel", "undo flight"]
