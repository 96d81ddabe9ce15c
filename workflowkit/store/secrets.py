"""Secrets of a tenant: their names and sealed values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from workflowkit.base import jsonvalue
from workflowkit.base.errors import NotFound
from workflowkit.base.scope import Scope
from workflowkit.store import schema
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Reading, Transaction


@dataclass(frozen=True, slots=True)
class SecretRecord:
    """A secret's row. ``sealed`` is its value, encrypted."""

    scope: Scope
    name: str
    description: str
    created_at_ms: int
    created_by: str
    updated_at_ms: int
    updated_by: str
    sealed: str = field(repr=False)


_COLUMNS = "environment, tenant, name, description, created_at_ms, created_by, updated_at_ms, updated_by, sealed"
_OWNED = "environment = :environment AND tenant = :tenant"
_SELECT_ONE = Sql(f"SELECT {_COLUMNS} FROM secrets WHERE {_OWNED} AND name = :name")  # noqa: S608 - our own names
_LOCK = Sql(f"SELECT {_COLUMNS} FROM secrets WHERE {_OWNED} AND name = :name {{for_update}}")  # noqa: S608
_SELECT_PAGE = Sql(
    f"SELECT {_COLUMNS} FROM secrets WHERE {_OWNED} AND name > :after ORDER BY name LIMIT :limit"  # noqa: S608
)
_SELECT_NAMED = Sql(f"SELECT name, sealed FROM secrets WHERE {_OWNED} AND name {{in_ids}}")  # noqa: S608
_SELECT_NAMES = Sql(f"SELECT name FROM secrets WHERE {_OWNED}")  # noqa: S608
_INSERT = Sql(
    """
    INSERT INTO secrets (environment, tenant, name, description, sealed, created_at_ms, created_by, updated_at_ms,
                         updated_by)
    VALUES (:environment, :tenant, :name, :description, :sealed, :now_ms, :actor, :now_ms, :actor)
    ON CONFLICT (environment, tenant, name) DO NOTHING
    """
)
_UPDATE = Sql(
    f"""
    UPDATE secrets SET description = :description, sealed = :sealed, updated_at_ms = :now_ms, updated_by = :actor
    WHERE {_OWNED} AND name = :name
    """  # noqa: S608
)
_DELETE = Sql(f"DELETE FROM secrets WHERE {_OWNED} AND name = :name")  # noqa: S608
# Published versions, of workflows that are switched off too: they may be switched on again.
_SELECT_USERS = Sql(
    """
    SELECT w.id, v.document FROM workflows w
    JOIN workflow_versions v ON v.environment = w.environment AND v.tenant = w.tenant
        AND v.workflow_id = w.id AND v.version = w.published_version
    WHERE w.environment = :environment AND w.tenant = :tenant AND v.document LIKE :pattern
    ORDER BY w.id
    """
)


def samples(tx: Reading) -> dict[str, SecretRecord]:
    """Return a secret of anybody's for each id of a key that some are encrypted with: for ``doctor``."""
    table, found = schema.secrets, dict[str, SecretRecord]()
    query = sa.select(*(table.c[name] for name in _COLUMNS.split(", "))).limit(1)
    while (row := tx.connection.execute(query).first()) is not None:
        record = _record(row)
        version, key_id, _ = record.sealed.split(".", 2)
        found[key_id] = record
        query = query.where(~table.c.sealed.startswith(f"{version}.{key_id}.", autoescape=True))
    return found


def lock(tx: Transaction, scope: Scope, name: str) -> SecretRecord | None:
    """Return a secret that nobody changes before this transaction ends, ``None`` if there is none of this name."""
    row = tx.one(_LOCK, **whose(scope), name=name)
    return None if row is None else _record(row)


def get(tx: Transaction, scope: Scope, name: str) -> SecretRecord:
    """Return a secret. Raises ``NotFound``."""
    row = tx.one(_SELECT_ONE, **whose(scope), name=name)
    if row is None:
        raise _no_secret(name)
    return _record(row)


def find(tx: Transaction, scope: Scope, *, limit: int, after: str = "") -> list[SecretRecord]:
    """Return up to ``limit`` secrets in order of their names, those behind ``after``."""
    return [_record(row) for row in tx.rows(_SELECT_PAGE, **whose(scope), after=after, limit=limit)]


def sealed_values(tx: Transaction, scope: Scope, names: Collection[str]) -> dict[str, str]:
    """Return the sealed values of those of ``names`` that exist."""
    return {row[0]: row[1] for row in tx.rows(_SELECT_NAMED, **whose(scope), ids=list(names))}


def names(tx: Transaction, scope: Scope) -> frozenset[str]:
    """Return the names of all secrets."""
    return frozenset(row[0] for row in tx.rows(_SELECT_NAMES, **whose(scope)))


def insert(tx: Transaction, scope: Scope, name: str, *, description: str, sealed: str, actor: str) -> bool:
    """Store a secret unless there is one of this name; tell whether there was none."""
    values = {"description": description, "sealed": sealed, "actor": actor}
    return tx.run(_INSERT, **whose(scope), name=name, **values, now_ms=tx.now_ms) == 1


def update(tx: Transaction, scope: Scope, name: str, *, description: str, sealed: str, actor: str) -> None:
    """Replace what is stored of a secret. Raises ``NotFound``."""
    values = {"description": description, "sealed": sealed, "actor": actor}
    if tx.run(_UPDATE, **whose(scope), name=name, **values, now_ms=tx.now_ms) == 0:
        raise _no_secret(name)


def delete(tx: Transaction, scope: Scope, name: str) -> None:
    """Delete a secret. Raises ``NotFound``."""
    if tx.run(_DELETE, **whose(scope), name=name) == 0:
        raise _no_secret(name)


def documents_with(tx: Transaction, scope: Scope, text: str) -> list[tuple[str, Any]]:
    """Return the ids of the workflows in whose published version ``text`` stands, with the documents."""
    found = tx.rows(_SELECT_USERS, **whose(scope), pattern=f"%{text}%")
    return [(row[0], jsonvalue.loads(row[1])) for row in found]


def _no_secret(name: str) -> NotFound:
    """Return what says that there is none of this name."""
    return NotFound(f"there is no secret {name!r}")


def _record(row: Any) -> SecretRecord:
    environment, tenant, name, description, created_at_ms, created_by, updated_at_ms, updated_by, sealed = row
    scope = Scope(environment, tenant)
    return SecretRecord(scope, name, description, created_at_ms, created_by, updated_at_ms, updated_by, sealed)
