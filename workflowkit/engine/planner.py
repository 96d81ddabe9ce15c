"""What happens next in a run of a workflow: the graph semantics, and nothing else.

An edge is *taken*, *not taken* or *dead*. A node is decided once all its incoming edges are settled: it becomes ready
if its join rule holds over the taken ones, else it is skipped and its outgoing edges are dead. Pure: values and ``now``
in, a ``Decision`` out. The caller commits the decision, or throws the progress away.

Its laws, checked in tests/properties/test_planner_properties.py: no step starts before its incoming edges are settled
(I8), the final state does not depend on the order of completion (I9), nothing is decided twice, every run ends.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from types import MappingProxyType

from workflowkit.base.errors import WorkflowKitError
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.conditions import edge_taken
from workflowkit.definition.model import SOURCE, ConditionType, Edge, Json, Node, OnError, Workflow
from workflowkit.definition.references import MISSING
from workflowkit.engine.facts import KEPT as KEPT
from workflowkit.engine.facts import UNDONE, ErrorInfo, Fact, FactKind
from workflowkit.engine.outcome import Failed, Outcome, Succeeded
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.retry import backoff_of, delay_note, may_retry, next_attempt_at_ms, restricted
from workflowkit.engine.states import EdgeState, StepStatus
from workflowkit.engine.surroundings import NO_SURROUNDINGS, Surroundings

_log = logging.getLogger(__name__)

__all__ = ["Decision", "Finish", "Progress", "begin", "cancel", "go_on", "is_error_edge", "settle"]

# Why a step was skipped or cancelled: the ``reason`` of its fact.
CONDITION_FALSE = "condition-false"
"""No incoming edge is taken, and the condition of at least one did not hold."""
BRANCH_DEAD = "branch-dead"
"""Every source was skipped or failed without a handler."""
JOIN_NOT_MET = "join-not-met"
"""Some incoming edges are taken, fewer than the join rule asks for."""
SKIP_IF, DISABLED = "skip-if", "disabled"
"""The node's own settings say so. What follows it goes on as if its output were null."""
CACHED = "cached"
"""The step completed with the output of an earlier one (``settings.cache``)."""
RUN_STOPPED = "run-stopped"
"""A step ended the run on purpose."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What must be committed together: facts to insert, steps that became ready (by rank), and how the run ended."""

    facts: tuple[Fact, ...] = ()
    ready: tuple[str, ...] = ()
    finish: Finish | None = None


_NOTHING = Decision()
_NONE_KEPT: Mapping[str, Fact] = MappingProxyType({})


def begin(
    workflow: Workflow,
    event: Json,
    now_ms: int,
    around: Surroundings = NO_SURROUNDINGS,
    kept: Mapping[str, Fact] = _NONE_KEPT,
) -> tuple[Progress, Decision]:
    """Start a run. The first fact completes the trigger node and carries the decisions on its edges.

    ``around`` is for a part of a document; ``kept`` are results of an earlier run by node, not executed
    again. Raises ``LimitExceeded`` if a condition on the edges cannot be evaluated.
    """
    progress = Progress(workflow, event, around)
    edges = _decide_edges(progress, SOURCE, MISSING)
    return progress, _advance(progress, Fact(FactKind.COMPLETED, SOURCE, edges=edges, at_ms=now_ms), kept)


def settle(
    progress: Progress,
    node_id: str,
    attempt: int,
    outcome: Outcome,
    *,
    retries: int,
    now_ms: int,
    jitter: float,
    free_attempts: int = 0,
) -> Decision:
    """Decide what the outcome of an attempt (from 1) leads to. The first ``free_attempts`` cost no retry.

    A failure with budget left gives one ``retry`` fact and nothing else. Attempts that were lost with their worker are
    not held against the step by a caller that adds them to ``retries``. Anything but a step that is ready and unsettled
    decides nothing: a late or repeated result, a run that has ended.
    """
    if progress.status.get(node_id) is not StepStatus.READY:
        return _NOTHING  # SAFETY: I2 I12 — a settled step is never decided again
    node = progress.workflow.nodes[node_id]
    if isinstance(outcome, Failed):
        outcome, counted = restricted(outcome, node.retry_on), attempt - free_attempts
        if may_retry(counted, outcome, retries=retries):
            return Decision((_retry(node, attempt, counted, outcome, now_ms, jitter),))
    fact = _final_fact(progress, node_id, attempt, outcome, now_ms)
    if not fact.stop:
        return _advance(progress, fact)
    progress.record(fact)
    return Decision((fact, *_cancel_rest(progress, now_ms, RUN_STOPPED)), finish=progress.finish)


def _retry(node: Node, attempt: int, counted: int, failure: Failed, now_ms: int, jitter: float) -> Fact:
    due_ms = next_attempt_at_ms(counted, failure, now_ms=now_ms, jitter=jitter, backoff=backoff_of(node.backoff))
    note = delay_note(failure, now_ms)
    return Fact(FactKind.RETRY, node.id, attempt, error=failure.error, reason=note, retry_at_ms=due_ms, at_ms=now_ms)


def cancel(progress: Progress, now_ms: int, reason: str) -> Decision:
    """End the run: every step that is not settled is cancelled. A run that has ended decides nothing."""
    if progress.unfinished_count == 0:
        return _NOTHING
    return Decision(_cancel_rest(progress, now_ms, reason), finish=progress.finish)


def _final_fact(progress: Progress, node_id: str, attempt: int, outcome: Outcome, now_ms: int) -> Fact:
    """Return the fact that settles a step for good."""
    try:
        output, edges, handled = _way_on(progress, node_id, outcome)
    except Exception as error:
        # SAFETY: I4 I5 — a condition whose evaluation fails would do so each time, and the action be executed again for
        # it: the step fails, the run goes on.
        progress.outputs.pop(node_id, None)
        outcome = Failed(_info("edge condition", error))
        output, edges, handled = None, _all_edges(progress, node_id, EdgeState.DEAD), False
    if isinstance(outcome, Succeeded):
        reason = CACHED if outcome.is_cached else None
        return Fact(
            FactKind.COMPLETED,
            node_id,
            attempt,
            output,
            edges=edges,
            stop=outcome.stop,
            reason=reason,
            at_ms=now_ms,
            detail={UNDONE: True} if outcome.has_compensation else None,
        )
    return Fact(FactKind.FAILED, node_id, attempt, output, outcome.error, edges, handled, at_ms=now_ms)


def _way_on(progress: Progress, node_id: str, outcome: Outcome) -> tuple[Json, dict[str, EdgeState], bool]:
    """Return what later steps see of a step, the state of its outgoing edges, and whether its failure is handled."""
    if isinstance(outcome, Succeeded):
        if outcome.stop:
            return outcome.output, _all_edges(progress, node_id, EdgeState.NOT_TAKEN), False
        return outcome.output, _decide_edges(progress, node_id, outcome.output), False
    node = progress.workflow.nodes[node_id]
    error_output = {"error": outcome.error.as_dict()}
    match node.on_error:
        case OnError.FAIL:
            return None, _all_edges(progress, node_id, EdgeState.DEAD), False
        case OnError.CONTINUE:
            return error_output, _decide_edges(progress, node_id, error_output), True
        case OnError.FALLBACK:
            return node.fallback, _decide_edges(progress, node_id, node.fallback), True
        case OnError.BRANCH:
            outgoing = progress.workflow.outgoing[node_id]
            return error_output, {edge.id: _taken_if(is_error_edge(edge)) for edge in outgoing}, True


def _advance(progress: Progress, fact: Fact, kept: Mapping[str, Fact] = _NONE_KEPT) -> Decision:
    """Record a final fact and follow it: nodes that became ready, and skips that spread down dead branches.

    A loop over a heap by rank, not recursion: a chain of skips may be as long as the workflow.
    """
    return go_on(progress, (fact,), progress.record(fact), fact.at_ms, kept)


def go_on(
    progress: Progress,
    decided: Sequence[Fact],
    settled: Iterable[str],
    now_ms: int,
    kept: Mapping[str, Fact] = _NONE_KEPT,
) -> Decision:
    """Follow what is ``decided``: nodes all of whose incoming edges are ``settled`` become ready, or are skipped."""
    nodes = progress.workflow.nodes
    facts, ready = [*decided], []
    reached = [(nodes[node_id].rank, node_id) for node_id in settled]
    heapify(reached)
    while reached:
        _, node_id = heappop(reached)
        passed = _skip(progress, node_id, now_ms)
        if passed is None and node_id in kept:
            passed = _copy(progress, kept[node_id], now_ms)
        if passed is None:
            progress.mark_ready(node_id)
            ready.append(node_id)
            continue
        facts.append(passed)
        for next_id in progress.record(passed):
            heappush(reached, (nodes[next_id].rank, next_id))
    return Decision(tuple(facts), tuple(ready), progress.finish)


def _copy(progress: Progress, result: Fact, now_ms: int) -> Fact:
    """Return the fact that gives a node the result it had in an earlier run, with its decisions on the same edges."""
    outgoing = progress.workflow.outgoing[result.step]
    known = result.edges or {}
    edges = {edge.id: known[edge.id] for edge in outgoing if edge.id in known}
    if len(edges) < len(outgoing):  # of another version
        way_on = Succeeded(result.output) if result.error is None else Failed(result.error)
        edges = dict(_final_fact(progress, result.step, 0, way_on, now_ms).edges or {})
    return replace(result, attempt=0, edges=edges, reason=KEPT, worker=None, at_ms=now_ms)


def _skip(progress: Progress, node_id: str, now_ms: int) -> Fact | None:
    """Return the fact that settles a node without executing it; ``None`` if it is to be executed."""
    if progress.join_holds(node_id):
        return _passed_by(progress, progress.workflow.nodes[node_id], now_ms)
    workflow = progress.workflow
    states = {progress.edges[edge.id] for edge in workflow.incoming[node_id]}
    reason = BRANCH_DEAD
    if EdgeState.TAKEN in states:
        reason = JOIN_NOT_MET
    elif EdgeState.NOT_TAKEN in states:
        reason = CONDITION_FALSE
    dead = _all_edges(progress, node_id, EdgeState.DEAD)
    return Fact(FactKind.SKIPPED, node_id, edges=dead, reason=reason, at_ms=now_ms)


def _passed_by(progress: Progress, node: Node, now_ms: int) -> Fact | None:
    """Return the fact of a node whose own settings say that it is not to be executed.

    The run goes on behind it as if its output were null. A ``skip_if`` that cannot be evaluated fails the node: what
    was to be kept from happening must not happen by mistake.
    """
    if not node.disabled and node.skip_if is None:
        return None
    try:
        if not node.disabled and not _holds(node.skip_if or "", progress, now_ms):
            return None
        edges = _decide_edges(progress, node.id, None)
    except Exception as error:
        progress.outputs.pop(node.id, None)
        return _final_fact(progress, node.id, 0, Failed(_info("skip_if", error)), now_ms)
    progress.outputs.pop(node.id, None)
    reason = DISABLED if node.disabled else SKIP_IF
    return Fact(FactKind.SKIPPED, node.id, edges=edges, reason=reason, at_ms=now_ms)


def _info(what: str, error: Exception) -> ErrorInfo:
    """Return how a step fails because of ``what``; of a fault of ours with its traceback in the log only."""
    if not isinstance(error, WorkflowKitError):
        _log.error("%s could not be evaluated", what, exc_info=error)
        return ErrorInfo(type(error).__name__, f"{what}: internal error", WorkflowKitError.code, retryable=False)
    return ErrorInfo(type(error).__name__, f"{what}: {error.message}", error.code, retryable=False)


def _holds(condition: str, progress: Progress, now_ms: int) -> bool:
    state = progress.outputs if progress.state is progress.outputs else dict(progress.state)
    seen = {"event": progress.event, "state": state, "now": now_ms, **progress.roots}
    return compile_expression(condition).matches(seen)


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
    scope = progress.scope(output)
    return {edge.id: _taken_if(edge_taken(edge.condition, scope)) for edge in outgoing}


def _all_edges(progress: Progress, node_id: str, state: EdgeState) -> dict[str, EdgeState]:
    return dict.fromkeys((edge.id for edge in progress.workflow.outgoing[node_id]), state)


def is_error_edge(edge: Edge) -> bool:
    """Tell whether an edge is for the failure of its source, and never taken otherwise."""
    return edge.condition is not None and edge.condition.type is ConditionType.ERROR


def _taken_if(holds: bool) -> EdgeState:
    return EdgeState.TAKEN if holds else EdgeState.NOT_TAKEN
