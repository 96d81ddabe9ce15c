"""The timers of flow control: windows and batches that are over, and the turns of runs that are run again."""

from __future__ import annotations

from workflowkit.engine.states import RunStatus
from workflowkit.runtime.admission import BATCH_TIMER, DEBOUNCE_TIMER, Admitting
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.lockqueue import CALL_TIMER, LOOK_MS, PLACE_TIMER
from workflowkit.runtime.timers import NOTHING, Fired, Timers
from workflowkit.store import collections, runs, steps
from workflowkit.store import timers as store_timers
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction


class Collecting:
    """Begins the runs of collections whose time has come, and those that have waited for the lock of a singleton."""

    def __init__(self, admitting: Admitting, ending: Ending, *, grace_ms: int) -> None:
        self._admitting = admitting
        self._grace_ms = grace_ms
        self._ending = ending

    def register(self, timers: Timers) -> None:
        """Handle the timers of this module."""
        timers.handle(DEBOUNCE_TIMER, self._fire)
        timers.handle(BATCH_TIMER, self._fire)
        timers.handle(PLACE_TIMER, self._take_turn)
        timers.handle(CALL_TIMER, self._take_turn)

    def _fire(self, tx: Transaction, timer: TimerRow) -> Fired:
        collection = collections.find_open(tx, timer.scope, timer.subject)
        if collection is None:
            return NOTHING
        begun, again_at_ms = self._admitting.close(tx, collection)
        hints, event_ids = self._ending.write_begun(tx, begun)
        return Fired(hints=hints, event_ids=event_ids, again_at_ms=again_at_ms)

    def _take_turn(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Let a run begin that waits for the lock of its singleton, if that is its own by now."""
        run = runs.lock(tx, timer.subject)
        if run is not None and run.status is not RunStatus.QUEUED and not run.status.is_terminal:
            return NOTHING  # it has begun
        turn = self._admitting.take_turn(tx, run, timer)
        if not isinstance(turn, bool):
            hints, event_ids = self._ending.write_begun(tx, turn)
            return Fired(hints=hints, event_ids=event_ids)
        if not turn:
            return NOTHING if timer.kind == CALL_TIMER else Fired(again_at_ms=tx.now_ms + LOOK_MS, data=timer.data)
        is_frozen = run is not None and run.paused_at_ms is not None
        due = steps.let_go(tx, timer.subject, wake_at_ms=None if is_frozen else tx.now_ms + self._grace_ms)
        if timer.kind == CALL_TIMER:
            store_timers.drop(tx, timer.subject, [PLACE_TIMER])
        return NOTHING if is_frozen else Fired(hints=tuple(StepHint(*row) for row in due))
