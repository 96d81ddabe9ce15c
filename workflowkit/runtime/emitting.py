"""Events that runs send: stored in the transaction that records the result of the step which sends them."""

from __future__ import annotations

from collections.abc import Sequence

from workflowkit.base.ids import new_id
from workflowkit.engine.outcome import EmittedEvent
from workflowkit.runtime.position import Schedule
from workflowkit.store import eventids, events
from workflowkit.store.events import EventRecord
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction


class Emitting:
    """Stores events of runs."""

    def __init__(self, schedule: Schedule, *, event_dedup_seconds: float) -> None:
        self._schedule = schedule
        self._dedup_ms = int(event_dedup_seconds * 1000)

    def emit(self, tx: Transaction, run: RunRecord, emitted: Sequence[EmittedEvent]) -> tuple[str, ...]:
        """Store the events of a step; return the ids of those that wait to be matched."""
        if not emitted:
            return ()
        # SAFETY: I7 — the events exist if and only if the result is recorded, so no crash can send them twice.
        # Ids are claimed in sorted order, as everywhere: two transactions then wait for each other in one direction.
        records = [self._record(tx, run, event) for event in sorted(emitted, key=lambda event: event.id or "")]
        events.insert(tx, run.scope, records, wake_at_ms=tx.now_ms + self._schedule.grace_ms)
        return tuple(record.id for record in records)

    def _record(self, tx: Transaction, run: RunRecord, event: EmittedEvent) -> EventRecord:
        own_id = event.own_id or new_id(tx.now_ms)
        first_id = None
        if event.id is not None:
            first_id = eventids.claim(tx, run.scope, event.id, own_id, self._dedup_ms, name=event.name)
        return EventRecord(
            id=own_id, scope=run.scope, name=event.name, event_id=event.id, data=event.data,
            ts_ms=event.ts_ms or tx.now_ms, received_at_ms=tx.now_ms, depth=run.depth + 1, source_run_id=run.id,
            duplicate_of=first_id, target=event.target,
        )  # fmt: skip
