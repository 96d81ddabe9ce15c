"""What a worker does with a hint: match events, or claim a step and go on with its run as far as it leads.

Actions run outside any transaction, under a lease that the heartbeat keeps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import DefinitionError, InvalidInput, LeaseInterrupt, LeaseLost, StoreUnavailable
from workflowkit.base.ids import idempotency_key
from workflowkit.base.settings import Settings
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.definition.model import Node
from workflowkit.definition.references import ReferenceScope
from workflowkit.engine.context import ActionConfig, RunInfo, StepContext, StepInfo
from workflowkit.engine.executor import execute, failed_by
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.outcome import Failed, Outcome
from workflowkit.registry import ActionSpec, Registry
from workflowkit.registry.spec import DEFAULT_RETRIES
from workflowkit.runtime.advance import Advance, Recorded
from workflowkit.runtime.backlog import Backlog
from workflowkit.runtime.hints import Dispatcher, StepHint
from workflowkit.runtime.leases import Heartbeat
from workflowkit.runtime.matching import Matching
from workflowkit.runtime.position import Claim, Opening

_log = logging.getLogger(__name__)

#: Pauses between tries to record a result while the database is away; the lease ends the trying.
RECORD_PAUSES_SECONDS = (0.1, 0.5, 2.0, 5.0)


@dataclass(slots=True)
class _Budget:
    """How long one task may go on with a run before it hands it over, so that no run starves the others."""

    ends_at: float
    steps_left: int

    def allows(self) -> bool:
        self.steps_left -= 1
        return self.steps_left > 0 and monotonic_seconds() < self.ends_at


class Worker:
    """Handles hints in one process. Thread-safe; holds no state of any run between two calls."""

    def __init__(
        self,
        matching: Matching,
        advance: Advance,
        heartbeat: Heartbeat,
        dispatcher: Dispatcher,
        registry: Registry,
        settings: Settings,
        config: ActionConfig,
    ) -> None:
        self._matching = matching
        self._advance = advance
        self._heartbeat = heartbeat
        self._dispatcher = dispatcher
        self._registry = registry
        self._settings = settings
        self._config = config
        self._draining = threading.Event()

    def drain(self) -> None:
        """Hand runs over after their current step from now on: the process is about to end."""
        self._draining.set()

    def match(self, event_ids: Sequence[str]) -> None:
        """Match events; start the first run here, and the others too as long as that is quick."""
        matched = self._matching.match(event_ids)
        self._work_off(matched.openings, matched.claim)

    def execute(self, hints: Sequence[StepHint]) -> None:
        """Run the hinted steps that are still to be had, one after the other, and what follows from each."""
        self._work_off([Opening(hint) for hint in hints], None)

    def _work_off(self, openings: Sequence[Opening], claim: Claim | None) -> None:
        """Perform a claim, then what is still to be had of the openings that this worker serves."""
        with Backlog(self._settings.queues, self._dispatcher) as backlog:
            backlog.add(openings)
            while True:
                if claim is not None:
                    self._go_on(claim, backlog)
                opening = None if self._draining.is_set() else backlog.take()
                if opening is None:
                    return
                claim = self._claim(opening)

    def _claim(self, opening: Opening) -> Claim | None:
        try:
            return self._advance.claim(opening)
        except DefinitionError as error:
            _log.warning("run %s is left to others: %s", opening.hint.run_id, error)
            return None

    def _go_on(self, claim: Claim, backlog: Backlog) -> None:
        """Perform a step and its successors until the run has nothing more for this worker."""
        budget = _Budget(monotonic_seconds() + self._settings.inline_seconds, self._settings.inline_steps)
        next_claim: Claim | None = claim
        while next_claim is not None:
            try:
                next_claim = self._perform(next_claim, backlog, go_on=budget.allows() and not self._draining.is_set())
            except (LeaseLost, LeaseInterrupt, StoreUnavailable) as lost:
                # SAFETY: I13 — whoever gets the lease next goes on with the run.
                _log.warning("run %s: given up: %s", claim.lease.run_id, lost or type(lost).__name__)
                return

    def _perform(self, claim: Claim, backlog: Backlog, *, go_on: bool) -> Claim | None:
        node = claim.position.workflow.nodes[claim.lease.step_key]
        spec = self._registry.get(node.kind)
        outcome = self._outcome(claim, node, spec)
        also = backlog.take_of(claim.lease.run_id) if go_on else None
        recorded = self._record(claim, outcome, _retries(node, spec), go_on, also)
        backlog.step_done(recorded.openings if go_on else ())
        if not go_on and recorded.openings:
            # Into the queue and not into the backlog, from which this task would only go on with the run.
            self._dispatcher.execute([opening.hint for opening in recorded.openings])
        if recorded.event_ids:
            self._dispatcher.match(recorded.event_ids)
        return recorded.next_claim

    def _record(self, claim: Claim, outcome: Outcome, retries: int, go_on: bool, also: StepHint | None) -> Recorded:
        """Record, trying again while the database is away: what the action did should not have to be done twice."""
        for pause_seconds in RECORD_PAUSES_SECONDS:
            try:
                return self._advance.record(claim, outcome, retries=retries, go_on=go_on, also=also)
            except StoreUnavailable as error:
                _log.warning("run %s: cannot record step %s: %s", claim.lease.run_id, claim.lease.step_key, error)
                threading.Event().wait(pause_seconds)  # not cut short by draining: the result matters more
        return self._advance.record(claim, outcome, retries=retries, go_on=go_on, also=also)

    def _outcome(self, claim: Claim, node: Node, spec: ActionSpec | None) -> Outcome:
        if spec is None:
            # Another process may have it: while a deployment is rolled out, or a queue is shared by mistake.
            message = f"no action of kind {node.kind!r} is registered here"
            return Failed(ErrorInfo("UnknownAction", message, "unknown-action", retryable=True))
        allowed = 0 if spec.at_most_once else self._settings.limits.lost_attempts
        if claim.lease.lost_attempts > allowed:
            return _final(
                "WorkerLost", "worker-lost", f"the worker died {claim.lease.lost_attempts} times in this step"
            )
        position = claim.position
        try:
            scope = ReferenceScope(event=position.event, state=position.progress.outputs)
            inputs = resolve_inputs(node, spec, scope, limits=self._settings.limits)
        except InvalidInput as error:
            return failed_by(error)
        timeout_seconds = spec.timeout_seconds if node.timeout_seconds is None else node.timeout_seconds
        guard = Guard()
        with self._heartbeat.keeping(claim.lease, guard):
            context = self._context(claim, node)
            limits = self._settings.limits
            return execute(spec, context, inputs, deadline_seconds=timeout_seconds, guard=guard, limits=limits)

    def _context(self, claim: Claim, node: Node) -> StepContext:
        position, lease = claim.position, claim.lease
        run = position.run
        return StepContext(
            event=position.event,
            run=RunInfo(run.id, run.workflow_id, str(run.version), run.scope.environment, run.scope.tenant),
            step=StepInfo(lease.step_key, node.id, node.kind, node.name),
            attempt=lease.attempt - 1,
            idempotency_key=idempotency_key(run.id, lease.step_key),
            state=position.progress.outputs,
            workflow=position.workflow.document,
            config=self._config,
            limits=self._settings.limits,
        )


def _retries(node: Node, spec: ActionSpec | None) -> int:
    if spec is None:  # nothing was attempted: time for the process that has the action to come up
        return max(node.retries or 0, DEFAULT_RETRIES)
    return spec.retries if node.retries is None else node.retries


def _final(name: str, code: str, message: str) -> Failed:
    return Failed(ErrorInfo(name, message, code, retryable=False))
