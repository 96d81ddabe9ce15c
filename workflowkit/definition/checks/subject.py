"""What the checks look at: a document's readable parts and what follows from them, computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workflowkit.base.limits import Limits
from workflowkit.definition.catalogue import ActionCatalogue, ActionType
from workflowkit.definition.checks.outputs import with_own_schemas
from workflowkit.definition.contract import InputContract, contract_of
from workflowkit.definition.eventdata import EventSchemas, data_schemas
from workflowkit.definition.jsonpath import Key
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.lineage import Lineage, trace
from workflowkit.definition.model import SOURCE
from workflowkit.definition.outline import ActionEntry, EdgeEntry, Graph, Outline
from workflowkit.definition.references import END_ROOTS, EVENTS_ROOT, LOOP_ROOTS
from workflowkit.definition.topology import Topology, sort_nodes

#: Types by their names in JSON Schema, without null; ``None``: nobody says.
Types = frozenset[str] | None


@dataclass(frozen=True)
class Subject:
    """One document under inspection."""

    document: Mapping[str, Json]
    parts: Outline
    catalogue: ActionCatalogue
    limits: Limits
    events: EventSchemas = field(default_factory=dict)

    @cached_property
    def event_schemas(self) -> list[Any]:
        """What the data of the events looks like that may start it, a schema for each trigger."""
        return data_schemas(self.parts.triggers, self.document.get("inputs"), self.events)

    @cached_property
    def types(self) -> dict[tuple[int, str, tuple[Key, ...]], Types]:
        """What is known already of the types of events, inputs and outputs (``checks.fits``)."""
        return {}

    @cached_property
    def leads(self) -> dict[tuple[str, tuple[Key, ...]], bool]:
        """What is known already of whether paths lead to something in outputs (``GraphSubject.outputs_of``)."""
        return {}

    @cached_property
    def _contracts(self) -> dict[str, InputContract]:
        return {}

    def contract_of(self, action: ActionType) -> InputContract:
        """Return the contract of an action's inputs: read once for all that are of one kind."""
        if (known := self._contracts.get(action.kind)) is None:
            known = self._contracts[action.kind] = contract_of(action.inputs)
        return known

    @cached_property
    def graphs(self) -> tuple[GraphSubject, ...]:
        """All graphs: the document's own first, each before the bodies of its loops."""
        main = GraphSubject(self, self.parts.main)
        ends = [GraphSubject(self, end, main) for end in (self.parts.on_failure, self.parts.on_cancel) if end]
        return (*main.with_bodies(), *(each for end in ends for each in end.with_bodies()))

    @cached_property
    def all_ids(self) -> frozenset[str]:
        """The ids of the actions of all graphs."""
        return frozenset(node_id for graph in self.graphs for node_id in graph.nodes)


@dataclass(frozen=True)
class GraphSubject:
    """One graph of a document under inspection.

    ``outer`` is the graph that it can see into. ``holder`` is the action of that graph whose body it is, ``None`` for
    what follows a run's end, when all of the run's actions are settled.
    """

    whole: Subject
    parts: Graph
    outer: GraphSubject | None = None
    holder: str | None = None

    @property
    def limits(self) -> Limits:
        return self.whole.limits

    @property
    def pointer(self) -> str:
        """Where ``actions`` and ``edges`` stand."""
        return self.parts.pointer

    @cached_property
    def depth(self) -> int:
        """How many loops it is in."""
        return 0 if self.outer is None else self.outer.depth + (self.holder is not None)

    @cached_property
    def roots(self) -> frozenset[str]:
        """What references may begin with besides the usual roots."""
        if self.outer is None:
            return frozenset({EVENTS_ROOT} if self.whole.parts.settings.flow.batch is not None else ())
        return self.outer.roots | frozenset(LOOP_ROOTS if self.holder is not None else END_ROOTS)

    def with_bodies(self) -> Iterator[GraphSubject]:
        """Yield this graph and, each after the one it is in, the bodies of its loops."""
        yield self
        for entry in self.parts.actions:
            if entry.body is not None:
                yield from GraphSubject(self.whole, entry.body, self, entry.id).with_bodies()

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
        return self.whole.catalogue.get(entry.kind) if entry and entry.kind else None

    def outputs_of(self, node_id: str) -> tuple[Any, str]:
        """The schema of a node's output, ``None`` if nobody says, and whose that is: its kind's, or the node's own."""
        if (known := self._outputs.get(node_id)) is None:
            action, entry = self.action_of(node_id), self.nodes.get(node_id)
            if action is None or entry is None:
                return None, ""
            own = None if action.outputs is None else with_own_schemas(action.outputs, entry.inputs, self.limits)
            is_own = own is not action.outputs
            known = self._outputs[node_id] = (own, f"{self.pointer} {node_id}" if is_own else action.kind)
        return known

    @cached_property
    def _outputs(self) -> dict[str, tuple[Any, str]]:
        return {}
