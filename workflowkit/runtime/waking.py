"""What a step waits for has come, an event or a signal: the step becomes due, and hears of it when it is claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from workflowkit.base.ids import first_id
from workflowkit.base.jsonvalue import check_json, size_bytes
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition.correlation import index_key, value_at
from workflowkit.engine.waits import RESERVED_SIGNALS, is_reserved_signal
from workflowkit.runtime.cause import CANCELLED_BY_EVENT, Cause, cancel_timer
from workflowkit.runtime.hints import Dispatcher, StepHint
from workflowkit.runtime.timers import NOTHING, Fired
from workflowkit.runtime.waiting import find_earlier, holds
from workflowkit.store import events, runs, timers, waits
from workflowkit.store.database import Database
from workflowkit.store.events import EventRecord
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction
from workflowkit.store.waits import Kind, State, WaitRow


@dataclass(frozen=True, slots=True)
class Awaited:
    """An event and the open waits that it is what they wait for."""

    event: EventRecord
    rows: tuple[WaitRow, ...]


def find_awaiting(
    tx: Transaction, record: EventRecord, name: str, paths: Sequence[str], limits: Limits
) -> Awaited | None:
    """Return the waits for ``name`` that an event resolves; ``paths`` are those by which such events are looked up.

    ``name`` is the event's, or a pattern that covers it.

    The index finds those whose value is the event's; only what is left of their conditions is evaluated.
    """
    if not paths or record.duplicate_of is not None:
        return None
    later = record.as_json()
    keys = [index_key(path, value_at(later, path)) if path else "" for path in paths]
    rows = waits.find_listening(tx, record.scope, name, keys)
    found = tuple(row for row in rows if holds(row, _event_of(tx, row), later, limits))
    return Awaited(record, found) if found else None


def receive(tx: Transaction, awaited: Sequence[Awaited], *, wake_at_ms: int) -> list[StepHint]:
    """Resolve waits with the events they wait for; return the steps that are due now. Joins the caller's transaction.

    Locks the rows of all steps concerned, in order, then the waits.
    """
    waits.lock_steps(tx, [row.id for each in awaited for row in each.rows])
    hints = []
    for each in awaited:
        listeners = [row for row in each.rows if row.kind is not Kind.CANCEL]
        if listeners:
            ids = [row.id for row in listeners]
            waits.receive(tx, ids, each.event.id, event_id=each.event.id)
            hints += [StepHint(*row) for row in waits.wake_steps(tx, ids, wake_at_ms=wake_at_ms)]
        _cancel_runs(tx, each)
    return hints


def _cancel_runs(tx: Transaction, awaited: Awaited) -> None:
    """Plan the end of the runs that an event cancels: a run is locked by nobody who holds locks of steps."""
    rows = [row for row in awaited.rows if row.kind is Kind.CANCEL]
    if not rows:
        return
    waits.receive(tx, [row.id for row in rows], awaited.event.id)
    cause = Cause(CANCELLED_BY_EVENT, event_id=awaited.event.id)
    timers.plan(tx, [cancel_timer(row.scope, row.run_id, cause, due_at_ms=tx.now_ms) for row in rows])


def _event_of(tx: Transaction, row: WaitRow) -> dict[str, Any] | None:
    """Return the event that started the run of a wait, if what is left of its condition may ask for it."""
    if row.condition is None:
        return None
    run = runs.load(tx, row.run_id)
    event = None if run is None else events.find(tx, run.event_id)
    return None if event is None else event.as_json()


class Waking:
    """Signals, and the second look of waits with a lookback."""

    def __init__(self, database: Database, dispatcher: Dispatcher, limits: Limits, *, grace_ms: int) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._limits = limits
        self._grace_ms = grace_ms

    def signal(self, scope: Scope, name: str, data: Any = None) -> str:
        """Resume the run that waits for a signal; return its id.

        Raises ``NotFound`` if none does or ever did, ``Conflict`` if the wait has ended, ``InvalidInput`` and
        ``LimitExceeded`` for a name of the engine's own and for data that cannot be stored.
        """
        if is_reserved_signal(name):
            message = f"names that begin with {RESERVED_SIGNALS} are reserved"
            raise InvalidInput.at("/signal", "reserved-name", message)
        check_json(data)
        if (size := size_bytes(data)) > self._limits.event_bytes:
            raise LimitExceeded("event_bytes", self._limits.event_bytes, size, pointer="/data")
        with self._database.transaction("signal") as tx:
            row = waits.find_signal(tx, scope, name)
            if row is None:
                raise NotFound(f"no run waits for signal {name!r}")
            # SAFETY: I17 — sent twice at the same moment, it is received once: the row says so, not what was read.
            if row.state is not State.OPEN or not waits.receive(tx, [row.id], data):
                raise Conflict(f"the wait for signal {name!r} has ended: {row.state.value}", state=row.state.value)
            hints = [StepHint(*each) for each in waits.wake_steps(tx, [row.id], wake_at_ms=tx.now_ms + self._grace_ms)]
        self._dispatcher.execute(hints)
        return row.run_id

    def look_back(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Handle a ``wait.lookback`` timer: find an event that was being matched while the wait began.

        The timer comes again until it has seen all that there are.
        """
        data = timer.data or {}
        row = waits.get(tx, data["run_id"], data["wait_key"])
        if row is None or row.state is not State.OPEN:
            return NOTHING
        run = runs.load(tx, row.run_id)
        event = None if run is None else events.find(tx, run.event_id)
        if event is None:
            return NOTHING
        looked = find_earlier(
            tx, row, data["path"], event.as_json(), data.get("after") or first_id(data["after_ms"]), self._limits
        )
        if looked.rest is not None:
            return Fired(again_at_ms=tx.now_ms, data={**data, "after": looked.rest})
        if looked.found is None:
            return NOTHING
        waits.receive(tx, [row.id], looked.found, event_id=looked.found)
        woken = waits.wake_steps(tx, [row.id], wake_at_ms=tx.now_ms + self._grace_ms)
        return Fired(hints=tuple(StepHint(*each) for each in woken))
