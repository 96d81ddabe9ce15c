"""Event name patterns: what a trigger may name. One rule, used by validation and by matching (E7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from workflowkit.base.limits import DEFAULT_LIMITS

WILDCARD: Final = "*"
#: A wildcard stands for the rest of a name after one of these.
SEPARATORS: Final = "/."


#: Event names that only the engine may send; the second prefix belongs to the protocol it speaks.
RESERVED_PREFIXES: Final = ("workflow/", "inngest/", "$webhook/")
#: A trigger on a webhook is kept as this and the webhook's name; no event has such a name.
WEBHOOK_PREFIX: Final = "$webhook/"

_LISTED_NAME = re.compile(r"[^\x00-\x20*?\[\]]{1,256}\*?|\*")


def check_event_name(name: str, max_chars: int = DEFAULT_LIMITS.event_name_chars) -> tuple[str, str] | None:
    """Return the problem code and why nobody outside the engine may send an event of this name; ``None`` if one may."""
    if len(name) > max_chars:
        return "too-long", f"limit event_name_chars exceeded: at most {max_chars}"
    if not name.isprintable() or any(character.isspace() for character in name) or WILDCARD in name:
        return "invalid-name", "an event name has no spaces, control characters or *"
    if name.startswith(RESERVED_PREFIXES):
        return "reserved-name", f"names that begin with {' or '.join(RESERVED_PREFIXES)} are reserved"
    return None


def covers(pattern: str, event_name: str) -> bool:
    """Tell whether a pattern matches the name of an event: a wildcard does not stand for nothing."""
    stem, found, _ = pattern.partition(WILDCARD)
    return len(event_name) > len(stem) and event_name.startswith(stem) if found else event_name == pattern


def check_event_pattern(pattern: str) -> str | None:
    """Return why ``pattern`` is no event name and no wildcard pattern such as ``shop/*``; ``None`` if it is one."""
    if not 1 <= len(pattern) <= DEFAULT_LIMITS.event_name_chars:
        return f"an event name has 1 to {DEFAULT_LIMITS.event_name_chars} characters"
    if any(character.isspace() or not character.isprintable() for character in pattern):
        return "an event name has no spaces and no control characters"
    if pattern.startswith(WEBHOOK_PREFIX):
        return f'no event has such a name; write {{"webhook": "{pattern.removeprefix(WEBHOOK_PREFIX)}"}}'
    stem, found, rest = pattern.partition(WILDCARD)
    if found and (rest or not stem.endswith(tuple(SEPARATORS))):
        return "a wildcard '*' stands only at the end and directly after '/' or '.', as in shop/order.*"
    return None


def check_listed_name(pattern: str) -> str | None:
    """Return why ``pattern`` cannot stand in a list of permitted events; ``None`` if it can (see ``is_listed``)."""
    if _LISTED_NAME.fullmatch(pattern):
        return None
    return "write an event name, or the beginning of one with * at the end"


def is_listed(names: Iterable[str] | None, event_name: str) -> bool:
    """Return whether a list of names, and of beginnings of names with ``*`` at the end, admits an event.

    ``None`` is no list: it admits every event.
    """
    if names is None:
        return True
    return any(event_name.startswith(name[:-1]) if name.endswith(WILDCARD) else event_name == name for name in names)
