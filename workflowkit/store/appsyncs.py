"""Syncs of applications: the latest ones that changed something, and those that failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction

#: Stands for the app of a sync that failed before it could be told which it is of.
UNATTACHED = ""


@dataclass(frozen=True, slots=True)
class SyncRow:
    """One sync. ``app_id`` is ``UNATTACHED`` if nobody knows; one that failed has an ``error`` and changed nothing.

    ``at_ms`` is when it was; of a failure that was repeated, the last time.
    """

    id: str
    app_id: str
    at_ms: int
    error: str | None = None
    url: str | None = None
    sdk: str | None = None
    app_version: str | None = None
    function_count: int = 0
    published: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        return "synced" if self.error is None else "failed"


_COLUMNS = "id, app_id, at_ms, error, url, sdk, app_version, function_count, published, retired"
_OWNED = "environment = :environment AND tenant = :tenant"
_INSERT = Sql(
    f"""
    INSERT INTO app_syncs (environment, tenant, status, {_COLUMNS})
    VALUES (:environment, :tenant, :status, :id, :app_id, :at_ms, :error, :url, :sdk, :app_version, :function_count,
            :published, :retired)
    """  # noqa: S608 - names from our own code
)
_FORGET = Sql(
    f"""
    DELETE FROM app_syncs WHERE {_OWNED} AND app_id = :app_id AND id NOT IN
        (SELECT id FROM app_syncs WHERE {_OWNED} AND app_id = :app_id ORDER BY id DESC LIMIT :kept)
    """  # noqa: S608
)
_REPEAT = Sql(f"UPDATE app_syncs SET at_ms = :at_ms WHERE {_OWNED} AND id = :id")  # noqa: S608
_FIND = Sql(
    f"""
    SELECT {_COLUMNS} FROM app_syncs
    WHERE {_OWNED} AND (:any_app OR app_id = :app_id) AND (:any_id OR id < :before) ORDER BY id DESC LIMIT :limit
    """  # noqa: S608
)


def insert(tx: Transaction, scope: Scope, sync: SyncRow, *, limit: int) -> None:
    """Note a sync; of the same app only the latest ``limit`` are kept."""
    where = whose(scope)
    tx.run(
        _INSERT,
        **where,
        id=sync.id,
        app_id=sync.app_id,
        status=sync.status,
        at_ms=sync.at_ms,
        error=sync.error,
        url=sync.url,
        sdk=sync.sdk,
        app_version=sync.app_version,
        function_count=sync.function_count,
        published=jsonvalue.dumps(sync.published),
        retired=jsonvalue.dumps(sync.retired),
    )
    tx.run(_FORGET, **where, app_id=sync.app_id, kept=limit)


def repeat(tx: Transaction, scope: Scope, sync_id: str) -> None:
    """Note that a sync has come to the same once more, now."""
    tx.run(_REPEAT, **whose(scope), id=sync_id, at_ms=tx.now_ms)


def find(
    tx: Transaction, scope: Scope, *, limit: int, app_id: str | None = None, before: str | None = None
) -> list[SyncRow]:
    """Return up to ``limit`` syncs, newest first: those of an app, of none (``UNATTACHED``), or all."""
    rows = tx.rows(
        _FIND,
        environment=scope.environment,
        tenant=scope.tenant,
        any_app=app_id is None,
        app_id=app_id or UNATTACHED,
        any_id=before is None,
        before=before or "",
        limit=limit,
    )
    return [_record(row) for row in rows]


def _record(row: Any) -> SyncRow:
    *fields, published, retired = row
    return replace(
        SyncRow(*fields), published=tuple(jsonvalue.loads(published)), retired=tuple(jsonvalue.loads(retired))
    )
