"""A catalogue of action kinds, for tests of documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Offered:
    name: str
    conditional: Mapping[str, Any]


@dataclass(frozen=True)
class Edges:
    allow_add: bool = True
    edges: tuple[Offered, ...] = ()


@dataclass(frozen=True)
class Kind:
    kind: str
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    outputs: Mapping[str, Any] | None = None
    edges: Edges = Edges()


class Kinds:
    """What ``definition`` asks of a registry."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = {kind.kind: kind for kind in kinds}

    def get(self, kind: str) -> Kind | None:
        return self._kinds.get(kind)

    def kinds(self) -> Iterable[str]:
        return self._kinds


def inputs_of(required: Iterable[str] = (), **properties: Any) -> dict[str, Any]:
    """Return the schema of an action's inputs that refuses unknown ones."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


RESULT = "!ref($.output.result)"
NOOP = Kind("noop")
IF = Kind(
    "builtin:if",
    inputs_of(["condition"], condition={"format": "json-logic"}),
    {"type": "object", "properties": {"result": {"type": "boolean"}}},
    Edges(False, (Offered("True", {"type": "if", "ref": RESULT}), Offered("False", {"type": "else", "ref": RESULT}))),
)
MAIL = Kind(
    "mail",
    inputs_of(
        ["to"],
        to={"type": "string", "format": "email"},
        copies={"type": "integer", "minimum": 1, "default": 1},
        subject={"type": "string", "maxLength": 10},
        data={"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]},
        tags={"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        note={"anyOf": [{"type": "string"}, {"type": "null"}]},
    ),
    {
        "type": "object",
        "properties": {"id": {"type": "string"}, "refused": {"type": "array", "items": {"type": "string"}}},
    },
)
LOOP = Kind(
    "builtin:for_each",
    inputs_of(
        ["items"],
        items={"type": "array"},
        key={"type": "string", "format": "cel:item,index"},
        concurrency={"type": "integer", "minimum": 1},
        on_item_error={"enum": ["fail", "continue"]},
    ),
    {"type": "object", "properties": {"items": {"type": "array"}, "failed": {"type": "array"}}},
)
WAIT = Kind(
    "wait",
    inputs_of(
        ["event"],
        event={"type": "string"},
        condition={"anyOf": [{"type": "string"}, {"type": "null"}], "format": "cel:event,async"},
    ),
)
KINDS = Kinds(NOOP, IF, MAIL, LOOP, WAIT)
