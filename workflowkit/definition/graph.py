"""Why a graph cannot run: its cycles and its unreachable nodes. Only for graphs that are known to be wrong.

networkx explains; finding out *that* something is wrong is ``topology``'s, because importing networkx takes longer than
validating a document (docs/decisions/0001-networkx-on-demand.md). Linear algorithms only, no enumeration of paths or
cycles (S8).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from workflowkit.definition.model import SOURCE

if TYPE_CHECKING:
    from networkx import DiGraph

Pair = tuple[str, str]


def find_cycles(nodes: Iterable[str], edges: Iterable[Pair]) -> list[list[str]]:
    """Return one cycle, as the ids on it, for every knot of nodes that reach each other."""
    import networkx

    graph = _graph(nodes, edges)
    knots = [knot for knot in networkx.strongly_connected_components(graph) if len(knot) > 1]
    return [[source for source, _ in networkx.find_cycle(graph.subgraph(knot))] for knot in knots]


def find_unreachable(nodes: Sequence[str], edges: Iterable[Pair]) -> list[str]:
    """Return the nodes that no path from the trigger leads to, in the given order."""
    import networkx

    reachable = networkx.descendants(_graph(nodes, edges), SOURCE)
    return [node for node in nodes if node not in reachable]


def _graph(nodes: Iterable[str], edges: Iterable[Pair]) -> DiGraph[str]:
    import networkx

    graph: DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from((SOURCE, *nodes))
    graph.add_edges_from(edges)
    return graph
