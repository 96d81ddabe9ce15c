"""A workflow document, parsed: frozen values that the planner, the matcher and the API share.

Built only by ``definition.build``; nothing here validates. A parsed workflow is immutable and may be cached by its
hash. What its settings say is in ``definition.settings``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from workflowkit.definition.settings.action import BackoffRule, CacheRule, Compensation
from workflowkit.definition.settings.action import JoinMode as JoinMode
from workflowkit.definition.settings.action import OnError as OnError
from workflowkit.definition.settings.triggers import CronTrigger, HttpTrigger, WebhookTrigger
from workflowkit.definition.settings.triggers import Trigger as Trigger
from workflowkit.definition.settings.workflow import NO_SETTINGS, WorkflowSettings

if TYPE_CHECKING:
    from workflowkit.definition.references import Template

#: Any JSON value: ``None``, ``bool``, ``int``, ``float``, ``str``, or lists and string-keyed dicts of them.
Json = Any

#: The reserved node that stands for the trigger.
SOURCE = "$source"
#: The kind of the one action that has a body: a graph that it executes for each item of a list.
LOOP_KIND = "builtin:for_each"
#: Paths of the graphs that follow a run's end.
ON_FAILURE, ON_CANCEL = "$on_failure", "$on_cancel"
#: The last name on the path of a graph that no document has: the compensations of a run, one after the other.
COMPENSATE = "$compensate"


class ConditionType(StrEnum):
    """What an edge's condition asks of its value; ``error`` asks whether the source failed."""

    IF = "if"
    ELSE = "else"
    MATCH = "match"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Condition:
    """When an edge is taken. ``ref`` is a reference or text with references; ``error`` conditions have none."""

    type: ConditionType
    ref: str = ""
    value: Json = None


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge. ``id`` is unique in its graph: the document's own ``id``, else ``<from>-><to>#<index in edges>``."""

    id: str
    source: str
    target: str
    condition: Condition | None
    pointer: str


@dataclass(frozen=True, slots=True)
class Node:
    """One action of a workflow: a kind, its inputs as written, and its settings.

    ``retries``, ``timeout_seconds`` and ``queue`` are ``None`` where the document says nothing: the action's own apply.
    ``fallback`` is the output used with ``OnError.FALLBACK``. ``rank`` is its place in one fixed topological order.
    ``backoff`` is ``None`` for the engine's table, ``retry_on`` for all errors; ``skip_if`` is a CEL expression, and
    ``disabled`` one that always holds. ``is_kept`` says that nothing undoes the node, also where its kind has a
    compensation. ``body`` is the graph of a loop. ``concurrency`` is how often the node may execute at once, 0 for as
    often as may be.
    """

    id: str
    kind: str
    name: str
    inputs: Mapping[str, Any]
    pointer: str
    retries: int | None = None
    timeout_seconds: float | None = None
    on_error: OnError = OnError.FAIL
    fallback: Json = None
    join: JoinMode = JoinMode.ANY
    join_count: int = 1
    rank: int = 0
    backoff: BackoffRule | None = None
    retry_on: tuple[str, ...] | None = None
    skip_if: str | None = None
    disabled: bool = False
    cache: CacheRule | None = None
    compensate: Compensation | None = None
    is_kept: bool = False
    concurrency: int = 0
    body: Workflow | None = None
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was computed from this node once and for all (``definition.inputs``); no part of its value."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A valid workflow document, or one of the graphs in it: a loop's body, what follows a failure or a cancellation.

    ``nodes`` is in topological order (ties by place in the document) and has this graph's own only. ``outgoing`` and
    ``incoming`` have an entry for every node and for ``SOURCE``; edges keep the document's order. ``hash`` covers the
    execution-relevant parts of the whole document, also in a graph inside it.

    ``triggers`` are those on events; of the other kinds each has a field of its own. ``output`` makes the result of a
    completed run (``definition.output``), ``None`` if the document does not say; ``inputs_schema`` is that of
    ``event.data``, ``outputs_schema`` that of the result.
    """

    name: str
    hash: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    outgoing: Mapping[str, tuple[Edge, ...]]
    incoming: Mapping[str, tuple[Edge, ...]]
    triggers: tuple[Trigger, ...] = ()
    schedules: tuple[CronTrigger, ...] = ()
    webhooks: tuple[WebhookTrigger, ...] = ()
    http: HttpTrigger | None = None
    is_manual: bool = False
    settings: WorkflowSettings = NO_SETTINGS
    on_failure: Workflow | None = None
    on_cancel: Workflow | None = None
    output: Template | None = field(default=None, compare=False)
    inputs_schema: Json = None
    outputs_schema: Json = None
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def every_node(self) -> Iterator[Node]:
        """Yield the nodes of this graph, of all graphs in it, and of those that follow its end."""
        for node in self.nodes.values():
            yield node
            if node.body is not None:
                yield from node.body.every_node()
        for graph in (self.on_failure, self.on_cancel):
            if graph is not None:
                yield from graph.every_node()

    def subgraph(self, path: str) -> Workflow:
        """Return the graph at ``path``: ids of loops joined by ``/``, below ``ON_FAILURE`` or ``ON_CANCEL`` if need be.

        ``""`` is this one, ``"each/inner"`` the body of the loop ``inner`` in the body of ``each``. Raises ``KeyError``
        if there is none.
        """
        graph: Workflow | None = self
        for step in path.split("/") if path else ():
            if step == ON_FAILURE:
                graph = self.on_failure if graph is self else None
            elif step == ON_CANCEL:
                graph = self.on_cancel if graph is self else None
            else:
                graph = graph.nodes[step].body if graph is not None and step in graph.nodes else None
            if graph is None:
                raise KeyError(path)
        return graph if graph is not None else self
