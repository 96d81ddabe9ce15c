"""Things to be done at a time that no step is: planned in the transaction that makes them necessary, done once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.store.statements import InsertInto, Sql
from workflowkit.store.transactions import Transaction


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A timer. ``id`` is deterministic, ``kind`` names its handler, ``subject`` what it is about."""

    id: str
    kind: str
    scope: Scope
    subject: str
    due_at_ms: int
    data: Mapping[str, Any] | None = None


_COLUMNS = ("id", "kind", "environment", "tenant", "subject", "data", "due_at_ms")
INSERT = InsertInto("timers", _COLUMNS)
_PLAN = Sql(
    f"""
    INSERT INTO timers ({", ".join(_COLUMNS)})
    VALUES (:id, :kind, :environment, :tenant, :subject, :data, :due_at_ms)
    ON CONFLICT (id) DO NOTHING
    """  # noqa: S608 - names from our own code
)
_PLAN_FOR_PARTS = Sql(
    """
    INSERT INTO timers (id, kind, environment, tenant, subject, data, due_at_ms)
    SELECT :kind || ':' || id || ':' || :run_id, :kind, environment, tenant, id, :data, :now_ms FROM runs
    WHERE parent_run_id = :run_id AND (CAST(:step AS TEXT) IS NULL OR parent_step = :step)
        AND path IS NOT NULL AND finished_at_ms IS NULL
    ON CONFLICT (id) DO NOTHING
    """
)
# SAFETY: I14 I16 — taken by one scheduler only, never before its time by the database's clock, and gone (or moved) in
# the transaction that does what it stands for.
_TAKE = Sql(
    f"""
    SELECT {", ".join(_COLUMNS)} FROM timers WHERE due_at_ms <= :now_ms ORDER BY due_at_ms, id LIMIT 1 {{skip_locked}}
    """  # noqa: S608 - names from our own code
)
#: From when on ``take`` may find something.
DUE_AT_MS = "SELECT min(due_at_ms) FROM timers"
_DELETE = Sql("DELETE FROM timers WHERE id = :id")
_ARM = Sql(
    f"""
    INSERT INTO timers ({", ".join(_COLUMNS)})
    VALUES (:id, :kind, :environment, :tenant, :subject, :data, :due_at_ms)
    ON CONFLICT (id) DO UPDATE SET data = excluded.data, due_at_ms = excluded.due_at_ms
    """  # noqa: S608 - names from our own code
)
# Whoever holds the run's lock must not wait for a timer that is just being fired: that one waits for the run's lock.
_FORGET = Sql("DELETE FROM timers WHERE id IN (SELECT id FROM timers WHERE subject = :subject {skip_locked})")
_DROP = Sql(
    """
    DELETE FROM timers WHERE id IN (
        SELECT id FROM timers WHERE subject = :subject AND kind {in_ids} {skip_locked}
    )
    RETURNING kind, data
    """
)
_FIRST_SUBJECT = Sql(
    "SELECT subject FROM timers WHERE id >= :low AND id <= :high AND subject <> :but ORDER BY id LIMIT 1"
)
_COUNT_BETWEEN = Sql("SELECT count(*) FROM timers WHERE id >= :low AND id < :high")
_MOVE = Sql("UPDATE timers SET due_at_ms = :due_at_ms, data = :data WHERE id = :id")
_PUT_OFF = Sql("UPDATE timers SET due_at_ms = :due_at_ms WHERE id = :id AND due_at_ms = :was_due_at_ms")


def row_of(timer: TimerRow) -> tuple[Any, ...]:
    """Return the values that ``INSERT`` takes."""
    data = None if timer.data is None else jsonvalue.dumps(timer.data)
    return (timer.id, timer.kind, timer.scope.environment, timer.scope.tenant, timer.subject, data, timer.due_at_ms)


def plan(tx: Transaction, timers: Sequence[TimerRow]) -> None:
    """Add timers; one that is planned already stays as it is."""
    for timer in timers:
        tx.run(_PLAN, **dict(zip(_COLUMNS, row_of(timer), strict=True)))


def plan_for_parts(
    tx: Transaction, kind: str, run_id: str, step: str | None = None, *, data: Mapping[str, Any]
) -> None:
    """Plan a timer that is due now for each open run of a part of a run's document, or of one step of it."""
    tx.run(_PLAN_FOR_PARTS, kind=kind, run_id=run_id, step=step, data=jsonvalue.dumps(data), now_ms=tx.now_ms)


def arm(tx: Transaction, timer: TimerRow) -> None:
    """Add a timer, or change the one that is planned; waits for it to be fired if that is just happening."""
    tx.run(_ARM, **dict(zip(_COLUMNS, row_of(timer), strict=True)))


def take(tx: Transaction) -> TimerRow | None:
    """Lock the next timer that is due and that nobody else handles just now."""
    row = tx.one(_TAKE, now_ms=tx.now_ms)
    if row is None:
        return None
    data = None if row[5] is None else jsonvalue.loads(row[5])
    return TimerRow(row[0], row[1], Scope(row[2], row[3]), row[4], row[6], data)


def delete(tx: Transaction, timer_id: str) -> None:
    """Forget a timer."""
    tx.run(_DELETE, id=timer_id)


def forget(tx: Transaction, subject: str) -> None:
    """Drop the timers about something that is over, but for those that somebody fires just now."""
    tx.run(_FORGET, subject=subject)


def drop(tx: Transaction, subject: str, kinds: Sequence[str]) -> dict[str, Any]:
    """Drop the timers of these kinds, but for those that somebody fires just now; return their data by kind."""
    rows = tx.rows(_DROP, subject=subject, ids=list(kinds))
    return {kind: None if data is None else jsonvalue.loads(data) for kind, data in rows}


def move(tx: Transaction, timer: TimerRow, *, due_at_ms: int, data: Mapping[str, Any] | None) -> None:
    """Put a timer off, with new data."""
    tx.run(_MOVE, id=timer.id, due_at_ms=due_at_ms, data=None if data is None else jsonvalue.dumps(data))


def put_off(tx: Transaction, timer: TimerRow, *, due_at_ms: int) -> None:
    """Let a timer that was let go be due later, unless somebody has fired it since."""
    tx.run(_PUT_OFF, id=timer.id, due_at_ms=due_at_ms, was_due_at_ms=timer.due_at_ms)


def first_subject(tx: Transaction, low: str, high: str, *, but: str) -> str | None:
    """Return the subject, other than ``but``, of the first timer whose id is in a range."""
    row = tx.one(_FIRST_SUBJECT, low=low, high=high, but=but)
    return None if row is None else str(row[0])


def count_between(tx: Transaction, low: str, high: str) -> int:
    """Return how many timers have an id from ``low`` on and before ``high``."""
    (count,) = tx.one(_COUNT_BETWEEN, low=low, high=high)
    return int(count)
