"""What flow control keeps of a key, and the lock of that key. What a state says is up to ``runtime``.

Whoever decides by states locks all of them first, in the order of their keys, so that no two transactions wait for each
other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.store.database import RowStatement, Sql, Transaction

_HOUR_MS = 3_600_000
#: Most expired rows that one transaction deletes.
PURGED_AT_ONCE = 20


@dataclass(frozen=True, slots=True, order=True)
class StateKey:
    """Where a state is found. A group of slots, which may span tenants, has nothing but its ``control`` and ``key``."""

    environment: str
    tenant: str
    workflow_id: str
    control: str
    key: str


_KEY = ("environment", "tenant", "workflow_id", "control", "key")
_IS_KEY = " AND ".join(f"{name} = :{name}" for name in _KEY)
# A row without a state is kept for a while: the lock of a key that is used all the time. The time is rounded, so that
# locking it again changes no index.
_LOCK = RowStatement(
    f"INSERT INTO flow_states ({', '.join(_KEY)}, expires_at_ms) VALUES ",  # noqa: S608 - names from our own code
    (*_KEY, "expires_at_ms"),
    f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET expires_at_ms = CASE WHEN flow_states.state IS NULL"
    f" THEN excluded.expires_at_ms ELSE flow_states.expires_at_ms END RETURNING {', '.join(_KEY)}, state",
)
_PUT = Sql(
    f"UPDATE flow_states SET state = :state, expires_at_ms = :expires_at_ms WHERE {_IS_KEY}"  # noqa: S608
)
_FORGET = Sql(f"DELETE FROM flow_states WHERE {_IS_KEY}")  # noqa: S608
_PURGE = Sql(
    f"""
    DELETE FROM flow_states WHERE ({", ".join(_KEY)}) IN (
        SELECT {", ".join(_KEY)} FROM flow_states WHERE expires_at_ms <= :now_ms
        ORDER BY expires_at_ms LIMIT :limit {{skip_locked}}
    )
    """  # noqa: S608
)


def lock(tx: Transaction, keys: Iterable[StateKey]) -> dict[StateKey, Any]:
    """Lock the rows of ``keys`` until the end of the transaction; return their states, ``None`` where there is none."""
    expires_at_ms = (tx.now_ms // _HOUR_MS + 2) * _HOUR_MS
    # SAFETY: I18 I20 — one order for everybody.
    rows = [(*_values(key), expires_at_ms) for key in sorted(set(keys))]
    found = {
        StateKey(*row[:5]): None if row[5] is None else jsonvalue.loads(row[5]) for row in tx.returned(_LOCK, rows)
    }
    if found:
        tx.read_clock()
    return found


def put(tx: Transaction, key: StateKey, state: Any, *, expires_at_ms: int | None = None) -> None:
    """Store the state of a locked key; ``None`` is no state. Once it has expired it says nothing any more."""
    if state is None:
        tx.run(_FORGET, **_parameters(key))
    else:
        tx.run(_PUT, **_parameters(key), state=jsonvalue.dumps(state), expires_at_ms=expires_at_ms)


def purge(tx: Transaction) -> None:
    """Delete some of the states that have expired, those that nobody is at."""
    tx.run(_PURGE, now_ms=tx.now_ms, limit=PURGED_AT_ONCE)


def _values(key: StateKey) -> tuple[str, ...]:
    return (key.environment, key.tenant, key.workflow_id, key.control, key.key)


def _parameters(key: StateKey) -> dict[str, str]:
    return dict(zip(_KEY, _values(key), strict=True))
