"""What has run for certain when an action runs: references may only look back, and better not at skipped actions.

Three facts per node, each a set of nodes as the bits of one integer, so that a pass over the edges in topological order
computes them all:

- *ancestors*: nodes with a path to it. They are settled when it starts.
- *present*: nodes that have run whenever it runs. With ``join: any`` those that have run on every incoming edge, with
  ``join: all`` those of any incoming edge.
- *implying*: nodes whose running makes it run: where an unconditional edge (or both of an ``if``/``else`` pair) leads
  from one to the next. ``SOURCE`` among them means that it runs in every run.

A reference to A from N is safe if some node that is present at N implies A. Of failures only those count that take
another way, with ``on_error: branch``: the rest either end the run or leave something in the output's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workflowkit.definition.model import SOURCE, ConditionType, JoinMode, OnError
from workflowkit.definition.outline import ActionEntry, EdgeEntry


@dataclass(frozen=True, slots=True)
class Lineage:
    """The three facts, by node id, for all nodes that have a place in the order."""

    _bits: Mapping[str, int]
    _ancestors: Mapping[str, int]
    _present: Mapping[str, int]
    _implying: Mapping[str, int]

    def knows(self, node_id: str) -> bool:
        """Return whether a node has a place in the order; nodes in or behind a cycle have none."""
        return node_id in self._bits

    def is_ancestor(self, ancestor: str, node_id: str) -> bool:
        """Return whether there is a path from ``ancestor`` to ``node_id``."""
        return bool(self._ancestors[node_id] & self._bits[ancestor])

    def may_be_skipped(self, ancestor: str, node_id: str) -> bool:
        """Return whether ``node_id`` can run in a run that skipped its ``ancestor``."""
        return not self._implying[ancestor] & self._present[node_id]


def trace(order: Sequence[str], edges: Iterable[EdgeEntry], nodes: Mapping[str, ActionEntry]) -> Lineage:
    """Compute the lineage of every node in ``order`` (topological); one operation on sets per edge and fact."""
    bits = {node_id: 1 << position for position, node_id in enumerate((SOURCE, *order))}
    incoming: dict[str, list[EdgeEntry]] = {node_id: [] for node_id in order}
    for edge in edges:
        if edge.target in incoming:
            incoming[edge.target].append(edge)
    ancestors, present, implying = {SOURCE: 0}, {SOURCE: bits[SOURCE]}, {SOURCE: bits[SOURCE]}
    for node_id in order:
        found = incoming[node_id]
        needed = _edges_needed(nodes[node_id], len(found))
        ancestors[node_id] = _union(ancestors[edge.source] | bits[edge.source] for edge in found)
        combine = _union if needed >= len(found) else _intersection
        present[node_id] = bits[node_id] | combine(present[edge.source] for edge in found)
        certain = [edge for edge in found if edge.source == SOURCE or not _branches(nodes[edge.source])]
        implying[node_id] = bits[node_id] | _implied_by(certain, implying, needed)
    return Lineage(bits, ancestors, present, implying)


def _edges_needed(entry: ActionEntry, incoming: int) -> int:
    return incoming if entry.settings.join is JoinMode.ALL else entry.settings.join_count


def _branches(entry: ActionEntry) -> bool:
    return entry.settings.on_error is OnError.BRANCH


def _implied_by(edges: list[EdgeEntry], implying: Mapping[str, int], needed: int) -> int:
    """Return the nodes whose running makes enough of ``edges`` taken, which come from nodes that do not branch off."""
    always = [edge.source for edge in edges if edge.conditional is None]
    if needed <= 1:
        return _union(implying[source] for source in {*always, *_both_ways(edges)})
    # For n_of: nodes that imply all the sources there are imply any n of them; more would need counting.
    return _intersection(implying[source] for source in always) if len(always) >= needed else 0


def _both_ways(edges: list[EdgeEntry]) -> set[str]:
    """Return the sources from which both an ``if`` and an ``else`` edge on the same value lead here."""
    kinds: dict[tuple[str, str], set[str]] = {}
    for edge in edges:
        if edge.conditional is not None:
            asked = (edge.source, str(edge.conditional.get("ref")))
            kinds.setdefault(asked, set()).add(str(edge.conditional.get("type")))
    return {source for (source, _), types in kinds.items() if {ConditionType.IF, ConditionType.ELSE} <= types}


def _union(sets: Iterable[int]) -> int:
    total = 0
    for each in sets:
        total |= each
    return total


def _intersection(sets: Iterable[int]) -> int:
    total = -1
    for each in sets:
        total &= each
    return 0 if total == -1 else total
