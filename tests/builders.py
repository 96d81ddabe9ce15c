"""Small builders of what most tests need: a workflow in three lines, an event in one."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import Any

from workflowkit.definition.build import build
from workflowkit.definition.model import SOURCE, Workflow


class WorkflowBuilder:
    """Writes a workflow document. Nothing is checked, so a test may also write a bad one."""

    def __init__(self, name: str) -> None:
        self._document: dict[str, Any] = {"name": name, "actions": [], "edges": []}

    def action(
        self, node_id: str, kind: str = "noop", inputs: dict[str, Any] | None = None, **settings: Any
    ) -> WorkflowBuilder:
        """Add an action; ``settings`` as in a document: ``on_error="branch"``, ``join={"n_of": 2}``, ``retries=1``."""
        action = {"id": node_id, "kind": kind, "inputs": inputs or {}}
        self._document["actions"].append(action | ({"settings": settings} if settings else {}))
        return self

    def actions(self, *node_ids: str) -> WorkflowBuilder:
        """Add actions that have nothing special about them."""
        for node_id in node_ids:
            self.action(node_id)
        return self

    def edge(self, source: str, target: str, **conditional: Any) -> WorkflowBuilder:
        """Add an edge; ``conditional`` as in a document: ``type="match", ref="!ref($.output)", value=1``."""
        edge = {"from": source, "to": target}
        self._document["edges"].append(edge | ({"conditional": conditional} if conditional else {}))
        return self

    def edge_if(self, source: str, target: str, ref: str = "!ref($.output)") -> WorkflowBuilder:
        return self.edge(source, target, type="if", ref=ref)

    def edge_else(self, source: str, target: str, ref: str = "!ref($.output)") -> WorkflowBuilder:
        return self.edge(source, target, type="else", ref=ref)

    def edge_match(self, source: str, target: str, value: Any, ref: str = "!ref($.output)") -> WorkflowBuilder:
        return self.edge(source, target, type="match", ref=ref, value=value)

    def edge_error(self, source: str, target: str) -> WorkflowBuilder:
        return self.edge(source, target, type="error")

    def path(self, *node_ids: str) -> WorkflowBuilder:
        """Join neighbours by plain edges."""
        for source, target in pairwise(node_ids):
            self.edge(source, target)
        return self

    def chain(self, *node_ids: str) -> WorkflowBuilder:
        """Add actions that follow each other from the trigger on."""
        return self.actions(*node_ids).path(SOURCE, *node_ids)

    def trigger(self, event: str, condition: str | None = None) -> WorkflowBuilder:
        trigger = {"event": event} | ({"if": condition} if condition else {})
        self._document.setdefault("triggers", []).append(trigger)
        return self

    def settings(self, **settings: Any) -> WorkflowBuilder:
        """Add settings of the whole workflow."""
        self._document.setdefault("settings", {}).update(settings)
        return self

    def document(self) -> dict[str, Any]:
        """Return the document as a user would send it."""
        return deepcopy(self._document)

    def build(self) -> Workflow:
        """Return the workflow that the document describes, without validating it."""
        return build(self.document())


def a_workflow(name: str = "test") -> WorkflowBuilder:
    return WorkflowBuilder(name)


def an_event(data: Any = None, *, name: str = "test/happened", event_id: str = "event-1") -> dict[str, Any]:
    return {"id": event_id, "name": name, "data": {} if data is None else data, "ts": 1_750_000_000_000}


def doubling_schema(levels: int) -> dict[str, Any]:
    """A small JSON Schema that asks for 2**levels checks of one value."""
    defs: dict[str, Any] = {
        f"a{level}": {"allOf": [{"$ref": f"#/$defs/a{level + 1}"}, {"$ref": f"#/$defs/a{level + 1}"}]}
        for level in range(levels)
    }
    return {"type": "object", "$defs": defs | {f"a{levels}": {"type": "object"}}, "$ref": "#/$defs/a0"}
