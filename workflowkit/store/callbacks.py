"""URLs that can be called once, and what was sent to them. Tokens are hashes here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store.sealed import open_text, seal_text
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class CallbackRecord:
    """A callback's row. ``data`` is what was received, if ``received_at_ms`` says that anything was."""

    id: str
    scope: Scope
    run_id: str
    step_key: str
    token_hash: str = field(repr=False)
    created_at_ms: int
    expires_at_ms: int
    received_at_ms: int | None = None
    data: Any = None


_COLUMNS = (
    "id", "environment", "tenant", "run_id", "step_key", "token_hash", "created_at_ms", "expires_at_ms",
    "received_at_ms", "data",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM callbacks"  # noqa: S608 - names from our own code
_OWNED = "environment = :environment AND tenant = :tenant"
_INSERT = InsertInto("callbacks", _COLUMNS)
_LOCK = Sql(f"{_SELECT} WHERE {_OWNED} AND id = :id {{for_update}}")
_BY_TOKEN = Sql(f"{_SELECT} WHERE token_hash = :token_hash")
# SAFETY: I17 — of two calls at the same moment the first to update the row is received.
_RECEIVE = Sql(
    f"""
    UPDATE callbacks SET data = :data, received_at_ms = :now_ms
    WHERE {_OWNED} AND id = :id AND received_at_ms IS NULL AND expires_at_ms > :now_ms
    """  # noqa: S608
)


def insert(tx: Transaction, scope: Scope, record: CallbackRecord) -> None:
    """Store a new callback."""
    data = None if record.data is None else _sealed(tx, record.id, record.data)
    row = (
        record.id, scope.environment, scope.tenant, record.run_id, record.step_key, record.token_hash,
        record.created_at_ms, record.expires_at_ms, record.received_at_ms, data,
    )  # fmt: skip
    tx.insert(_INSERT, [row])


def lock(tx: Transaction, scope: Scope, callback_id: str) -> CallbackRecord | None:
    """Return a callback that nobody can call until the transaction ends.

    Locks go steps first, then callbacks: whoever resolves a wait afterwards has locked its step before.
    """
    row = tx.one(_LOCK, **whose(scope), id=callback_id)
    return None if row is None else _from_row(tx, row)


def find_by_token(tx: Transaction, token_hash: str) -> CallbackRecord | None:
    """Return the callback whose URL has this token, whosever it is: this is how its scope becomes known."""
    row = tx.one(_BY_TOKEN, token_hash=token_hash)
    return None if row is None else _from_row(tx, row)


def receive(tx: Transaction, scope: Scope, callback_id: str, data: Any) -> bool:
    """Keep what was sent to a callback; ``False`` if something was before, or its time is over."""
    text = None if data is None else _sealed(tx, callback_id, data)
    return tx.run(_RECEIVE, **whose(scope), id=callback_id, data=text, now_ms=tx.now_ms) == 1


def _place(callback_id: str) -> str:
    return f"callbacks/{callback_id}"


def _sealed(tx: Transaction, callback_id: str, data: Any) -> str | None:
    return seal_text(tx.sealing, jsonvalue.dumps(data), _place(callback_id))


def _from_row(tx: Transaction, row: Any) -> CallbackRecord:
    return CallbackRecord(
        id=row[0], scope=Scope(row[1], row[2]), run_id=row[3], step_key=row[4], token_hash=row[5],
        created_at_ms=row[6], expires_at_ms=row[7], received_at_ms=row[8],
        data=open_text(tx.sealing, row[9], _place(row[0])),
    )  # fmt: skip
