"""When a schedule fires on the days on which it does. Pure; times are milliseconds UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from workflowkit.definition.cron import CronSchedule, parse_cron
from workflowkit.definition.days import EVERY_DAY, NEVER_MS, Days
from workflowkit.definition.settings.triggers import CronTrigger

#: No calendar is looked through beyond this year.
_LAST_YEAR = 2100
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """The slots of ``cron`` that fall on ``days``."""

    cron: CronSchedule
    days: Days = EVERY_DAY

    @classmethod
    def of(cls, trigger: CronTrigger) -> Calendar:
        """Return the slots of a trigger. Raises ``CronError``, and ``ValueError`` for a day that no calendar has."""
        days = Days.read(trigger.starts_on, trigger.ends_on, trigger.skip_dates)
        return cls(parse_cron(trigger.cron, trigger.timezone), days)

    def following(self, instant_ms: int, most: int) -> list[int]:
        """Return the first ``most`` slots after ``instant_ms``, in order; fewer if there are no more."""
        found: list[int] = []
        while len(found) < most and (slot := self.next_after(found[-1] if found else instant_ms)) != NEVER_MS:
            found.append(slot)
        return found

    def next_after(self, instant_ms: int) -> int:
        """Return the first slot after ``instant_ms``, ``NEVER_MS`` if there is none."""
        if self.days.first is not None and self.days.first.year >= _LAST_YEAR:
            return NEVER_MS
        if self.days.first is not None:
            instant_ms = max(instant_ms, self._begins_ms(self.days.first) - 1)
        while True:
            slot = self.cron.next_after(instant_ms)
            day = self._day_of(slot)
            if day.year >= _LAST_YEAR or (self.days.last is not None and day > self.days.last):
                return NEVER_MS
            if day not in self.days.off:
                return slot
            instant_ms = max(slot, self._begins_ms(day + _DAY) - 1)

    def latest(self, after_ms: int, until_ms: int, *, most: int) -> list[int]:
        """Return the last ``most`` slots later than ``after_ms`` and not later than ``until_ms``, in order."""
        if self.days.first is not None:
            after_ms = max(after_ms, self._begins_ms(self.days.first) - 1)
        if self.days.last is not None and self.days.last.year < _LAST_YEAR:
            until_ms = min(until_ms, self._begins_ms(self.days.last + _DAY) - 1)
        found: list[int] = []
        while until_ms > after_ms and len(found) < most:
            part = self.cron.latest(after_ms, until_ms, most=most - len(found))
            until_ms = after_ms
            for slot in reversed(part):
                if (day := self._day_of(slot)) in self.days.off:
                    until_ms = self._begins_ms(day) - 1
                    break
                found.append(slot)
        return found[::-1]

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.cron.timezone)

    def _day_of(self, slot_ms: int) -> date:
        return datetime.fromtimestamp(slot_ms / 1000, self._zone).date()

    def _begins_ms(self, day: date) -> int:
        """Return the first instant of a day: where the clock skips midnight, that of the change."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp() * 1000)
