"""Which workflows listen to which events: the triggers of published versions of enabled workflows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.scope import Scope
from workflowkit.store.database import Sql, Transaction


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """One trigger of a workflow that listens."""

    pattern: str
    workflow_id: str
    version: int
    condition: str | None


_SELECT = Sql(
    """
    SELECT pattern, workflow_id, version, condition FROM workflow_triggers
    WHERE environment = :environment AND tenant = :tenant AND pattern {in_ids}
    ORDER BY workflow_id, position
    """
)


def load(tx: Transaction, scope: Scope, patterns: Sequence[str]) -> list[TriggerRow]:
    """Return the triggers of this tenant that have one of these patterns, by workflow and in the document's order."""
    rows = tx.rows(_SELECT, environment=scope.environment, tenant=scope.tenant, ids=list(patterns))
    return [TriggerRow(pattern, workflow_id, version, text) for pattern, workflow_id, version, text in rows]
