"""Who is logged in. Of the token that a browser carries only the hash is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session. ``scope`` is the tenant for which the user acts in it; ``address`` and ``agent`` are what the login
    came from. It ends at ``expires_at_ms``, or before, when nobody uses it."""

    id: str
    user_id: str
    scope: Scope
    created_at_ms: int
    seen_at_ms: int
    expires_at_ms: int
    address: str
    agent: str


_COLUMNS = "id, user_id, environment, tenant, created_at_ms, seen_at_ms, expires_at_ms, address, agent"
_INSERT = Sql(
    f"""
    INSERT INTO sessions ({_COLUMNS}, token_hash)
    VALUES (:id, :user_id, :environment, :tenant, :created_at_ms, :seen_at_ms, :expires_at_ms, :address, :agent,
            :token_hash)
    """  # noqa: S608 - our own names
)
_BY_TOKEN = Sql(f"SELECT {_COLUMNS} FROM sessions WHERE token_hash = :token_hash")  # noqa: S608
_OF_USER = Sql(
    f"SELECT {_COLUMNS} FROM sessions WHERE user_id = :user_id ORDER BY id DESC LIMIT :limit"  # noqa: S608
)
_TOUCH = Sql("UPDATE sessions SET seen_at_ms = :now_ms WHERE id = :id AND seen_at_ms <= :not_after_ms")
_MOVE = Sql("UPDATE sessions SET environment = :environment, tenant = :tenant WHERE id = :id")
_DELETE = Sql("DELETE FROM sessions WHERE id = :id AND user_id = :user_id")
_DELETE_OF_USER = Sql("DELETE FROM sessions WHERE user_id = :user_id AND id <> :but")
#: Rows that somebody else holds are left: to wait for them here could end in a deadlock.
_DELETE_ENDED = Sql(
    """
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE expires_at_ms <= :now_ms OR seen_at_ms <= :not_after_ms
        LIMIT 1000 {skip_locked}
    )
    """
)


def insert(tx: Transaction, record: SessionRecord, *, token_hash: str) -> None:
    """Store a new session."""
    tx.run(
        _INSERT,
        id=record.id,
        user_id=record.user_id,
        environment=record.scope.environment,
        tenant=record.scope.tenant,
        created_at_ms=record.created_at_ms,
        seen_at_ms=record.seen_at_ms,
        expires_at_ms=record.expires_at_ms,
        address=record.address,
        agent=record.agent,
        token_hash=token_hash,
    )


def find_by_token(tx: Transaction, token_hash: str) -> SessionRecord | None:
    """Return the session whose token has this hash, ended or not."""
    row = tx.one(_BY_TOKEN, token_hash=token_hash)
    return None if row is None else _from_row(row)


def find_of_user(tx: Transaction, user_id: str, *, limit: int) -> list[SessionRecord]:
    """Return up to ``limit`` sessions of a user, newest first, ended ones that were not cleared away yet included."""
    return [_from_row(row) for row in tx.rows(_OF_USER, user_id=user_id, limit=limit)]


def touch(tx: Transaction, session_id: str, *, not_after_ms: int) -> None:
    """Note that a session is used now, unless a use after ``not_after_ms`` has been noted."""
    tx.run(_TOUCH, id=session_id, now_ms=tx.now_ms, not_after_ms=not_after_ms)


def move(tx: Transaction, session_id: str, scope: Scope) -> None:
    """Let a session act for another tenant."""
    tx.run(_MOVE, id=session_id, **whose(scope))


def delete(tx: Transaction, user_id: str, session_id: str) -> bool:
    """End a session of a user; tell whether there was one."""
    return tx.run(_DELETE, id=session_id, user_id=user_id) > 0


def delete_of_user(tx: Transaction, user_id: str, *, but: str = "") -> int:
    """End the sessions of a user, all ``but`` one; return how many there were."""
    return tx.run(_DELETE_OF_USER, user_id=user_id, but=but)


def delete_ended(tx: Transaction, *, not_after_ms: int) -> None:
    """Clear away the sessions of everybody that have ended, or were last used at ``not_after_ms`` or before."""
    tx.run(_DELETE_ENDED, now_ms=tx.now_ms, not_after_ms=not_after_ms)


def _from_row(row: Sequence[Any]) -> SessionRecord:
    return SessionRecord(row[0], row[1], Scope(row[2], row[3]), *row[4:])
