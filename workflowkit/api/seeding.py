"""Ids for events that have none, from the seed that a client sends with each repeat of one request.

A client that got no answer sends the same request again. With its seed the events of both have the same ids, so the
second is a duplicate that starts nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace

from workflowkit.api.sending import Item
from workflowkit.base.ids import ulid

SEED_HEADER = "X-Inngest-Event-Id-Seed"

_ENTROPY_BYTES, _COUNTER_BYTES = 10, 4


def seeded(items: Sequence[Item], seed: str | None) -> list[Item]:
    """Return the events with ids. A seed that is malformed changes nothing: it is a client's own precaution."""
    parsed = None if seed is None else _parsed(seed)
    if parsed is None:
        return list(items)
    return [_with_id(item, seeded_id(*parsed, index)) for index, item in enumerate(items, 1)]


def seeded_id(at_ms: int, entropy: bytes, index: int) -> str:
    """Return the id of the event at ``index``, counted from 1: the entropy's last 4 bytes, as a number, grow by it."""
    head, counter = entropy[:-_COUNTER_BYTES], int.from_bytes(entropy[-_COUNTER_BYTES:])
    return ulid(at_ms, head + ((counter + index) % 2**32).to_bytes(_COUNTER_BYTES))


def _parsed(seed: str) -> tuple[int, bytes] | None:
    at_ms, _, text = seed.partition(",")
    try:
        entropy = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    is_time = at_ms.isascii() and at_ms.isdigit() and int(at_ms[:16]) < 2**48 and len(at_ms) <= 16
    return (int(at_ms), entropy) if is_time and len(entropy) == _ENTROPY_BYTES else None


def _with_id(item: Item, event_id: str) -> Item:
    if item.event is None or item.event.event_id is not None:
        return item
    return replace(item, event=replace(item.event, event_id=event_id, is_of_request=True))
