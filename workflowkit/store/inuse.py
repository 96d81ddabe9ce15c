"""Which versions of workflows are in use: the published ones, and those that runs are on which have not ended."""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class VersionInUse:
    """A version of a tenant's workflow. ``open_runs`` are counted where it is not the published one."""

    scope: Scope
    workflow_id: str
    version: int
    open_runs: int = 0


_PUBLISHED = Sql(
    """
    SELECT tenant, id, published_version FROM workflows
    WHERE environment = :environment AND tenant <> :app_tenant AND archived_at_ms IS NULL
        AND published_version IS NOT NULL AND (tenant, id) > (:after_tenant, :after_id)
    ORDER BY tenant, id LIMIT :limit
    """
)
# Functions are left out: they belong to the application, and no row of the runs' own tenants.
_LEFT_BEHIND = Sql(
    """
    SELECT r.tenant, r.workflow_id, r.version, count(*)
    FROM runs r JOIN workflows w ON w.environment = r.environment AND w.tenant = r.tenant AND w.id = r.workflow_id
    WHERE r.finished_at_ms IS NULL AND r.path IS NULL AND r.environment = :environment
        AND (w.archived_at_ms IS NOT NULL OR r.version <> w.published_version)
        AND (r.tenant, r.workflow_id, r.version) > (:after_tenant, :after_id, :after_version)
    GROUP BY r.tenant, r.workflow_id, r.version
    ORDER BY r.tenant, r.workflow_id, r.version LIMIT :limit
    """
)
_FUNCTIONS = Sql(
    """
    SELECT workflow_id, max(version), count(*) FROM runs
    WHERE finished_at_ms IS NULL AND path IS NULL AND environment = :environment
        AND substr(workflow_id, 1, :prefix_length) = :prefix
    GROUP BY workflow_id ORDER BY workflow_id
    """
)


def published(tx: Transaction, scope: Scope, *, after: VersionInUse | None, limit: int) -> list[VersionInUse]:
    """Return up to ``limit`` published versions of all tenants' workflows that are not archived, those behind one."""
    after_tenant, after_id = ("", "") if after is None else (after.scope.tenant, after.workflow_id)
    rows = tx.rows(
        _PUBLISHED, environment=scope.environment, app_tenant=APP_TENANT, after_tenant=after_tenant, after_id=after_id,
        limit=limit,
    )  # fmt: skip
    return [VersionInUse(Scope(scope.environment, row[0]), row[1], row[2]) for row in rows]


def left_behind(tx: Transaction, scope: Scope, *, after: VersionInUse | None, limit: int) -> list[VersionInUse]:
    """Return up to ``limit`` other versions of all tenants' workflows that runs are on, those behind one."""
    tenant, own_id, version = ("", "", 0) if after is None else (after.scope.tenant, after.workflow_id, after.version)
    rows = tx.rows(
        _LEFT_BEHIND, environment=scope.environment, after_tenant=tenant, after_id=own_id, after_version=version,
        limit=limit,
    )  # fmt: skip
    return [VersionInUse(Scope(scope.environment, row[0]), row[1], row[2], row[3]) for row in rows]


def functions_with_runs(tx: Transaction, scope: Scope, prefix: str) -> list[tuple[str, int, int]]:
    """Return (id, newest version, number of open runs) of the functions with that prefix that have open runs."""
    rows = tx.rows(_FUNCTIONS, environment=scope.environment, prefix=prefix, prefix_length=len(prefix))
    return [(row[0], row[1], row[2]) for row in rows]
