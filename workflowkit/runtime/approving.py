"""Approvals, from inside of a run: how they begin and how they end undecided.

Everything here joins a transaction that holds the lock of the run and of the step's row.
"""

from __future__ import annotations

from typing import Any

from workflowkit.base.clock import rfc3339
from workflowkit.base.ids import timed_id
from workflowkit.base.links import Links
from workflowkit.engine.approvals import ApprovalRequest, Decision, Status, result_of
from workflowkit.engine.waits import APPROVAL_SIGNALS, Wait
from workflowkit.store import approvals, events, runs, timers
from workflowkit.store.approvals import ApprovalRecord
from workflowkit.store.events import EventRecord
from workflowkit.store.runs import RunRecord
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

#: The events by which hosts hear of approvals.
REQUESTED, REMINDED, DECIDED = (
    "workflow/approval.requested", "workflow/approval.reminded", "workflow/approval.decided",
)  # fmt: skip
#: The kind of the timer of a reminder; its ``subject`` is the approval.
REMINDER_TIMER = "approval.remind"


class Approving:
    """Begins and ends approvals."""

    def __init__(self, links: Links) -> None:
        self._links = links

    def begin(self, tx: Transaction, run: RunRecord, node_id: str, wait: Wait) -> None:
        """Store an approval with its reminders, and tell of it."""
        request = wait.data
        assert isinstance(request, ApprovalRequest)  # noqa: S101 - a wait begins in the process that made it
        record = ApprovalRecord(
            id=wait.name.removeprefix(APPROVAL_SIGNALS), scope=run.scope, run_id=run.id, workflow_id=run.workflow_id,
            step_key=node_id, wait_key=wait.key, request=request, status=Status.OPEN, created_at_ms=tx.now_ms,
            expires_at_ms=wait.until_ms,
        )  # fmt: skip
        approvals.insert(tx, run.scope, record)
        timers.plan(tx, list(self._reminders(record)))
        tell(tx, run, record, REQUESTED, "requested", asked(record, record.request.assignees, self._links))

    def expire(self, tx: Transaction, run: RunRecord, wait: Wait) -> dict[str, Any]:
        """End an approval whose time is over; return what its handler gets."""
        approval_id = wait.name.removeprefix(APPROVAL_SIGNALS)
        record = approvals.lock(tx, run.scope, approval_id)
        decisions = approvals.decisions(tx, run.scope, approval_id)
        if approvals.close(tx, run.scope, approval_id, Status.EXPIRED):
            tell(tx, run, record, DECIDED, "decided", decided(Status.EXPIRED, decisions))
        return result_of(Status.EXPIRED, decisions)

    def _reminders(self, record: ApprovalRecord) -> list[TimerRow]:
        return [
            TimerRow(
                f"{REMINDER_TIMER}:{record.id}:{number}", REMINDER_TIMER, record.scope, record.id,
                record.created_at_ms + after_ms, {"number": number},
            )
            for number, after_ms in enumerate(record.request.reminders_ms, start=1)
            if record.created_at_ms + after_ms < record.expires_at_ms
        ]  # fmt: skip


def asked(record: ApprovalRecord, assignees: tuple[str, ...], links: Links) -> dict[str, Any]:
    """Return what an event says to those who are to tell ``assignees``: with the link of each."""
    request = record.request
    return {
        "description": request.description,
        "assignees": list(assignees),
        "needed": request.needed,
        "expires_at": rfc3339(record.expires_at_ms),
        "links": {assignee: links.approval(record.id, assignee) for assignee in assignees},
    }


def decided(status: Status, decisions: list[Decision]) -> dict[str, Any]:
    """Return what an event says of the end of an approval; what was entered into the form is not in it."""
    shown = [{key: value for key, value in each.as_dict().items() if key != "data"} for each in decisions]
    return {"status": status.value, "decisions": shown}


def tell(
    tx: Transaction, run: RunRecord, record: ApprovalRecord, name: str, occasion: str, more: dict[str, Any]
) -> str:
    """Store an event about an approval, for the relay or the caller to have it matched; return its id.

    SAFETY: I7 — stored in the transaction that does what it tells of; receivers know a repeat by its ``event_id``.
    """
    data = {
        "approval_id": record.id, "run_id": run.id, "workflow_id": run.workflow_id, "step": record.step_key,
        "title": record.request.title, **more,
    }  # fmt: skip
    event = EventRecord(
        id=timed_id(tx.now_ms, record.id, occasion), event_id=f"{record.id}.{occasion}", scope=record.scope, name=name,
        data=data, ts_ms=tx.now_ms, received_at_ms=tx.now_ms, depth=run.depth + 1, source_run_id=run.id,
    )  # fmt: skip
    events.insert(tx, record.scope, [event], wake_at_ms=tx.now_ms)
    return event.id


def run_of(tx: Transaction, record: ApprovalRecord) -> RunRecord:
    """Return the run that asks in an approval that is open, or was when this transaction locked it."""
    run = runs.load(tx, record.run_id)
    assert run is not None  # noqa: S101 - a run is deleted only some time after it has ended
    return run
