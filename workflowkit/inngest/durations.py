"""Times as SDKs write them: several units together (``1h30m``), or a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from workflowkit.base.errors import InvalidInput, NonRetriableError, Problem

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|[smhdw])")
_TIME = re.compile(rf"(?:{_PART.pattern})+")


def time_seconds(text: str) -> float | None:
    """Return a time such as ``1h30m`` in seconds; ``None`` if it is none."""
    if _TIME.fullmatch(text) is None:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def seconds_until(value: Any, now_ms: int) -> float:
    """Return how long from now: for a time, that; for a date, until then; nothing for what is empty or past.

    Raises ``NonRetriableError`` for what is neither.
    """
    if not value:
        return 0.0
    return max(0.0, (moment_ms(value, now_ms) - now_ms) / 1000)


def moment_ms(value: Any, now_ms: int) -> int:
    """Return when a time from now, or a date, is. Raises ``NonRetriableError`` for what is neither."""
    if isinstance(value, str):
        if (seconds := time_seconds(value)) is not None:
            return now_ms + round(1000 * seconds)
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None:
            return round((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000)
    raise NonRetriableError(f"a time such as 30s or 1h30m, or a date; got {value!r}")


def moment_asked(value: Any, pointer: str) -> int | None:
    """Return when a date in a request is; ``None`` if there is none. Raises ``InvalidInput`` for what is no date."""
    if value is None:
        return None
    try:
        return moment_ms(value, 0)
    except NonRetriableError as error:
        raise InvalidInput([Problem(pointer, "invalid-value", error.message)]) from error
