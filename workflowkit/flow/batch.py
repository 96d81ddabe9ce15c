"""Batches: one run with several events of one key.

A key has at most one open batch. The first event opens it; it starts with ``max_size`` events, or before the event
that would make it larger than ``max_bytes``, or ``timeout_ms`` after it was opened. As with ``debounce``, it is over
when its time is up and not when somebody gets to it: a later event opens the next one and starts the old one first.

The order inside a batch is that of arrival; its first event is the one that keys and priority are evaluated on.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.limits import MIB
from workflowkit.flow.checking import at_least

MAX_BATCH_BYTES = 10 * MIB


@dataclass(frozen=True, slots=True)
class BatchRule:
    """Bounds of one batch; an event that is larger than ``max_bytes`` by itself gets a batch of its own."""

    max_size: int
    timeout_ms: int
    max_bytes: int = MAX_BATCH_BYTES

    def __post_init__(self) -> None:
        at_least(1, max_size=self.max_size, timeout_ms=self.timeout_ms, max_bytes=self.max_bytes)


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """The row of a key: how full its batch is, and when it starts if it does not fill up."""

    start_at_ms: int
    events: int
    size_bytes: int

    def is_over(self, now_ms: int) -> bool:
        return now_ms >= self.start_at_ms


@dataclass(frozen=True, slots=True)
class Appended:
    """The batch that the event is in, and whether it is complete and starts now.

    ``closed`` is the batch that was open before, if that one has to start without this event.
    """

    batch: OpenBatch
    is_complete: bool
    closed: OpenBatch | None = None


def append(rule: BatchRule, batch: OpenBatch | None, *, size_bytes: int, now_ms: int) -> Appended:
    """Put an event of ``size_bytes``, which arrives now, into the key's ``batch`` or into the next one."""
    if batch is None or batch.is_over(now_ms) or batch.size_bytes + size_bytes > rule.max_bytes:
        closed, batch = batch, OpenBatch(now_ms + rule.timeout_ms, 1, size_bytes)
    else:
        closed, batch = None, OpenBatch(batch.start_at_ms, batch.events + 1, batch.size_bytes + size_bytes)
    return Appended(batch, batch.events >= rule.max_size or batch.size_bytes >= rule.max_bytes, closed)
