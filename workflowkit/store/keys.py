"""API keys: hashes only, never the key. A key belongs to one tenant in one environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import NotFound
from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key's row.

    ``permissions`` are names such as ``runs:read``. ``event_names`` are glob patterns of the only events that the key
    may send, ``None`` for all. ``prefix`` is the part of the key that may be shown. ``created_by`` is who has made it.
    """

    id: str
    scope: Scope
    name: str
    prefix: str
    permissions: frozenset[str]
    event_names: tuple[str, ...] | None
    created_at_ms: int
    last_used_at_ms: int | None = None
    revoked_at_ms: int | None = None
    created_by: str | None = None


_COLUMNS = (
    "id, environment, tenant, name, prefix, scopes, event_names, created_at_ms, last_used_at_ms, revoked_at_ms, "
    "created_by"
)  # fmt: skip
_OWNED = "environment = :environment AND tenant = :tenant"
_INSERT = Sql(
    """
    INSERT INTO api_keys (id, environment, tenant, name, prefix, key_hash, scopes, event_names, created_at_ms,
        created_by)
    VALUES (:id, :environment, :tenant, :name, :prefix, :key_hash, :permissions, :event_names, :created_at_ms,
        :created_by)
    """
)
_SELECT_PAGE = Sql(
    f"""
    SELECT {_COLUMNS} FROM api_keys WHERE {_OWNED} AND (:before = '' OR id < :before) ORDER BY id DESC LIMIT :limit
    """  # noqa: S608 - our own names
)
_SELECT_ONE = Sql(f"SELECT {_COLUMNS} FROM api_keys WHERE {_OWNED} AND id = :id")  # noqa: S608
_SELECT_BY_HASH = Sql(f"SELECT {_COLUMNS} FROM api_keys WHERE key_hash = :key_hash")  # noqa: S608
_REVOKE = Sql(
    f"""
    UPDATE api_keys SET revoked_at_ms = :now_ms WHERE {_OWNED} AND id = :id AND revoked_at_ms IS NULL
    """  # noqa: S608
)
_TOUCH = Sql(
    f"""
    UPDATE api_keys SET last_used_at_ms = :now_ms
    WHERE {_OWNED} AND id = :id AND (last_used_at_ms IS NULL OR last_used_at_ms <= :not_after_ms)
    """  # noqa: S608
)


def insert(tx: Transaction, scope: Scope, record: KeyRecord, *, key_hash: str) -> None:
    """Store a new key."""
    tx.run(
        _INSERT,
        id=record.id,
        environment=scope.environment,
        tenant=scope.tenant,
        name=record.name,
        prefix=record.prefix,
        key_hash=key_hash,
        permissions=jsonvalue.dumps(sorted(record.permissions)),
        event_names=None if record.event_names is None else jsonvalue.dumps(list(record.event_names)),
        created_at_ms=record.created_at_ms,
        created_by=record.created_by,
    )


def get(tx: Transaction, scope: Scope, key_id: str) -> KeyRecord:
    """Return a key of this tenant, revoked or not. Raises ``NotFound``."""
    row = tx.one(_SELECT_ONE, **whose(scope), id=key_id)
    if row is None:
        raise NotFound(f"there is no key {key_id!r}")
    return _from_row(row)


def find(tx: Transaction, scope: Scope, *, limit: int, before: str = "") -> list[KeyRecord]:
    """Return up to ``limit`` keys, newest first, those older than the key with the id ``before``."""
    rows = tx.rows(_SELECT_PAGE, **whose(scope), before=before, limit=limit)
    return [_from_row(row) for row in rows]


def revoke(tx: Transaction, scope: Scope, key_id: str) -> bool:
    """End a key; tell whether it was in force. Idempotent: a key that was revoked before keeps its time."""
    return tx.run(_REVOKE, **whose(scope), id=key_id, now_ms=tx.now_ms) > 0


def touch(tx: Transaction, scope: Scope, key_id: str, *, not_after_ms: int) -> None:
    """Note that a key is used now, unless a use after ``not_after_ms`` has been noted."""
    where = {**whose(scope), "id": key_id}
    tx.run(_TOUCH, **where, now_ms=tx.now_ms, not_after_ms=not_after_ms)


def find_by_hash(tx: Transaction, key_hash: str) -> KeyRecord | None:
    """Return the key with this hash, whosever it is: this is how a caller's scope becomes known."""
    row = tx.one(_SELECT_BY_HASH, key_hash=key_hash)
    return None if row is None else _from_row(row)


def _from_row(row: Sequence[Any]) -> KeyRecord:
    return KeyRecord(
        id=row[0],
        scope=Scope(row[1], row[2]),
        name=row[3],
        prefix=row[4],
        permissions=frozenset(jsonvalue.loads(row[5])),
        event_names=None if row[6] is None else tuple(jsonvalue.loads(row[6])),
        created_at_ms=row[7],
        last_used_at_ms=row[8],
        revoked_at_ms=row[9],
        created_by=row[10],
    )
