"""The timers of flow control: windows that are over, batches whose time is up."""

from __future__ import annotations

from workflowkit.runtime.admission import BATCH_TIMER, DEBOUNCE_TIMER, Admitting
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.timers import NOTHING, Fired, Timers
from workflowkit.store import collections
from workflowkit.store.database import Transaction
from workflowkit.store.timers import TimerRow


class Collecting:
    """Begins the runs of collections whose time has come."""

    def __init__(self, admitting: Admitting, ending: Ending) -> None:
        self._admitting = admitting
        self._ending = ending

    def register(self, timers: Timers) -> None:
        """Handle the timers of this module."""
        timers.handle(DEBOUNCE_TIMER, self._fire)
        timers.handle(BATCH_TIMER, self._fire)

    def _fire(self, tx: Transaction, timer: TimerRow) -> Fired:
        collection = collections.find_open(tx, timer.scope, timer.subject)
        if collection is None:
            return NOTHING
        begun, again_at_ms = self._admitting.close(tx, collection)
        hints, event_ids = self._ending.write_begun(tx, begun)
        return Fired(hints=hints, event_ids=event_ids, again_at_ms=again_at_ms)
