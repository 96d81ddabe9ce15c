"""A workflow document for a server's call: each node is a step, and the planner decides what is next.

Nothing is kept between calls. Conditions over the present time see the time of the call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import WorkflowKitError
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.definition.output import refused_inputs
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import failed_by
from workflowkit.engine.outcome import Attempted, Failed, Succeeded
from workflowkit.engine.progress import Finish
from workflowkit.engine.retry import backoff_of, restricted
from workflowkit.engine.states import RunStatus
from workflowkit.engine.waitspecs import INVOKED_EVENT
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.serving.memory import STEPS, STOP, Memory, result_id
from workflowkit.inngest.serving.operations import (
    ERROR,
    FAILED,
    PLANNED,
    RUN,
    SLEEP,
    Answered,
    described,
    operation,
    side_by_side,
)
from workflowkit.inngest.serving.performing import DONE, OPERATIONS, Attempt, Reply, failure, told
from workflowkit.inngest.serving.places import Place
from workflowkit.inngest.serving.session import asked_seconds
from workflowkit.inngest.serving.walking import Walker
from workflowkit.runtime.caching import cache_key


def perform_graph(attempt: Attempt) -> Reply:
    """Return the answer to a call of a document; ``attempt`` is of any of its nodes, and names the target."""
    if (refused := _refused(attempt)) is not None:
        return failure(refused, is_final=True)
    means, call = attempt.means, attempt.call
    memory = Memory(call, means.names)
    found = Walker(attempt.events, memory, means.registry, means.limits, means.now_ms()).walk(
        attempt.workflow, attempt.served.given
    )
    if found.finish is not None:
        return _ended(found.finish)
    nodes = [_NextNode(attempt, place, memory) for place in found.next]
    if call.target is not None:
        # What has been settled meanwhile is none of them: then the server asks what is next.
        return next(filter(None, (each.called(call.target) for each in nodes)), Reply(OPERATIONS, []))
    if len(nodes) == 1 and not call.plans_only:
        return nodes[0].executed()
    told = [item for each in nodes[: means.limits.steps_per_run] for item in each.told()]
    return Reply(OPERATIONS, side_by_side(told))


def _refused(attempt: Attempt) -> ErrorInfo | None:
    """Return why a document that is invoked does not take what it is given."""
    event = attempt.events[0]
    if event.get("name") != INVOKED_EVENT:
        return None
    reason = refused_inputs(attempt.workflow, event.get("data"))
    return None if reason is None else ErrorInfo("InvokeRefused", reason, "invoke-input-invalid", retryable=False)


class _NextNode:
    """A node that is next.

    A node is a step. If it turns out to have steps of its own, and is executed beside others, then the step says that,
    since a server waits for what was planned; each of its own steps is planned by itself, and its result is another.
    """

    def __init__(self, attempt: Attempt, place: Place, memory: Memory) -> None:
        within = place.within
        self._attempt = replace(
            attempt, node=place.node, graph=within.graph, prefix=within.prefix, state=within.progress.state, target=None
        )
        self._place = place
        self._has_steps = place.clock_ms is None and memory.has_steps(place.id)
        self._id = result_id(place.id) if self._has_steps else place.id

    def executed(self) -> Reply:
        """Execute the node's next step, or the node: it is the only one that is next."""
        return self._reply(replace(self._attempt, is_free=True))

    def called(self, target: str) -> Reply | None:
        """Answer the call of one step; ``None`` if it is not of this node."""
        if target == hash_of(self._id):
            return self._reply(replace(self._attempt, plans_only=True))
        if not self._has_steps:
            return None
        try:
            _, answered = self._attempted(replace(self._attempt, plans_only=True, target=target))
        except WorkflowKitError:
            return None  # the step that says what the node comes to will tell
        return told(answered) if answered.is_executed else None

    def told(self) -> list[dict[str, Any]]:
        """Return what there is to tell of the node beside others: that it is executed in a call of its own.

        One that touches nothing outside of the run is executed at once, so that what it waits for begins together with
        the others; unless it fails, or wants events sent, or the server wants nothing executed.
        """
        attempt, planned = self._attempt, [operation(PLANNED, self._id)]
        plans_only = attempt.call.plans_only
        if (known := self._known()) is not None:
            return planned if plans_only and known["op"] != SLEEP else [known]
        spec = attempt.means.registry.executable(attempt.node.kind)
        is_inside = spec is not None and not spec.external and not plans_only
        if not is_inside and not self._has_steps:
            return planned
        try:
            outcome, answered = self._attempted(replace(attempt, is_free=is_inside, plans_only=not is_inside))
        except WorkflowKitError:
            return planned
        if answered.items and answered.is_final is None:
            return list(answered.items)
        if isinstance(outcome, Succeeded) and not outcome.events and not answered.items and not plans_only:
            return [_completed(self._id, outcome)]
        return planned

    def _reply(self, attempt: Attempt) -> Reply:
        """Let the node come as far as it may; return the answer."""
        if (known := self._known()) is not None:
            return Reply(OPERATIONS, [known], True if known["op"] == FAILED else None)
        try:
            outcome, answered = self._attempted(attempt)
            if answered.is_executed:
                return told(answered)
            if isinstance(outcome, Succeeded):
                return Reply(OPERATIONS, [_completed(self._id, attempt.let_out(outcome))])
        except WorkflowKitError as error:
            outcome = failed_by(error)
        if isinstance(outcome, Failed):
            return _failed_step(attempt, restricted(outcome, attempt.node.retry_on), self._id)
        if attempt.is_free:
            return told(answered)
        return Reply(OPERATIONS, [] if self._has_steps else [operation(RUN, self._id, data={STEPS: True})])

    def _known(self) -> dict[str, Any] | None:
        """Return what there is to tell where no handler is called; ``None`` if one is."""
        place = self._place
        if place.clock_ms is not None:
            return operation(SLEEP, place.id, name=rfc3339(self._attempt.means.now_ms() + place.clock_ms))
        if isinstance(place.outcome, Failed):
            return operation(FAILED, place.id, error=described(place.outcome.error))
        return None if place.outcome is None else _completed(place.id, place.outcome)

    def _attempted(self, attempt: Attempt) -> tuple[Attempted, Answered]:
        """Call the handler. Raises ``WorkflowKitError`` for inputs that cannot be."""
        node, means = attempt.node, attempt.means
        spec = means.registry.executable(node.kind)
        scope = self._place.within.progress.scope()
        inputs = {} if spec is None else resolve_inputs(node, spec, scope, limits=means.limits)
        key = cache_key(node, scope, means.limits)
        if key is not None and not self._has_steps and (kept := means.outputs.find(key)) is not None:
            return Succeeded(kept[0], is_cached=True), Answered()
        outcome, answered = replace(attempt, inputs=inputs).make()
        if key is not None and isinstance(outcome, Succeeded):
            means.outputs.keep_of(node, key, outcome)
        return outcome, answered


def _completed(step_id: str, outcome: Succeeded) -> dict[str, Any]:
    return operation(RUN, step_id, data={STOP: outcome.output} if outcome.stop else outcome.output)


def _failed_step(attempt: Attempt, failed: Failed, step_id: str) -> Reply:
    node, number = attempt.node, attempt.call.attempt + 1
    is_final = not attempt.will_retry(failed)
    item = operation(FAILED if is_final else ERROR, step_id, error=described(failed.error))
    own_backoff = None if node.backoff is None else backoff_of(node.backoff)
    after = None if is_final else asked_seconds(number, failed, attempt.means.now_ms(), own_backoff)
    return Reply(OPERATIONS, [item], is_final, after)


def _ended(finish: Finish) -> Reply:
    if finish.status is RunStatus.COMPLETED:
        return Reply(DONE, finish.output)
    error = finish.error or ErrorInfo("RunFailed", "the run failed", "run-failed")
    return failure(error, is_final=True)  # its steps had retries of their own
