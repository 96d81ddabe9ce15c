"""One attempt at a step: its inputs are resolved and checked, and its action is called, under its lease.

No transaction is open meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workflowkit.base.errors import ActionError, InvalidInput, LimitExceeded
from workflowkit.base.ids import idempotency_key
from workflowkit.base.limits import Limits
from workflowkit.base.secretstore import SecretStore
from workflowkit.definition.inputs import check_inputs, resolve_inputs
from workflowkit.definition.model import Json, Node
from workflowkit.engine.again import changes_of
from workflowkit.engine.context import ActionConfig, RunInfo, StepContext, StepInfo, context_for
from workflowkit.engine.executor import execute
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failurelog import Place, log_failed
from workflowkit.engine.failures import failed_by
from workflowkit.engine.hooks import WillRetry
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.masked import MaskedRecorder, masked_outcome
from workflowkit.engine.memo import NOT_HERE, UNKNOWN_ACTION
from workflowkit.engine.outcome import Attempted, Failed, Outcome, Succeeded
from workflowkit.engine.retry import backoff_of, may_retry, restricted
from workflowkit.engine.session import StepSession
from workflowkit.engine.stepsecrets import AttemptSecrets, open_secrets
from workflowkit.registry import ActionSpec
from workflowkit.registry.functions import is_function_kind
from workflowkit.registry.spec import MAX_RETRIES
from workflowkit.runtime.caching import Caching
from workflowkit.runtime.leases import Heartbeat
from workflowkit.runtime.logs import Logs
from workflowkit.runtime.loops import Loops
from workflowkit.runtime.position import Claim, Jitter
from workflowkit.runtime.stepping import Stepping
from workflowkit.store.runs import RunRecord, given


@dataclass(slots=True)
class Performer:
    """Performs the steps that a worker has claimed. Thread-safe."""

    stepping: Stepping
    caching: Caching
    loops: Loops
    heartbeat: Heartbeat
    logs: Logs
    secrets: SecretStore
    extensions: Extensions
    config: ActionConfig
    limits: Limits
    jitter: Jitter

    def outcome(self, claim: Claim, node: Node, spec: ActionSpec | None, may_go_on: Callable[[], bool]) -> Attempted:
        """Return what an attempt comes to; ``may_go_on`` says whether the handler may begin another step.

        Raises ``LeaseInterrupt`` if the lease was lost meanwhile.
        """
        if spec is None:
            # Another process may have it: while a deployment is rolled out, or a queue is shared by mistake.
            message = f"no action of kind {node.kind!r} is registered here"
            return Failed(ErrorInfo("UnknownAction", message, UNKNOWN_ACTION, retryable=True))
        allowed = 0 if spec.at_most_once else self.limits.lost_attempts
        memo = claim.position.memos.of(node.id)
        lost_attempts = claim.lease.lost_attempts - memo.free_losses
        if lost_attempts > allowed:
            message = f"the worker died {lost_attempts} times in this step"
            return Failed(ErrorInfo("WorkerLost", message, "worker-lost", retryable=False))
        guard = Guard()
        # From the inputs on: resolving large ones on a busy machine must not cost the lease.
        with self.heartbeat.keeping(claim.lease, guard):
            try:
                inputs = self._inputs(claim, node, spec)
                cached = self._cached(claim, node)
            except (InvalidInput, LimitExceeded) as error:
                return failed_by(error)
            if cached is not None:
                return cached
            if node.body is not None:
                return self.loops.attempt(claim, node, inputs)
            return self._call(claim, node, spec, inputs, guard, may_go_on)

    def _call(
        self,
        claim: Claim,
        node: Node,
        spec: ActionSpec,
        inputs: dict[str, Json],
        guard: Guard,
        may_go_on: Callable[[], bool],
    ) -> Attempted:
        """Call the handler; ``guard`` keeps it from starting if the lease is lost by now."""
        timeout_seconds = spec.timeout_seconds if node.timeout_seconds is None else node.timeout_seconds
        try:
            opened = open_secrets(self.secrets, claim.position.run.scope, node, spec, inputs)
        except (ActionError, InvalidInput) as error:
            return failed_by(error)
        context, limits = self._context(claim, node, spec, may_go_on, opened), self.limits
        mask = opened.mask
        outcome = execute(spec, context, inputs, deadline_seconds=timeout_seconds, guard=guard, limits=limits)
        if isinstance(outcome, Failed):
            place = Place(context.run.id, context.step.key, context.attempt)
            log_failed(place, outcome, is_final=not _will_retry(claim, node, spec)(outcome), mask=mask)
        # SAFETY: S18 — from here on the outcome is recorded, sent and shown.
        return outcome if mask is None else masked_outcome(outcome, mask)

    def _inputs(self, claim: Claim, node: Node, spec: ActionSpec) -> dict[str, Json]:
        """Return a step's inputs: those of its document, or those that somebody has edited for this run."""
        edited = changes_of(given(self.extensions.sealing, claim.position.run)).get("inputs", {}).get(node.id)
        if edited is not None:
            return check_inputs(node, spec, edited)
        return resolve_inputs(node, spec, claim.position.progress.scope(), limits=self.limits)

    def _cached(self, claim: Claim, node: Node) -> Succeeded | None:
        key = self.caching.key_of(node, claim.position.progress.scope())
        found = None if key is None else self.caching.find(claim.position.run.scope, key)
        return None if found is None else Succeeded(found[0], is_cached=True)

    def keep(self, claim: Claim, node: Node, outcome: Outcome) -> None:
        """Let later runs use the output of a step again, if its node says so."""
        if node.cache is None or not isinstance(outcome, Succeeded) or outcome.is_cached or outcome.events:
            return
        key = self.caching.key_of(node, claim.position.progress.scope())
        if key is not None and not outcome.stop:
            self.caching.keep(claim.position.run.scope, key, outcome.output, node.cache.ttl_ms)

    def _context(
        self,
        claim: Claim,
        node: Node,
        spec: ActionSpec,
        may_go_on: Callable[[], bool],
        opened: AttemptSecrets,
    ) -> StepContext:
        position, lease = claim.position, claim.lease
        run, memo = position.run, position.memos.of(node.id)
        memo.attempt = lease.attempt
        mask, recorder = opened.mask, self.stepping.recorder(claim, may_go_on)
        now_ms = self.stepping.database.now_ms
        session = StepSession(
            node.id, memo, recorder if mask is None else MaskedRecorder(recorder, mask), now_ms, self.jitter,
            retries=_retries(node, spec), backoff=backoff_of(node.backoff), run_id=run.id,
            limits=self.limits, hooks=self.extensions.hooks(spec, _will_retry(claim, node, spec)),
            is_function=is_function_kind(node.kind) or spec.undoes_steps, secrets=opened,
        )  # fmt: skip
        return context_for(
            spec.is_async,
            event=position.event,
            run=run_info(run),
            step=StepInfo(lease.step_key, node.id, node.kind, node.name),
            attempt=lease.attempt - memo.free_attempts - 1,
            idempotency_key=idempotency_key(run.id, lease.step_key),
            state=position.progress.state,
            workflow=position.workflow.document,
            config=self.config,
            limits=self.limits,
            session=session,
            events=position.events,
            keeper=self.logs.keeper(run.scope, run.id, lease.step_key, lease.attempt),
        )


def run_info(run: RunRecord) -> RunInfo:
    """Return what handlers and middleware are told of a run."""
    return RunInfo(run.id, run.workflow_id, str(run.version), run.scope.environment, run.scope.tenant)


def _will_retry(claim: Claim, node: Node, spec: ActionSpec) -> WillRetry:
    """Return what says whether a failed attempt is followed by another: what ``record`` is going to decide."""

    def will_retry(failed: Failed) -> bool:
        memo, lease = claim.position.memos.of(node.id), claim.lease
        budget = retries_after(failed, node, spec) + lease.lost_attempts - memo.free_losses
        return may_retry(lease.attempt - memo.free_attempts, restricted(failed, node.retry_on), retries=budget)

    return will_retry


def retries_after(outcome: Outcome, node: Node, spec: ActionSpec | None) -> int:
    """Return how many retries a step has that came to this; ``spec`` is its action, if it is registered here."""
    if spec is None or (isinstance(outcome, Failed) and outcome.error.code in NOT_HERE):
        return MAX_RETRIES  # about a day for a process that has the code to come up
    return _retries(node, spec)


def _retries(node: Node, spec: ActionSpec) -> int:
    return spec.retries if node.retries is None else node.retries
