"""Fires timers: whatever is to be done at a time, done once, by whichever scheduler gets there first.

A handler gets the open transaction and the locked timer. What it writes, and the end of the timer, are one commit; what
it returns is told to the dispatcher after that. Locks go timer first, then run; nobody who holds a run's lock touches
an existing timer, so the two cannot deadlock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import StoreUnavailable
from workflowkit.runtime.hints import Dispatcher, StepHint, hint
from workflowkit.store import timers
from workflowkit.store.database import Database
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

_log = logging.getLogger(__name__)

#: Most timers that one tick fires; the next one goes on.
TIMERS_PER_TICK = 200
#: How long a timer, or an event, is put off whose handler failed, or that this process has no handler for.
POSTPONED_MS = 60_000
#: How long a timer, or an event, is put off for which the database was not available: that may be its own doing.
RETRIED_MS = 2_000


@dataclass(frozen=True, slots=True)
class Fired:
    """What followed: steps and events to hint, and when the same timer is due again (``None``: never)."""

    hints: tuple[StepHint, ...] = ()
    event_ids: tuple[str, ...] = ()
    again_at_ms: int | None = None
    data: Mapping[str, Any] | None = None


NOTHING = Fired()
Handler = Callable[[Transaction, TimerRow], Fired]


class Timers:
    """The handlers of this process, by kind."""

    def __init__(self, database: Database, dispatcher: Dispatcher) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._handlers: dict[str, Handler] = {}

    def handle(self, kind: str, handler: Handler) -> None:
        """Let ``handler`` do what timers of ``kind`` stand for."""
        self._handlers[kind] = handler

    def fire_due(self) -> int:
        """Fire timers that are due, up to ``TIMERS_PER_TICK``, each in a transaction of its own; return how many."""
        for count in range(TIMERS_PER_TICK):
            if not self._fire_one():
                return count
        return TIMERS_PER_TICK

    def _fire_one(self) -> bool:
        taken: list[TimerRow] = []
        try:
            with self._database.transaction("timer") as tx:
                timer = timers.take(tx)
                if timer is None:
                    return False
                taken.append(timer)
                fired = self._handlers[timer.kind](tx, timer)
                if fired.again_at_ms is None:
                    timers.delete(tx, timer.id)
                else:
                    timers.move(tx, timer, due_at_ms=fired.again_at_ms, data=fired.data)
        except StoreUnavailable as error:
            if not taken:
                raise
            # SAFETY: I15 — where the database is there after all, the timers behind this one must not wait for it.
            _log.warning("timer %s is put off: %s", taken[0].id, error)
            self._postpone(taken, RETRIED_MS)
            return True
        except Exception:
            # SAFETY: I4 — put off, never dropped: another version of the code may know what to do with it.
            _log.exception("timer %s is put off", taken[0].id if taken else "?")
            self._postpone(taken, POSTPONED_MS)
            return True
        hint(self._dispatcher, fired.hints, fired.event_ids)
        return True

    def _postpone(self, taken: list[TimerRow], by_ms: int) -> None:
        with self._database.transaction("timer") as tx:
            for timer in taken:
                timers.put_off(tx, timer, due_at_ms=tx.now_ms + by_ms)
