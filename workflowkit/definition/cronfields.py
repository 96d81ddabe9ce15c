"""The five fields of a cron expression: what each may say, and what it means in numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflowkit.base.errors import CronError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_ITEM = re.compile(r"(?:\*|([0-9]{1,2}|[A-Z]{3})(?:-([0-9]{1,2}|[A-Z]{3}))?)(?:/([0-9]{1,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CronField:
    """What one of the five fields may say. ``names`` stand for the numbers from ``low`` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def read(self, text: str, position: int) -> str:
        """Return the field with numbers for names."""
        items = []
        for item in text.split(","):
            if (plain := self._read_item(item)) is None:
                names = f" ({self.names[0]} to {self.names[-1]})" if self.names else ""
                allowed = f"*, {self.low} to {self.high}{names}, a range a-b, and /n after * or a range"
                raise CronError(f"{self.name}: expected {allowed}; got {item[:40]!r}", position=position)
            items.append(plain)
            position += len(item) + 1
        return ",".join(items)

    def _read_item(self, text: str) -> str | None:
        match = _ITEM.fullmatch(text)
        if match is None or match[3] in ("0", "00"):
            return None
        step = f"/{int(match[3])}" if match[3] else ""
        if match[1] is None:
            return f"*{step}"
        first = self._number(match[1])
        last = self._number(match[2]) if match[2] else first
        if first is None or last is None or first > last or (step and not match[2]):
            return None
        # cronsim takes a single value with a step for an open range.
        return str(first) if first == last else f"{first}-{last}{step}"

    def _number(self, text: str) -> int | None:
        if text in self.names:
            return self.names.index(text) + self.low
        return int(text) if text.isdigit() and self.low <= int(text) <= self.high else None


FIELDS = (
    CronField("minute", 0, 59),
    CronField("hour", 0, 23),
    CronField("day of month", 1, 31),
    CronField("month", 1, 12, _MONTHS),
    CronField("day of week", 0, 7, _DAYS),
)
