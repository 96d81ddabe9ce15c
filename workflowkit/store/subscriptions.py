"""Which workflows listen to which events: the triggers of published versions of enabled workflows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.scope import APP_TENANT, Scope, owner_of
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
    WHERE environment = :environment AND tenant IN (:tenant, :app_tenant) AND pattern {in_ids}
    ORDER BY workflow_id, position
    """
)
_SELECT_TARGET = Sql(
    """
    SELECT published_version, enabled FROM workflows
    WHERE environment = :environment AND tenant = :tenant AND id = :id
    """
)


def load(tx: Transaction, scope: Scope, patterns: Sequence[str]) -> list[TriggerRow]:
    """Return the triggers with one of these patterns that an event of this tenant meets: the tenant's own and those
    of the application's functions, by workflow and in the document's order."""
    rows = tx.rows(
        _SELECT, environment=scope.environment, tenant=scope.tenant, app_tenant=APP_TENANT, ids=list(patterns)
    )
    return [TriggerRow(pattern, workflow_id, version, text) for pattern, workflow_id, version, text in rows]


def load_target(tx: Transaction, scope: Scope, workflow_id: str) -> tuple[int | None, bool] | None:
    """Return the published version of a workflow that an event of this tenant is addressed to, and whether the
    workflow is enabled; ``None`` if there is no such workflow."""
    owner = owner_of(scope, workflow_id)
    row = tx.one(_SELECT_TARGET, environment=owner.environment, tenant=owner.tenant, id=workflow_id)
    return None if row is None else (row[0], bool(row[1]))
