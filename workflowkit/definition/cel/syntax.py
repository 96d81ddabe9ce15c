"""The abstract syntax of an expression: frozen values, made by the parser, read by the analysis and the compiler.

Chains of operators of one level (``a + b - c``), ``&&``, ``||``, ``a.b.c`` and ``x ? y : z ? …`` are one node each and
not one node per operator, so the depth of the tree is the nesting its author wrote and nothing that recurses over it
can be driven deeper by a long line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflowkit.definition.model import Json


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, ``true``, ``false`` or ``null``."""

    value: Json
    position: int


@dataclass(frozen=True, slots=True)
class Variable:
    """A bare name: a variable of the evaluation, a macro's item, or the name of a type."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Select:
    """``operand.a.b``: one or more fields, outermost first."""

    operand: Node
    fields: tuple[str, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Index:
    """``operand[index]``."""

    operand: Node
    index: Node
    position: int


@dataclass(frozen=True, slots=True)
class Unary:
    """``!operand`` or ``-operand``."""

    operator: str
    operand: Node
    position: int


@dataclass(frozen=True, slots=True)
class Link:
    """One operator of a chain with what stands to its right."""

    operator: str
    operand: Node
    position: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Operators of one level of precedence, applied from left to right."""

    first: Node
    links: tuple[Link, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Logical:
    """``a && b && …`` or ``a || b || …``."""

    operator: str
    operands: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Arm:
    """One ``condition ? value`` of a conditional."""

    condition: Node
    value: Node


@dataclass(frozen=True, slots=True)
class Conditional:
    """``c1 ? v1 : c2 ? v2 : otherwise``."""

    arms: tuple[Arm, ...]
    otherwise: Node
    position: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[a, b]``."""

    items: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``key: value`` of a map."""

    key: Node
    value: Node


@dataclass(frozen=True, slots=True)
class MapOf:
    """``{"a": 1}``."""

    entries: tuple[Entry, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)``, or ``target.name(arguments)`` when there is a target."""

    name: str
    target: Node | None
    arguments: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Has:
    """``has(a.b)``: is the last field there, be it null?"""

    selection: Select
    position: int


@dataclass(frozen=True, slots=True)
class Macro:
    """``target.name(variable, body)``; ``map`` may have a condition: ``target.map(variable, condition, body)``."""

    name: str
    target: Node
    variable: str
    condition: Node | None
    body: Node
    position: int


Node = Literal | Variable | Select | Index | Unary | Chain | Logical | Conditional | ListOf | MapOf | Call | Has | Macro


_PARTS: dict[type, Callable[[Any], tuple[Node, ...]]] = {
    Literal: lambda node: (),
    Variable: lambda node: (),
    Select: lambda node: (node.operand,),
    Index: lambda node: (node.operand, node.index),
    Unary: lambda node: (node.operand,),
    Chain: lambda node: (node.first, *(link.operand for link in node.links)),
    Logical: lambda node: node.operands,
    Conditional: lambda node: (*(part for arm in node.arms for part in (arm.condition, arm.value)), node.otherwise),
    ListOf: lambda node: node.items,
    MapOf: lambda node: tuple(part for entry in node.entries for part in (entry.key, entry.value)),
    Call: lambda node: node.arguments if node.target is None else (node.target, *node.arguments),
    Has: lambda node: (node.selection,),
    Macro: lambda node: (node.target, *(() if node.condition is None else (node.condition,)), node.body),
}


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct parts of ``node``, in the order they were written."""
    return _PARTS[type(node)](node)
