"""From a document that has been validated to the frozen values that runs work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from workflowkit.definition.hashing import hash_of
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import SOURCE, Condition, ConditionType, Edge, Node, Trigger, Workflow
from workflowkit.definition.outline import ActionEntry, EdgeEntry, Graph, Outline, outline
from workflowkit.definition.references import Template, compile_template
from workflowkit.definition.settings.triggers import CronTrigger, HttpTrigger, ManualTrigger, WebhookTrigger
from workflowkit.definition.topology import sort_nodes

_Kind = TypeVar("_Kind")


def build(document: Mapping[str, Json]) -> Workflow:
    """Return the workflow that a valid document describes.

    Checks nothing: for published versions, which passed ``validate`` when they were published and must keep running
    even if an action's definition has changed since. Everything else goes through ``parse``.
    """
    parts = outline(document)
    builder = _Builder(str(document.get("name") or ""), hash_of(parts), parts.settings.retries)
    return replace(
        builder.graph(parts.main),
        triggers=_of_kind(parts, Trigger),
        schedules=_of_kind(parts, CronTrigger),
        webhooks=_of_kind(parts, WebhookTrigger),
        http=next(iter(_of_kind(parts, HttpTrigger)), None),
        is_manual=bool(_of_kind(parts, ManualTrigger)),
        settings=parts.settings,
        on_failure=builder.graph(parts.on_failure) if parts.on_failure else None,
        on_cancel=builder.graph(parts.on_cancel) if parts.on_cancel else None,
        inputs_schema=document.get("inputs"),
        outputs_schema=document.get("outputs"),
    )


def _of_kind(parts: Outline, kind: type[_Kind]) -> tuple[_Kind, ...]:
    return tuple(trigger for trigger in parts.triggers if isinstance(trigger, kind))


class _Builder:
    """Builds the graphs of one document. ``retries`` is for actions that say nothing."""

    def __init__(self, name: str, version_hash: str, retries: int | None) -> None:
        self._name = name
        self._hash = version_hash
        self._retries = retries

    def graph(self, parts: Graph) -> Workflow:
        entries = {entry.id: entry for entry in parts.actions}
        order = sort_nodes(entries, ((edge.source, edge.target) for edge in parts.edges)).order
        edges = tuple(_edge(entry) for entry in parts.edges)
        outgoing: dict[str, list[Edge]] = {node_id: [] for node_id in (SOURCE, *order)}
        incoming: dict[str, list[Edge]] = {node_id: [] for node_id in (SOURCE, *order)}
        for edge in edges:
            outgoing[edge.source].append(edge)
            incoming[edge.target].append(edge)
        return Workflow(
            name=self._name,
            hash=self._hash,
            nodes={node_id: self._node(entries[node_id], rank) for rank, node_id in enumerate(order)},
            edges=edges,
            outgoing={node_id: tuple(found) for node_id, found in outgoing.items()},
            incoming={node_id: tuple(found) for node_id, found in incoming.items()},
            output=_output(parts),
            document=parts.written,
        )

    def _node(self, entry: ActionEntry, rank: int) -> Node:
        settings = entry.settings
        return Node(
            id=entry.id,
            kind=entry.kind,
            name=entry.name,
            inputs=entry.inputs,
            pointer=entry.pointer,
            retries=self._retries if settings.retries is None else settings.retries,
            timeout_seconds=settings.timeout_seconds,
            on_error=settings.on_error,
            fallback=settings.fallback,
            join=settings.join,
            join_count=settings.join_count,
            rank=rank,
            backoff=settings.backoff,
            retry_on=settings.retry_on,
            skip_if=settings.skip_if,
            disabled=settings.disabled,
            cache=settings.cache,
            compensate=settings.compensate,
            is_kept=settings.is_kept,
            concurrency=settings.concurrency,
            body=None if entry.body is None else self.graph(entry.body),
        )


def _output(parts: Graph) -> Template | None:
    return compile_template(parts.written["output"]) if parts.has_output else None


def _edge(entry: EdgeEntry) -> Edge:
    condition = None
    if (conditional := entry.conditional) is not None:
        condition = Condition(
            ConditionType(conditional["type"]), conditional.get("ref") or "", conditional.get("value")
        )
    return Edge(entry.id, entry.source, entry.target, condition, entry.pointer)
