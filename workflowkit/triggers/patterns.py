"""From the name of an event to the patterns a trigger may have for it, so that matching is a lookup and not a scan."""

from __future__ import annotations

from workflowkit.definition.patterns import SEPARATORS, WEBHOOK_PREFIX, WILDCARD, check_event_pattern


def patterns_for(event_name: str, webhook: str | None = None) -> tuple[str, ...]:
    """Return every pattern that matches ``event_name``: the name, then each wildcard, the widest first.

    ``shop/order.paid`` gives ``shop/order.paid``, ``shop/*`` and ``shop/order.*``: a wildcard covers all that follows,
    further separators included, but not nothing. An event that came through ``webhook`` matches the triggers on that
    webhook too, whatever its name.
    """
    own = () if webhook is None else (WEBHOOK_PREFIX + webhook,)
    if event_name.startswith(WEBHOOK_PREFIX):
        # SAFETY: S16 — no name makes an event one of a webhook's; the door refuses such names besides.
        return own
    wildcards = (
        event_name[: index + 1] + WILDCARD for index, character in enumerate(event_name[:-1]) if character in SEPARATORS
    )
    return tuple(dict.fromkeys((event_name, *wildcards, *own)))


def check_pattern(pattern: str) -> str | None:
    """Return why no trigger may have ``pattern``; ``None`` if one may."""
    return check_event_pattern(pattern)
