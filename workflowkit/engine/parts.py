"""The parts of a document that runs of their own execute: bodies of loops, what follows a run's end, compensations.

A part is named by its path (``Workflow.subgraph``). Compensations are a part that no document has: a chain, made for
one run, of what undoes the steps that it had completed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from workflowkit.base.jsonvalue import dumps
from workflowkit.definition.model import COMPENSATE, LOOP_KIND, SOURCE, Edge, Json, Node, OnError, Workflow
from workflowkit.engine.progress import Progress
from workflowkit.engine.states import StepStatus
from workflowkit.engine.surroundings import upstream
from workflowkit.registry.compensation import OUTPUT_INPUT, UNDO_PREFIX
from workflowkit.registry.functions import is_function_kind

#: Tells whether actions of a kind have a compensation of their own.
UndoesItself = Callable[[str], bool]
#: What compensations are given: the ids of the actions to be undone, first to last; and the run that executed them, if
#: that is not the parent.
ORDER, OF_RUN = "order", "of_run"


def part_of(workflow: Workflow, path: str, given: Json) -> Workflow:
    """Return the part of a document at ``path`` for a run that was ``given`` something. Raises ``KeyError``."""
    outer, _, last = path.rpartition("/")
    return _undoing(workflow.subgraph(outer), given[ORDER]) if last == COMPENSATE else workflow.subgraph(path)


def path_in(path: str | None, name: str) -> str:
    """Return the path of a part that stands in the part at ``path``, or in the document itself."""
    return name if path is None else f"{path}/{name}"


def is_undoing(path: str | None) -> bool:
    """Tell whether a run with this path executes compensations."""
    return path is not None and path.rpartition("/")[2] == COMPENSATE


def path_undone(path: str | None) -> str | None:
    """Return the path of the part whose steps the compensations at ``path`` undo; ``None`` for the whole document."""
    return path.rpartition("/")[0] or None if path is not None else None


def visible_in(graph: Workflow, path: str) -> frozenset[str]:
    """Return the ids of the actions of ``graph`` that its part at ``path`` can refer to."""
    name = path.rpartition("/")[2]
    return upstream(graph, name) if name in graph.nodes else frozenset(graph.nodes)


def to_undo(progress: Progress, undoes_itself: UndoesItself, with_steps: Collection[str] = ()) -> tuple[str, ...]:
    """Return the actions of a run that have something to be undone, the last to complete first.

    Those are completed actions with a compensation, of their own or of their kind's; and loops, however they ended, for
    the items that completed. ``with_steps`` are functions some of whose steps are to be undone, however they ended.
    """
    # ``outputs`` keeps the order of completion, also when it was replayed from the journal; what has none ended last.
    done = [*progress.outputs, *(node_id for node_id in progress.status if node_id not in progress.outputs)]
    # What another run did and this one has only taken over is for that one to undo.
    mine = (
        node_id for node_id in reversed(done) if node_id not in progress.kept and node_id in progress.workflow.nodes
    )
    marked, nodes = {*progress.undone, *with_steps}, progress.workflow.nodes
    return tuple(
        node_id
        for node_id in mine
        if (node_id in marked and not nodes[node_id].is_kept)
        or _is_undone(nodes[node_id], progress.status[node_id], undoes_itself, knows_actions=False)
    )


def undone_order(
    graph: Workflow, ends: Iterable[tuple[str, StepStatus]], undoes_itself: UndoesItself
) -> tuple[str, ...]:
    """Return those of the actions that have something to be undone. ``ends`` are ids and states, the last end first."""
    nodes = graph.nodes
    return tuple(
        node_id for node_id, status in ends if node_id in nodes and _is_undone(nodes[node_id], status, undoes_itself)
    )


def _is_undone(node: Node, status: StepStatus, undoes_itself: UndoesItself, *, knows_actions: bool = True) -> bool:
    if node.compensate is not None or (knows_actions and _has_compensation(node, undoes_itself)):
        return status is StepStatus.COMPLETED
    has_ended = status.is_terminal and status is not StepStatus.SKIPPED
    return has_ended and node.body is not None and not node.is_kept and undoes_items(node.body, undoes_itself)


def _has_compensation(node: Node, undoes_itself: UndoesItself) -> bool:
    return node.compensate is not None or not (node.is_kept or node.body is not None or not undoes_itself(node.kind))


def undoes_items(graph: Workflow, undoes_itself: UndoesItself) -> bool:
    """Tell whether something undoes an action in the body of a loop, or in a loop in it."""
    return any(
        _has_compensation(node, undoes_itself)
        or (node.body is not None and not node.is_kept and undoes_items(node.body, undoes_itself))
        for node in graph.nodes.values()
    )


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
    compensate, pointer, body = node.compensate, node.pointer, None
    inputs: Mapping[str, Json]
    if compensate is not None:
        kind, inputs, pointer = compensate.kind, compensate.inputs, f"{node.pointer}/settings/compensate"
    elif node.body is not None:  # a loop, whose items are undone one by one (``runtime.loops``)
        kind, inputs, body = LOOP_KIND, {"items": []}, node.body
    else:
        kind, inputs = UNDO_PREFIX + node.kind, {**node.inputs, OUTPUT_INPUT: f"!ref($.state[{dumps(node.id)}])"}
    # The steps of a function are undone as persistently as they were executed.
    retries = node.retries if is_function_kind(node.kind) else None
    return Node(node.id, kind, node.name, inputs, pointer, retries, on_error=OnError.CONTINUE, rank=rank, body=body)
