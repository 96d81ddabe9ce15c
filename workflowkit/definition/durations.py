"""Durations as users write them: ``"30s"``, ``"2m"``, or a number of seconds."""

from __future__ import annotations

import re

from workflowkit.definition.jsvalues import Json, is_number

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h|d)")


def duration_seconds(value: Json) -> float | None:
    """Return a duration in seconds, or ``None`` if ``value`` is none (durations are more than zero)."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        value = float(match[1]) * _UNITS[match[2]] if match else None
    return float(value) if is_number(value) and value > 0 else None
