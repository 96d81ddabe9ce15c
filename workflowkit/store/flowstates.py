"""What flow control keeps of a key, and the lock of that key. What a state says is up to ``runtime``.

Whoever decides by states locks all of them first, in the order of their keys, so that no two transactions wait for each
other. Or ``read``s them, and writes what follows in one statement with ``GUARDED``: that fails, and all with it, if one
of the states is no longer as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.store.statements import RowStatement, Sql
from workflowkit.store.transactions import Transaction

_HOUR_MS = 3_600_000
#: Most expired rows that one transaction deletes.
PURGED_AT_ONCE = 1_000
#: The stamp of a new row is the present millisecond times this: larger than any that the row had before it was deleted.
_STAMPS_PER_MS = 1_024


@dataclass(frozen=True, slots=True, order=True)
class StateKey:
    """Where a state is found."""

    environment: str
    tenant: str
    workflow_id: str
    control: str
    key: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A state that was read without a lock, and its stamp; both are ``None`` where there is no row."""

    state: Any = None
    stamp: int | None = None


_KEY = ("environment", "tenant", "workflow_id", "control", "key")
KEYS = ", ".join(_KEY)
_IS_KEY = " AND ".join(f"{name} = :{name}" for name in _KEY)
# A row without a state is kept for a while: the lock of a key that is used all the time. The time is rounded, so that
# locking it again changes no index.
_LOCK = RowStatement(
    f"INSERT INTO flow_states ({KEYS}, expires_at_ms, stamp) VALUES ",  # noqa: S608 - names from our own code
    (*_KEY, "expires_at_ms", "stamp"),
    f" ON CONFLICT ({KEYS}) DO UPDATE SET stamp = flow_states.stamp + 1, expires_at_ms = CASE"
    f" WHEN flow_states.state IS NULL THEN excluded.expires_at_ms ELSE flow_states.expires_at_ms END"
    f" RETURNING {KEYS}, state",
)
_READ = RowStatement(
    f"SELECT {KEYS}, state, stamp FROM flow_states WHERE ({KEYS}) IN (VALUES ", _KEY, ")"  # noqa: S608
)  # fmt: skip
#: SAFETY: I20 — a stamp that is not the next one after the row's becomes NULL, which the column refuses.
ON_SAME_STAMP = (
    f"ON CONFLICT ({KEYS}) DO UPDATE SET state = excluded.state, expires_at_ms = excluded.expires_at_ms,"
    " stamp = CASE WHEN flow_states.stamp = excluded.stamp - 1 THEN excluded.stamp END"
)
#: Takes ``guarded_row``s in the order of ``turn_to_lock``.
GUARDED = RowStatement(
    f"INSERT INTO flow_states ({KEYS}, state, expires_at_ms, stamp) VALUES ",  # noqa: S608
    (*_KEY, "state", "expires_at_ms", "stamp"),
    " " + ON_SAME_STAMP,
)
_PUT = Sql(
    f"UPDATE flow_states SET state = :state, expires_at_ms = :expires_at_ms WHERE {_IS_KEY}"  # noqa: S608
)
_FORGET = Sql(f"DELETE FROM flow_states WHERE {_IS_KEY}")  # noqa: S608
#: From when on ``purge`` finds something.
EXPIRES_AT_MS = "SELECT min(expires_at_ms) FROM flow_states WHERE expires_at_ms IS NOT NULL"
_PURGE = Sql(
    f"""
    WITH expired AS MATERIALIZED (
        SELECT {KEYS} FROM flow_states WHERE expires_at_ms <= :now_ms
        ORDER BY expires_at_ms LIMIT :limit {{skip_locked}}
    )
    DELETE FROM flow_states WHERE ({KEYS}) IN (SELECT {KEYS} FROM expired)
    """  # noqa: S608
)


def lock(tx: Transaction, keys: Iterable[StateKey]) -> dict[StateKey, Any]:
    """Lock the rows of ``keys`` until the end of the transaction; return their states, ``None`` where there is none."""
    found = {
        StateKey(*row[:5]): None if row[5] is None else jsonvalue.loads(row[5])
        # SAFETY: I19 I20 — one order for everybody.
        for row in tx.returned(
            _LOCK, [(*_values(key), lock_ends_at_ms(tx), first_stamp(tx)) for key in sorted(set(keys))]
        )
    }
    if found:
        tx.read_clock()
    return found


def read(tx: Transaction, keys: Iterable[StateKey]) -> dict[StateKey, Seen]:
    """Return the states of ``keys`` as they stand, without a lock."""
    wanted = set(keys)
    found = {key: Seen() for key in wanted}
    for row in tx.returned(_READ, [_values(key) for key in wanted]):
        found[StateKey(*row[:5])] = Seen(None if row[5] is None else jsonvalue.loads(row[5]), row[6])
    return found


def guarded_row(
    tx: Transaction, key: StateKey, stamp: int | None, state: Any = None, *, expires_at_ms: int | None = None
) -> tuple[Any, ...]:
    """Return the values that ``GUARDED`` takes to store a state if the row's stamp is still the one that was read.

    Without a state the row is kept for a while, like that of a lock.
    """
    text = None if state is None else jsonvalue.dumps(state)
    ends_at_ms = lock_ends_at_ms(tx) if state is None else expires_at_ms
    return (*_values(key), text, ends_at_ms, first_stamp(tx) if stamp is None else stamp + 1)


def turn_to_lock(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return the sort key of a row of ``GUARDED``: whoever locks states one by one does so in this order, too."""
    key = StateKey(*row[:5])
    # Singletons are locked after what else decides about events.
    return key.control == "singleton", key


def put(tx: Transaction, key: StateKey, state: Any, *, expires_at_ms: int | None = None) -> None:
    """Store the state of a locked key; ``None`` is no state. Once it has expired it says nothing any more."""
    if state is None:
        tx.run(_FORGET, **_parameters(key))
    else:
        tx.run(_PUT, **_parameters(key), state=jsonvalue.dumps(state), expires_at_ms=expires_at_ms)


def purge(tx: Transaction) -> None:
    """Delete some of the states that have expired, those that nobody is at."""
    tx.run(_PURGE, now_ms=tx.now_ms, limit=PURGED_AT_ONCE)


def lock_ends_at_ms(tx: Transaction) -> int:
    """Return when a row without a state expires that is locked now. Rounded: to lock it again changes no index."""
    return (tx.now_ms // _HOUR_MS + 2) * _HOUR_MS


def first_stamp(tx: Transaction) -> int:
    """Return the stamp of a row that is new."""
    return tx.now_ms * _STAMPS_PER_MS


def _values(key: StateKey) -> tuple[str, ...]:
    return (key.environment, key.tenant, key.workflow_id, key.control, key.key)


def _parameters(key: StateKey) -> dict[str, str]:
    return dict(zip(_KEY, _values(key), strict=True))
