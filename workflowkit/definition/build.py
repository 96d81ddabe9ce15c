"""From a document that has been validated to the frozen values that runs work with."""

from __future__ import annotations

from collections.abc import Mapping

from workflowkit.definition.hashing import execution_hash
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import SOURCE, Condition, ConditionType, Edge, Node, Trigger, Workflow
from workflowkit.definition.outline import ActionEntry, EdgeEntry, outline
from workflowkit.definition.topology import sort_nodes


def build(document: Mapping[str, Json]) -> Workflow:
    """Return the workflow that a valid document describes.

    Checks nothing: for published versions, which passed ``validate`` when they were published and must keep running
    even if an action's definition has changed since. Everything else goes through ``parse``.
    """
    parts = outline(document)
    entries = {entry.id: entry for entry in parts.actions}
    order = sort_nodes(entries, ((edge.source, edge.target) for edge in parts.edges)).order
    edges = tuple(_edge(entry) for entry in parts.edges)
    outgoing: dict[str, list[Edge]] = {node_id: [] for node_id in (SOURCE, *order)}
    incoming: dict[str, list[Edge]] = {node_id: [] for node_id in (SOURCE, *order)}
    for edge in edges:
        outgoing[edge.source].append(edge)
        incoming[edge.target].append(edge)
    return Workflow(
        name=str(document.get("name") or ""),
        hash=execution_hash(document),
        nodes={node_id: _node(entries[node_id], rank) for rank, node_id in enumerate(order)},
        edges=edges,
        outgoing={node_id: tuple(found) for node_id, found in outgoing.items()},
        incoming={node_id: tuple(found) for node_id, found in incoming.items()},
        triggers=tuple(Trigger(entry.event, entry.condition, entry.pointer) for entry in parts.triggers),
        document=document,
    )


def _node(entry: ActionEntry, rank: int) -> Node:
    settings = entry.settings
    return Node(
        id=entry.id,
        kind=entry.kind,
        name=entry.name,
        inputs=entry.inputs,
        pointer=entry.pointer,
        retries=settings.retries,
        timeout_seconds=settings.timeout_seconds,
        on_error=settings.on_error,
        fallback=settings.fallback,
        join=settings.join,
        join_count=settings.join_count,
        rank=rank,
    )


def _edge(entry: EdgeEntry) -> Edge:
    condition = None
    if (conditional := entry.conditional) is not None:
        condition = Condition(
            ConditionType(conditional["type"]), conditional.get("ref") or "", conditional.get("value")
        )
    return Edge(entry.id, entry.source, entry.target, condition, entry.pointer)
