"""When a schedule fires: cron expressions, read and evaluated. Pure; times are milliseconds UTC.

The language is that of Vixie cron: five fields (minute, hour, day of month, month, day of week), each ``*``, a number,
a range ``a-b`` or a list of these with commas, with ``/n`` for every n-th of a range or of ``*``; English names of
months and days (``JAN``, ``MON``), Sunday as 0 or 7; ``@hourly``, ``@daily``, ``@weekly``, ``@monthly``, ``@yearly``
(and ``@midnight``, ``@annually``) instead of the fields; and before them ``TZ=Area/City``. Where both day fields are
restricted, a day need match only one of them; a field that begins with ``*`` counts as unrestricted, and then both must
match. There are no seconds, and none of the ``?``, ``L``, ``W`` and ``#`` of other dialects.

When clocks are changed, we do what Debian's cron does, except that the hour field alone decides (there, a ``*`` in the
minute field counts too, so that ``*/10 2 * * *`` would not fire at all on the day in spring):

- A schedule that names its hours (``30 2 * * *``) means the times on the wall. One that the clock skips fires at the
  first instant after the gap, once, however many fell into it; one that comes twice fires the first time only.
- A schedule whose hour field begins with ``*`` (``*/15 * * * *``) fires whenever the clock shows such a time: not at
  times that are skipped, and again when an hour is repeated, so that its rhythm goes on.

The calendar is ``cronsim``'s. Its own treatment of changes of the clock is not used: it loses slots where half an hour
is skipped or repeated (Lord Howe Island).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import takewhile

from cronsim import CronSim, CronSimError

from workflowkit.base.errors import CronError
from workflowkit.definition.cronfields import FIELDS
from workflowkit.definition.timezones import load_zone

MAX_CRON_CHARS = 255

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PREFIX = re.compile(r"(?:CRON_)?TZ=(\S*)\s*")
_MACRO = re.compile(r"@\S*\s*")
_WORD = re.compile(r"\S+")
#: Any date: what never fires after it never fires.
_SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - a time on the wall, not an instant
_DAY = timedelta(days=1)
#: How far back ``latest`` looks first; each further look goes eight times as far.
_FIRST_LOOK_MS, _LOOK_FACTOR = 60_000, 8


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """A cron expression in a time zone. Equal ones fire at the same times.

    A *slot* is an instant at which it fires, in milliseconds; that of a minute, as a whole minute.
    """

    expression: str
    """The five fields in numbers, with single spaces: names and macros are resolved."""
    timezone: str
    _zone: tzinfo = field(compare=False, repr=False)
    _names_hours: bool = field(compare=False, repr=False)

    def next_after(self, instant_ms: int) -> int:
        """Return the first slot after ``instant_ms``, which lies between the years 1970 and 2100."""
        start = datetime.fromtimestamp(instant_ms / 1000, UTC).astimezone(self._zone)
        best: int | None = None
        for local in self._local_times(start):
            slots = self._slots(local)
            # Later times on the wall have later first slots: nothing earlier than ``best`` can follow.
            if best is not None and slots and slots[0] >= best:
                break
            for slot in slots:
                if slot > instant_ms and (best is None or slot < best):
                    best = slot
            if best is not None and self._names_hours:
                break
        if best is None:  # parse_cron refuses expressions without dates
            raise ValueError(f"{self.expression} does not fire after {instant_ms}")
        return best

    def slots_after(self, instant_ms: int) -> Iterator[int]:
        """Yield the slots after ``instant_ms``, in order, without end."""
        slot = instant_ms
        while True:
            slot = self.next_after(slot)
            yield slot

    def slots_between(self, after_ms: int, until_ms: int) -> Iterator[int]:
        """Yield the slots later than ``after_ms`` and not later than ``until_ms``, in order."""
        return takewhile(lambda slot: slot <= until_ms, self.slots_after(after_ms))

    def latest(self, after_ms: int, until_ms: int, *, most: int) -> list[int]:
        """Return the last ``most`` of ``slots_between``, in order; the cost does not grow with the time between."""
        look_ms = _FIRST_LOOK_MS
        while True:
            from_ms = max(after_ms, until_ms - look_ms)
            found = deque(self.slots_between(from_ms, until_ms), maxlen=most)
            if len(found) == most or from_ms == after_ms:
                return list(found)
            look_ms *= _LOOK_FACTOR

    def _local_times(self, start: datetime) -> Iterator[datetime]:
        """Yield the times on the wall that match, from before any that could have a slot after ``start``."""
        wall = start.replace(tzinfo=None)
        if not self._names_hours:
            # Times before now come again if the clock is set back soon.
            tomorrow = (start.astimezone(UTC) + _DAY).astimezone(self._zone)
            wall -= max(_offset(start) - _offset(tomorrow), timedelta(0))
        yield from CronSim(self.expression, wall)

    def _slots(self, local: datetime) -> list[int]:
        """Return the instants at which this schedule fires for one time on the wall, in order."""
        first, second = local.replace(tzinfo=self._zone, fold=0), local.replace(tzinfo=self._zone, fold=1)
        if _offset(first) == _offset(second):
            return [_instant_ms(first)]
        if _offset(first) > _offset(second):  # the clock shows this time twice
            return [_instant_ms(first)] if self._names_hours else [_instant_ms(first), _instant_ms(second)]
        return [self._end_of_gap(first, second)] if self._names_hours else []

    def _end_of_gap(self, before: datetime, after: datetime) -> int:
        """Return the instant of the change that skips a time: its offsets ``before`` and ``after`` are those around."""
        low, high = _instant_ms(after) // 1000, _instant_ms(before) // 1000
        old = _offset(before)
        while high - low > 1:  # the offset is the old one at low and the new one at high
            middle = (low + high) // 2
            if _offset(datetime.fromtimestamp(middle, self._zone)) == old:
                low = middle
            else:
                high = middle
        return high * 1000


@lru_cache(maxsize=1024)
def parse_cron(text: str, timezone: str | None = None) -> CronSchedule:
    """Return the schedule that ``text`` describes, in the zone it names itself, else in ``timezone``, else in UTC.

    Raises ``CronError`` with the position of what is wrong, also for dates that never come (30 February), and
    ``UnknownTimezone``.
    """
    if len(text) > MAX_CRON_CHARS:
        raise CronError(f"a cron expression has at most {MAX_CRON_CHARS} characters", position=MAX_CRON_CHARS)
    stripped = text.lstrip(" \t")
    start = len(text) - len(stripped)
    if prefix := _PREFIX.match(text, start):
        if timezone is not None and timezone != prefix[1]:
            raise CronError(f"the time zone is {timezone} already; leave out TZ={prefix[1]}", position=start)
        timezone, start = prefix[1], prefix.end()
    zone_name = "UTC" if timezone is None else timezone
    zone = load_zone(zone_name)
    expression = " ".join(_read_macro(text, start) or _read_fields(text, start))
    try:
        next(CronSim(expression, _SOME_DAY))
    except (CronSimError, StopIteration):
        raise CronError("these days never come", position=start) from None
    names_hours = not expression.split()[1].startswith("*")
    return CronSchedule(expression, zone_name, zone, names_hours)


def _read_macro(text: str, start: int) -> list[str]:
    """Return the fields a macro stands for; none where the text has its own."""
    if not (macro := _MACRO.match(text, start)):
        return []
    name = macro[0].strip()
    if name not in _MACROS or macro.end() < len(text):
        raise CronError(f"expected one of {', '.join(_MACROS)}, alone", position=start)
    return _MACROS[name].split()


def _read_fields(text: str, start: int) -> list[str]:
    found = list(_WORD.finditer(text, start))
    if len(found) != len(FIELDS):
        position = found[len(FIELDS)].start() if len(found) > len(FIELDS) else len(text)
        message = f"expected five fields (minute, hour, day of month, month, day of week), got {len(found)}"
        raise CronError(message, position=position)
    return [field.read(match[0].upper(), match.start()) for field, match in zip(FIELDS, found, strict=True)]


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    return timedelta(0) if offset is None else offset


def _instant_ms(local: datetime) -> int:
    return int(local.timestamp()) * 1000
