"""The days on which a schedule fires: a window of dates, and days off within it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a schedule's own time zone from ``first`` to ``last``, both included, without those ``off``."""

    first: date | None = None
    last: date | None = None
    off: frozenset[date] = frozenset()

    @classmethod
    def read(cls, first: str | None, last: str | None, off: Iterable[str]) -> Days:
        """Return the days written as ``YYYY-MM-DD``. Raises ``ValueError`` for one that no calendar has."""
        return cls(
            None if first is None else date.fromisoformat(first),
            None if last is None else date.fromisoformat(last),
            frozenset(map(date.fromisoformat, off)),
        )


EVERY_DAY = Days()
#: The next slot of a schedule whose last slot has been: after every time that is stored.
NEVER_MS = 2**53
