"""Why an event did not start a run: one row per event and workflow, written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.scope import Scope
from workflowkit.store.database import InsertInto, Transaction


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """``reason`` is a stable word; ``workflow_id`` is empty where the reason is the event's own."""

    event_id: str
    workflow_id: str
    reason: str
    detail: str | None
    at_ms: int


_INSERT = InsertInto(
    "decisions", ("event_id", "workflow_id", "environment", "tenant", "reason", "detail", "at_ms"),
)  # fmt: skip


def insert(tx: Transaction, scope: Scope, records: Sequence[DecisionRecord]) -> None:
    """Record decisions."""
    rows = [
        (
            record.event_id,
            record.workflow_id,
            scope.environment,
            scope.tenant,
            record.reason,
            record.detail,
            record.at_ms,
        )
        for record in records
    ]
    tx.insert(_INSERT, rows)
