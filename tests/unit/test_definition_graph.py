"""Order, levels, cycles, and what has run by the time an action runs."""

from __future__ import annotations

from typing import Any

import pytest
from builders import WorkflowBuilder, a_workflow

from workflowkit.definition.graph import find_cycles, find_unreachable
from workflowkit.definition.lineage import Lineage, trace
from workflowkit.definition.model import SOURCE
from workflowkit.definition.outline import outline
from workflowkit.definition.topology import sort_nodes


def test_the_order_follows_the_edges_and_breaks_ties_by_place() -> None:
    edges = [(SOURCE, "c"), (SOURCE, "b"), (SOURCE, "a"), ("c", "z"), ("a", "z"), ("b", "y")]
    assert sort_nodes(["z", "a", "b", "c", "y"], edges).order == ("a", "b", "c", "z", "y")


def test_a_long_branch_comes_before_its_join() -> None:
    """K1, K2."""
    edges = [(SOURCE, "join"), (SOURCE, "l1"), ("l1", "l2"), ("l2", "join")]
    topology = sort_nodes(["join", "l1", "l2"], edges)
    assert topology.order == ("l1", "l2", "join")
    assert topology.level == {"l1": 1, "l2": 2, "join": 3}
    assert (topology.path_length, topology.width) == (3, 1)


def test_width_counts_the_fullest_level() -> None:
    edges = [(SOURCE, "a"), ("a", "b"), ("a", "c"), ("a", "d"), ("d", "e")]
    assert sort_nodes("abcde", edges).width == 3


def test_what_is_in_or_behind_a_cycle_has_no_order() -> None:
    edges = [(SOURCE, "a"), ("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]
    topology = sort_nodes("abcd", edges)
    assert topology.order == ("a",)
    assert topology.unordered == {"b", "c", "d"}


def test_nodes_without_incoming_edges_are_roots() -> None:
    assert sort_nodes("ab", [(SOURCE, "a")]).roots == ("b",)


def test_an_empty_graph_has_no_length_and_no_width() -> None:
    topology = sort_nodes([], [])
    assert (topology.order, topology.path_length, topology.width) == ((), 0, 0)


def test_one_cycle_is_found_per_knot() -> None:
    edges = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "c"), ("e", "f")]
    cycles = find_cycles("abcdef", edges)
    assert sorted(sorted(cycle) for cycle in cycles) == [["a", "b"], ["c", "d", "e"]]


def test_unreachable_nodes_come_in_the_given_order() -> None:
    assert find_unreachable(["z", "a", "y"], [(SOURCE, "a"), ("z", "y")]) == ["z", "y"]


def lineage_of(builder: WorkflowBuilder) -> Lineage:
    parts = outline(builder.document()).main
    nodes = {entry.id: entry for entry in parts.actions}
    order = sort_nodes(nodes, [(edge.source, edge.target) for edge in parts.edges]).order
    return trace(order, parts.edges, nodes)


def test_ancestors_are_whatever_a_path_leads_from() -> None:
    lineage = lineage_of(a_workflow().chain("a", "b", "c").actions("s").path("a", "s"))
    assert lineage.is_ancestor("a", "c")
    assert lineage.is_ancestor(SOURCE, "c")
    assert not lineage.is_ancestor("c", "a")
    assert not lineage.is_ancestor("s", "c")
    assert not lineage.is_ancestor("c", "c")
    assert lineage.knows("a")
    assert not lineage.knows("gone")


def branches(**settings: Any) -> WorkflowBuilder:
    """``a`` decides between ``yes`` and ``no``; both lead to ``end``."""
    builder = a_workflow().chain("a").actions("yes", "no").action("end", **settings)
    return builder.edge_if("a", "yes").edge_else("a", "no").path("yes", "end").path("no", "end")


@pytest.mark.parametrize(
    ("builder", "ancestor", "node", "may_be_skipped"),
    [
        # one after the other
        (a_workflow().chain("a", "b", "c"), "a", "c", False),
        # of two branches, one was skipped
        (branches(), "yes", "end", True),
        (branches(), "a", "end", False),
        # a join that waits for all branches has all of them
        (branches(join="all"), "yes", "end", False),
        (branches(join={"n_of": 2}), "yes", "end", False),
        (branches(join={"n_of": 1}), "yes", "end", True),
        # a join behind parallel branches without conditions: all of them have run
        (a_workflow().chain("a", "b", "j").actions("c").path("a", "c", "j"), "b", "j", False),
        (a_workflow().chain("a", "b", "j").actions("c").path("a", "c", "j"), "c", "j", False),
        # behind the decision everything on the branch is certain
        (branches().actions("more").path("yes", "more"), "yes", "more", False),
        # the parallel branch below a condition is certain where the condition held
        (
            a_workflow()
            .chain("a")
            .actions("p", "q", "r", "j")
            .edge_if("a", "p")
            .path("p", "q", "j")
            .path("p", "r", "j"),
            "q",
            "j",
            False,
        ),
        # a conditional edge beside an unconditional one
        (a_workflow().chain("a", "b").actions("c").edge_if("a", "c").path("c", "b"), "c", "b", True),
        # both ways lead to the same node, so it runs whenever the decision does
        (
            a_workflow().chain("a", "j").actions("b").edge_if("a", "b").edge_else("a", "b").path("b", "j"),
            "b",
            "j",
            False,
        ),
        # two conditions on different values are no pair
        (
            a_workflow()
            .chain("a", "j")
            .actions("b")
            .edge_if("a", "b", "!ref($.output.x)")
            .edge_else("a", "b", "!ref($.output.y)")
            .path("b", "j"),
            "b",
            "j",
            True,
        ),
        # a node that waits for a conditional branch may be skipped with it
        (
            a_workflow()
            .chain("a", "z")
            .actions("c")
            .action("w", join="all")
            .edge_if("a", "c")
            .path("c", "w", "z")
            .path("a", "w"),
            "w",
            "z",
            True,
        ),
        # what follows an action that branches off on error may be skipped, where both ways meet again
        (
            a_workflow()
            .action("a", on_error="branch")
            .actions("b", "e", "j")
            .path(SOURCE, "a", "b", "j")
            .edge_error("a", "e")
            .path("e", "j"),
            "b",
            "j",
            True,
        ),
        # a node that waits for several certain branches is certain
        (
            a_workflow()
            .chain("a", "b")
            .action("w", join="all")
            .actions("z")
            .path("a", "w", "z")
            .path("b", "w")
            .path("a", "z"),
            "w",
            "z",
            False,
        ),
    ],
)
def test_what_may_have_been_skipped(builder: WorkflowBuilder, ancestor: str, node: str, may_be_skipped: bool) -> None:
    lineage = lineage_of(builder)
    assert lineage.is_ancestor(ancestor, node)
    assert lineage.may_be_skipped(ancestor, node) is may_be_skipped
