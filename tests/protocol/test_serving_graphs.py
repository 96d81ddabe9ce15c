"""Single calls of a document that is served: which nodes are next, and what their failures lead to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from protocolserver import ProtocolServer, a_clocked_app
from servedapps import Caller, an_app, served

from workflowkit import NonRetriableError, WorkflowKit
from workflowkit.base.errors import DefinitionError
from workflowkit.base.limits import Limits
from workflowkit.inngest.naming import hash_of


def _with_actions() -> WorkflowKit:
    wk = an_app()

    @wk.action("number", retries=2)
    def number(n: int) -> int:
        return n

    @wk.action("fails", retries=2)
    def fails(ctx: Any, final: bool = False) -> int:
        raise NonRetriableError("for good") if final else ValueError("flaky")

    @wk.action("ends")
    def ends(ctx: Any) -> None:
        ctx.stop({"stopped": True})

    return wk


def _document(actions: list[dict[str, Any]], edges: list[tuple[str, str] | dict[str, Any]]) -> dict[str, Any]:
    written = [edge if isinstance(edge, dict) else {"from": edge[0], "to": edge[1]} for edge in edges]
    return {"name": "Graph", "triggers": [{"event": "go"}], "actions": actions, "edges": written}


@contextmanager
def _serving(actions: list[dict[str, Any]], edges: list[Any]) -> Iterator[Caller]:
    wk = _with_actions()
    with served(wk, is_dev=True, workflows={"graph": _document(actions, edges)}) as url:
        yield Caller(url, slug="shop-graph")


def _number(node_id: str, n: Any = 1, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": "number", "inputs": {"n": n}, **more}


def test_the_only_next_node_is_executed_with_inputs_from_the_event_and_from_what_is_remembered() -> None:
    actions = [_number("a", "!ref($.event.data.n)"), _number("b", "!ref($.state.a)")]
    with _serving(actions, [("$source", "a"), ("a", "b")]) as caller:
        (first,) = caller.operations()
        (second,) = caller.operations({"a": {"data": 7}})
        done = caller.call({"a": {"data": 7}, "b": {"data": 8}})
    assert (first["op"], first["id"], first["data"]) == ("StepRun", hash_of("a"), 4)
    assert (second["id"], second["data"]) == (hash_of("b"), 7)
    assert (done.status_code, done.json()) == (200, {"b": 8})


def test_nodes_side_by_side_are_planned_and_executed_one_by_one_when_asked_for() -> None:
    with _serving([_number("a", 1), _number("b", 2)], [("$source", "a"), ("$source", "b")]) as caller:
        planned = caller.operations()
        (one,) = caller.operations(target=hash_of("b"))
        settled = caller.call({"b": {"data": 2}}, target=hash_of("b"))
    assert [(each["op"], each["displayName"]) for each in planned] == [("StepPlanned", "a"), ("StepPlanned", "b")]
    assert (one["op"], one["data"]) == ("StepRun", 2)
    assert (settled.status_code, settled.json()) == (206, [])


def test_a_wait_beside_other_nodes_begins_with_them_and_does_not_hold_them_up() -> None:
    pause = {"id": "pause", "kind": "builtin:wait", "inputs": {"duration": "1h"}}
    plain = {"id": "plain", "kind": "set", "inputs": {"x": 1}}
    edges = [("$source", "pause"), ("$source", "a"), ("$source", "plain")]
    with _serving([pause, _number("a"), plain], edges) as caller:
        wait, planned, executed = caller.operations()
        asked = caller.operations(plans_only=True)
        (again, _) = caller.operations({"plain": {"data": {"x": 1}}})
    assert (wait["op"], wait["displayName"].partition("/")[0]) == ("Sleep", "pause")
    assert (planned["op"], planned["opts"]) == ("StepPlanned", {"parallelMode": "race"})
    assert (executed["op"], executed["data"]) == ("StepRun", {"x": 1})
    assert [each["op"] for each in asked] == ["StepPlanned"] * 3
    assert again["id"] == wait["id"]


def test_a_node_that_fails_is_tried_again_as_often_as_its_action_says() -> None:
    with _serving([{"id": "a", "kind": "fails"}], [("$source", "a")]) as caller:
        first, last = caller.call(attempt=0), caller.call(attempt=2)
    assert (first.json()[0]["op"], first.headers["x-inngest-no-retry"]) == ("StepError", "false")
    assert (last.json()[0]["op"], last.headers["x-inngest-no-retry"]) == ("StepFailed", "true")


def test_the_pauses_of_a_node_and_the_errors_worth_trying_again_are_its_own() -> None:
    backoff = {"retries": 3, "backoff": {"type": "fixed", "delay": "7s"}}
    only_others = {"retry_on": ["TimeoutError"]}
    for settings, op, after in ((backoff, "StepError", "7"), (only_others, "StepFailed", None)):
        actions = [{"id": "a", "kind": "fails", "settings": settings}]
        with _serving(actions, [("$source", "a")]) as caller:
            answer = caller.call()
        assert (answer.json()[0]["op"], answer.headers.get("retry-after")) == (op, after)


def test_a_node_that_failed_fails_the_run_or_goes_on_as_it_says() -> None:
    failed = {"a": {"error": {"name": "ValueError", "message": "flaky"}}}
    error_edge = {"from": "a", "to": "b", "conditional": {"type": "error"}}
    for settings, edges, status in (
        ({}, [("$source", "a"), ("a", "b")], 500),
        ({"on_error": "continue"}, [("$source", "a"), ("a", "b")], 206),
        ({"on_error": "branch"}, [("$source", "a"), error_edge], 206),
    ):
        actions = [{"id": "a", "kind": "fails", "settings": settings}, _number("b")]
        with _serving(actions, edges) as caller:
            answer = caller.call(failed)
        assert answer.status_code == status
        if status == 500:
            assert (answer.json()["name"], answer.headers["x-inngest-no-retry"]) == ("ValueError", "true")
        else:
            assert answer.json()[0]["displayName"] == "b"


def test_a_node_may_end_the_run() -> None:
    with _serving([{"id": "a", "kind": "ends"}, _number("b")], [("$source", "a"), ("a", "b")]) as caller:
        (told,) = caller.operations()
        done = caller.call({"a": {"data": told["data"]}})
    assert (done.status_code, done.json()) == (200, {"stopped": True})


def test_inputs_that_do_not_fit_fail_the_node_for_good() -> None:
    with _serving([_number("a", "!ref($.event.data.missing)")], [("$source", "a")]) as caller:
        (told,) = caller.operations()
    assert (told["op"], told["error"]["code"]) == ("StepFailed", "invalid-input")


def test_a_node_that_waits_is_told_as_its_wait_and_goes_on_after_it() -> None:
    actions = [{"id": "pause", "kind": "builtin:wait", "inputs": {"duration": "1h"}}, _number("b")]
    with _serving(actions, [("$source", "pause"), ("pause", "b")]) as caller:
        (wait,) = caller.operations()
        (ended,) = caller.operations({wait["displayName"]: None})
    assert (wait["op"], wait["displayName"].startswith("pause/")) == ("Sleep", True)
    assert (ended["op"], ended["displayName"]) == ("StepRun", "pause")


def test_branches_that_are_not_taken_and_nodes_that_are_skipped_are_not_told() -> None:
    large = {"from": "a", "to": "b", "conditional": {"type": "match", "ref": "!ref($.output)", "value": 9}}
    actions = [_number("a"), _number("b"), _number("c", settings={"skip_if": "true"}), _number("d")]
    with _serving(actions, [("$source", "a"), large, ("a", "c"), ("c", "d")]) as caller:
        (told,) = caller.operations({"a": {"data": 4}})
    assert told["displayName"] == "d"


def _stepping(ctx: Any) -> Any:
    one = ctx.step.run("one", lambda: 1)
    ctx.step.sleep("nap", "1h")
    return ctx.step.run("two", lambda: one + 1) * 10


def test_a_node_beside_others_that_has_steps_of_its_own_says_so_and_they_are_planned_by_themselves() -> None:
    wk = _with_actions()
    wk.action("stepping")(_stepping)
    document = _document([{"id": "a", "kind": "stepping"}, _number("b")], [("$source", "a"), ("$source", "b")])
    begun: dict[str, Any] = {"a": {"data": {"workflowkit/steps": True}}, "b": {"data": 1}}
    with served(wk, is_dev=True, workflows={"graph": document}) as url:
        caller = Caller(url, slug="shop-graph")
        (entered,) = caller.operations(target=hash_of("a"), plans_only=True)
        planned = caller.operations({"a": begun["a"]})
        (first,) = caller.operations({"a": begun["a"]}, target=hash_of("a/one"), plans_only=True)
        gone = caller.operations({"a": begun["a"], "a/one": {"data": 1}}, target=hash_of("a/one"), plans_only=True)
        (nap, _) = caller.operations({"a": begun["a"], "a/one": {"data": 1}})
        known = {**begun, "a/one": {"data": 1}, "a/nap": None, "a/two": {"data": 2}}
        (result,) = caller.operations(known)
        done = caller.call({**known, "a/$result": {"data": 20}})
    assert (entered["op"], entered["id"], entered["data"]) == ("StepRun", hash_of("a"), begun["a"]["data"])
    assert [(each["op"], each["displayName"]) for each in planned] == [("StepPlanned", "a/one"), ("StepPlanned", "b")]
    assert (first["op"], first["displayName"], first["data"]) == ("StepRun", "a/one", 1)
    assert gone == []
    assert (nap["op"], nap["displayName"]) == ("Sleep", "a/nap")
    assert (result["op"], result["displayName"], result["data"]) == ("StepRun", "a/$result", 20)
    assert done.json() == {"a": 20, "b": 1}


def test_the_items_of_a_loop_are_steps_with_their_keys() -> None:
    each = {
        "id": "each", "kind": "builtin:for_each",
        "inputs": {"items": [{"id": "x/1"}, {"id": "y"}], "key": "item.id", "concurrency": 1},
        "body": {"actions": [_number("n", "!ref($.index)")], "edges": [{"from": "$source", "to": "n"}]},
    }  # fmt: skip
    with _serving([each], [("$source", "each")]) as caller:
        (first,) = caller.operations()
        (second,) = caller.operations({"each[x%2F1]/n": {"data": 0}})
        (loop,) = caller.operations({"each[x%2F1]/n": {"data": 0}, "each[y]/n": {"data": 1}})
        done = caller.call({"each": {"data": loop["data"]}})
    assert [(told["op"], told["displayName"], told["data"]) for told in (first, second)] == [
        ("StepRun", "each[x%2F1]/n", 0), ("StepRun", "each[y]/n", 1),
    ]  # fmt: skip
    assert (loop["op"], loop["displayName"]) == ("StepRun", "each")
    assert done.json() == {"each": {"items": [{"n": 0}, {"n": 1}], "failed": []}}


def test_an_output_is_used_again_in_the_same_process_until_its_time_is_over() -> None:
    wk, clock = a_clocked_app(limits=Limits(serve_cache_bytes=64))
    calls: list[int] = []

    @wk.action("slow")
    def slow(ctx: Any, n: int) -> str:
        calls.append(n)
        return "x" * 20

    cached = {"cache": {"key": "!ref($.event.data.n)", "ttl": "1h"}}
    actions = [{"id": "a", "kind": "slow", "inputs": {"n": "!ref($.event.data.n)"}, "settings": cached}, _number("b")]
    wk.action("number")(lambda n: n)
    document = _document(actions, [("$source", "a"), ("$source", "b")])
    server = ProtocolServer(wk.serve(is_dev=True, workflows={"graph": document}).wsgi(), clock)

    def run(n: int) -> None:
        assert server.run("shop-graph", {"name": "go", "data": {"n": n}}).output == {"a": "x" * 20, "b": 1}

    for n in (1, 1, 2, 1):
        run(n)
    assert calls == [1, 2]
    clock.advance(seconds=3_600)
    run(1)
    assert calls == [1, 2, 1]
    for n in (2, 3, 4, 1):  # no room for all of them
        run(n)
    assert calls == [1, 2, 1, 2, 3, 4, 1]


def test_what_a_document_needs_our_server_for_is_refused_with_its_place() -> None:
    each = {
        "id": "each", "kind": "builtin:for_each", "inputs": {"items": [1]},
        "body": {"actions": [_number("x", settings={"concurrency": 1})], "edges": [{"from": "$source", "to": "x"}]},
    }  # fmt: skip
    document = _document([each], [("$source", "each")])
    reading = _number("c", "!ref($.state.each.items[0])", settings={"skip_if": "has(state.each)"})
    document["settings"] = {"on_cancel": {"actions": [reading], "edges": [{"from": "$source", "to": "c"}]}}
    with pytest.raises(DefinitionError) as refused:
        _with_actions().serve(is_dev=True, workflows={"graph": document})
    assert {problem.pointer for problem in refused.value.problems} == {
        "/workflows/graph/actions/0/body/actions/0/settings/concurrency",
        "/workflows/graph/settings/on_cancel",
    }  # fmt: skip


def test_what_follows_a_cancellation_is_a_function_that_sees_the_event_of_the_run() -> None:
    document = _document([_number("a")], [("$source", "a")])
    inputs = {"n": "!ref($.event.data.n)", "of": "!ref($.error.code)"}
    told = {"actions": [{"id": "t", "kind": "set", "inputs": inputs}], "edges": [{"from": "$source", "to": "t"}]}
    document["settings"] = {"on_cancel": told}
    event = {"name": "inngest/function.cancelled", "data": {
        "function_id": "shop-graph", "run_id": "r", "event": {"name": "go", "data": {"n": 7}, "id": "e", "ts": 1},
    }}  # fmt: skip
    with served(_with_actions(), is_dev=True, workflows={"graph": document}) as url:
        listed = httpx.put(url, headers={"x-inngest-sync-kind": "in_band"}, json={"url": url}).json()["functions"]
        (step,) = Caller(url, slug="shop-graph-cancelled").operations(event=event)
    assert [(each["id"], each["name"], each["triggers"]) for each in listed[1:]] == [
        ("shop-graph-cancelled", "Graph: cancelled",
         [{"event": "inngest/function.cancelled", "expression": 'event.data.function_id == "shop-graph"'}]),
    ]  # fmt: skip
    assert step["data"] == {"n": 7, "of": "run-cancelled"}


def test_all_problems_of_all_documents_are_told_with_their_places() -> None:
    document = _document([{"id": "a", "kind": "missing"}], [("$source", "a")])
    with pytest.raises(DefinitionError) as refused:
        _with_actions().serve(is_dev=True, workflows={"one": document, "Two": document})
    places = {problem.pointer for problem in refused.value.problems}
    assert places >= {"/workflows/one/actions/0/kind", "/workflows/Two/actions/0/kind", "/workflows/Two"}
