"""Graphs inside a document: bodies of loops, what follows a run's end, and what can be seen from each (D8)."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
from builders import a_workflow
from kinds import KINDS

from workflowkit.base.limits import Limits
from workflowkit.definition import build, execution_hash, parse, validate
from workflowkit.definition.model import LOOP_KIND, SOURCE, Workflow


def graph(*node_ids: str, inputs: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """Return a chain of actions; ``inputs`` are those of the last one."""
    built = a_workflow().chain(*node_ids).document()
    built["actions"][-1]["inputs"] = inputs or {}
    return {"actions": built["actions"], "edges": built["edges"]} | parts


def loop(node_id: str, body: Any, **inputs: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": LOOP_KIND, "inputs": {"items": "!ref($.event.data.list)"} | inputs, "body": body}


def document_with(body: Any, **inputs: Any) -> dict[str, Any]:
    """Return a document in which ``each`` stands between ``before`` and ``after``."""
    document = a_workflow().chain("before", "each", "after").document()
    document["actions"][1] = loop("each", body, **inputs)
    return document


def found(document: dict[str, Any], **limits: int) -> list[tuple[str, str]]:
    problems = validate(document, KINDS, Limits(**limits))
    return [(problem.pointer, problem.code + "?" * (problem.severity == "warning")) for problem in problems]


def references(*texts: str) -> dict[str, Any]:
    return {f"x{index}": f"!ref({text})" for index, text in enumerate(texts)}


BODY, LAST = "/actions/1/body", "/actions/1/body/actions/1/inputs"


# --- what is built


def test_a_loop_has_a_workflow_of_its_own_as_body() -> None:
    document = document_with(graph("one", "two", output={"n": "!ref($.state.one.n)"}))

    workflow = parse(document, KINDS)
    body = workflow.nodes["each"].body

    assert body is not None
    assert list(workflow.nodes) == ["before", "each", "after"]
    assert list(body.nodes) == ["one", "two"]
    assert [edge.pointer for edge in body.edges] == [f"{BODY}/edges/0", f"{BODY}/edges/1"]
    assert body.nodes["two"].pointer == f"{BODY}/actions/1"
    assert body.outgoing.keys() == body.incoming.keys() == {SOURCE, "one", "two"}
    assert body.output is not None
    assert body.hash == workflow.hash == execution_hash(document)
    assert workflow.nodes["before"].body is None
    assert workflow.output is None


def test_a_graph_is_found_by_its_path() -> None:
    inner = graph("deep")
    document = document_with(graph("one", "two") | {"actions": [*graph("one")["actions"], loop("two", inner)]})
    document["settings"] = {"on_failure": graph("f"), "on_cancel": {"actions": [loop("c", graph("d"))]} | {"edges": [
        {"from": SOURCE, "to": "c"}]}}  # fmt: skip

    workflow = parse(document, KINDS)

    def ids(path: str) -> list[str]:
        return list(workflow.subgraph(path).nodes)

    assert workflow.subgraph("") is workflow
    assert ids("each") == ["one", "two"]
    assert ids("each/two") == ["deep"]
    assert ids("$on_failure") == ["f"]
    assert ids("$on_cancel/c") == ["d"]
    for path in ("before", "gone", "each/gone", "each/two/deep", "each/$on_failure", "$on_failure/$on_cancel"):
        with pytest.raises(KeyError, match=re.escape(path)):
            workflow.subgraph(path)
    with pytest.raises(KeyError):
        build(graph("a")).subgraph("$on_failure")


def test_retries_of_the_workflow_are_for_bodies_too() -> None:
    document = document_with(graph("one")) | {"settings": {"retries": 9, "on_failure": graph("f")}}

    workflow = parse(document, KINDS)

    assert [workflow.subgraph(path).nodes[node].retries for path, node in (("each", "one"), ("$on_failure", "f"))] == [
        9,
        9,
    ]


def test_a_body_of_something_else_than_a_loop_is_kept_and_means_nothing() -> None:
    document = a_workflow().chain("a").document()
    before = execution_hash(document)
    document["actions"][0]["body"] = "for an editor"

    assert found(document) == [("/actions/0/body", "unused-body?")]
    assert execution_hash(document) == before
    assert build(document).nodes["a"].body is None


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (None, "", "invalid-type"),
        ([], "", "invalid-type"),
        ({"actions": []}, "", "missing-key"),
        ({"actions": [], "edges": []}, "/edges", "no-start"),
        (graph("one") | {"edges": [{"from": "before", "to": "one"}]}, "/edges/0/from", "unknown-action"),
        (a_workflow().chain("p", "q").edge("q", "p").document(), "/edges/2", "cycle"),
        (a_workflow().chain("p").actions("q").document(), "/actions/1", "disconnected"),
        (a_workflow().action("q", "nope").path(SOURCE, "q").document(), "/actions/0/kind", "unknown-kind"),
        (
            a_workflow().action("p", "mail", {"to": 5}).path(SOURCE, "p").document(),
            "/actions/0/inputs/to",
            "invalid-input",
        ),
        (
            a_workflow().action("p", retry=1).path(SOURCE, "p").document(),
            "/actions/0/settings/retry",
            "unknown-setting?",
        ),
        (graph("one", output="!ref($.nothing)"), "/output", "unknown-root"),
        (graph("one", output="!ref($.state.after)"), "/output", "not-an-ancestor"),
    ],
)
def test_a_body_is_checked_like_a_document(body: Any, pointer: str, code: str) -> None:
    assert (f"{BODY}{pointer}", code) in found(document_with(body))


def test_a_loop_without_a_body_is_refused() -> None:
    document = document_with(graph("one"))
    del document["actions"][1]["body"]

    assert found(document) == [("/actions/1", "missing-key")]


def test_an_id_stands_once_in_the_whole_document() -> None:
    document = document_with(graph("after", "one")) | {"settings": {"on_failure": graph("one")}}

    assert found(document) == [
        (f"{BODY}/actions/0/id", "duplicate-id"),
        ("/settings/on_failure/actions/0/id", "duplicate-id"),
    ]
    assert ("/actions/0/id", "reserved-id") in found(graph("$on_failure"))


def test_edges_of_different_graphs_may_have_the_same_id() -> None:
    document = document_with(graph("one"))
    for edges in (document["edges"], document["actions"][1]["body"]["edges"]):
        edges[0]["id"] = "first"

    assert found(document) == []


@pytest.mark.parametrize(
    ("key", "code"), [("item.sku +", "invalid-expression"), ("event.data.x", "unknown-variable"), (5, "invalid-input")]
)
def test_the_key_of_an_item_is_an_expression_over_the_item(key: Any, code: str) -> None:
    assert found(document_with(graph("one"), key="item.sku + '-' + index")) == []
    assert found(document_with(graph("one"), key=key)) == [("/actions/1/inputs/key", code)]


def test_loops_stand_in_loops_up_to_the_limit() -> None:
    body = graph("n")
    for depth in range(4):
        document = document_with(body)
        expected = [] if depth < 3 else [("/actions/1/body" + "/actions/0/body" * 3, "limit-exceeded")]
        assert found(document) == expected
        body = {"actions": [loop(f"l{depth}", body)], "edges": [{"from": SOURCE, "to": f"l{depth}"}]}
    assert found(document_with(graph("n")), loop_depth=1) == []


def test_the_limits_of_actions_and_edges_count_all_graphs() -> None:
    document = document_with(graph("one", "two")) | {"settings": {"on_cancel": graph("c")}}

    assert found(document, actions_per_workflow=6, edges_per_workflow=6) == []
    assert found(document, actions_per_workflow=5) == [("/actions", "limit-exceeded")]
    assert found(document, edges_per_workflow=5) == [("/edges", "limit-exceeded")]


# --- what is seen


def test_a_body_sees_the_item_the_event_and_what_comes_before() -> None:
    seen = references("$.item.x", "$.index", "$.key", "$.event.data.y", "$.state.before", "$.state.one.n")

    assert found(document_with(graph("one", "two", inputs=seen))) == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("$.state.each", "not-an-ancestor"),
        ("$.state.after", "not-an-ancestor"),
        ("$.state.two", "not-an-ancestor"),
        ("$.state.gone", "unknown-reference"),
        ("$.error", "unknown-root"),
        ("$.output", "unknown-root"),
        ("$.items", "unknown-root"),
    ],
)
def test_a_body_does_not_see_what_is_not_there_yet(path: str, code: str) -> None:
    assert found(document_with(graph("one", "two", inputs=references(path)))) == [(f"{LAST}/x0", code)]


def test_outside_of_a_loop_nobody_sees_into_it() -> None:
    document = document_with(graph("one"))
    document["actions"][2]["inputs"] = references("$.state.one", "$.item", "$.state.each.items")
    document["output"] = "!ref($.state.one)"
    document["settings"] = {"on_failure": graph("f", inputs=references("$.state.one", "$.key"))}

    assert found(document) == [
        ("/actions/2/inputs/x0", "out-of-sight"),
        ("/actions/2/inputs/x1", "unknown-root"),
        ("/output", "out-of-sight"),
        ("/settings/on_failure/actions/0/inputs/x0", "out-of-sight"),
        ("/settings/on_failure/actions/0/inputs/x1", "unknown-root"),
    ]


def test_an_inner_loop_sees_through_all_that_it_is_in() -> None:
    inner = graph(
        "deep", inputs=references("$.state.one", "$.state.before", "$.item", "$.state.two", "$.state.sibling")
    )
    body = graph("one", "two", "sibling")
    body["actions"][1] = loop("two", inner)

    assert found(document_with(body)) == [
        (f"{BODY}/actions/1/body/actions/0/inputs/x3", "not-an-ancestor"),
        (f"{BODY}/actions/1/body/actions/0/inputs/x4", "not-an-ancestor"),
    ]


def test_two_loops_do_not_see_into_each_other() -> None:
    document = a_workflow().chain("a", "b").document()
    document["actions"] = [
        loop("a", graph("one")),
        loop("b", graph("two", inputs=references("$.state.one", "$.state.a"))),
    ]

    assert found(document) == [("/actions/1/body/actions/0/inputs/x0", "out-of-sight")]


def test_what_may_have_been_skipped_before_a_loop_may_be_missing_in_it() -> None:
    document = document_with(graph("one", inputs=references("$.state.before")))
    document["edges"][1]["conditional"] = {"type": "if", "ref": "!ref($.event.data.x)"}
    document["edges"].append({"from": SOURCE, "to": "each"})

    assert found(document) == []
    document["edges"][0]["conditional"] = {"type": "if", "ref": "!ref($.event.data.x)"}
    assert found(document) == [(f"{BODY}/actions/0/inputs/x0", "maybe-skipped?")]


def test_conditions_in_a_body_see_the_item_and_the_output_of_their_source() -> None:
    body = graph("one", "two")
    body["edges"][0]["conditional"] = {"type": "if", "ref": "!ref($.item.ok)"}
    body["edges"][1]["conditional"] = {"type": "match", "ref": "!ref($.output.sku)", "value": 1}
    assert found(document_with(body)) == []
    body["edges"][1]["conditional"]["ref"] = "!ref($.error)"
    assert found(document_with(body)) == [(f"{BODY}/edges/1/conditional/ref", "unknown-root")]


def test_what_follows_the_end_sees_the_error_and_every_action() -> None:
    seen = references("$.error.message", "$.event.data.x", "$.state.before", "$.state.after", "$.state.each.failed")
    document = document_with(graph("one")) | {"settings": {"on_failure": graph("f", inputs=seen)}}

    assert found(document) == []
    assert parse(document, KINDS).on_failure is not None
    document["actions"][0]["inputs"] = references("$.error", "$.state.f")
    assert found(document) == [
        ("/actions/0/inputs/x0", "unknown-root"),
        ("/actions/0/inputs/x1", "out-of-sight"),
    ]


def test_the_output_may_name_any_action_of_its_graph() -> None:
    document = a_workflow().chain("a", "b").edge_if(SOURCE, "b").document()
    document["edges"] = document["edges"][:2]
    document["output"] = {"list": ["!ref($.state.a)", "!ref($.state.b.x) and !ref($.event.data.y)"], "plain": None}
    assert found(document) == []
    document["output"] = {"a": ["!ref($.state.c)"], "b": "!ref($.output)", "c": "!ref($.item"}
    assert found(document) == [
        ("/output/a/0", "unknown-reference"),
        ("/output/b", "unknown-root"),
        ("/output/c", "invalid-reference"),
    ]


# --- identity


def changed(document: dict[str, Any], *way: Any) -> dict[str, Any]:
    """Return a copy with something else at ``way``."""
    copy: Any = deepcopy(document)
    target = copy
    for step in way[:-2]:
        target = target[step]
    target[way[-2]] = way[-1]
    return dict(copy)


def test_what_changes_a_loop_or_what_follows_changes_the_hash() -> None:
    document = document_with(graph("one", output="!ref($.state.one)")) | {
        "output": 1,
        "inputs": {"type": "object"},
        "settings": {"on_failure": graph("f"), "timeouts": {"start": "60s"}},
    }
    body = ("actions", 1, "body")
    ways: list[tuple[Any, ...]] = [
        (*body, "actions", 0, "kind", "other"),
        (*body, "edges", []),
        (*body, "output", None),
        ("output", 2),
        ("inputs", {}),
        ("outputs", {}),
        ("settings", "on_failure", graph("g")),
        ("settings", "on_cancel", graph("f")),
        ("settings", "timeouts", {"start": "61s"}),
        ("triggers", [{"cron": "0 0 * * *"}]),
    ]
    hashes = {execution_hash(changed(document, *way)) for way in ways} | {execution_hash(document)}

    assert len(hashes) == len(ways) + 1


def test_what_says_what_holds_anyway_keeps_the_hash() -> None:
    document = document_with(graph("one")) | {"settings": {"timeouts": {"start": "60s"}}}
    ways: list[tuple[Any, ...]] = [
        ("settings", "timeouts", {"start": "1m", "note": "x"}),
        ("settings", "concurrency", 0),
        ("settings", "cancel_on", []),
        ("actions", 0, "settings", {"disabled": False, "backoff": "table"}),
        ("actions", 1, "body", "note", "x"),
        ("actions", 1, "body", "actions", 0, "name", "x"),
    ]
    assert {execution_hash(changed(document, *way)) for way in ways} == {execution_hash(document)}


def test_the_order_of_kinds_of_triggers_is_part_of_the_hash_as_it_always_was() -> None:
    first = {"triggers": [{"event": "a"}, {"manual": True}]} | graph("a")
    second = {"triggers": [{"manual": True}, {"event": "a"}]} | graph("a")

    assert execution_hash(first) != execution_hash(second)
    assert isinstance(build(first), Workflow)
