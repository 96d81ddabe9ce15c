"""Applications whose functions are in the database: which version of the code is in force, and what it brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import FUNCTION_SEPARATOR, Scope
from workflowkit.definition.model import Json
from workflowkit.store.database import Sql, Transaction


@dataclass(frozen=True, slots=True)
class AppRecord:
    """An application as it was synced last. ``hash`` covers its functions, ``function_ids`` are those in force."""

    id: str
    version: str | None
    hash: str
    function_ids: tuple[str, ...]
    synced_at_ms: int


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """A function in its newest version. It is not ``enabled`` if the code has it no more, or somebody switched it off.

    ``document`` is the workflow that stands for it.
    """

    id: str
    enabled: bool
    version: int
    document: Json
    updated_at_ms: int

    @property
    def app_id(self) -> str:
        return self.id.partition(FUNCTION_SEPARATOR)[0]


_COLUMNS = "id, version, hash, function_ids, synced_at_ms"
_OWNED = "environment = :environment AND tenant = :tenant"
#: The hash of an application that was never synced.
_NEVER = ""
_INSERT = Sql(
    """
    INSERT INTO apps (environment, tenant, id, version, hash, function_ids, synced_at_ms)
    VALUES (:environment, :tenant, :id, NULL, '', '[]', 0)
    ON CONFLICT (environment, tenant, id) DO NOTHING
    """
)
_SELECT = Sql(f"SELECT {_COLUMNS} FROM apps WHERE {_OWNED} AND id = :id")  # noqa: S608 - names from our own code
_LOCK = Sql(f"SELECT {_COLUMNS} FROM apps WHERE {_OWNED} AND id = :id {{for_update}}")  # noqa: S608
_UPDATE = Sql(
    f"""
    UPDATE apps SET version = :version, hash = :hash, function_ids = :function_ids, synced_at_ms = :now_ms
    WHERE {_OWNED} AND id = :id
    """  # noqa: S608
)
_FIND_FUNCTIONS = Sql(
    """
    SELECT workflows.id, workflows.enabled, workflow_versions.version, workflow_versions.document,
        workflows.updated_at_ms
    FROM workflows JOIN workflow_versions ON workflow_versions.environment = workflows.environment
        AND workflow_versions.tenant = workflows.tenant AND workflow_versions.workflow_id = workflows.id
        AND workflow_versions.version = workflows.published_version
    WHERE workflows.environment = :environment AND workflows.tenant = :tenant AND workflows.id > :after
        AND substr(workflows.id, 1, :prefix_length) = :prefix AND (:any_id OR workflows.id = :id)
    ORDER BY workflows.id LIMIT :limit
    """
)


def get(tx: Transaction, scope: Scope, app_id: str) -> AppRecord | None:
    """Return an application, ``None`` if it was never synced."""
    return _found(tx.one(_SELECT, **_where(scope, app_id)))


def lock(tx: Transaction, scope: Scope, app_id: str) -> AppRecord | None:
    """Return an application that nobody else can sync until this transaction ends."""
    tx.run(_INSERT, **_where(scope, app_id))
    return _found(tx.one(_LOCK, **_where(scope, app_id)))


def save(
    tx: Transaction, scope: Scope, app_id: str, *, version: str | None, app_hash: str, function_ids: Sequence[str]
) -> None:
    """Note what was synced. The caller holds the application's lock."""
    tx.run(
        _UPDATE,
        **_where(scope, app_id),
        version=version,
        hash=app_hash,
        function_ids=jsonvalue.dumps(sorted(function_ids)),
        now_ms=tx.now_ms,
    )


def find_functions(
    tx: Transaction,
    scope: Scope,
    *,
    limit: int,
    after: str = "",
    app_id: str | None = None,
    function_id: str | None = None,
) -> list[FunctionRecord]:
    """Return up to ``limit`` functions in order of id, those behind the id ``after``.

    Only those of ``app_id``, and only ``function_id``, where these are given.
    """
    prefix = "" if app_id is None else f"{app_id}{FUNCTION_SEPARATOR}"
    rows = tx.rows(
        _FIND_FUNCTIONS,
        **_where(scope, function_id or ""),
        any_id=function_id is None,
        after=after,
        prefix=prefix,
        prefix_length=len(prefix),
        limit=limit,
    )
    # SQLite has no booleans: it gives 0 or 1.
    return [FunctionRecord(row[0], bool(row[1]), row[2], jsonvalue.loads(row[3]), row[4]) for row in rows]


def _where(scope: Scope, own_id: str) -> dict[str, Any]:
    return {"environment": scope.environment, "tenant": scope.tenant, "id": own_id}


def _found(row: Any) -> AppRecord | None:
    if row is None or row[2] == _NEVER:
        return None
    return AppRecord(row[0], row[1], row[2], tuple(jsonvalue.loads(row[3])), row[4])
