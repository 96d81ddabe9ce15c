"""Small builders of the values that tests talk about: a workflow in three lines, without a document or a validator."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from workflowkit.definition.model import (
    SOURCE,
    Condition,
    ConditionType,
    Edge,
    JoinMode,
    Node,
    OnError,
    Trigger,
    Workflow,
)


class WorkflowBuilder:
    """Builds a ``Workflow`` value, or the JSON document that means the same."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[Node] = []
        self._edges: list[Edge] = []
        self._triggers: list[Trigger] = []

    def action(self, node_id: str, kind: str = "noop", **settings: Any) -> WorkflowBuilder:
        """Add an action; ``settings`` are fields of ``Node``: ``inputs=``, ``on_error=``, ``join=`` and so on."""
        pointer = f"/actions/{len(self._nodes)}"
        settings = {"name": node_id, "inputs": {}, **settings}
        self._nodes.append(Node(id=node_id, kind=kind, pointer=pointer, **settings))
        return self

    def edge(self, source: str, target: str, *, edge_id: str | None = None) -> WorkflowBuilder:
        return self._edge(source, target, None, edge_id)

    def edge_if(self, source: str, target: str, ref: str = "!ref($.output)") -> WorkflowBuilder:
        return self._edge(source, target, Condition(ConditionType.IF, ref))

    def edge_else(self, source: str, target: str, ref: str = "!ref($.output)") -> WorkflowBuilder:
        return self._edge(source, target, Condition(ConditionType.ELSE, ref))

    def edge_match(self, source: str, target: str, value: Any, ref: str = "!ref($.output)") -> WorkflowBuilder:
        return self._edge(source, target, Condition(ConditionType.MATCH, ref, value))

    def edge_error(self, source: str, target: str) -> WorkflowBuilder:
        return self._edge(source, target, Condition(ConditionType.ERROR))

    def conditional_edge(self, source: str, target: str, condition: Condition | None) -> WorkflowBuilder:
        return self._edge(source, target, condition)

    def chain(self, *node_ids: str) -> WorkflowBuilder:
        """Join neighbours by plain edges; the first is reached from the trigger."""
        for source, target in zip((SOURCE, *node_ids), node_ids, strict=False):
            self.edge(source, target)
        return self

    def trigger(self, event: str, condition: str | None = None) -> WorkflowBuilder:
        self._triggers.append(Trigger(event, condition, f"/triggers/{len(self._triggers)}"))
        return self

    def build(self) -> Workflow:
        ranked = [replace(node, rank=rank) for rank, node in enumerate(self._in_topological_order())]
        ends = [SOURCE, *(node.id for node in ranked)]
        return Workflow(
            name=self._name,
            hash=f"hash-of-{self._name}",
            nodes={node.id: node for node in ranked},
            edges=tuple(self._edges),
            outgoing={end: tuple(edge for edge in self._edges if edge.source == end) for end in ends},
            incoming={end: tuple(edge for edge in self._edges if edge.target == end) for end in ends},
            triggers=tuple(self._triggers),
            document=self.document(),
        )

    def document(self) -> dict[str, Any]:
        """Return the workflow as a user would write it."""
        document: dict[str, Any] = {
            "name": self._name,
            "actions": [_action_document(node) for node in self._nodes],
            "edges": [_edge_document(edge) for edge in self._edges],
        }
        if self._triggers:
            document["triggers"] = [
                {"event": trigger.event} | ({"if": trigger.condition} if trigger.condition else {})
                for trigger in self._triggers
            ]
        return document

    def _edge(
        self, source: str, target: str, condition: Condition | None, edge_id: str | None = None
    ) -> WorkflowBuilder:
        index = len(self._edges)
        edge_id = edge_id or f"{source}->{target}#{index}"
        self._edges.append(Edge(edge_id, source, target, condition, f"/edges/{index}"))
        return self

    def _in_topological_order(self) -> list[Node]:
        """Kahn's algorithm; ties by place among the actions."""
        waiting = Counter(edge.target for edge in self._edges if edge.source != SOURCE)
        left, order = list(self._nodes), []
        while left:
            node = next((node for node in left if not waiting[node.id]), None)
            if node is None:
                raise ValueError(f"cycle among {[node.id for node in left]}")
            left.remove(node)
            order.append(node)
            waiting.subtract(edge.target for edge in self._edges if edge.source == node.id)
        return order


def a_workflow(name: str = "test") -> WorkflowBuilder:
    return WorkflowBuilder(name)


def an_event(data: Any = None, *, name: str = "test/happened", event_id: str = "event-1") -> dict[str, Any]:
    return {"id": event_id, "name": name, "data": {} if data is None else data, "ts": 1_750_000_000_000}


def _action_document(node: Node) -> dict[str, Any]:
    document: dict[str, Any] = {"id": node.id, "kind": node.kind, "name": node.name, "inputs": dict(node.inputs)}
    optional = {"retries": node.retries, "timeout": node.timeout_seconds}
    document |= {key: value for key, value in optional.items() if value is not None}
    if node.on_error is OnError.FALLBACK:
        document |= {"on_error": {"type": "fallback", "value": node.fallback}}
    elif node.on_error is not OnError.FAIL:
        document["on_error"] = node.on_error.value
    if node.join is JoinMode.N_OF:
        document["join"] = {"n_of": node.join_count}
    elif node.join is JoinMode.ALL:
        document["join"] = "all"
    return document


def _edge_document(edge: Edge) -> dict[str, Any]:
    document: dict[str, Any] = {"from": edge.source, "to": edge.target}
    condition = edge.condition
    if condition is not None:
        document["conditional"] = {"type": condition.type.value}
        if condition.type is not ConditionType.ERROR:
            document["conditional"]["ref"] = condition.ref
        if condition.type is ConditionType.MATCH:
            document["conditional"]["value"] = condition.value
    return document
