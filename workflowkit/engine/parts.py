"""The parts of a document that runs of their own execute: bodies of loops, what follows a run's end, compensations.

A part is named by its path (``Workflow.subgraph``). Compensations are a part that no document has: a chain, made for
one run, of what undoes the steps that it had completed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from workflowkit.definition.model import COMPENSATE, SOURCE, Edge, Json, Node, OnError, Workflow
from workflowkit.engine.progress import Progress
from workflowkit.engine.states import StepStatus
from workflowkit.engine.surroundings import upstream

#: What compensations are given: the ids of the actions to be undone, first to last.
ORDER = "order"


def part_of(workflow: Workflow, path: str, given: Json) -> Workflow:
    """Return the part of a document at ``path`` for a run that was ``given`` something. Raises ``KeyError``."""
    outer, _, last = path.rpartition("/")
    return _undoing(workflow.subgraph(outer), given[ORDER]) if last == COMPENSATE else workflow.subgraph(path)


def path_in(path: str | None, name: str) -> str:
    """Return the path of a part that stands in the part at ``path``, or in the document itself."""
    return name if path is None else f"{path}/{name}"


def is_item(path: str | None, step: str | None) -> bool:
    """Tell whether a run with this path, begun by ``step`` of its parent, is for an item of that step's loop."""
    return path is not None and step is not None and path.rpartition("/")[2] == step


def visible_in(graph: Workflow, path: str) -> frozenset[str]:
    """Return the ids of the actions of ``graph`` that its part at ``path`` can refer to."""
    name = path.rpartition("/")[2]
    return upstream(graph, name) if name in graph.nodes else frozenset(graph.nodes)


def to_undo(progress: Progress) -> tuple[str, ...]:
    """Return the completed actions of a run that have a compensation, the last to complete first."""
    status, nodes = progress.status, progress.workflow.nodes
    # ``outputs`` keeps the order of completion, also when it was replayed from the journal.
    done = [node_id for node_id in progress.outputs if status.get(node_id) is StepStatus.COMPLETED]
    return tuple(node_id for node_id in reversed(done) if nodes[node_id].compensate is not None)


def _undoing(graph: Workflow, order: Sequence[str]) -> Workflow:
    """Return the compensations of the actions ``order`` of ``graph`` as a chain in that order.

    One that fails for good is noted and does not stop the next.
    """
    chain = (SOURCE, *order)
    nodes = {node_id: _compensation(graph.nodes[node_id], rank) for rank, node_id in enumerate(order)}
    edges = tuple(
        Edge(f"{source}->{target}#{index}", source, target, None, nodes[target].pointer)
        for index, (source, target) in enumerate(pairwise(chain))
    )
    return Workflow(
        name=graph.name,
        hash=graph.hash,
        nodes=nodes,
        edges=edges,
        outgoing={node_id: edges[place : place + 1] for place, node_id in enumerate(chain)},
        incoming={node_id: edges[max(place - 1, 0) : place] for place, node_id in enumerate(chain)},
        document=graph.document,
    )


def _compensation(node: Node, rank: int) -> Node:
    compensate = node.compensate
    assert compensate is not None  # noqa: S101 - only such actions are in the order
    return Node(
        id=node.id,
        kind=compensate.kind,
        name=node.name,
        inputs=compensate.inputs,
        pointer=f"{node.pointer}/settings/compensate",
        on_error=OnError.CONTINUE,
        rank=rank,
    )
