"""The paths inside references: a subset of JSONPath (RFC 9535) without any code in it.

A path may hold members (``.name``, ``['any name']``), indexes (``[0]``, ``[-1]``), slices (``[1:3]``), wildcards
(``.*``, ``[*]``), one recursive descent (``..name``) and filters that compare (``[?(@.price > 10 && @.sku)]``). It
reaches into dicts and lists of plain JSON and nothing else: no attributes, no functions, no scripts.

Wider than the RFC, for documents of the TypeScript kit: a dotted name may contain hyphens and begin with a digit, and
``.0`` is an index when it meets a list. Left out on purpose: several selectors in one bracket and a second ``..``.
Without them every selector meets a node at most once, so a search costs (selectors x nodes); ``Budget`` bounds that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from workflowkit.base.errors import LimitExceeded
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.jsvalues import MISSING, Json, Spend

Key = str | int

_LIST_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")


class Budget:
    """What resolving one value may still cost: nodes visited or copied, and characters of text put together."""

    __slots__ = ("_chars", "_limits", "_nodes")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._nodes = limits.reference_nodes
        self._chars = limits.resolved_chars

    def spend_nodes(self, count: int) -> None:
        """Take ``count`` nodes. Raises ``LimitExceeded``."""
        self._nodes -= count
        if self._nodes < 0:
            raise LimitExceeded("reference_nodes", self._limits.reference_nodes)

    def spend_chars(self, count: int) -> None:
        """Take ``count`` characters. Raises ``LimitExceeded``."""
        self._chars -= count
        if self._chars < 0:
            raise LimitExceeded("resolved_chars", self._limits.resolved_chars)


@dataclass(frozen=True, slots=True)
class Member:
    """``.name``: the value under a key, or the element of a list if the name is a number."""

    name: str

    def select(self, node: Json, spend: Spend) -> Iterable[Json]:
        found = child(node, self.name)
        return () if found is MISSING else (found,)


@dataclass(frozen=True, slots=True)
class Index:
    """``[0]``: an element of a list; negative ones count from its end."""

    position: int

    def select(self, node: Json, spend: Spend) -> Iterable[Json]:
        found = child(node, self.position)
        return () if found is MISSING else (found,)


@dataclass(frozen=True, slots=True)
class Slice:
    """``[1:3]``: some elements of a list."""

    span: slice

    def select(self, node: Json, spend: Spend) -> Iterable[Json]:
        if not isinstance(node, list) or self.span.step == 0:  # RFC 9535, 2.3.4.2: a step of 0 selects nothing
            return ()
        return node[self.span]


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``[*]``: all elements of a list, all values of an object."""

    def select(self, node: Json, spend: Spend) -> Iterable[Json]:
        return _children(node)


@dataclass(frozen=True, slots=True)
class Filter:
    """``[?(@.a == 'x')]``: the elements or values for which a test holds.

    ``weight`` counts its comparisons and the names in its paths; for what a comparison looks at, the test pays.
    """

    test: Callable[[Json, Spend], bool]
    weight: int

    def select(self, node: Json, spend: Spend) -> Iterable[Json]:
        return (each for each in _children(node) if self.test(each, spend))


Selector = Member | Index | Slice | Wildcard | Filter


@dataclass(frozen=True, slots=True)
class Segment:
    """A selector, applied to the nodes found so far or (``..``) to them and all that is inside them."""

    selector: Selector
    descends: bool = False

    @property
    def key(self) -> Key | None:
        """The one key this segment follows; ``None`` if it may lead to several nodes."""
        if self.descends:
            return None
        if isinstance(self.selector, Member):
            return self.selector.name
        return self.selector.position if isinstance(self.selector, Index) else None


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path without its ``$``.

    ``keys`` is its definite beginning; ``rest`` is empty if all of it is definite, that is, leads to one value at most.
    """

    keys: tuple[Key, ...]
    rest: tuple[Segment, ...] = ()

    @property
    def is_definite(self) -> bool:
        return not self.rest

    def find(self, node: Json, budget: Budget) -> Json:
        """Return what the path leads to in ``node``.

        The value itself, or ``MISSING``, for a definite path. Otherwise always a list (of none, one or more values),
        unless the definite beginning is missing already. Raises ``LimitExceeded`` when ``budget`` is used up.
        """
        for key in self.keys:
            node = child(node, key)
            if node is MISSING:
                return MISSING
        return self._search([node], budget) if self.rest else node

    def _search(self, nodes: list[Json], budget: Budget) -> list[Json]:
        for segment in self.rest:
            found: list[Json] = []
            weight = segment.selector.weight if isinstance(segment.selector, Filter) else 1
            for node in _descend(nodes, budget) if segment.descends else nodes:
                if segment.key is None:
                    budget.spend_nodes(weight * len(_children(node)))
                found += segment.selector.select(node, budget.spend_nodes)
            nodes = found
        return nodes


def child(node: Json, key: Key) -> Json:
    """Return what stands under ``key`` in a dict or list, else ``MISSING``."""
    if isinstance(node, dict):
        return node.get(key, MISSING) if isinstance(key, str) else MISSING
    if isinstance(node, list):
        if isinstance(key, str):
            if not _LIST_INDEX.match(key):
                return MISSING
            key = int(key)
        return node[key] if -len(node) <= key < len(node) else MISSING
    return MISSING


def _children(node: Json) -> Collection[Json]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _descend(nodes: Iterable[Json], budget: Budget) -> Iterator[Json]:
    """Yield the nodes and all dicts and lists inside them, in the order of the document."""
    stack = list(nodes)[::-1]
    while stack:
        node = stack.pop()
        children = _children(node)
        budget.spend_nodes(1 + len(children))
        yield node
        stack += [inner for inner in children if isinstance(inner, dict | list)][::-1]
