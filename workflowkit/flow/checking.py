"""Bounds of the controls' own values. Users' settings were checked at publishing; this finds mistakes of ours."""

from __future__ import annotations


def at_least(least: int, **values: int | None) -> None:
    """Raise ``ValueError`` naming the first value that is below ``least``; ``None`` stands for no value."""
    for name, value in values.items():
        if value is not None and value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
