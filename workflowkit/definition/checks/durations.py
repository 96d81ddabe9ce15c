"""Check durations against their bounds; their form is the JSON Schema's."""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.base.errors import Problem
from workflowkit.definition.durations import duration_text


def check_duration(length_ms: int | None, pointer: str, least_ms: int, most_ms: int) -> Iterator[Problem]:
    """Yield that a duration is too short or too long; ``None``, for none or a broken one, passes."""
    if length_ms is not None and not least_ms <= length_ms <= most_ms:
        name = pointer.rpartition("/")[2]
        expected = f"{duration_text(least_ms)} to {duration_text(most_ms)}"
        yield Problem(pointer, "invalid-value", f"{name}: Expected {expected}, got {duration_text(length_ms)}")
