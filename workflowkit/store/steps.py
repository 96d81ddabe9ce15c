"""The schedule of steps: what is ready, who holds which lease, what the relay must hint.

Everything here except ``renew`` and ``wake`` joins a transaction that has locked the step's run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflowkit.engine.states import StepStatus
from workflowkit.store.statements import InsertInto, Sql
from workflowkit.store.transactions import Transaction

#: Due now. Not the time of now: processes carry the server's time forward each for itself and differ by milliseconds.
AT_ONCE = 0
#: Not due at any time: the step of an item of a loop whose turn has not come.
NEVER = 2**53 - 1
#: Due when it is taken from the queue of a limit (``store.lanes``): the end of the year 9999, a time that can be shown.
PARKED = 253_402_300_799_000
#: Due when its run gets the lock of a singleton (``runtime.lockqueue``). Unlike what is parked it has this as the time
#: at which it is hinted: a pause and its end find it.
HELD_UP = PARKED - 1


@dataclass(frozen=True, slots=True)
class StepRow:
    """A new row of the schedule. ``AT_ONCE`` as ``due_at_ms`` makes it claimable whatever the claimer's clock says."""

    run_id: str
    step_key: str
    queue: str
    status: StepStatus
    due_at_ms: int
    wake_at_ms: int | None
    attempt: int = 0
    token: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one attempt of a step and to record its result, until ``ends_at_ms`` unless renewed."""

    run_id: str
    step_key: str
    attempt: int
    token: int
    ends_at_ms: int
    lost_attempts: int = 0


@dataclass(frozen=True, slots=True)
class LockedStep:
    """How a step stands whose row this transaction has locked."""

    status: StepStatus
    due_at_ms: int
    queue: str


INSERT = InsertInto("steps", ("run_id", "step_key", "queue", "status", "attempt", "token", "due_at_ms", "wake_at_ms"))
# SAFETY: I13 — the token grows with every claim, and only a ready step or one whose lease has run out can be claimed.
# SAFETY: I14 — due times are compared with the database's clock only.
_CLAIM = Sql(
    """
    UPDATE steps SET status = 'running', attempt = attempt + 1, token = token + 1,
        lost_attempts = lost_attempts + CASE WHEN status = 'running' THEN 1 ELSE 0 END,
        due_at_ms = :ends_at_ms, wake_at_ms = :ends_at_ms
    WHERE run_id = :run_id AND step_key = :step_key AND status IN ('ready', 'running', 'sleeping', 'waiting')
        AND due_at_ms <= :now_ms
    RETURNING attempt, token, lost_attempts
    """
)
# SAFETY: I2 I13 — fenced by the lease's token and by its end: a worker that was stopped past it cannot record.
_RELEASE = Sql(
    """
    UPDATE steps SET status = :status, due_at_ms = :due_at_ms, wake_at_ms = :wake_at_ms
    WHERE run_id = :run_id AND step_key = :step_key AND token = :token AND status = 'running' AND due_at_ms > :now_ms
    """
)
_CLAIM_READY = Sql(
    """
    UPDATE steps SET status = 'running', attempt = attempt + 1, token = token + 1,
        due_at_ms = :ends_at_ms, wake_at_ms = :ends_at_ms
    WHERE run_id = :run_id AND step_key = :step_key AND status = 'ready' AND due_at_ms <= :now_ms
    RETURNING attempt, token, lost_attempts
    """
)
_CLAIM_PARKED = Sql(
    """
    UPDATE steps SET status = 'running', attempt = attempt + 1, token = token + 1,
        due_at_ms = :ends_at_ms, wake_at_ms = :ends_at_ms
    WHERE run_id = :run_id AND step_key = :step_key AND status = 'ready' AND due_at_ms = :parked
    RETURNING attempt, token, lost_attempts
    """
)
_PARK = Sql(
    """
    UPDATE steps SET status = 'ready', due_at_ms = :parked, wake_at_ms = NULL,
        lost_attempts = lost_attempts + CASE WHEN status = 'running' THEN 1 ELSE 0 END
    WHERE run_id = :run_id AND step_key = :step_key AND status IN ('ready', 'running', 'sleeping', 'waiting')
        AND due_at_ms <= :now_ms
    RETURNING queue
    """
)
_UNPARK = Sql(
    """
    UPDATE steps SET due_at_ms = 0, wake_at_ms = :wake_at_ms
    WHERE run_id = :run_id AND step_key = :step_key AND status = 'ready' AND due_at_ms = :parked
    """
)
_QUEUES = Sql("SELECT step_key, queue FROM steps WHERE run_id = :run_id")
_HOLDS = Sql(
    """
    SELECT 1 FROM steps
    WHERE run_id = :run_id AND step_key = :step_key AND token = :token AND status = 'running' AND due_at_ms > :now_ms
    """
)
_ANY_RUNNING = Sql("SELECT 1 FROM steps WHERE run_id = :run_id AND status = 'running' LIMIT 1")
_HELD = Sql(
    """
    SELECT attempt, token, due_at_ms, lost_attempts FROM steps
    WHERE run_id = :run_id AND step_key = :step_key AND status = 'running' AND due_at_ms > :now_ms
    """
)
_PUT_OFF = Sql(
    """
    UPDATE steps SET status = :status, due_at_ms = :due_at_ms, wake_at_ms = :wake_at_ms
    WHERE run_id = :run_id AND step_key = :step_key
    """
)
_LOCK = Sql(
    """
    SELECT status, due_at_ms, queue FROM steps WHERE run_id = :run_id AND step_key = :step_key {for_update}
    """
)
_POKE = Sql(
    """
    UPDATE steps SET due_at_ms = 0, wake_at_ms = :wake_at_ms
    WHERE run_id = :run_id AND step_key = :step_key AND status IN ('sleeping', 'waiting')
    """
)
# A frozen run's step is hinted by nobody, and stays so.
_ADVANCE = Sql(
    """
    UPDATE steps SET due_at_ms = 0, wake_at_ms = CASE WHEN wake_at_ms IS NULL THEN NULL ELSE :wake_at_ms END
    WHERE run_id = :run_id AND step_key = :step_key AND status IN ('ready', 'sleeping', 'waiting')
        AND (:any_attempt OR attempt = :attempt) AND due_at_ms > :now_ms AND due_at_ms < :parked
    RETURNING queue
    """
)
_ACTIVATE = Sql(
    """
    UPDATE steps SET due_at_ms = 0, wake_at_ms = :wake_at_ms
    WHERE run_id = :run_id AND status = 'ready' AND due_at_ms = :never
    RETURNING run_id, step_key, queue
    """
)
_ANY_INACTIVE = Sql("SELECT 1 FROM steps WHERE run_id = :run_id AND due_at_ms = :never LIMIT 1")
_RESCHEDULE = Sql(
    """
    UPDATE steps SET due_at_ms = :due_at_ms, wake_at_ms = :wake_at_ms WHERE run_id = :run_id AND status = 'ready'
    RETURNING run_id, step_key, queue
    """
)
_LET_GO = Sql(
    """
    UPDATE steps SET due_at_ms = 0, wake_at_ms = :wake_at_ms
    WHERE run_id = :run_id AND status = 'ready' AND due_at_ms = :held_up
    RETURNING run_id, step_key, queue
    """
)
_RENEW = Sql(
    """
    UPDATE steps SET due_at_ms = :ends_at_ms, wake_at_ms = :ends_at_ms
    WHERE run_id = :run_id AND step_key = (
        SELECT step_key FROM steps
        WHERE run_id = :run_id AND step_key = :step_key AND token = :token AND status = 'running'
            AND due_at_ms > :now_ms {skip_locked}
    )
    """
)
_CANCEL_OPEN = Sql(
    """
    UPDATE steps SET status = 'cancelled', wake_at_ms = NULL
    WHERE run_id = :run_id AND step_key IN (
        SELECT step_key FROM steps
        WHERE run_id = :run_id AND status NOT IN ('completed', 'failed', 'skipped', 'cancelled')
        ORDER BY step_key {for_update}
    )
    """
)
_WAKE = Sql(
    """
    WITH due AS MATERIALIZED (
        SELECT run_id, step_key FROM steps WHERE wake_at_ms <= :now_ms ORDER BY wake_at_ms LIMIT :limit {skip_locked}
    )
    UPDATE steps SET wake_at_ms = :wake_at_ms WHERE (run_id, step_key) IN (SELECT run_id, step_key FROM due)
    RETURNING run_id, step_key, queue
    """
)


#: From when on ``wake`` finds something.
WAKES_AT_MS = "SELECT min(wake_at_ms) FROM steps WHERE wake_at_ms IS NOT NULL"


def row_of(row: StepRow) -> tuple[Any, ...]:
    """Return the values that ``INSERT`` takes."""
    return (
        row.run_id, row.step_key, row.queue, row.status.value, row.attempt, row.token, row.due_at_ms, row.wake_at_ms,
    )  # fmt: skip


def claim(tx: Transaction, run_id: str, step_key: str, *, lease_ms: int, only_ready: bool = False) -> Lease | None:
    """Take the lease of a step that is due; ``None`` if it is not, or somebody else holds it.

    With ``only_ready`` a step whose lease ran out is left alone: there is a lost attempt to be put on record first.
    """
    ends_at_ms = tx.now_ms + lease_ms
    row = tx.one(
        _CLAIM_READY if only_ready else _CLAIM,
        run_id=run_id,
        step_key=step_key,
        now_ms=tx.now_ms,
        ends_at_ms=ends_at_ms,
    )
    if row is None:
        return None
    attempt, token, lost_attempts = row
    return Lease(run_id, step_key, attempt, token, ends_at_ms, lost_attempts)


def claim_parked(tx: Transaction, run_id: str, step_key: str, *, lease_ms: int) -> Lease | None:
    """Take the lease of a step that has waited for a limit."""
    ends_at_ms = tx.now_ms + lease_ms
    where = {"run_id": run_id, "step_key": step_key, "parked": PARKED}
    row = tx.one(_CLAIM_PARKED, **where, ends_at_ms=ends_at_ms)
    return None if row is None else Lease(run_id, step_key, row[0], row[1], ends_at_ms, row[2])


def park(tx: Transaction, run_id: str, step_key: str) -> str | None:
    """Let a step that is due wait for a limit; return its queue, ``None`` if it is not due or somebody else's.

    An attempt whose lease has run out is lost with it.
    """
    row = tx.one(_PARK, run_id=run_id, step_key=step_key, now_ms=tx.now_ms, parked=PARKED)
    return None if row is None else str(row[0])


def unpark(tx: Transaction, run_id: str, step_key: str, *, wake_at_ms: int | None) -> None:
    """Make a step that waits for a limit due, for whoever claims it to look at it anew."""
    tx.run(_UNPARK, run_id=run_id, step_key=step_key, wake_at_ms=wake_at_ms, parked=PARKED)


def queues(tx: Transaction, run_id: str) -> dict[str, str]:
    """Return the queue of each step of a run that was reached."""
    return {row[0]: row[1] for row in tx.rows(_QUEUES, run_id=run_id)}


def release(
    tx: Transaction, lease: Lease, status: StepStatus, *, due_at_ms: int = 0, wake_at_ms: int | None = None
) -> bool:
    """Give a lease back, leaving the step in ``status``; ``False`` if the lease is no longer ours."""
    return (
        tx.run(
            _RELEASE,
            run_id=lease.run_id,
            step_key=lease.step_key,
            token=lease.token,
            status=status.value,
            due_at_ms=due_at_ms,
            wake_at_ms=wake_at_ms,
            now_ms=tx.now_ms,
        )
        == 1
    )


def holds(tx: Transaction, lease: Lease) -> bool:
    """Tell whether a lease is still ours. It stays so until the end of a transaction that holds the run's lock."""
    where = {"run_id": lease.run_id, "step_key": lease.step_key, "token": lease.token}
    return tx.one(_HOLDS, **where, now_ms=tx.now_ms) is not None


def put_off(
    tx: Transaction, run_id: str, step_key: str, status: StepStatus, *, due_at_ms: int, wake_at_ms: int | None
) -> None:
    """Say when a step that this transaction has released may be claimed again."""
    where = {"run_id": run_id, "step_key": step_key}
    tx.run(_PUT_OFF, **where, status=status.value, due_at_ms=due_at_ms, wake_at_ms=wake_at_ms)


def lock(tx: Transaction, run_id: str, step_key: str) -> LockedStep | None:
    """Lock the row of a step and return how it stands; ``None`` if there is none."""
    row = tx.one(_LOCK, run_id=run_id, step_key=step_key)
    return None if row is None else LockedStep(StepStatus(row[0]), row[1], row[2])


def poke(tx: Transaction, run_id: str, step_key: str, *, wake_at_ms: int) -> None:
    """Make a step due now that waits. The caller has locked its row."""
    tx.run(_POKE, run_id=run_id, step_key=step_key, wake_at_ms=wake_at_ms)


def make_due(tx: Transaction, run_id: str, step_key: str, *, wake_at_ms: int, attempt: int | None = None) -> str | None:
    """Make a step due now that was to be looked at later; return its queue, ``None`` where it was not so.

    With ``attempt`` only if that is its latest one. Locks the step's row.
    """
    row = tx.one(
        _ADVANCE, run_id=run_id, step_key=step_key, any_attempt=attempt is None, attempt=attempt or 0,
        wake_at_ms=wake_at_ms, now_ms=tx.now_ms, parked=PARKED,
    )  # fmt: skip
    return None if row is None else str(row[0])


def activate(tx: Transaction, run_id: str, *, wake_at_ms: int) -> list[Any]:
    """Make the steps of a run due now that were ``NEVER``; return their (run id, step key, queue)."""
    return list(tx.rows(_ACTIVATE, run_id=run_id, wake_at_ms=wake_at_ms, never=NEVER))


def is_active(tx: Transaction, run_id: str) -> bool:
    """Tell whether no step of a run waits for its activation, or did so when the run ended."""
    return tx.one(_ANY_INACTIVE, run_id=run_id, never=NEVER) is None


def reschedule(tx: Transaction, run_id: str, *, due_at_ms: int, wake_at_ms: int | None) -> list[Any]:
    """Say when the first steps of a run may be claimed that has not begun and that this transaction has locked.

    Returns their (run id, step key, queue).
    """
    return list(tx.rows(_RESCHEDULE, run_id=run_id, due_at_ms=due_at_ms, wake_at_ms=wake_at_ms))


def let_go(tx: Transaction, run_id: str, *, wake_at_ms: int | None) -> list[Any]:
    """Make the first steps of a run due that waited for the lock of a singleton; return (run id, step key, queue)."""
    return list(tx.rows(_LET_GO, run_id=run_id, wake_at_ms=wake_at_ms, held_up=HELD_UP))


def any_running(tx: Transaction, run_id: str) -> bool:
    """Tell whether a step of a run is held by a worker, or was until its worker died."""
    return tx.one(_ANY_RUNNING, run_id=run_id) is not None


def held_lease(tx: Transaction, run_id: str, step_key: str) -> Lease | None:
    """Return the lease under which a step is running, if it has not ended. Whose it is, the caller knows."""
    row = tx.one(_HELD, run_id=run_id, step_key=step_key, now_ms=tx.now_ms)
    return None if row is None else Lease(run_id, step_key, row[0], row[1], row[2], row[3])


def renew(tx: Transaction, lease: Lease, *, lease_ms: int) -> int | None:
    """Extend a lease that is still ours; return its new end.

    ``None`` also where another transaction has the step's row locked just now: waiting for it could deadlock with one
    that locks several steps, and the next heartbeat comes soon enough.
    """
    ends_at_ms = tx.now_ms + lease_ms
    touched = tx.run(
        _RENEW,
        run_id=lease.run_id,
        step_key=lease.step_key,
        token=lease.token,
        now_ms=tx.now_ms,
        ends_at_ms=ends_at_ms,
    )
    return ends_at_ms if touched == 1 else None


def cancel_open(tx: Transaction, run_id: str) -> None:
    """Cancel every step of a run that has not ended. Locks their rows in order, as all who lock several do."""
    tx.run(_CANCEL_OPEN, run_id=run_id)


def wake(tx: Transaction, *, limit: int, wake_at_ms: int) -> list[Any]:
    """Return ``(run_id, step_key, queue)`` of steps due for a hint, and put their next one off to ``wake_at_ms``.

    Due are: ready steps that nobody claimed in time, retries whose time has come, and steps whose lease has run out.
    """
    return list(tx.rows(_WAKE, now_ms=tx.now_ms, limit=limit, wake_at_ms=wake_at_ms))
