"""The order of a workflow's graph, and what each action can rely on: linear passes, bit sets for sets of actions.

Works on any graph. Nodes in or behind a cycle have no order; why not is for ``definition.graph`` to explain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from workflowkit.definition.model import SOURCE


@dataclass(frozen=True, slots=True)
class Topology:
    """One order of a graph, and its measures.

    ``order`` has node ids, sources first, ties by place in the document; without ``SOURCE`` and without ``unordered``.
    ``level`` is the number of actions on the longest path that ends with a node (1 for a first action). ``roots`` are
    the nodes without any incoming edge, which no run can reach.
    """

    order: tuple[str, ...]
    level: Mapping[str, int]
    unordered: frozenset[str]
    roots: tuple[str, ...]

    @property
    def path_length(self) -> int:
        """Actions on the longest path."""
        return max(self.level.values(), default=0)

    @property
    def width(self) -> int:
        """Actions on the fullest level."""
        counts: dict[int, int] = {}
        for level in self.level.values():
            counts[level] = counts.get(level, 0) + 1
        return max(counts.values(), default=0)


def sort_nodes(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> Topology:
    """Order a graph by Kahn's algorithm. ``edges`` are (from, to) pairs whose ends are ``nodes`` or ``SOURCE``."""
    place = {node: index for index, node in enumerate((SOURCE, *nodes))}
    names = list(place)
    targets: list[list[int]] = [[] for _ in names]
    open_edges = [0] * len(names)
    for source_id, target_id in edges:
        targets[place[source_id]].append(place[target_id])
        open_edges[place[target_id]] += 1
    roots = tuple(names[index] for index in range(1, len(names)) if not open_edges[index])
    level = [0] + [1] * (len(names) - 1)
    ready = [position for position, count in enumerate(open_edges) if not count]
    heapify(ready)
    order: list[int] = []
    while ready:
        index = heappop(ready)
        order.append(index)
        for target in targets[index]:
            level[target] = max(level[target], level[index] + 1)
            open_edges[target] -= 1
            if not open_edges[target]:
                heappush(ready, target)
    ordered = tuple(names[index] for index in order if index)
    return Topology(
        order=ordered,
        level={names[index]: level[index] for index in order if index},
        unordered=frozenset(names[1:]) - frozenset(ordered),
        roots=roots,
    )
