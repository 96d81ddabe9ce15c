"""Idempotency of the consumer: one run of a workflow for each key in a period, whatever becomes of that run.

The row of a key is the claim of the event that was first. It outlives the run, and while it lasts every other event
with the key is skipped, with the first one named. Unlike a rate limit of one per period, it knows whose claim it is:
deciding about the first event again gives the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.definition.settings.flow import Idempotency


@dataclass(frozen=True, slots=True)
class Claim:
    """The row of a key: the event that has it, and when it ends."""

    event_id: str
    expires_at_ms: int


def claim(rule: Idempotency, held: Claim | None, *, event_id: str, now_ms: int) -> Claim:
    """Return the claim that holds now: the event's own, or that of the event it is a repetition of."""
    if held is not None and now_ms < held.expires_at_ms:
        return held
    return Claim(event_id, now_ms + rule.period_ms)
