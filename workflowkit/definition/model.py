"""A workflow document, parsed: frozen values that the planner, the matcher and the API share.

Built only by ``definition.parse``; nothing here validates. A parsed workflow is immutable and may be cached by its
hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: Any JSON value: ``None``, ``bool``, ``int``, ``float``, ``str``, or lists and string-keyed dicts of them.
Json = Any

#: The reserved node that stands for the trigger.
SOURCE = "$source"


class OnError(StrEnum):
    """What a node's final failure does to the run."""

    FAIL = "fail"
    CONTINUE = "continue"
    BRANCH = "branch"
    FALLBACK = "fallback"


class JoinMode(StrEnum):
    """How many taken incoming edges a node needs once all of them are settled."""

    ANY = "any"
    ALL = "all"
    N_OF = "n_of"


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
    """One edge. ``id`` is unique in the workflow: the document's own ``id``, else ``<from>-><to>#<index in edges>``."""

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
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was computed from this node once and for all (``definition.inputs``); no part of its value."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event name or a wildcard pattern (``shop/*``), with an optional CEL condition over ``event``."""

    event: str
    condition: str | None
    pointer: str


@dataclass(frozen=True, slots=True)
class Workflow:
    """A valid workflow document.

    ``nodes`` is in topological order (ties by place in the document). ``outgoing`` and ``incoming`` have an entry for
    every node and for ``SOURCE``; edges keep the document's order. ``hash`` covers the execution-relevant parts only.
    """

    name: str
    hash: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    outgoing: Mapping[str, tuple[Edge, ...]]
    incoming: Mapping[str, tuple[Edge, ...]]
    triggers: tuple[Trigger, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
