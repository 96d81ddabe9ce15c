"""Timestamps and durations: how they are read, written and taken apart. UTC throughout; no clock is read here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from workflowkit.base.errors import ExpressionError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: No date or duration that anybody writes is longer.
_MAX_CHARS: Final = 40
#: Numbers above this are milliseconds (1973 and later), below it seconds (until the year 5138).
_FIRST_MILLISECONDS: Final = 100_000_000_000
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h|d|w)", re.ASCII)
_OFFSET = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})", re.ASCII)
_SECONDS_PER_UNIT: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
}


def parse_timestamp(text: str) -> datetime:
    """Read an ISO 8601 date or time; without an offset it is UTC. Raises ``ExpressionError``."""
    try:
        if len(text) > _MAX_CHARS:
            raise ValueError
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ExpressionError('not a date; expected one like "2026-01-31T12:00:00Z"') from None


def timestamp_from_number(number: float) -> datetime:
    """Return the time so many seconds (a large number: milliseconds) after 1970. Raises ``ExpressionError``."""
    try:
        return EPOCH + timedelta(seconds=number / 1000 if abs(number) >= _FIRST_MILLISECONDS else number)
    except (OverflowError, ValueError):
        raise ExpressionError("this number is out of the range of dates") from None


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``1h30m``, ``-2.5s`` or ``7d``. Raises ``ExpressionError``."""
    unsigned = text[1:] if text[:1] in ("-", "+") else text
    seconds, end = 0.0, 0
    if len(text) <= _MAX_CHARS:
        while part := _DURATION_PART.match(unsigned, end):
            seconds += float(part[1]) * _SECONDS_PER_UNIT[part[2]]
            end = part.end()
    if end == 0 or end != len(unsigned):
        raise ExpressionError('not a duration; expected one like "1h30m" or "7d"')
    try:
        return timedelta(seconds=-seconds if text[0] == "-" else seconds)
    except OverflowError:
        raise ExpressionError("this duration is out of range") from None


def timestamp_text(at: datetime) -> str:
    """Write a timestamp as RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def duration_text(duration: timedelta) -> str:
    """Write a duration in seconds, as CEL does: ``5400s``."""
    return f"{duration.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"


def shifted(at: datetime, offset: str) -> datetime:
    """Return ``at`` on the clocks of ``offset`` (``"UTC"`` or ``"+05:30"``). Raises ``ExpressionError``.

    Zone names are refused: their rules are read from files, and an expression touches none.
    """
    if offset == "UTC":
        return at
    if not (found := _OFFSET.fullmatch(offset)):
        raise ExpressionError('not a time zone; expected "UTC" or an offset like "+05:30"')
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    try:
        return at.astimezone(timezone(-ahead if found[1] == "-" else ahead))
    except (ValueError, OverflowError):
        raise ExpressionError("this offset is out of range") from None


#: CEL counts months, days of the month (getDayOfMonth) and days of the year from 0, and weekdays from Sunday.
TIMESTAMP_PARTS: Final[dict[str, Callable[[datetime], int]]] = {
    "getFullYear": lambda at: at.year,
    "getMonth": lambda at: at.month - 1,
    "getDate": lambda at: at.day,
    "getDayOfMonth": lambda at: at.day - 1,
    "getDayOfWeek": lambda at: at.isoweekday() % 7,
    "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
    "getHours": lambda at: at.hour,
    "getMinutes": lambda at: at.minute,
    "getSeconds": lambda at: at.second,
    "getMilliseconds": lambda at: at.microsecond // 1000,
}
#: Of a duration, the whole of it in that unit; of its milliseconds, those beyond full seconds.
DURATION_PARTS: Final[dict[str, Callable[[timedelta], int]]] = {
    "getHours": lambda duration: int(duration.total_seconds() / 3600),
    "getMinutes": lambda duration: int(duration.total_seconds() / 60),
    "getSeconds": lambda duration: int(duration.total_seconds()),
    "getMilliseconds": lambda duration: int(duration.total_seconds() * 1000 % 1000),
}
