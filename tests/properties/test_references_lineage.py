"""What validation says of a graph agrees with what happens: order, ancestors, and what may have been skipped."""

from __future__ import annotations

from typing import Any

import networkx
from hypothesis import given
from hypothesis import strategies as st
from kinds import KINDS

from workflowkit.definition import build, validate
from workflowkit.definition.lineage import trace
from workflowkit.definition.model import SOURCE, OnError
from workflowkit.definition.outline import EdgeEntry, outline
from workflowkit.definition.topology import sort_nodes

FAILS = "fails"
CONDITIONS = [None, None, ("if", "x"), ("else", "x"), ("if", "y")]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A workflow of up to seven actions, all reachable, with conditions, joins and error edges."""
    count = draw(st.integers(2, 7))
    actions: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for index in range(count):
        join = draw(st.sampled_from(["any", "any", "all", {"n_of": 2}]))
        on_error = draw(st.sampled_from(["fail", "continue", "branch"]))
        actions.append({"id": f"n{index}", "kind": "noop", "settings": {"join": join, "on_error": on_error}})
        sources = draw(st.lists(st.integers(-1, index - 1), min_size=1, max_size=3))
        for source in sources:
            edge: dict[str, Any] = {"from": SOURCE if source < 0 else f"n{source}", "to": f"n{index}"}
            condition = draw(st.sampled_from(CONDITIONS))
            if condition and source >= 0:
                edge["conditional"] = {"type": condition[0], "ref": f"!ref($.output.{condition[1]})"}
            if source >= 0 and actions[source]["settings"]["on_error"] == "branch" and draw(st.booleans()):
                edge["conditional"] = {"type": "error"}
            edges.append(edge)
    order = draw(st.permutations(actions))
    return {"actions": order, "edges": draw(st.permutations(edges))}


def ran(document: dict[str, Any], truths: dict[tuple[str, str], bool]) -> set[str]:
    """Play a run: the nodes that run when the outputs, and failures that branch off, are as ``truths`` says."""
    parts = outline(document).main
    settings = {entry.id: entry.settings for entry in parts.actions}
    found = {SOURCE}
    for node_id in sort_nodes(settings, [(edge.source, edge.target) for edge in parts.edges]).order:
        incoming = [edge for edge in parts.edges if edge.target == node_id]
        taken = sum(edge.source in found and holds(edge, truths) for edge in incoming)
        needed = {"any": 1, "all": len(incoming), "n_of": settings[node_id].join_count}[settings[node_id].join]
        if taken >= needed:
            found.add(node_id)
    return found


def holds(edge: EdgeEntry, truths: dict[tuple[str, str], bool]) -> bool:
    has_failed = truths.get((edge.source, FAILS), False)
    if edge.conditional is None or edge.conditional["type"] == "error" or has_failed:
        return has_failed is (edge.conditional is not None and edge.conditional["type"] == "error")
    is_true = truths[edge.source, edge.conditional["ref"]]
    return is_true is (edge.conditional["type"] == "if")


@given(documents(), st.data())
def test_what_may_not_be_skipped_has_run_in_every_run(document: dict[str, Any], data: st.DataObject) -> None:
    parts = outline(document).main
    nodes = {entry.id: entry for entry in parts.actions}
    lineage = trace(list(build(document).nodes), parts.edges, nodes)
    asked = {(edge.source, edge.conditional.get("ref", FAILS)) for edge in parts.edges if edge.conditional}
    asked |= {(entry.id, FAILS) for entry in parts.actions if entry.settings.on_error is OnError.BRANCH}
    truths = {question: data.draw(st.booleans()) for question in sorted(asked)}
    present = ran(document, truths)
    for node_id in present - {SOURCE}:
        for ancestor in nodes:
            if lineage.is_ancestor(ancestor, node_id) and not lineage.may_be_skipped(ancestor, node_id):
                assert ancestor in present, (ancestor, node_id)


@given(documents())
def test_ancestors_and_order_agree_with_networkx(document: dict[str, Any]) -> None:
    workflow, parts = build(document), outline(document).main
    graph: networkx.DiGraph[str] = networkx.DiGraph([(edge.source, edge.target) for edge in parts.edges])
    lineage = trace(list(workflow.nodes), parts.edges, {entry.id: entry for entry in parts.actions})
    for node_id, node in workflow.nodes.items():
        ancestors = networkx.ancestors(graph, node_id)
        assert {other for other in workflow.nodes if lineage.is_ancestor(other, node_id)} == ancestors - {SOURCE}
        assert all(workflow.nodes[other].rank < node.rank for other in ancestors - {SOURCE})


@given(documents())
def test_documents_made_well_have_no_errors_but_these(document: dict[str, Any]) -> None:
    errors = [problem.code for problem in validate(document, KINDS) if problem.severity == "error"]
    assert set(errors) <= {"impossible-join", "missing-error-edge"}


SCRAPS = st.sampled_from(
    ["a", "b", "$source", "", "noop", "mail", "builtin:if", "if", "error", "!ref($.state.a.x)", "!ref("]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 30), SCRAPS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCRAPS, inner, max_size=3),
    max_leaves=5,
)
SETTINGS = st.fixed_dictionaries(
    {}, optional={"retries": VALUES, "timeout": VALUES, "on_error": VALUES, "join": VALUES, "fallback": VALUES}
)
ACTIONS = st.fixed_dictionaries(
    {}, optional={"id": VALUES, "kind": VALUES, "inputs": VALUES, "settings": SETTINGS | VALUES}
)
CONDITIONALS = st.fixed_dictionaries({}, optional={"type": VALUES, "ref": VALUES, "value": VALUES})
EDGES = st.fixed_dictionaries(
    {}, optional={"id": VALUES, "from": VALUES, "to": VALUES, "conditional": CONDITIONALS | VALUES}
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "actions": st.lists(ACTIONS | VALUES, max_size=4) | VALUES,
        "edges": st.lists(EDGES | VALUES, max_size=5) | VALUES,
        "triggers": st.lists(st.fixed_dictionaries({}, optional={"event": VALUES, "if": VALUES}) | VALUES, max_size=3)
        | VALUES,
        "trigger": VALUES,
        "name": VALUES,
    },
)


@given(DOCUMENTS | VALUES)
def test_any_json_value_is_validated_without_raising_and_what_passes_is_built(document: Any) -> None:
    problems = validate(document, KINDS)
    assert all(points_into(document, problem.pointer) for problem in problems)
    if not any(problem.severity == "error" for problem in problems):
        assert len(build(document).nodes) == len(document["actions"])


def points_into(document: Any, pointer: str) -> bool:
    """Return whether a pointer leads to something in a document, or to a member that is missing there."""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    value = document
    for position, token in enumerate(tokens):
        if isinstance(value, list) and token.isdecimal() and int(token) < len(value):
            value = value[int(token)]
        elif isinstance(value, dict) and token in value:
            value = value[token]
        else:
            return isinstance(value, dict) and position == len(tokens) - 1
    return True
