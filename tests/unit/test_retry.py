from __future__ import annotations

import math

import pytest
from planning import NOW_MS, failed

from workflowkit.engine.retry import DELAY_CLAMPED, Backoff, delay_note, may_retry, next_attempt_at_ms

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@pytest.mark.parametrize(
    ("attempt", "delay_seconds"),
    [
        (1, 15),
        (2, 30),
        (3, 1 * MINUTE),
        (4, 2 * MINUTE),
        (5, 5 * MINUTE),
        (6, 10 * MINUTE),
        (7, 20 * MINUTE),
        (8, 40 * MINUTE),
        (9, 1 * HOUR),
        (10, 2 * HOUR),
        (11, 2 * HOUR),
        (21, 2 * HOUR),
    ],
)
def test_the_pause_after_an_attempt_follows_the_table_plus_up_to_30_seconds(attempt: int, delay_seconds: int) -> None:
    def delay_ms(jitter: float) -> int:
        return next_attempt_at_ms(attempt, failed(), now_ms=NOW_MS, jitter=jitter) - NOW_MS

    assert delay_ms(0.0) == delay_seconds * 1000
    assert delay_ms(0.5) == (delay_seconds + 15) * 1000
    assert delay_ms(1.0) == (delay_seconds + 30) * 1000


@pytest.mark.parametrize(
    ("asked_seconds", "delay_seconds", "note"),
    [
        (90, 90, None),
        (0.25, 1, DELAY_CLAMPED),
        (1, 1, None),
        (-5, 1, DELAY_CLAMPED),
        (DAY, DAY, None),
        (30 * DAY, DAY, DELAY_CLAMPED),
        (math.inf, DAY, DELAY_CLAMPED),
    ],
)
def test_a_time_the_action_asks_for_beats_the_table_within_1_second_to_24_hours(
    asked_seconds: float, delay_seconds: float, note: str | None
) -> None:
    failure = failed(retry_after_seconds=asked_seconds)
    assert next_attempt_at_ms(3, failure, now_ms=NOW_MS, jitter=1.0) == NOW_MS + delay_seconds * 1000
    assert delay_note(failure, NOW_MS) == note


def test_the_backoff_is_a_value_that_may_differ_from_the_table() -> None:
    fixed = Backoff(delays_seconds=(7.0,), jitter_seconds=0.0)
    delays = [next_attempt_at_ms(n, failed(), now_ms=NOW_MS, jitter=0.9, backoff=fixed) - NOW_MS for n in (1, 2, 9)]
    assert delays == [7_000, 7_000, 7_000]


def test_a_backoff_of_zero_still_waits_a_second() -> None:
    at_once = Backoff(delays_seconds=(0.0,), jitter_seconds=0.0)
    assert next_attempt_at_ms(1, failed(), now_ms=NOW_MS, jitter=0.0, backoff=at_once) == NOW_MS + 1_000


@pytest.mark.parametrize(
    ("attempt", "retries", "retryable", "again"),
    [
        (1, 2, True, True),
        (2, 2, True, True),
        (3, 2, True, False),
        (1, 0, True, False),
        (1, 4, False, False),
    ],
)
def test_retries_count_further_attempts_and_a_non_retriable_error_gives_up(
    attempt: int, retries: int, retryable: bool, again: bool
) -> None:
    assert may_retry(attempt, failed(retryable=retryable), retries=retries) is again
