"""Which slots of a schedule are to fire now: pure, from what is stored of it and the time.

A slot is an instant that the cron expression names; it fires at its *due time*, the slot plus the jitter. The jitter
follows from schedule and slot, so that every scheduler computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.ids import derived_fraction
from workflowkit.definition.calendar import Calendar

MIN_JITTER_MS, MAX_JITTER_MS = 1_000, 300_000
#: A slot that is later than this was missed: nobody was there to fire it.
MISSED_AFTER_MS = 60_000
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class DueSlots:
    """``slots`` are to fire, in order; ``next_slot_ms`` is the first that is not due yet. Others are passed over."""

    slots: tuple[int, ...]
    next_slot_ms: int


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule's slots with its jitter and its way to make up for what was missed.

    ``key`` is what the jitter follows from. ``catch_up`` is how many missed slots fire after all, the newest ones.
    """

    calendar: Calendar
    key: str
    jitter_ms: int
    catch_up: int

    def due_at_ms(self, slot_ms: int) -> int:
        """Return when a slot fires: 1 s to ``jitter_ms`` after it, or with it where there is no jitter."""
        if self.jitter_ms < MIN_JITTER_MS:
            return slot_ms
        spread_ms = (self.jitter_ms - MIN_JITTER_MS + 1) * derived_fraction(self.key, str(slot_ms))
        return slot_ms + MIN_JITTER_MS + int(spread_ms)

    def due(self, next_slot_ms: int, now_ms: int) -> DueSlots:
        """Return which of the slots from ``next_slot_ms`` on are to fire; none fires before the one that precedes it.

        The newest slot that is due fires if it is in time. Of those that were missed the newest ``catch_up`` fire, the
        newest slot counted among them.
        """
        # The last slots may not be due yet, at most one in each minute of jitter; those before them all are.
        not_due = self.jitter_ms // _MINUTE_MS + 1
        slots = self.calendar.latest(next_slot_ms - 1, now_ms, most=max(self.catch_up, 1) + not_due)
        due: list[int] = []
        for slot in slots:
            if self.due_at_ms(slot) > now_ms:
                return DueSlots(self._chosen(due, now_ms), slot)
            due.append(slot)
        return DueSlots(self._chosen(due, now_ms), self.calendar.next_after(due[-1]) if due else next_slot_ms)

    def _chosen(self, due: list[int], now_ms: int) -> tuple[int, ...]:
        if not due:
            return ()
        in_time = now_ms - self.due_at_ms(due[-1]) <= MISSED_AFTER_MS
        count = max(self.catch_up, int(in_time))
        return tuple(due[-count:]) if count else ()
