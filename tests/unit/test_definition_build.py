"""From document to workflow, and the identity of a version."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from builders import a_workflow

from workflowkit.definition import build, execution_hash
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import SOURCE, Condition, ConditionType, JoinMode, OnError
from workflowkit.definition.outline import outline

DOCUMENT = (
    a_workflow("Order")
    .trigger("shop/order.placed", "event.data.total > 1")
    .action("a", "noop", {"x": {"p": 1, "q": [1, 2]}}, retries=2, timeout="2m")
    .action("b", on_error="fallback", fallback={"n": 1}, join={"n_of": 2})
    .path(SOURCE, "a", "b")
    .edge("a", "b", type="match", ref="!ref($.output.x)", value={"k": 1})
    .document()
)


def test_a_workflow_has_the_document_s_parts_as_values() -> None:
    workflow = build(DOCUMENT)
    a, b = workflow.nodes.values()
    assert (workflow.name, workflow.hash) == ("Order", execution_hash(DOCUMENT))
    assert (a.id, a.kind, a.name, a.inputs, a.retries, a.timeout_seconds, a.rank, a.pointer) == (
        "a", "noop", "a", {"x": {"p": 1, "q": [1, 2]}}, 2, 120.0, 0, "/actions/0",
    )  # fmt: skip
    assert (b.on_error, b.fallback, b.join, b.join_count, b.rank) == (OnError.FALLBACK, {"n": 1}, JoinMode.N_OF, 2, 1)
    assert [(edge.id, edge.pointer) for edge in workflow.edges] == [
        ("$source->a#0", "/edges/0"),
        ("a->b#1", "/edges/1"),
        ("a->b#2", "/edges/2"),
    ]
    assert workflow.edges[2].condition == Condition(ConditionType.MATCH, "!ref($.output.x)", {"k": 1})
    assert workflow.outgoing == {SOURCE: workflow.edges[:1], "a": workflow.edges[1:], "b": ()}
    assert workflow.incoming == {SOURCE: (), "a": workflow.edges[:1], "b": workflow.edges[1:]}
    assert workflow.document is DOCUMENT


def test_edges_keep_their_own_ids() -> None:
    document = deepcopy(DOCUMENT)
    document["edges"][1]["id"] = "mine"
    assert [edge.id for edge in build(document).edges] == ["$source->a#0", "mine", "a->b#2"]


def test_an_outline_is_read_from_anything() -> None:
    parts = outline(
        {"actions": [None, {"id": 5}, {"id": "a", "settings": 3, "inputs": []}], "edges": "x", "trigger": 1}
    )
    assert [(entry.id, entry.kind, entry.inputs, entry.pointer) for entry in parts.main.actions] == [
        ("a", "", {}, "/actions/2")
    ]
    assert (parts.main.edges, parts.triggers) == ((), ())


def change(path: str, value: Json) -> Callable[[dict[str, Any]], None]:
    """Return a function that sets what stands at a dotted path of a document."""

    def apply(document: dict[str, Any]) -> None:
        *way, last = (int(name) if name.isdecimal() else name for name in path.split("."))
        target: Any = document
        for name in way:
            target = target[name]
        target[last] = value

    return apply


def swap(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document[name].reverse()


@pytest.mark.parametrize(
    "edit",
    [
        change("name", "Another"),
        change("description", "x"),
        change("metadata", {"ui": {"zoom": 2}}),
        change("schema_version", 1),
        change("unknown", [1]),
        change("actions.0.name", "Step"),
        change("actions.0.description", "does"),
        change("actions.0.position", [1, 2]),
        change("actions.0.settings.timeout", 120),
        change("actions.0.settings.on_error", "fail"),
        change("actions.0.settings.join", "any"),
        change("actions.0.inputs", {"x": {"q": [1, 2], "p": 1}}),
        change("edges.0.name", "first"),
        change("edges.1.id", "a->b#1"),
        change("edges.1.conditional", None),
        change("edges.2.conditional", {"value": {"k": 1}, "ref": "!ref($.output.x)", "type": "match", "label": "x"}),
        change("triggers.0.note", "x"),
    ],
)
def test_what_changes_nothing_in_a_run_keeps_the_hash(edit: Callable[[dict[str, Any]], None]) -> None:
    document = deepcopy(DOCUMENT)
    edit(document)
    assert json.dumps(document) != json.dumps(DOCUMENT)
    assert execution_hash(document) == execution_hash(DOCUMENT)


@pytest.mark.parametrize(
    "edit",
    [
        change("actions.0.id", "z"),
        change("actions.0.kind", "other"),
        change("actions.0.inputs.x.p", 2),
        change("actions.0.inputs.x.q", [2, 1]),
        change("actions.0.settings.retries", 3),
        change("actions.0.settings.timeout", "3m"),
        change("actions.1.settings.on_error", "continue"),
        change("actions.1.settings.fallback", {"n": 2}),
        change("actions.1.settings.join", "all"),
        change("edges.0.to", "b"),
        change("edges.1.id", "mine"),
        change("edges.2.conditional.type", "if"),
        change("edges.2.conditional.ref", "!ref($.output.y)"),
        change("edges.2.conditional.value", 1),
        change("triggers.0.event", "x"),
        change("triggers.0.if", "event.data.total > 2"),
        swap("actions"),
        swap("edges"),
    ],
)
def test_what_changes_a_run_changes_the_hash(edit: Callable[[dict[str, Any]], None]) -> None:
    document = deepcopy(DOCUMENT)
    edit(document)
    assert execution_hash(document) != execution_hash(DOCUMENT)


def test_the_hash_is_stable_over_releases() -> None:
    """Published versions are known by it; if this fails, raise ``hashing._FORMAT`` and say so in the changelog."""
    assert execution_hash(DOCUMENT) == "380d593c67daac1fac9887f99d1f80c97a5fac56d9d5a4018536d481168b198b"


def test_the_hash_of_everything_that_came_later_is_stable_too() -> None:
    """For the same reason: fields and classes may be renamed, and defaults added, but what is hashed may not change."""
    body = a_workflow().chain("in").document() | {"output": "!ref($.item)"}
    document = (
        a_workflow()
        .action(
            "a",
            backoff={"type": "exponential", "delay": "1s"},
            retry_on=["x"],
            skip_if="event.data.x",
            disabled=True,
            cache={"key": "k", "ttl": "1h"},
            compensate={"kind": "noop", "inputs": {"x": 1}},
        )
        .action("each", "builtin:for_each", {"items": []})
        .path(SOURCE, "a", "each")
        .document()
    )
    document["actions"][1]["body"] = body
    document |= {
        "inputs": {"type": "object"},
        "output": {"x": 1},
        "outputs": {"type": "object"},
        "triggers": [
            {"event": "a/b"},
            {"cron": "0 0 * * *", "jitter": "5s", "overlap": "skip", "catch_up": "last"},
            {"webhook": "w"},
            {"manual": True},
            {"http": {"wait": "5s"}},
        ],
        "settings": {
            "timeouts": {"start": "1h", "finish": "2h"},
            "cancel_on": [{"event": "x", "if": "async.x == 1"}, {"event": "y", "match": "data.id", "timeout": "1h"}],
            "on_failure": a_workflow().chain("f").document(),
            "on_cancel": {"workflow": "w"},
            "retries": 2,
            "concurrency": [{"limit": 1, "key": "event.id", "scope": "tenant", "mode": "runs"}],
            "throttle": {"limit": 1, "period": "1s", "burst": 2, "key": "event.id"},
            "rate_limit": {"limit": 1, "period": "1s", "key": "event.id"},
            "debounce": {"period": "1s", "timeout": "2s", "key": "event.id"},
            "batch": {"max_size": 2, "timeout": "1s", "key": "event.id", "if": "event.data.x"},
            "priority": "1",
            "singleton": {"mode": "skip", "key": "event.id"},
            "idempotency": {"key": "event.id", "period": "1h"},
        },
    }
    assert execution_hash(document) == "24d6fd9b5662801074c73c757718e46a01874b9429a2e797a9fb7fb1e77158ab"
