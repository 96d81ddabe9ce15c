"""What runs wait for: looked up by whatever happens, and resolved once.

Locks go in one direction: whoever resolves a wait locks the row of its step first (``lock_steps``), then the wait; a
worker that suspends or claims a step holds the step's row before it looks at the waits. So something that happens just
while a step begins to wait for it is either seen by the step or finds the step waiting (I17).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.ids import derived_id
from workflowkit.base.scope import Scope
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Transaction


class Kind(StrEnum):
    """What resolves a wait. ``CANCEL`` is a run's listener for the event that cancels it."""

    EVENT = "event"
    SIGNAL = "signal"
    RUN = "run"
    CANCEL = "cancel"


class State(StrEnum):
    """Where a wait is."""

    OPEN = "open"
    RECEIVED = "received"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class WaitRow:
    """A wait. ``wait_key`` is unique in its run; ``result`` is what was received, read as it is stored
    (see ``result_of``)."""

    run_id: str
    wait_key: str
    step_key: str
    kind: Kind
    scope: Scope
    name: str
    created_at_ms: int
    match_key: str = ""
    condition: str | None = None
    deadline_at_ms: int | None = None
    state: State = State.OPEN
    result: Any = None
    resolved_at_ms: int | None = None
    #: Our id of the event that was received.
    event_id: str | None = None

    @property
    def id(self) -> str:
        return wait_id(self.run_id, self.wait_key)


def wait_id(run_id: str, wait_key: str) -> str:
    """Return the id of a wait, which follows from its run and its key."""
    return derived_id(run_id, "wait", wait_key)


COLUMNS = (
    "id", "run_id", "wait_key", "step_key", "kind", "environment", "tenant", "name", "match_key", "condition", "state",
    "result", "deadline_at_ms", "created_at_ms", "resolved_at_ms", "event_id",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM waits"  # noqa: S608 - names from our own code
INSERT = InsertInto("waits", COLUMNS)
_NOTE_PATH = Sql(
    """
    INSERT INTO wait_paths (environment, tenant, name, path) VALUES (:environment, :tenant, :name, :path)
    ON CONFLICT (environment, tenant, name, path) DO NOTHING
    """
)
_FIND_LISTENING = Sql(
    f"""
    {_SELECT} WHERE environment = :environment AND tenant = :tenant AND kind IN ('event', 'cancel') AND name = :name
        AND match_key {{in_ids}} AND state = 'open' AND (deadline_at_ms IS NULL OR deadline_at_ms > :now_ms)
    ORDER BY id
    """
)
_FIND_SIGNAL = Sql(
    f"""
    {_SELECT} WHERE environment = :environment AND tenant = :tenant AND kind = 'signal' AND name = :name
    ORDER BY CASE WHEN state = 'open' THEN 0 ELSE 1 END, created_at_ms DESC, id DESC LIMIT 1
    """
)
_GET = Sql(f"{_SELECT} WHERE id = :id")
_OF_STEP = Sql(f"{_SELECT} WHERE run_id = :run_id AND step_key = :step_key")
_LOCK_STEPS = Sql(
    """
    SELECT run_id, step_key FROM steps
    WHERE (run_id, step_key) IN (SELECT run_id, step_key FROM waits WHERE id {in_ids})
    ORDER BY run_id, step_key {for_update}
    """
)
# SAFETY: I17 — the first to resolve a wait decides; whoever comes later finds it no longer open.
_RESOLVE = Sql(
    """
    UPDATE waits SET state = :state, result = :result, resolved_at_ms = :now_ms, event_id = :event_id
    WHERE state = 'open' AND (deadline_at_ms IS NULL OR deadline_at_ms > :not_after_ms)
        AND id IN (SELECT id FROM waits WHERE id {in_ids} ORDER BY id {for_update})
    RETURNING id, run_id, step_key, kind
    """
)
_CLOSE = Sql(
    """
    UPDATE waits SET state = 'cancelled', resolved_at_ms = :now_ms
    WHERE id IN (SELECT id FROM waits WHERE run_id = :run_id AND state = 'open' ORDER BY id {for_update})
    RETURNING kind, wait_key, name
    """
)
_LISTENERS = Sql(f"{_SELECT} WHERE run_id = :run_id AND kind = 'cancel' AND state = 'open' ORDER BY wait_key")
_DROP_LISTENERS = Sql(
    """
    DELETE FROM waits WHERE id IN (
        SELECT id FROM waits WHERE run_id = :run_id AND kind = 'cancel' AND state = 'open' ORDER BY id {for_update}
    )
    """
)
_WAS_CANCELLED = Sql("SELECT 1 FROM waits WHERE run_id = :run_id AND kind = 'cancel' AND state = 'received' LIMIT 1")
_WAKE_STEPS = Sql(
    """
    UPDATE steps SET due_at_ms = 0, wake_at_ms = :wake_at_ms
    WHERE (run_id, step_key) IN (SELECT run_id, step_key FROM waits WHERE id {in_ids})
        AND status IN ('sleeping', 'waiting')
    RETURNING run_id, step_key, queue
    """
)


def insert(tx: Transaction, rows: Sequence[WaitRow]) -> None:
    """Store new waits. Raises the driver's IntegrityError where a signal is taken by another run."""
    tx.insert(INSERT, [row_of(row) for row in rows])


def note_path(tx: Transaction, scope: Scope, name: str, path: str) -> None:
    """Let events of this name be looked up by the value at ``path`` from now on (``""``: whatever they hold)."""
    tx.run(_NOTE_PATH, **whose(scope), name=name, path=path)


def find_listening(tx: Transaction, scope: Scope, name: str, match_keys: Sequence[str]) -> list[WaitRow]:
    """Return the open waits for an event of this name with one of these index keys, in order of id."""
    rows = tx.rows(_FIND_LISTENING, **whose(scope), name=name, ids=list(match_keys), now_ms=tx.now_ms)
    return [from_row(row) for row in rows]


def find_signal(tx: Transaction, scope: Scope, signal: str) -> WaitRow | None:
    """Return the open wait for a signal, of which there is one at most; else the newest, whatever became of it."""
    row = tx.one(_FIND_SIGNAL, **whose(scope), name=signal)
    return None if row is None else from_row(row)


def of_step(tx: Transaction, run_id: str, step_key: str) -> dict[str, WaitRow]:
    """Return all waits of a step by key. The caller holds the lock of the step's row."""
    rows = (from_row(row) for row in tx.rows(_OF_STEP, run_id=run_id, step_key=step_key))
    return {row.wait_key: row for row in rows}


def get(tx: Transaction, run_id: str, wait_key: str) -> WaitRow | None:
    """Return one wait of a run."""
    row = tx.one(_GET, id=wait_id(run_id, wait_key))
    return None if row is None else from_row(row)


def lock_steps(tx: Transaction, wait_ids: Sequence[str]) -> None:
    """Lock the rows of the steps of these waits, in order, whatever those are doing."""
    tx.rows(_LOCK_STEPS, ids=list(wait_ids))


def receive(
    tx: Transaction, wait_ids: Sequence[str], result: Any, *, event_id: str | None = None
) -> list[tuple[str, str]]:
    """Resolve those of the waits that are still open with what they waited for; return their (run id, step key).

    Of an event that is our id of it, which is given as ``event_id`` too: the event is not deleted then before it was
    read. Locks the rows of their steps first, in order, whatever those are doing.
    """
    lock_steps(tx, wait_ids)
    if tx.sealing is not None and len(wait_ids) == 1:  # what resolves several at once is the id of an event
        result = tx.sealing.seal(result, _place(wait_ids[0]))
    resolved = _resolve(tx, wait_ids, State.RECEIVED, result, not_after_ms=tx.now_ms, event_id=event_id)
    return [(run_id, step_key) for _, run_id, step_key, _ in resolved]


def result_of(tx: Transaction, row: WaitRow) -> Any:
    """Return what a wait has received. Raises ``ValueUnreadable`` where it is encrypted with a key that is not here."""
    return row.result if tx.sealing is None else tx.sealing.open(row.result, _place(row.id))


def _place(wait_id: str) -> str:
    return f"waits/{wait_id}"


def expire(tx: Transaction, wait_ids: Sequence[str]) -> None:
    """Resolve waits whose time is over. The caller holds the lock of their step's row."""
    if wait_ids:
        _resolve(tx, wait_ids, State.EXPIRED, None, not_after_ms=-1)


def close(tx: Transaction, run_id: str) -> dict[str, str]:
    """End all waits of a run that has ended; return the child runs that it waited for, by the key of the wait."""
    closed = tx.rows(_CLOSE, run_id=run_id, now_ms=tx.now_ms)
    return {wait_key: name for kind, wait_key, name in closed if kind == Kind.RUN}


def listeners_of(tx: Transaction, run_id: str) -> list[WaitRow]:
    """Return the open waits for events that cancel a run."""
    return [from_row(row) for row in tx.rows(_LISTENERS, run_id=run_id)]


def drop_listeners(tx: Transaction, run_id: str) -> None:
    """Let no event cancel a run any more that has not done so."""
    tx.run(_DROP_LISTENERS, run_id=run_id)


def was_cancelled(tx: Transaction, run_id: str) -> bool:
    """Tell whether an event has come that cancels a run."""
    return tx.one(_WAS_CANCELLED, run_id=run_id) is not None


def wake_steps(tx: Transaction, wait_ids: Sequence[str], *, wake_at_ms: int) -> list[Any]:
    """Make the steps of these waits due now, as far as they wait; return their (run id, step key, queue).

    A step that is running sees to itself: it looks at its waits before it begins to wait again.
    """
    return list(tx.rows(_WAKE_STEPS, ids=list(wait_ids), wake_at_ms=wake_at_ms))


def row_of(row: WaitRow) -> tuple[Any, ...]:
    """Return the values that ``INSERT`` takes."""
    result = None if row.result is None else jsonvalue.dumps(row.result)
    return (
        row.id, row.run_id, row.wait_key, row.step_key, row.kind.value, row.scope.environment, row.scope.tenant,
        row.name, row.match_key, row.condition, row.state.value, result, row.deadline_at_ms, row.created_at_ms,
        row.resolved_at_ms, row.event_id,
    )  # fmt: skip


def _resolve(
    tx: Transaction, ids: Sequence[str], state: State, result: Any, *, not_after_ms: int, event_id: str | None = None
) -> list[Any]:
    text = None if result is None else jsonvalue.dumps(result)
    found = {"state": state.value, "result": text, "event_id": event_id}
    return list(tx.rows(_RESOLVE, ids=list(ids), **found, now_ms=tx.now_ms, not_after_ms=not_after_ms))


def from_row(row: Any) -> WaitRow:
    """Return the wait of a row of ``COLUMNS``."""
    return WaitRow(
        run_id=row[1], wait_key=row[2], step_key=row[3], kind=Kind(row[4]), scope=Scope(row[5], row[6]), name=row[7],
        match_key=row[8], condition=row[9], state=State(row[10]),
        result=None if row[11] is None else jsonvalue.loads(row[11]), deadline_at_ms=row[12], created_at_ms=row[13],
        resolved_at_ms=row[14], event_id=row[15],
    )  # fmt: skip
