"""When a failed attempt is tried again, and when it is not. Pure: the present and the dice are passed in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workflowkit.definition.settings.action import BackoffRule
from workflowkit.engine.memo import NOT_HERE
from workflowkit.engine.outcome import Failed

#: Pause after the first, second, ... failed attempt; the last one repeats. The table is Inngest's.
BACKOFF_SECONDS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 2_400.0, 3_600.0, 7_200.0)
#: Spread of the jitter that is added, so that steps which failed together do not come back together.
JITTER_SECONDS = 30.0
MIN_DELAY_SECONDS, MAX_DELAY_SECONDS = 1.0, 24 * 3_600.0

#: The ``reason`` of a retry whose ``RetryAfterError`` asked for a time outside the bounds.
DELAY_CLAMPED = "delay-clamped"


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after each failed attempt, and how much of it is up to chance."""

    delays_seconds: tuple[float, ...] = BACKOFF_SECONDS
    jitter_seconds: float = JITTER_SECONDS

    def delay_seconds(self, attempt: int, jitter: float) -> float:
        """Return the pause after failed ``attempt`` (from 1); ``jitter`` is 0 to 1."""
        return self.delays_seconds[min(attempt, len(self.delays_seconds)) - 1] + self.jitter_seconds * jitter


DEFAULT_BACKOFF = Backoff()


def backoff_of(rule: BackoffRule | None) -> Backoff:
    """Return the pauses that a node asks for, exactly those; the engine's table if it does not."""
    if rule is None:
        return DEFAULT_BACKOFF
    return Backoff(tuple(delay_ms / 1_000 for delay_ms in rule.delays_ms()), jitter_seconds=0.0)


def restricted(failure: Failed, retry_on: tuple[str, ...] | None) -> Failed:
    """Return the failure as a node sees it that names the errors worth trying again, by class name or code."""
    error = failure.error
    if (
        retry_on is None
        or error.code in NOT_HERE
        or not error.retryable
        or error.name in retry_on
        or error.code in retry_on
    ):
        return failure
    return replace(failure, error=replace(error, retryable=False))


def may_retry(attempt: int, failure: Failed, *, retries: int) -> bool:
    """Tell whether failed ``attempt`` (from 1) leaves budget: ``retries`` of 2 allow 3 attempts."""
    return failure.error.retryable and attempt <= retries


def next_attempt_at_ms(
    attempt: int, failure: Failed, *, now_ms: int, jitter: float, backoff: Backoff = DEFAULT_BACKOFF
) -> int:
    """Return when the attempt after ``attempt`` (from 1) is due: 1 second to 24 hours from now.

    A time that the action asked for beats the backoff and gets no jitter.
    """
    asked = failure.asked_seconds(now_ms)
    return now_ms + round(1_000 * _clamp(backoff.delay_seconds(attempt, jitter) if asked is None else asked))


def delay_note(failure: Failed, now_ms: int) -> str | None:
    """Return what the trace says about the delay: ``DELAY_CLAMPED`` or nothing."""
    asked = failure.asked_seconds(now_ms)
    return DELAY_CLAMPED if asked is not None and asked != _clamp(asked) else None


def _clamp(delay_seconds: float) -> float:
    return max(MIN_DELAY_SECONDS, min(MAX_DELAY_SECONDS, delay_seconds))
