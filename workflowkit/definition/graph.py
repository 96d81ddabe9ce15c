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


def find_cycles(nodes: Sequence[str], edges: Sequence[Pair]) -> list[list[str]]:
    """Return one cycle, as the ids on it, for every knot of nodes that reach each other.

    The same arguments give the same cycles, also in another process.
    """
    import networkx

    knots = [knot for knot in networkx.strongly_connected_components(_graph(nodes, edges)) if len(knot) > 1]
    knot_of = {node: number for number, knot in enumerate(knots) for node in knot}
    # Each knot as a graph of its own with the document's order, because the order of a set is another in every process.
    graphs: dict[int, DiGraph[str]] = {}
    for source, target in edges:
        if source in knot_of and knot_of[source] == knot_of.get(target):
            graphs.setdefault(knot_of[source], networkx.DiGraph()).add_edge(source, target)
    return [[source for source, _ in networkx.find_cycle(graph)] for graph in graphs.values()]


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
