"""A document gives the same in memory as on a server of the protocol, whatever its graph is."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from protocolserver import Ended, ProtocolServer, a_clocked_app

from workflowkit import NonRetriableError, WorkflowKit
from workflowkit.definition import parse
from workflowkit.engine import local
from workflowkit.engine.localresult import LocalResult

VALUES: tuple[Any, ...] = (None, True, 0, 1, "a", [1], {"k": 1})
_KINDS = ("give", "give", "give", "breaks", "flaky", "steps", "builtin:wait", "set")
_SETTINGS: tuple[dict[str, Any], ...] = (
    {}, {}, {"join": "all"}, {"join": {"n_of": 1}}, {"on_error": "continue"},
    {"on_error": "fallback", "fallback": {"v": 1}}, {"skip_if": "event.data.v == 1"}, {"disabled": True},
)  # fmt: skip


@st.composite
def graphs(draw: st.DrawFn, prefix: str, depth: int) -> dict[str, Any]:
    ids = [f"{prefix}{index}" for index in range(draw(st.integers(1, 4 if depth else 3)))]
    actions = [draw(an_action(node_id, depth)) for node_id in ids]
    edges = []
    for index, node_id in enumerate(ids):
        # An edge comes from an earlier node, so there is no cycle; each node has at least one.
        for source in draw(st.lists(st.sampled_from(["$source", *ids[:index]]), min_size=1, max_size=3)):
            edges.append({"from": source, "to": node_id} | draw(a_condition(source)))
    branching = {edge["from"] for edge in edges if edge.get("conditional", {}).get("type") == "error"}
    for each in actions:
        if each["id"] in branching:
            each["settings"] = {"on_error": "branch"}
    return {"actions": actions, "edges": edges}


@st.composite
def an_action(draw: st.DrawFn, node_id: str, depth: int) -> dict[str, Any]:
    written = {"id": node_id, "settings": draw(st.sampled_from(_SETTINGS))}
    if depth and draw(st.integers(0, 3)) == 0:
        mode = draw(st.sampled_from(["continue", "fail"]))
        inputs = {
            "items": draw(st.lists(st.integers(0, 3), max_size=4)), "on_item_error": mode,
            # Which of several items failed first is up to their times, and those are nobody's business here.
            "concurrency": 1 if mode == "fail" else draw(st.integers(1, 3)),
        }  # fmt: skip
        return {**written, "kind": "builtin:for_each", "inputs": inputs, "body": draw(graphs(f"{node_id}x", depth - 1))}
    kind = draw(st.sampled_from(_KINDS))
    value = draw(st.sampled_from([*VALUES, "!ref($.event.data.v)"] + ([] if depth else ["!ref($.item)"])))
    inputs = {"duration": draw(st.sampled_from(["1m", "1h", "2h"]))} if kind == "builtin:wait" else {"v": value}
    return {**written, "kind": kind, "inputs": inputs}


@st.composite
def a_condition(draw: st.DrawFn, source: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(["", "", "", "if", "else", "match", "error"]))
    if not kind or source == "$source":
        return {}
    if kind == "error":
        return {"conditional": {"type": kind}}
    conditional = {"type": kind, "ref": "!ref($.output.v)"}
    return {"conditional": conditional | ({"value": draw(st.sampled_from(VALUES))} if kind == "match" else {})}


def _with_actions(wk: WorkflowKit) -> Counter[str]:
    """Add actions to an application; return how often which steps of a run were executed for good."""
    done: Counter[str] = Counter()

    @wk.action("give")
    def give(ctx: Any, v: Any = None) -> Any:
        done[ctx.step.key] += 1
        return {"v": v}

    @wk.action("breaks", retries=1)
    def breaks(ctx: Any, v: Any = None) -> None:
        raise NonRetriableError("for good") if v else ValueError("not now")

    @wk.action("flaky", retries=2)
    def flaky(ctx: Any, v: Any = None) -> Any:
        if ctx.attempt < 2:
            raise ValueError("not yet")
        return {"v": v}

    @wk.action("steps")
    def steps(ctx: Any, v: Any = None) -> Any:
        def note(name: str) -> Any:
            done[f"{ctx.step.key}/{name}"] += 1
            return v

        first = ctx.step.run("first", note, "first")
        ctx.step.sleep("nap", "30m")
        return {"v": [first, ctx.step.run("second", note, "second")]}

    return done


def _ends(here: LocalResult) -> dict[str, Any]:
    return {
        step.id: step.output if step.status.value == "completed" else (step.error and step.error.message)
        for step in here.steps
        if step.status.value in ("completed", "failed")
    }


def _told(there: Ended, ids: set[str]) -> dict[str, Any]:
    found = {}
    for name, value in there.steps.items():
        own = name.removesuffix("/$result")
        if own in ids and value is not None and value.get("data") != {"workflowkit/steps": True}:
            found[own] = value["data"] if "data" in value else value["error"]["message"]
    return found


@settings(max_examples=60, deadline=None)
@given(graphs("n", 2), st.sampled_from(VALUES))
def test_served_documents_end_as_they_do_in_memory_and_execute_each_step_once(graph: dict[str, Any], v: Any) -> None:
    document = {"name": "Random", "triggers": [{"event": "go"}], **graph}
    wk, clock = a_clocked_app()
    done = _with_actions(wk)
    event = {"name": "go", "data": {"v": v}}
    workflow = parse(document, wk.registry, wk.settings.limits)
    here = local.run(workflow, {**event, "id": "e1"}, wk.registry, clock=type(clock)(clock.now_ms()))
    done.clear()
    there = ProtocolServer(wk.serve(is_dev=True, workflows={"main": document}).wsgi(), clock).run("shop-main", event)
    assert (there.status, there.output) == (here.status.value, here.output)
    assert (there.error and there.error["message"]) == (here.error and here.error.message)
    assert _told(there, {*workflow.nodes}) == _ends(here)
    assert set(done.values()) <= {1}
