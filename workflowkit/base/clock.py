"""Time, as a value that is passed in. Nothing else in the package reads a wall clock.

All stored times are whole milliseconds since 1970-01-01 UTC (``*_at_ms``); the API shows them as RFC 3339.
The runtime's clock is the database's (``store.serverclock``), so that machines with wrong clocks change nothing.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol, overload

#: 1980-01-01 and 2100-01-01: outside, the time of an event is taken for a mistake of unit.
MIN_EVENT_TS_MS, MAX_EVENT_TS_MS = 315_532_800_000, 4_102_444_800_000


class Clock(Protocol):
    """Where the present comes from."""

    def now_ms(self) -> int:
        """Return the present in milliseconds since the epoch."""
        ...


class SystemClock:
    """This machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class FakeClock:
    """A clock that moves only when told to: for tests and for runs that skip waiting."""

    def __init__(self, start_ms: int = 1_750_000_000_000) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, *, seconds: float = 0, milliseconds: int = 0) -> None:
        self._now_ms += int(seconds * 1000) + milliseconds

    def advance_to(self, at_ms: int) -> None:
        """Move forward to ``at_ms``; never backward."""
        self._now_ms = max(self._now_ms, at_ms)


@overload
def rfc3339(at_ms: int) -> str: ...
@overload
def rfc3339(at_ms: int | None) -> str | None: ...
def rfc3339(at_ms: int | None) -> str | None:
    """Render a stored time as RFC 3339 in UTC with milliseconds; ``None`` stays ``None``."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@overload
def epoch_ms(moment: datetime) -> int: ...
@overload
def epoch_ms(moment: datetime | None) -> int | None: ...
def epoch_ms(moment: datetime | None) -> int | None:
    """Return a moment that knows its time zone as a stored time; ``None`` stays ``None``."""
    return None if moment is None else round(moment.timestamp() * 1000)


def sleep(seconds: float) -> None:
    """Let this thread wait."""
    threading.Event().wait(seconds)


def monotonic_seconds() -> float:
    """Return a stopwatch reading that no clock change can move."""
    return time.monotonic()
