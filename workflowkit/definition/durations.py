"""Durations as users write them: ``"30s"``, ``"2m"``, or a number of seconds."""

from __future__ import annotations

import re

from workflowkit.definition.jsvalues import Json, is_number

#: The ``format`` of a text that is a duration, in the JSON Schema of inputs and of documents.
DURATION_FORMAT = "time-span"
#: The longest that anything waits: a year and a day.
LONGEST_WAIT_SECONDS = 366 * 86_400

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h|d)")
_WORDS = ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "m"), (SECOND_MS, "s"), (1, "ms"))


def duration_seconds(value: Json) -> float | None:
    """Return a duration in seconds, or ``None`` if ``value`` is none (durations are more than zero)."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        value = float(match[1]) * _UNITS[match[2]] if match else None
    return float(value) if is_number(value) and value > 0 else None


def is_duration_text(text: str) -> bool:
    """Return whether ``text`` is a duration with its unit, up to 366 days: what ``DURATION_FORMAT`` accepts."""
    seconds = duration_seconds(text)
    return seconds is not None and seconds <= LONGEST_WAIT_SECONDS


def duration_ms(value: Json) -> int | None:
    """Return a duration in whole milliseconds, at least one, or ``None`` if ``value`` is no duration."""
    seconds = duration_seconds(value)
    return None if seconds is None else max(1, round(seconds * 1_000))


def duration_text(milliseconds: int) -> str:
    """Return a duration as a user would write it, in the largest unit that takes no fraction: ``"7d"``, ``"90s"``."""
    size, unit = next(each for each in _WORDS if milliseconds % each[0] == 0)
    return f"{milliseconds // size}{unit}"
