"""What the checks look at: a document's readable parts and what follows from them, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from workflowkit.base.limits import Limits
from workflowkit.definition.catalogue import ActionCatalogue, ActionType
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.lineage import Lineage, trace
from workflowkit.definition.model import SOURCE
from workflowkit.definition.outline import ActionEntry, EdgeEntry, Outline
from workflowkit.definition.topology import Topology, sort_nodes


@dataclass(frozen=True)
class Subject:
    """One document under inspection."""

    document: Mapping[str, Json]
    parts: Outline
    catalogue: ActionCatalogue
    limits: Limits

    @cached_property
    def nodes(self) -> dict[str, ActionEntry]:
        """The actions by id; of several with one id the first, and none that takes the trigger's."""
        nodes: dict[str, ActionEntry] = {}
        for entry in self.parts.actions:
            if entry.id != SOURCE:
                nodes.setdefault(entry.id, entry)
        return nodes

    @cached_property
    def edges(self) -> tuple[EdgeEntry, ...]:
        """The edges that make up the graph: between two different actions, or from the trigger to one."""
        return tuple(
            edge
            for edge in self.parts.edges
            if edge.target in self.nodes
            and (edge.source in self.nodes or edge.source == SOURCE)
            and edge.source != edge.target
        )

    @cached_property
    def outgoing(self) -> dict[str, list[EdgeEntry]]:
        """The graph's edges by where they begin."""
        found: dict[str, list[EdgeEntry]] = {}
        for edge in self.edges:
            found.setdefault(edge.source, []).append(edge)
        return found

    @cached_property
    def incoming_counts(self) -> dict[str, int]:
        """How many of the graph's edges lead to each action."""
        counts = dict.fromkeys(self.nodes, 0)
        for edge in self.edges:
            counts[edge.target] += 1
        return counts

    @cached_property
    def topology(self) -> Topology:
        return sort_nodes(self.nodes, ((edge.source, edge.target) for edge in self.edges))

    @cached_property
    def lineage(self) -> Lineage:
        return trace(self.topology.order, self.edges, self.nodes)

    def action_of(self, node_id: str) -> ActionType | None:
        """The action that a node executes, if both exist."""
        entry = self.nodes.get(node_id)
        return self.catalogue.get(entry.kind) if entry and entry.kind else None
