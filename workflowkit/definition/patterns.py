"""Event name patterns: what a trigger may name. One rule, used by validation and by matching (FEATURES E7)."""

from __future__ import annotations

from typing import Final

from workflowkit.base.limits import DEFAULT_LIMITS

WILDCARD: Final = "*"
#: A wildcard stands for the rest of a name after one of these.
SEPARATORS: Final = "/."


def check_event_pattern(pattern: str) -> str | None:
    """Return why ``pattern`` is no event name and no wildcard pattern such as ``shop/*``; ``None`` if it is one."""
    if not 1 <= len(pattern) <= DEFAULT_LIMITS.event_name_chars:
        return f"an event name has 1 to {DEFAULT_LIMITS.event_name_chars} characters"
    if any(character.isspace() or not character.isprintable() for character in pattern):
        return "an event name has no spaces and no control characters"
    stem, found, rest = pattern.partition(WILDCARD)
    if found and (rest or not stem.endswith(tuple(SEPARATORS))):
        return "a wildcard '*' stands only at the end and directly after '/' or '.', as in shop/order.*"
    return None
