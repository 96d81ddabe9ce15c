"""A workflow document for a server's call: each node is a step, and the planner decides what is next.

Nothing is kept between calls. The server's results of nodes are settled again, in any order: what comes of them is the
same (I9). Conditions over the present time see the time of the call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import WorkflowKitError
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import failed_by
from workflowkit.engine.outcome import Attempted, Failed, Outcome, Succeeded
from workflowkit.engine.planner import begin, settle
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.retry import backoff_of, restricted
from workflowkit.engine.session import RUN_STEP
from workflowkit.engine.states import RunStatus
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.serving.names import Names
from workflowkit.inngest.serving.operations import (
    ERROR,
    FAILED,
    PLANNED,
    RUN,
    Answered,
    described,
    operation,
    side_by_side,
)
from workflowkit.inngest.serving.performing import DONE, OPERATIONS, Attempt, Reply, failure, told
from workflowkit.inngest.serving.recollection import recalled
from workflowkit.inngest.serving.session import asked_seconds

#: Marks the output of a node that ends the run (``ctx.stop``) in what the server remembers.
STOP = "workflowkit/stop"


@dataclass(slots=True)
class _Found:
    """How far a run is: which nodes are next, or how it ended."""

    progress: Progress
    next: list[str]
    finish: Finish | None


def perform_graph(attempt: Attempt) -> Reply:
    """Return the answer to a call of a document; ``attempt`` is of any of its nodes, and names the target."""
    found = _found(attempt)
    if found.finish is not None:
        return _ended(found.finish)
    call, target = attempt.call, attempt.target
    if target is not None:
        chosen = [node_id for node_id in found.next if hash_of(node_id) == target]
    else:
        chosen = found.next if len(found.next) == 1 and not call.plans_only else []
    if chosen:
        return _execute(attempt, found.progress, chosen[0])
    if target is not None:
        return Reply(OPERATIONS, [])  # settled meanwhile: the server asks what is next
    told = [item for node_id in found.next for item in _next(attempt, found.progress, node_id)]
    return Reply(OPERATIONS, side_by_side(told))


def _found(attempt: Attempt) -> _Found:
    workflow, call, now_ms = attempt.workflow, attempt.call, attempt.means.now_ms()
    progress, decision = begin(workflow, dict(attempt.events[0]), now_ms)
    queue, waiting, finish = list(decision.ready), [], decision.finish
    while queue and finish is None:
        node_id = queue.pop(0)
        hashed = hash_of(node_id)
        outcome = _remembered(node_id, call.steps[hashed], attempt.means.names) if hashed in call.steps else None
        if outcome is None:
            waiting.append(node_id)
            continue
        decision = settle(progress, node_id, 1, outcome, retries=0, now_ms=now_ms, jitter=0.0)
        queue += decision.ready
        finish = decision.finish
    waiting.sort(key=lambda node_id: workflow.nodes[node_id].rank)
    return _Found(progress, waiting, finish)


def _remembered(node_id: str, value: Any, names: Names) -> Outcome | None:
    fact = recalled(node_id, node_id, RUN_STEP, value, names)
    if fact is None:
        return None
    if fact.error is not None:
        return Failed(fact.error)
    if isinstance(fact.output, dict) and fact.output.keys() == {STOP}:
        return Succeeded(fact.output[STOP], stop=True)
    return Succeeded(fact.output)


def _execute(attempt: Attempt, progress: Progress, node_id: str) -> Reply:
    attempt = _of_node(attempt, progress, node_id)
    try:
        outcome, answered = _attempted(attempt, progress)
        if answered.is_executed:
            return told(answered)
        if isinstance(outcome, Succeeded):
            attempt.send_emitted(outcome.events)
            return Reply(OPERATIONS, [_completed(node_id, outcome)])
    except WorkflowKitError as error:
        outcome = failed_by(error)
    if isinstance(outcome, Failed):
        return _failed_step(attempt, restricted(outcome, attempt.node.retry_on))
    return told(answered)


def _next(attempt: Attempt, progress: Progress, node_id: str) -> list[dict[str, Any]]:
    """Return what there is to tell of a node that is next beside others: that it is executed in a call of its own.

    One that touches nothing outside of the run is executed at once, so that what it waits for begins together with the
    others; unless it fails, or wants events sent, or the server wants nothing executed.
    """
    attempt = _of_node(attempt, progress, node_id)
    spec = attempt.means.registry.executable(attempt.node.kind)
    if spec is not None and not spec.external and not attempt.call.plans_only:
        try:
            outcome, answered = _attempted(attempt, progress)
        except WorkflowKitError:
            outcome, answered = None, Answered()
        if answered.items and answered.is_final is None:
            return list(answered.items)
        if isinstance(outcome, Succeeded) and not outcome.events and not answered.items:
            return [_completed(node_id, outcome)]
    return [operation(PLANNED, node_id)]


def _of_node(attempt: Attempt, progress: Progress, node_id: str) -> Attempt:
    return replace(attempt, node=attempt.workflow.nodes[node_id], state=progress.state)


def _attempted(attempt: Attempt, progress: Progress) -> tuple[Attempted, Answered]:
    """Call the handler of a node. Raises ``WorkflowKitError`` for inputs that cannot be."""
    spec = attempt.means.registry.executable(attempt.node.kind)
    inputs = {} if spec is None else resolve_inputs(attempt.node, spec, progress.scope())
    return replace(attempt, inputs=inputs).make()


def _completed(node_id: str, outcome: Succeeded) -> dict[str, Any]:
    return operation(RUN, node_id, data={STOP: outcome.output} if outcome.stop else outcome.output)


def _failed_step(attempt: Attempt, failed: Failed) -> Reply:
    node, number = attempt.node, attempt.call.attempt + 1
    is_final = not attempt.will_retry(failed)
    item = operation(FAILED if is_final else ERROR, node.id, error=described(failed.error))
    own_backoff = None if node.backoff is None else backoff_of(node.backoff)
    after = None if is_final else asked_seconds(number, failed, attempt.means.now_ms(), own_backoff)
    return Reply(OPERATIONS, [item], is_final, after)


def _ended(finish: Finish) -> Reply:
    if finish.status is RunStatus.COMPLETED:
        return Reply(DONE, finish.output)
    error = finish.error or ErrorInfo("RunFailed", "the run failed", "run-failed")
    return failure(error, is_final=True)  # its steps had retries of their own
