"""What happens next in a run of a workflow: the graph semantics, and nothing else.

An edge is *taken*, *not taken* or *dead*. A node is decided once all its incoming edges are settled: it becomes ready
if its join rule holds over the taken ones, else it is skipped and its outgoing edges are dead. Pure: values and ``now``
in, a ``Decision`` out. The caller commits the decision, or throws the progress away.

Its laws, checked in tests/properties/test_planner_properties.py: no step starts before its incoming edges are settled
(I8), the final state does not depend on the order of completion (I9), nothing is decided twice, every run ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from workflowkit.definition.model import SOURCE, ConditionType, Edge, Json, OnError, Workflow
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.outcome import Failed, Outcome, Succeeded
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.retry import DEFAULT_BACKOFF, Backoff, delay_note, may_retry, next_attempt_at_ms
from workflowkit.engine.states import EdgeState, StepStatus

__all__ = ["Decision", "Finish", "Progress", "begin", "cancel", "settle"]

# Why a step was skipped or cancelled: the ``reason`` of its fact.
CONDITION_FALSE = "condition-false"
"""No incoming edge is taken, and the condition of at least one did not hold."""
BRANCH_DEAD = "branch-dead"
"""Every source was skipped or failed without a handler."""
JOIN_NOT_MET = "join-not-met"
"""Some incoming edges are taken, fewer than the join rule asks for."""
RUN_STOPPED = "run-stopped"
"""A step ended the run on purpose."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What must be committed together: facts to insert, steps that became ready (by rank), and how the run ended."""

    facts: tuple[Fact, ...] = ()
    ready: tuple[str, ...] = ()
    finish: Finish | None = None


_NOTHING = Decision()


def begin(workflow: Workflow, event: Json, now_ms: int) -> tuple[Progress, Decision]:
    """Start a run. The first fact completes the trigger node and carries the decisions on its edges."""
    progress = Progress(workflow, event)
    edges = _decide_edges(progress, SOURCE, None)
    return progress, _advance(progress, Fact(FactKind.COMPLETED, SOURCE, edges=edges, at_ms=now_ms))


def settle(
    progress: Progress,
    node_id: str,
    attempt: int,
    outcome: Outcome,
    *,
    retries: int,
    now_ms: int,
    jitter: float,
    backoff: Backoff = DEFAULT_BACKOFF,
) -> Decision:
    """Decide what the outcome of an attempt (from 1) leads to.

    A failure with budget left gives one ``retry`` fact and nothing else. Attempts that were lost with their worker are
    not held against the step by a caller that adds them to ``retries``. Anything but a step that is ready and unsettled
    decides nothing: a late or repeated result, a run that has ended.
    """
    if progress.status.get(node_id) is not StepStatus.READY:
        return _NOTHING  # SAFETY: I2 I12 — a settled step is never decided again
    if isinstance(outcome, Succeeded):
        return _complete(progress, node_id, attempt, outcome, now_ms)
    if may_retry(attempt, outcome, retries=retries):
        due_ms = next_attempt_at_ms(attempt, outcome, now_ms=now_ms, jitter=jitter, backoff=backoff)
        retry = Fact(
            FactKind.RETRY,
            node_id,
            attempt,
            error=outcome.error,
            reason=delay_note(outcome),
            retry_at_ms=due_ms,
            at_ms=now_ms,
        )
        return Decision(facts=(retry,))
    return _advance(progress, _failure(progress, node_id, attempt, outcome, now_ms))


def cancel(progress: Progress, now_ms: int, reason: str) -> Decision:
    """End the run: every step that is not settled is cancelled. A run that has ended decides nothing."""
    if progress.unfinished_count == 0:
        return _NOTHING
    return Decision(_cancel_rest(progress, now_ms, reason), finish=progress.finish)


def _complete(progress: Progress, node_id: str, attempt: int, outcome: Succeeded, now_ms: int) -> Decision:
    if not outcome.stop:
        edges = _decide_edges(progress, node_id, outcome.output)
        return _advance(progress, Fact(FactKind.COMPLETED, node_id, attempt, outcome.output, edges=edges, at_ms=now_ms))
    edges = dict.fromkeys((edge.id for edge in progress.workflow.outgoing[node_id]), EdgeState.NOT_TAKEN)
    last = Fact(FactKind.COMPLETED, node_id, attempt, outcome.output, edges=edges, stop=True, at_ms=now_ms)
    progress.record(last)
    return Decision((last, *_cancel_rest(progress, now_ms, RUN_STOPPED)), finish=progress.finish)


def _failure(progress: Progress, node_id: str, attempt: int, outcome: Failed, now_ms: int) -> Fact:
    """Return the final fact of a step that gave up, as its node's ``on_error`` wants it."""
    node = progress.workflow.nodes[node_id]
    output: Json = {"error": outcome.error.as_dict()}
    outgoing = progress.workflow.outgoing[node_id]
    edges: Mapping[str, EdgeState]
    match node.on_error:
        case OnError.FAIL:
            edges, output = dict.fromkeys((edge.id for edge in outgoing), EdgeState.DEAD), None
        case OnError.BRANCH:
            edges = {edge.id: _taken_if(_is_error_edge(edge)) for edge in outgoing}
        case OnError.CONTINUE:
            edges = _decide_edges(progress, node_id, output)
        case OnError.FALLBACK:
            output = node.fallback
            edges = _decide_edges(progress, node_id, output)
    return Fact(
        FactKind.FAILED,
        node_id,
        attempt,
        output,
        outcome.error,
        edges,
        handled=node.on_error is not OnError.FAIL,
        at_ms=now_ms,
    )


def _advance(progress: Progress, fact: Fact) -> Decision:
    """Record a final fact and follow it: nodes that became ready, and skips that spread down dead branches.

    A loop over a heap by rank, not recursion: a chain of skips may be as long as the workflow.
    """
    nodes = progress.workflow.nodes
    facts, ready = [fact], []
    reached = [(nodes[node_id].rank, node_id) for node_id in progress.record(fact)]
    heapify(reached)
    while reached:
        _, node_id = heappop(reached)
        if progress.join_holds(node_id):
            progress.mark_ready(node_id)
            ready.append(node_id)
            continue
        skip = _skip(progress, node_id, fact.at_ms)
        facts.append(skip)
        for next_id in progress.record(skip):
            heappush(reached, (nodes[next_id].rank, next_id))
    return Decision(tuple(facts), tuple(ready), progress.finish)


def _skip(progress: Progress, node_id: str, now_ms: int) -> Fact:
    workflow = progress.workflow
    states = {progress.edges[edge.id] for edge in workflow.incoming[node_id]}
    reason = BRANCH_DEAD
    if EdgeState.TAKEN in states:
        reason = JOIN_NOT_MET
    elif EdgeState.NOT_TAKEN in states:
        reason = CONDITION_FALSE
    dead = dict.fromkeys((edge.id for edge in workflow.outgoing[node_id]), EdgeState.DEAD)
    return Fact(FactKind.SKIPPED, node_id, edges=dead, reason=reason, at_ms=now_ms)


def _cancel_rest(progress: Progress, now_ms: int, reason: str) -> tuple[Fact, ...]:
    """Cancel what is unsettled, reached or not, so that every step of an ended run has its final fact."""
    open_ids = [node_id for node_id in progress.workflow.nodes if not progress.is_settled(node_id)]
    facts = tuple(Fact(FactKind.CANCELLED, node_id, reason=reason, at_ms=now_ms) for node_id in open_ids)
    for fact in facts:
        progress.record(fact)
    return facts


def _decide_edges(progress: Progress, node_id: str, output: Json) -> dict[str, EdgeState]:
    """Evaluate the conditions on the outgoing edges of a node that has an output, once and for all."""
    outgoing = progress.workflow.outgoing[node_id]
    if node_id != SOURCE:
        # Conditions may read ``$.state.<id>`` of their own source. The fact that follows puts the same value there; a
        # copy of all outputs per step would make long runs quadratic.
        progress.outputs[node_id] = output
    if all(edge.condition is None for edge in outgoing):
        return dict.fromkeys((edge.id for edge in outgoing), EdgeState.TAKEN)
    from workflowkit.definition.conditions import edge_taken
    from workflowkit.definition.references import MISSING, ReferenceScope

    scope = ReferenceScope(progress.event, progress.outputs, MISSING if node_id == SOURCE else output)
    return {edge.id: _taken_if(not _is_error_edge(edge) and edge_taken(edge.condition, scope)) for edge in outgoing}


def _is_error_edge(edge: Edge) -> bool:
    return edge.condition is not None and edge.condition.type is ConditionType.ERROR


def _taken_if(holds: bool) -> EdgeState:
    return EdgeState.TAKEN if holds else EdgeState.NOT_TAKEN
