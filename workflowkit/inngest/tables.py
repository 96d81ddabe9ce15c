"""Objects of the protocol, whose keys SDKs spell in different ways."""

from __future__ import annotations

from typing import Any

from workflowkit.inngest.durations import time_seconds

_DURATIONS = ("period", "timeout", "start", "finish")


def lowered(value: Any) -> dict[str, Any]:
    """Return an object with its keys in small letters; an empty one for anything else."""
    return {str(name).lower(): each for name, each in value.items()} if isinstance(value, dict) else {}


def table(value: Any, **renamed: str) -> dict[str, Any]:
    """Return an object with our names of fields and durations, without what is null."""
    return {
        renamed.get(name, name): _duration(each) if name in _DURATIONS else each
        for name, each in lowered(value).items()
        if each is not None
    }


def _duration(value: Any) -> Any:
    """Return a duration in seconds, as documents have it; anything else unchanged, for validation to refuse."""
    seconds = time_seconds(value) if isinstance(value, str) else None
    return value if seconds is None else seconds
