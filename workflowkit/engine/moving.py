"""Moving a run that waits to another version of its workflow: whether it can be, and what follows. Pure.

A run stays on the version it started with. Moving it is a user's wish, for runs that sleep or wait long. What has
happened stays: steps that have ended keep their results, also those that the new version does not have any more. What
has not been reached is as the new version has it. Refused is what would change the past: a new step before one that has
ended, or the end of one that is on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.errors import Problem
from workflowkit.definition.conditions import edge_taken
from workflowkit.definition.model import SOURCE, Edge, Node, Workflow
from workflowkit.definition.references import MISSING
from workflowkit.engine.again import downstream
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.planner import DISABLED, SKIP_IF, Decision, go_on, is_error_edge
from workflowkit.engine.progress import Progress
from workflowkit.engine.states import EdgeState
from workflowkit.engine.surroundings import Surroundings

PASSING_SKIPS = (DISABLED, SKIP_IF)
"""Reasons of a step that was skipped and yet goes on to what stands behind it."""


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


def plan_move(
    before: Progress,
    facts: Sequence[Fact],
    workflow: Workflow,
    version: int,
    around: Surroundings,
    now_ms: int,
    *,
    actor: str | None = None,
) -> Move:
    """Plan the move of a run, as far as it has come, to ``workflow``, which is its version ``version``.

    ``around`` is what the run sees besides its event, as it was for ``before``; ``actor`` is who wishes it.

    Raises ``LimitExceeded`` where a condition on a new edge cannot be evaluated.
    """
    old = before.workflow
    # By the journal: a step that an earlier move took away, and that this one brings back, has its result still.
    ended = {SOURCE, *(fact.step for fact in facts if fact.kind.is_final)}
    removed = tuple(sorted((ended & old.nodes.keys()) - workflow.nodes.keys()))
    added = tuple(node_id for node_id in workflow.nodes if node_id not in old.nodes)
    problems = [*_lost(before, ended, workflow), *_changed_past(before, ended, workflow)]
    if problems:
        return Move(tuple(problems), removed, added)
    edges = _edges(before, facts, ended, workflow)
    detail = {"version": version} if actor is None else {"version": version, "actor": actor}
    moved = Fact(FactKind.MOVED, SOURCE, edges=edges, detail=detail, at_ms=now_ms)
    progress = Progress(workflow, before.event, around)
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
            problems.append(_changed(node, "is on its way and would be another"))
        elif node.body is not None:
            problems.append(_changed(node, "is on its way: what is inside of it stays on the version that began it"))
    return problems


def _changed(node: Node, why: str) -> Problem:
    return Problem(node.pointer, "active-step-changed", f"step {node.id} {why}")


def _changed_past(before: Progress, ended: set[str], workflow: Workflow) -> list[Problem]:
    """Return the steps of the new version that stand before one that has begun, and have not been reached."""
    begun = before.status.keys() | ended
    return [
        Problem(node.pointer, "inserted-before-finished", f"step {node_id} would come before steps that have begun")
        for node_id, node in workflow.nodes.items()
        if node_id not in begun and downstream(workflow, node_id) & begun
    ]


def _edges(before: Progress, facts: Sequence[Fact], ended: set[str], workflow: Workflow) -> dict[str, EdgeState]:
    """Return the state of each edge that leaves a step which has ended: as it was decided, or decided now if new."""
    final = {fact.step: fact for fact in reversed(facts) if fact.kind.is_final}
    states: dict[str, EdgeState] = {}
    for node_id in ended & workflow.outgoing.keys():
        known = {
            _meaning(edge): before.edges[edge.id]
            for edge in before.workflow.outgoing.get(node_id, ())
            if edge.id in before.edges
        }
        for edge in workflow.outgoing[node_id]:
            state = known.get(_meaning(edge))
            states[edge.id] = _decide(before, final.get(node_id), edge) if state is None else state
    return states


def _decide(before: Progress, final: Fact | None, edge: Edge) -> EdgeState:
    """Decide an edge that is new behind a step, by how the step ended: see how ``engine.planner`` settles one."""
    if final is not None and final.kind is FactKind.FAILED:
        return EdgeState.TAKEN if is_error_edge(edge) and final.handled else EdgeState.DEAD
    if final is not None and final.kind is FactKind.SKIPPED and final.reason not in PASSING_SKIPS:
        return EdgeState.DEAD
    output = MISSING if final is None or edge.source == SOURCE else final.output
    is_taken = not is_error_edge(edge) and edge_taken(edge.condition, before.scope(output))
    return EdgeState.TAKEN if is_taken else EdgeState.NOT_TAKEN


def _meaning(edge: Edge) -> object:
    condition = edge.condition
    return edge.target, None if condition is None else (condition.type, condition.ref, repr(condition.value))
