"""Cancelling a run, whatever the cause: a user, an event, a time limit, the end of the run it is part of.

A run is cancelled in a transaction of its own, and never in one that holds the lock of another: what follows from an
event or from the end of a parent is a timer (``run.cancel``) that is planned there and fired after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workflowkit.base.errors import DefinitionError
from workflowkit.base.limits import Limits
from workflowkit.base.sealing import ValueUnreadable
from workflowkit.engine import planner
from workflowkit.runtime.cause import CANCEL_TIMER, CANCELLED_BY_EVENT, FINISH_TIMEOUT, START_TIMEOUT, Cause
from workflowkit.runtime.ending import Ended, Ending
from workflowkit.runtime.position import load
from workflowkit.runtime.timers import NOTHING, Fired, Timers
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.waiting import behind, find_earlier
from workflowkit.runtime.watches import FINISH_TIMER, LISTEN_TIMER, START_TIMER, is_current
from workflowkit.store import events, journal, runs, waits
from workflowkit.store.events import EventGone
from workflowkit.store.runs import RunRecord
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction
from workflowkit.store.waits import WaitRow

#: How long a timeout is put off at the least that cannot tell yet when it will be.
_SOONEST_MS = 1_000


class Cancelling:
    """Cancels runs inside transactions, and handles the timers that do."""

    def __init__(self, versions: Versions, ending: Ending, limits: Limits) -> None:
        self._versions = versions
        self._ending = ending
        self._limits = limits

    def register(self, timers: Timers) -> None:
        """Handle the timers of this module."""
        timers.handle(CANCEL_TIMER, self._fire_cancel)
        timers.handle(START_TIMER, self._fire_start)
        timers.handle(FINISH_TIMER, self._fire_finish)
        timers.handle(LISTEN_TIMER, self._fire_listen)

    def cancel(self, tx: Transaction, run: RunRecord, cause: Cause) -> Ended:
        """Cancel a run whose lock this transaction holds and that has not ended.

        A step whose action is running goes on to its end; its result is kept as ignored.
        """
        try:
            position, _facts = load(tx, run, self._versions)
        except (DefinitionError, EventGone, ValueUnreadable):
            return self._ending.abandon(tx, run, cause)
        decision = planner.cancel(position.progress, tx.now_ms, cause.reason)
        journal.insert(tx, journal.rows_of(run.id, run.revision, decision.facts))
        return self._ending.finish(tx, position, decision, cause)

    def _fire_cancel(self, tx: Transaction, timer: TimerRow) -> Fired:
        run = runs.lock(tx, timer.subject)
        if run is None or run.status.is_terminal:
            return NOTHING
        return _fired(self.cancel(tx, run, Cause.from_json(timer.data or {})))

    def _fire_start(self, tx: Transaction, timer: TimerRow) -> Fired:
        run = runs.lock(tx, timer.subject)
        if run is None or run.started_at_ms is not None or run.status.is_terminal or not is_current(timer, run):
            return NOTHING
        return _fired(self.cancel(tx, run, Cause(START_TIMEOUT)))

    def _fire_finish(self, tx: Transaction, timer: TimerRow) -> Fired:
        run = runs.lock(tx, timer.subject)
        if run is None or run.status.is_terminal or not is_current(timer, run):
            return NOTHING
        finish_ms = (timer.data or {})["finish_ms"]
        # The limit counts from the first step. One that begins later than now ends later than this timer comes again.
        due_ms = (tx.now_ms if run.started_at_ms is None else run.started_at_ms) + finish_ms
        if due_ms > tx.now_ms:
            return Fired(again_at_ms=max(due_ms, tx.now_ms + _SOONEST_MS), data=timer.data)
        return _fired(self.cancel(tx, run, Cause(FINISH_TIMEOUT)))

    def _fire_listen(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Look for an event that cancels a run and was being matched while the run was made.

        The timer comes again until it has seen all that came since the run's own event.
        """
        data = timer.data or {}
        run = runs.load(tx, timer.subject)
        if run is None or run.status.is_terminal or not is_current(timer, run):
            return NOTHING
        rows, rest = waits.listeners_of(tx, run.id), data.get("rest")
        after = {row.wait_key: behind(data["after"]) for row in rows} if rest is None else rest
        missed = find_missed(tx, rows, data["paths"], run, after, self._limits)
        if missed.listener is None:
            return Fired(again_at_ms=tx.now_ms, data={**data, "rest": missed.rest}) if missed.rest else NOTHING
        locked = runs.lock(tx, run.id)
        if locked is None or locked.status.is_terminal or not waits.receive(tx, [missed.listener.id], missed.event_id):
            return NOTHING
        return _fired(self.cancel(tx, locked, Cause(CANCELLED_BY_EVENT, event_id=missed.event_id)))


@dataclass(frozen=True, slots=True)
class Missed:
    """The listener of a run, and our id of the event that it is for; else from which ids on listeners, by their keys,
    have more to look at."""

    listener: WaitRow | None = None
    event_id: str | None = None
    rest: Mapping[str, str] = field(default_factory=dict)


def find_missed(
    tx: Transaction,
    rows: Sequence[WaitRow],
    paths: Mapping[str, str],
    run: RunRecord,
    after: Mapping[str, str],
    limits: Limits,
) -> Missed:
    """Look for an event that is for one of the listeners of a run, of those that ``after`` has an id to begin from."""
    record = events.find(tx, run.event_id)
    if record is None:
        return Missed()
    event, rest = record.as_json(), {}
    for row in rows:
        if row.wait_key not in after:
            continue
        looked = find_earlier(tx, row, paths[row.wait_key], event, after[row.wait_key], limits)
        if looked.found is not None:
            return Missed(row, looked.found)
        if looked.rest is not None:
            rest[row.wait_key] = looked.rest
    return Missed(rest=rest)


def _fired(ended: Ended) -> Fired:
    return Fired(hints=ended.hints, event_ids=ended.event_ids)
