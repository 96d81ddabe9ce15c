"""A code function for a server's call; and what undoes its steps, once it has failed for good.

The failure becomes a step of its own. From then on the function is not entered to go on, but to say how its steps are
undone; each that is undone is a step again, under its name behind ``$compensate/``.
"""

from __future__ import annotations

from dataclasses import replace

from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import failed_by
from workflowkit.engine.outcome import Failed, Succeeded
from workflowkit.engine.recorder import Undone
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.serving.operations import RUN, Answered, described, operation
from workflowkit.inngest.serving.performing import DONE, OPERATIONS, Attempt, Reply, failure, told
from workflowkit.inngest.serving.recollection import error_info
from workflowkit.inngest.serving.session import asked_seconds
from workflowkit.registry.compensation import UNDO_PREFIX

#: The step that says why a function has failed whose steps are undone.
FAILED_STEP = "$failed"


def perform_function(attempt: Attempt) -> Reply:
    """Return the answer to a call of a code function."""
    if (error := _failure_of(attempt)) is not None:
        return _undo(attempt, error)
    outcome, answered = _go_on(attempt)
    if outcome is None:
        return told(answered)
    if isinstance(outcome, Failed) and answered.past and not attempt.will_retry(outcome):
        if attempt.target is not None:
            return Reply(OPERATIONS, [])  # the server calls the whole again, which fails, too
        return Reply(OPERATIONS, [operation(RUN, FAILED_STEP, data=described(outcome.error))])
    return _ended(attempt, outcome)


def _go_on(attempt: Attempt) -> tuple[Succeeded | Failed | None, Answered]:
    """Return how the function ended, else ``None``; and what there is to tell."""
    outcome, answered = attempt.make()
    has_ended = isinstance(outcome, Succeeded | Failed)
    only = answered.only_planned
    if only is not None and attempt.target is None and not attempt.call.plans_only and not has_ended:
        # Nothing else can be next: it is executed at once, without another call.
        outcome, answered = replace(attempt, target=only).make()
    if answered.is_executed or not isinstance(outcome, Succeeded | Failed):
        return None, answered
    return outcome, answered


def _ended(attempt: Attempt, outcome: Succeeded | Failed) -> Reply:
    """Return the result of a whole function as an answer."""
    if isinstance(outcome, Succeeded):
        if attempt.target is not None:
            return Reply(OPERATIONS, [])  # the step that was asked for is gone: the server calls the whole again
        try:
            return Reply(DONE, attempt.let_out(outcome).output)
        except Exception as error:
            outcome = failed_by(error)
    is_final = not attempt.will_retry(outcome)
    after = asked_seconds(attempt.call.attempt + 1, outcome, attempt.means.now_ms(), None)
    return failure(outcome.error, is_final=is_final, retry_after_seconds=None if is_final else after)


# --- undoing


def _failure_of(attempt: Attempt) -> ErrorInfo | None:
    """Return why the function has failed, if it is undone now."""
    value = attempt.call.steps.get(hash_of(FAILED_STEP))
    data = value.get("data") if isinstance(value, dict) else None
    return None if data is None else error_info(data)


def _undo(attempt: Attempt, error: ErrorInfo) -> Reply:
    """Undo the next of the steps that completed, the last one first; the failure is the answer after all of them."""
    # Only the handler knows how its steps are called: it comes to them once more, and executes none.
    _, answered = replace(attempt, target=None, plans_only=True).make()
    undoing = replace(
        attempt, node=replace(attempt.node, kind=UNDO_PREFIX + attempt.node.kind),
        undone=Undone(attempt.call.run_id, answered.past),
    )  # fmt: skip
    outcome, answered = _go_on(undoing)
    if outcome is None:
        return told(answered)
    return failure(error, is_final=True) if attempt.target is None else Reply(OPERATIONS, [])
