"""Runs that a step of another run waits for: begun in the transaction in which the step begins to wait.

A child is a run like any other. Its end makes its parent's step due, in the child's last transaction; the parent finds
out what came of it by looking at the child's row. So the two are never locked together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workflowkit.base.errors import WorkflowKitError
from workflowkit.base.ids import derived_id
from workflowkit.base.limits import Limits
from workflowkit.definition.output import refused_inputs
from workflowkit.definition.settings.workflow import NO_FLOW_CONTROL
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.states import RunStatus
from workflowkit.engine.waits import Wait
from workflowkit.engine.waitspecs import INVOKED_EVENT
from workflowkit.flow.decision import Skip
from workflowkit.runtime.admission import Admitting
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.position import Batch, Opening, Position, Schedule, events_of, start_run
from workflowkit.runtime.versions import Versions
from workflowkit.store import events, pauses, subscriptions
from workflowkit.store.events import EventRecord
from workflowkit.store.pauses import Hold
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Started:
    """A child run on its way; ``openings`` are its first steps. It may have ended as it began."""

    run_id: str
    openings: tuple[Opening, ...]
    has_ended: bool


class Children:
    """Starts child runs."""

    def __init__(
        self, versions: Versions, schedule: Schedule, limits: Limits, ending: Ending, admitting: Admitting
    ) -> None:
        self._versions = versions
        self._admitting = admitting
        self._schedule = schedule
        self._limits = limits
        self._ending = ending

    def start(self, tx: Transaction, batch: Batch, parent: Position, step: str, wait: Wait) -> Started | ErrorInfo:
        """Add the run that ``wait`` of a step is for to ``batch``; or say why there can be none.

        Joins the transaction that holds the parent's lock.
        """
        run = parent.run
        if run.depth >= self._limits.emitted_event_depth:
            message = f"limit emitted_event_depth exceeded: at most {self._limits.emitted_event_depth}"
            return _refusal("InvokeRefused", "depth-exceeded", message)
        found = subscriptions.load_target(tx, run.scope, wait.name)
        if found is None or found.version is None:
            return _refusal("InvokeRefused", "invoke-target-missing", f"there is no published workflow {wait.name!r}")
        if found.is_archived:
            return _refusal("InvokeRefused", "invoke-target-archived", f"workflow {wait.name!r} is archived")
        if not found.is_enabled:
            return _refusal("InvokeRefused", "invoke-target-disabled", f"workflow {wait.name!r} is switched off")
        event = EventRecord(
            id=derived_id(run.id, "invoke", wait.key), scope=run.scope, name=INVOKED_EVENT, event_id=None,
            data=wait.data or {}, ts_ms=tx.now_ms, received_at_ms=tx.now_ms, depth=run.depth + 1, source_run_id=run.id,
            target=wait.name,
        )  # fmt: skip
        # What is paused begins frozen: who invokes it waits, and does not fail. A drain lets what goes on end.
        is_paused = Hold.PAUSE in pauses.holds_of(tx, run.scope, wait.name)
        child = RunRecord(
            id=child_id(run.id, wait.key), scope=run.scope, workflow_id=wait.name, version=found.version,
            event_id=event.id, status=RunStatus.QUEUED, revision=0, created_at_ms=tx.now_ms, depth=run.depth + 1,
            parent_run_id=run.id, parent_step=step, parent_wait=wait.key, paused_at_ms=tx.now_ms if is_paused else None,
        )  # fmt: skip
        try:
            workflow = self._versions.load_run(tx, child)
        except WorkflowKitError as error:
            return _refusal("InvokeRefused", "start-failed", error.message)
        if workflow.settings.flow != NO_FLOW_CONTROL:
            admitted = self._admitting.admit_invoked(tx, event, child, workflow)
            if isinstance(admitted, Skip):
                reason = admitted.reason.value
                return _refusal("InvokeRefused", reason, f"workflow {wait.name!r} takes no run now: {reason}")
            batch.extend(admitted.batch)
            child = replace(child, flow=None if admitted.flow is None else admitted.flow.as_json())
        started = self._begin(tx, batch, child, event)
        if isinstance(started, Started):
            events.insert_matched(tx, event)
        return started

    def _begin(self, tx: Transaction, batch: Batch, child: RunRecord, event: EventRecord) -> Started | ErrorInfo:
        own = Batch()
        try:
            workflow = self._versions.load_run(tx, child)
            if child.path is None and (refused := refused_inputs(workflow, event.data)) is not None:
                return _refusal("InvokeRefused", "invoke-input-invalid", refused)
            _, openings = start_run(
                own,
                child,
                workflow,
                event.as_json(),
                self._schedule,
                now_ms=tx.now_ms,
                claim=False,
                together=events_of(tx, child),
            )
        except WorkflowKitError as error:
            return _refusal("InvokeRefused", "start-failed", error.message)
        batch.extend(own)
        # No hint goes with these: the relay finds them.
        self._ending.tell(tx, self._ending.told_of_new(tx, own.runs[0], event.as_json()))
        return Started(child.id, tuple(openings), own.runs[0].status.is_terminal)


def child_id(run_id: str, wait_key: str) -> str:
    """Return the id of the run that a wait is for: a wait that is begun again cannot start a second one."""
    return derived_id(run_id, "run", wait_key)


def _refusal(name: str, code: str, message: str) -> ErrorInfo:
    return ErrorInfo(name, message, code, retryable=False)
