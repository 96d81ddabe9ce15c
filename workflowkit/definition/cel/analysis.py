"""What can be known of an expression before it runs: its size, whether it is allowed, which variables it reads.

Walks with a stack of its own: this is the check that makes the tree safe to recurse over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import Limits
from workflowkit.definition.cel.conversions import CLOCK_VARIABLE
from workflowkit.definition.cel.functions import FUNCTIONS
from workflowkit.definition.cel.syntax import (
    Call,
    Chain,
    Has,
    Index,
    Literal,
    Logical,
    Macro,
    Node,
    Select,
    Variable,
    children,
)
from workflowkit.definition.cel.values import TYPE_NAMES
from workflowkit.definition.model import Json

#: Where an expression may stand: "restricted" is the language of cancellations.
Policy = OneOf["full", "restricted"]


@dataclass(frozen=True, slots=True)
class Path:
    """A variable and what is selected from it, as in ``("event", "data", "id")``."""

    steps: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal in the text of an expression."""

    value: Json


@dataclass(frozen=True, slots=True)
class Equality:
    """A condition ``left == right`` without which the whole expression is not true."""

    left: Path
    right: Path | Constant


def check_size(tree: Node, limits: Limits) -> None:
    """Raise ``ExpressionError`` if ``tree`` has more nodes or levels than ``limits`` allow."""
    pending = [(tree, 1)]
    nodes = 0
    while pending:
        node, depth = pending.pop()
        nodes += len(node.fields) if isinstance(node, Select) else 1
        if nodes > limits.expression_nodes:
            raise ExpressionError(f"too large: more than expression_nodes = {limits.expression_nodes} parts")
        if depth > limits.expression_depth:
            raise ExpressionError(
                f"nested deeper than expression_depth = {limits.expression_depth} levels", position=node.position
            )
        pending.extend((child, depth + 1) for child in children(node))


def check_policy(tree: Node, policy: Policy) -> None:
    """Raise ``ExpressionError`` at the first thing that the restricted language does not have."""
    if policy == "full":
        return
    for node in _walk(tree):
        if isinstance(node, Has):
            raise _refused("has()", node.position)
        if isinstance(node, Macro):
            raise _refused(f"{node.name}()", node.position)
        if isinstance(node, Call) and (
            node.target is not None or node.name not in FUNCTIONS or not FUNCTIONS[node.name].restricted
        ):
            raise _refused(f"{node.name}()", node.position)
        if isinstance(node, Chain):
            for link in node.links:
                if link.operator == "in":
                    raise _refused("'in'", link.position)


def free_variables(tree: Node) -> frozenset[str]:
    """Return the names whose values the expression reads; ``now`` if it asks for the time."""
    names: set[str] = set()
    for node, bound in _walk_in_scope(tree):
        if isinstance(node, Variable) and node.name not in bound and node.name not in TYPE_NAMES:
            names.add(node.name)
        elif isinstance(node, Call) and node.target is None and node.name in FUNCTIONS:
            names.update({CLOCK_VARIABLE} if FUNCTIONS[node.name].reads_clock else ())
    return frozenset(names)


def members(tree: Node) -> frozenset[tuple[str, str]]:
    """Return what is selected directly from a variable, with its name: ``("state", "a")`` of ``state.a.b``.

    Nothing of what a macro calls so: in ``event.data.items.exists(event, event.total > 1)`` it is another one.
    """
    found: set[tuple[str, str]] = set()
    for node, bound in _walk_in_scope(tree):
        operand = node.operand if isinstance(node, Select | Index) else None
        if not isinstance(operand, Variable) or operand.name in bound:
            continue
        if isinstance(node, Select):
            found.add((operand.name, node.fields[0]))
        elif isinstance(node, Index) and isinstance(node.index, Literal) and type(node.index.value) is str:
            found.add((operand.name, node.index.value))
    return frozenset(found)


def _walk_in_scope(tree: Node) -> Iterator[tuple[Node, frozenset[str]]]:
    """Yield the nodes, each with the names that macros around it have given to something of theirs."""
    pending: list[tuple[Node, frozenset[str]]] = [(tree, frozenset())]
    while pending:
        node, bound = pending.pop()
        yield node, bound
        if isinstance(node, Macro):
            inner = bound | {node.variable}
            pending.append((node.target, bound))
            pending.extend((part, inner) for part in (node.condition, node.body) if part is not None)
        else:
            pending.extend((child, bound) for child in children(node))


def equalities(tree: Node) -> tuple[Equality, ...]:
    """Return the comparisons ``path == path`` and ``path == literal`` that must all hold for a true result.

    They allow a lookup by value among many waiting expressions before any of them is evaluated.
    """
    conditions = tree.operands if isinstance(tree, Logical) and tree.operator == "&&" else (tree,)
    return tuple(found for condition in conditions if (found := _equality(condition)) is not None)


def _equality(node: Node) -> Equality | None:
    if not isinstance(node, Chain) or len(node.links) != 1 or node.links[0].operator != "==":
        return None
    left, right = path_of(node.first), path_of(node.links[0].operand)
    if isinstance(left, Path) and right is not None:
        return Equality(left, right)
    if isinstance(right, Path) and isinstance(left, Constant):
        return Equality(right, left)
    return None


def path_of(node: Node) -> Path | Constant | None:
    """Return the path or the literal that ``node`` consists of, ``None`` if it is anything else."""
    if isinstance(node, Literal):
        return Constant(node.value)
    steps: list[str | int] = []
    while not isinstance(node, Variable):
        if isinstance(node, Select):
            steps.extend(reversed(node.fields))
            node = node.operand
        elif isinstance(node, Index) and isinstance(node.index, Literal) and type(node.index.value) in (str, int):
            steps.append(node.index.value)
            node = node.operand
        else:
            return None
    return None if node.name in TYPE_NAMES else Path((node.name, *reversed(steps)))


def _walk(tree: Node) -> Iterator[Node]:
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(children(node))))


def _refused(what: str, position: int) -> ExpressionError:
    return ExpressionError(
        f"{what} is not available here; only comparisons, logic, arithmetic and conversions are", position=position
    )
