"""The ``request_keys`` table: requests that carried an ``Idempotency-Key``, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store.statements import Sql, whose
from workflowkit.store.transactions import Transaction

#: How many of a tenant that count no more are deleted whenever one is added.
_FORGOTTEN_AT_ONCE = 10

_OWNED = "environment = :environment AND tenant = :tenant"
_CLAIM = Sql(
    """
    INSERT INTO request_keys (environment, tenant, key, fingerprint, expires_at_ms)
    VALUES (:environment, :tenant, :key, :fingerprint, :expires_at_ms)
    ON CONFLICT (environment, tenant, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, answer = NULL, expires_at_ms = excluded.expires_at_ms
    WHERE request_keys.expires_at_ms <= :now_ms
    RETURNING key
    """
)
_GET = Sql(f"SELECT fingerprint, answer FROM request_keys WHERE {_OWNED} AND key = :key")  # noqa: S608
_ANSWER = Sql(f"UPDATE request_keys SET answer = :answer WHERE {_OWNED} AND key = :key")  # noqa: S608
_FORGET = Sql(
    f"""
    DELETE FROM request_keys WHERE {_OWNED} AND key IN (
        SELECT key FROM request_keys WHERE {_OWNED} AND expires_at_ms <= :now_ms LIMIT :limit {{skip_locked}}
    )
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """The request that had a key first: what tells its content from others', and what it was answered."""

    fingerprint: str
    answer: Any


def claim(tx: Transaction, scope: Scope, key: str, fingerprint: str, *, window_ms: int) -> FirstRequest | None:
    """Claim a key until ``window_ms`` from now; return the request that has it already, if any.

    Of two transactions that claim one key the second waits here until the first has ended. Joins the transaction.
    """
    where = whose(scope)
    expires_at_ms = tx.now_ms + window_ms
    own = {"key": key, "fingerprint": fingerprint, "expires_at_ms": expires_at_ms}
    if tx.one(_CLAIM, **where, **own, now_ms=tx.now_ms) is not None:
        tx.run(_FORGET, **where, now_ms=tx.now_ms, limit=_FORGOTTEN_AT_ONCE)
        return None
    row = tx.one(_GET, **where, key=key)
    if row is None:
        raise RuntimeError("a request key is taken and not there")
    return FirstRequest(row[0], None if row[1] is None else jsonvalue.loads(row[1]))


def answer(tx: Transaction, scope: Scope, key: str, value: Any) -> None:
    """Keep what a request was answered that has claimed its key in this transaction."""
    where = {**whose(scope), "key": key}
    tx.run(_ANSWER, **where, answer=jsonvalue.dumps(value))
