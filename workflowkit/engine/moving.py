"""Moving a run that waits to another version of its workflow: whether it can be, and what follows (F3). Pure.

A run stays on the version it started with. Moving it is a user's wish, for runs that sleep or wait long. What has
happened stays: steps that have ended keep their results, also those that the new version does not have any more. What
has not been reached is as the new version has it. Refused is what would change the past: a new step before one that has
ended, or the end of one that is on its way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflowkit.base.errors import Problem
from workflowkit.definition.conditions import edge_taken
from workflowkit.definition.model import SOURCE, Edge, Workflow
from workflowkit.definition.references import MISSING
from workflowkit.engine.again import downstream
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.planner import Decision, go_on
from workflowkit.engine.progress import Progress
from workflowkit.engine.states import EdgeState


@dataclass(frozen=True, slots=True)
class Move:
    """What moving a run comes to. ``problems`` keep it from being moved; then there is no ``decision``.

    ``removed`` are steps that have ended and that the new version does not have, ``added`` those that it has and the
    old one had not. ``decision`` holds the fact that the run was moved, and the steps that became ready by that.
    """

    problems: tuple[Problem, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    decision: Decision | None = None
    progress: Progress | None = None


def plan_move(before: Progress, facts: Sequence[Fact], workflow: Workflow, version: int, now_ms: int) -> Move:
    """Plan the move of a run, as far as it has come, to ``workflow``, which is its version ``version``.

    Raises ``LimitExceeded`` where a condition on a new edge cannot be evaluated.
    """
    old = before.workflow
    ended = {node_id for node_id in before.status if before.is_settled(node_id)}
    removed = tuple(sorted(ended - {SOURCE} - workflow.nodes.keys()))
    added = tuple(node_id for node_id in workflow.nodes if node_id not in old.nodes)
    problems = [*_lost(before, ended, workflow), *_changed_past(before, ended, workflow)]
    if problems:
        return Move(tuple(problems), removed, added)
    edges = _edges(before, ended, workflow)
    moved = Fact(FactKind.MOVED, SOURCE, edges=edges, detail={"version": version}, at_ms=now_ms)
    progress = Progress(workflow, before.event)
    reached = progress.absorb_moved(moved, facts)
    active = {node_id for node_id in before.status if node_id not in ended}
    for node_id in active:
        progress.mark_ready(node_id)
    decision = go_on(progress, (moved,), [node_id for node_id in reached if node_id not in active], now_ms)
    return Move((), removed, added, decision, progress)


def _lost(before: Progress, ended: set[str], workflow: Workflow) -> list[Problem]:
    """Return the steps on their way that the new version does not have, or has as another action."""
    problems = []
    for node_id in before.status:
        if node_id in ended:
            continue
        node = workflow.nodes.get(node_id)
        if node is None:
            problems.append(Problem("", "active-step-missing", f"step {node_id} is on its way and would be gone"))
        elif node.kind != before.workflow.nodes[node_id].kind:
            problems.append(
                Problem(node.pointer, "active-step-changed", f"step {node_id} is on its way and would be another")
            )
    return problems


def _changed_past(before: Progress, ended: set[str], workflow: Workflow) -> list[Problem]:
    """Return the steps of the new version that stand before one that has begun, and have not been reached."""
    begun = before.status.keys()
    return [
        Problem(node.pointer, "inserted-before-finished", f"step {node_id} would come before steps that have begun")
        for node_id, node in workflow.nodes.items()
        if node_id not in begun and downstream(workflow, node_id) & begun
    ]


def _edges(before: Progress, ended: set[str], workflow: Workflow) -> dict[str, EdgeState]:
    """Return the state of each edge that leaves a step which has ended: as it was decided, or decided now if new."""
    states: dict[str, EdgeState] = {}
    for node_id in ended & workflow.outgoing.keys():
        known = {
            _meaning(edge): before.edges[edge.id]
            for edge in before.workflow.outgoing[node_id]
            if edge.id in before.edges
        }
        for edge in workflow.outgoing[node_id]:
            state = known.get(_meaning(edge))
            states[edge.id] = _decide(before, edge, known) if state is None else state
    return states


def _decide(before: Progress, edge: Edge, known: Mapping[object, EdgeState]) -> EdgeState:
    if known and all(state is EdgeState.DEAD for state in known.values()):
        return EdgeState.DEAD  # the step was skipped, or failed without a way on
    output = MISSING if edge.source == SOURCE else before.outputs.get(edge.source, MISSING)
    return EdgeState.TAKEN if edge_taken(edge.condition, before.scope(output)) else EdgeState.NOT_TAKEN


def _meaning(edge: Edge) -> object:
    condition = edge.condition
    return edge.target, None if condition is None else (condition.type, condition.ref, repr(condition.value))
