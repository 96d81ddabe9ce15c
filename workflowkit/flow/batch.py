"""Batches: one run with several events of one key.

A key has at most one open batch. The first event opens it; it starts with ``max_size`` events, or before the event that
would make it larger than ``batch_bytes``, or ``timeout_ms`` after it was opened. As with ``debounce``, it is over when
its time is up and not when somebody gets to it: a later event opens the next one and starts the old one first.

The order inside a batch is that of arrival; its first event is the one that keys and priority are evaluated on.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.settings.flow import Batch


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


def append(
    rule: Batch, batch: OpenBatch | None, *, size_bytes: int, now_ms: int, limits: Limits = DEFAULT_LIMITS
) -> Appended:
    """Put an event of ``size_bytes``, which arrives now, into the key's ``batch`` or into the next one.

    An event that is larger than ``batch_bytes`` by itself gets a batch of its own.
    """
    if batch is None or batch.is_over(now_ms) or batch.size_bytes + size_bytes > limits.batch_bytes:
        closed, batch = batch, OpenBatch(now_ms + rule.timeout_ms, 1, size_bytes)
    else:
        closed, batch = None, OpenBatch(batch.start_at_ms, batch.events + 1, batch.size_bytes + size_bytes)
    return Appended(batch, batch.events >= rule.max_size or batch.size_bytes >= limits.batch_bytes, closed)
