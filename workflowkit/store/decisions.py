"""Why an event did not start a run: one row per event and workflow, written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflowkit.base.scope import Scope
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """``reason`` is a stable word; ``workflow_id`` is empty where the reason is the event's own."""

    event_id: str
    workflow_id: str
    reason: str
    detail: str | None
    at_ms: int
    other_id: str | None = None
    """The run or the event that is there instead."""


INSERT = InsertInto(
    "decisions", ("event_id", "workflow_id", "environment", "tenant", "reason", "detail", "at_ms", "other_id")
)
_FIND_REASON = Sql(
    """
    SELECT reason FROM decisions
    WHERE environment = :environment AND tenant = :tenant AND event_id = :event_id AND workflow_id = :workflow_id
    """
)


def find_reason(tx: Transaction, scope: Scope, event_id: str, workflow_id: str) -> str | None:
    """Return why an event started no run of a workflow; ``None`` if nothing says so."""
    row = tx.one(_FIND_REASON, **whose(scope), event_id=event_id, workflow_id=workflow_id)
    return None if row is None else str(row[0])


def row_of(scope: Scope, record: DecisionRecord) -> tuple[Any, ...]:
    """Return the values that ``INSERT`` takes."""
    owner = (scope.environment, scope.tenant)
    return (record.event_id, record.workflow_id, *owner, record.reason, record.detail, record.at_ms, record.other_id)
