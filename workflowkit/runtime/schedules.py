"""Schedules: written when a version is published, fired by whichever scheduler gets there first.

All schedules of a workflow share one timer. Firing is the transaction ``timer``: an event per slot, addressed to the
workflow, and the schedules' progress. Two schedules of a workflow with the same slot make one event, since its id
follows from workflow and slot.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from workflowkit.base.clock import rfc3339
from workflowkit.base.ids import timed_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition.calendar import Calendar
from workflowkit.definition.cron import parse_cron
from workflowkit.definition.settings.triggers import CronTrigger, Overlap
from workflowkit.runtime.timers import NOTHING, Fired
from workflowkit.store import decisions, events, schedules, timers
from workflowkit.store.decisions import DecisionRecord
from workflowkit.store.events import EventRecord
from workflowkit.store.schedules import ScheduleRow
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction
from workflowkit.triggers.schedules import Timetable

_log = logging.getLogger(__name__)

TIMER_KIND: Final = "schedule"
EVENT_NAME: Final = "workflow/schedule.fired"
#: A slot of a schedule came while a run that an earlier one started was going on.
OVERLAP_SKIPPED: Final = "overlap-skipped"
#: How often a slot that waits for an earlier run looks whether that has ended.
QUEUE_LOOK_MS: Final = 1_000


def plan(
    tx: Transaction, scope: Scope, workflow_id: str, triggers: Sequence[CronTrigger], *, is_paused: bool = False
) -> None:
    """Make ``triggers`` the schedules of a workflow whose lock the caller holds.

    One that stays the same, in expression and zone, goes on where it is; a new one, or one that was paused, begins with
    the first slot from now. Raises ``CronError``.
    """
    before = schedules.load(tx, scope, workflow_id)
    if not before and not triggers:
        return
    # Waits for a firing that is under way, and keeps out the next: the timer's lock guards these rows.
    timers.delete(tx, _timer_id(scope, workflow_id))
    tx.read_clock()
    known = {_calendar(row): row for row in schedules.load(tx, scope, workflow_id)}
    by_cron = {calendar.cron: row for calendar, row in known.items()}
    rows = []
    for position, trigger in enumerate(triggers):
        calendar = Calendar.of(trigger)
        cron = calendar.cron
        row = ScheduleRow(
            workflow_id, position, trigger.cron, cron.timezone, trigger.jitter_ms, trigger.overlap.value,
            trigger.catch_up, next_slot_ms=calendar.next_after(tx.now_ms), next_due_at_ms=0, is_paused=is_paused,
            days=calendar.days,
        )  # fmt: skip
        row = _continued(row, known.get(calendar, by_cron.get(cron)), tx.now_ms)
        rows.append(replace(row, next_due_at_ms=_timetable(scope, row).due_at_ms(row.next_slot_ms)))
    schedules.replace(tx, scope, workflow_id, rows)
    look_at_ms = None if is_paused else _next_look_ms(rows, tx.now_ms)
    if look_at_ms is not None:
        timers.plan(tx, [TimerRow(_timer_id(scope, workflow_id), TIMER_KIND, scope, workflow_id, look_at_ms)])


class Schedules:
    """The handler of schedule timers."""

    def __init__(self, limits: Limits, *, grace_seconds: float) -> None:
        self._limits = limits
        self._grace_ms = int(grace_seconds * 1000)

    def fire(self, tx: Transaction, timer: TimerRow) -> Fired:
        """Fire what is due of a workflow's schedules, within the transaction that holds their timer."""
        rows = [row for row in schedules.load(tx, timer.scope, timer.subject) if not row.is_paused]
        if not rows:
            return NOTHING
        firing = _Firing(tx, timer.scope, timer.subject, self._limits, {row.position: row for row in rows})
        firing.run()
        wake_at_ms = tx.now_ms + self._grace_ms
        events.insert(tx, timer.scope, firing.started, wake_at_ms=wake_at_ms)
        events.insert(tx, timer.scope, firing.skipped, wake_at_ms=None)
        tx.insert(decisions.INSERT, firing.decisions)
        for row in rows:
            if (after := firing.rows[row.position]) != row:
                schedules.advance(tx, timer.scope, after)
        again_at_ms = _next_look_ms(list(firing.rows.values()), tx.now_ms)
        return Fired(event_ids=tuple(record.id for record in firing.started), again_at_ms=again_at_ms)


class _Firing:
    """One look at the schedules of a workflow: what fires, what is skipped, and how far each has come."""

    def __init__(
        self, tx: Transaction, scope: Scope, workflow_id: str, limits: Limits, rows: dict[int, ScheduleRow]
    ) -> None:
        self._tx = tx
        self._scope = scope
        self._workflow_id = workflow_id
        self._limits = limits
        self._is_open: bool | None = None
        self.rows = rows
        self.started: list[EventRecord] = []
        self.skipped: list[EventRecord] = []
        self.decisions: list[tuple[object, ...]] = []

    def run(self) -> None:
        """Decide about every slot that waits or is due, in order of time."""
        slots = [
            (slot, position) for position, row in list(self.rows.items()) for slot in (*row.queued, *self._due(row))
        ]
        known = schedules.fired(self._tx, self._scope, [self._event_id(slot) for slot, _ in slots]) if slots else set()
        for slot, position in sorted(slots):
            row = self.rows[position]
            event_id = self._event_id(slot)
            # SAFETY: I16 — a slot that has fired, of this schedule or another one of the workflow, does not fire again.
            if event_id in known:
                self._pass(row, slot)
            elif row.overlap == Overlap.ALLOW or not self._is_busy():
                self._start(row, slot, event_id)
                known.add(event_id)
            elif row.overlap != Overlap.QUEUE:
                self._skip(row, slot, event_id, "an earlier run is still going on")
                known.add(event_id)
            elif slot not in row.queued:
                self._queue(row, slot, event_id, known)

    def _due(self, row: ScheduleRow) -> tuple[int, ...]:
        """Return the slots of a schedule that are to fire, and move it on behind them."""
        timetable = _timetable(self._scope, row, self._limits)
        found = timetable.due(row.next_slot_ms, self._tx.now_ms)
        if found.next_slot_ms != row.next_slot_ms:
            due_at_ms = timetable.due_at_ms(found.next_slot_ms)
            self.rows[row.position] = replace(row, next_slot_ms=found.next_slot_ms, next_due_at_ms=due_at_ms)
            if not found.slots or found.slots[0] != row.next_slot_ms:
                since = rfc3339(row.next_slot_ms)
                _log.info("schedule %r of %s: slots from %s on are passed over", row.cron, row.workflow_id, since)
        return found.slots

    def _is_busy(self) -> bool:
        """Tell whether the last run that one of the workflow's schedules started goes on."""
        if self._is_open is None:
            last = [row.last_event_id for row in self.rows.values() if row.last_event_id is not None]
            self._is_open = bool(last) and schedules.any_open(self._tx, self._scope, self._workflow_id, last)
        return self._is_open

    def _start(self, row: ScheduleRow, slot: int, event_id: str) -> None:
        self.started.append(self._record(row, slot, event_id))
        self._is_open = True
        self._pass(replace(row, last_event_id=event_id), slot)

    def _skip(self, row: ScheduleRow, slot: int, event_id: str, detail: str) -> None:
        self.skipped.append(self._record(row, slot, event_id))
        record = DecisionRecord(event_id, self._workflow_id, OVERLAP_SKIPPED, detail, self._tx.now_ms)
        self.decisions.append(decisions.row_of(self._scope, record))
        self._pass(row, slot)

    def _queue(self, row: ScheduleRow, slot: int, event_id: str, known: set[str]) -> None:
        most = self._limits.queued_slots
        if len(row.queued) < most:
            self.rows[row.position] = replace(row, queued=(*row.queued, slot))
        else:
            self._skip(row, slot, event_id, f"limit queued_slots exceeded: at most {most}")
            known.add(event_id)

    def _pass(self, row: ScheduleRow, slot: int) -> None:
        """Be done with a slot."""
        queued = tuple(each for each in row.queued if each != slot)
        self.rows[row.position] = replace(row, queued=queued, last_slot_ms=max(slot, row.last_slot_ms or slot))

    def _event_id(self, slot: int) -> str:
        return timed_id(slot, self._scope.environment, self._scope.tenant, self._workflow_id)

    def _record(self, row: ScheduleRow, slot: int, event_id: str) -> EventRecord:
        now_ms = self._tx.now_ms
        data = {
            "workflow_id": self._workflow_id, "cron": row.cron, "timezone": row.timezone, "slot": rfc3339(slot),
            "slot_ms": slot, "late_by_ms": now_ms - _timetable(self._scope, row).due_at_ms(slot),
        }  # fmt: skip
        return EventRecord(event_id, self._scope, EVENT_NAME, None, data, slot, now_ms, target=self._workflow_id)


def _continued(row: ScheduleRow, old: ScheduleRow | None, now_ms: int) -> ScheduleRow:
    """Return a new row of a schedule that was in force before as ``old``, perhaps on other days."""
    if old is None:
        return row
    row = replace(row, last_slot_ms=old.last_slot_ms, last_event_id=old.last_event_id)
    if row.is_paused or old.is_paused:
        return row
    # What has been missed by now may be made up for; what is to come follows from the new days.
    next_slot_ms = _calendar(row).next_after(min(old.next_slot_ms - 1, now_ms))
    return replace(row, next_slot_ms=next_slot_ms, queued=old.queued)


def _timetable(scope: Scope, row: ScheduleRow, limits: Limits | None = None) -> Timetable:
    calendar = _calendar(row)
    cron = calendar.cron
    catch_up = row.catch_up if limits is None else min(row.catch_up, limits.caught_up_slots)
    key = "\x1f".join((scope.environment, scope.tenant, row.workflow_id, cron.expression, cron.timezone))
    return Timetable(calendar, key, row.jitter_ms, catch_up)


def _calendar(row: ScheduleRow) -> Calendar:
    return Calendar(parse_cron(row.cron, row.timezone), row.days)


def _next_look_ms(rows: Sequence[ScheduleRow], now_ms: int) -> int | None:
    """Return when there may be something to do; ``None`` if the last slot of all has been."""
    looks = [row.next_due_at_ms for row in rows if not row.is_over]
    if any(row.queued for row in rows):
        looks.append(now_ms + QUEUE_LOOK_MS)
    return min(looks, default=None)


def _timer_id(scope: Scope, workflow_id: str) -> str:
    return timed_id(0, TIMER_KIND, scope.environment, scope.tenant, workflow_id)
