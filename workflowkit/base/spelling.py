"""Words in messages: numbers of things, and what somebody may have meant who wrote a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable


def hint(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean ...?)`` with the known name that is spelled most alike, ``""`` if none is."""
    from difflib import get_close_matches  # only for documents that are wrong

    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f" (did you mean {by_lower[close[0]]}?)" if close else ""


def counted(count: int, noun: str) -> str:
    """Return ``1 edge`` or ``2 edges``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
