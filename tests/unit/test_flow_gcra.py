"""How many starts a rate admits, and when: the examples of the documentation, worked out by hand."""

from __future__ import annotations

import pytest

from workflowkit.definition.settings.flow import RateLimit, Throttle
from workflowkit.flow.gcra import Rate, take

NOW = 1_750_000_000_000
DAY_MS = 24 * 3_600_000


def starts(rate: Rate, count: int) -> list[int]:
    """Return when ``count`` starts that all wait from the beginning take place, in milliseconds from then."""
    found: list[int] = []
    row, now_ms = None, NOW
    while len(found) < count:
        taken = take(rate, row, now_ms=now_ms, wanted=count - len(found))
        found += [now_ms - NOW] * taken.count
        row, now_ms = taken.arrival_us, max(now_ms, taken.next_at_ms)
    return found


@pytest.mark.parametrize(
    ("rate", "times_ms"),
    [
        (Rate(10, 60_000), [0, 6_000, 12_000, 18_000, 24_000]),
        (Rate(10, 60_000, burst=3), [0, 0, 0, 6_000, 12_000]),
        (Rate(1, DAY_MS), [0, DAY_MS, 2 * DAY_MS]),
        (Rate(7, 1_000), [0, 142, 285, 428, 571, 714, 857, 1_000]),
        (Rate(3, 1_000), [0, 333, 666, 1_000, 1_333]),
        # Inngest's throttle of limit 2 and burst 1: three at once.
        (Rate(2, 10_000, burst=3), [0, 0, 0, 5_000, 10_000]),
    ],
)
def test_starts_that_wait_are_spaced_by_period_over_limit_after_the_burst(rate: Rate, times_ms: list[int]) -> None:
    assert starts(rate, len(times_ms)) == times_ms


def test_more_than_one_start_may_fall_into_a_millisecond() -> None:
    assert starts(Rate(5_000, 1_000), 12) == [0] * 5 + [1] * 5 + [2] * 2


def test_a_second_start_within_the_interval_is_refused_and_told_when_to_come_back() -> None:
    rate = Rate(10, 3_600_000)
    first = take(rate, None, now_ms=NOW)
    assert (first.count, first.next_at_ms) == (1, NOW + 360_000)
    early = take(rate, first.arrival_us, now_ms=NOW + 359_999)
    assert (early.count, early.next_at_ms, early.arrival_us) == (0, NOW + 360_000, first.arrival_us)
    assert take(rate, first.arrival_us, now_ms=NOW + 360_000).count == 1


def test_a_pause_gives_back_the_burst_and_no_more() -> None:
    rate = Rate(10, 60_000, burst=3)
    row = take(rate, None, now_ms=NOW, wanted=3).arrival_us
    assert take(rate, row, now_ms=NOW + 6_000, wanted=9).count == 1
    assert take(rate, row, now_ms=NOW + DAY_MS, wanted=9).count == 3


def test_a_raised_limit_counts_at_once() -> None:
    row = take(Rate(1, DAY_MS), None, now_ms=NOW).arrival_us
    raised = take(Rate(10, 60_000), row, now_ms=NOW + 1, wanted=2)
    assert (raised.count, raised.next_at_ms) == (1, NOW + 1 + 6_000)


def test_an_hour_by_which_the_clock_was_set_back_does_not_count() -> None:
    rate = Rate(1, 10_000)
    row = take(rate, None, now_ms=NOW).arrival_us
    taken = take(rate, row, now_ms=NOW - 3_600_000)
    assert (taken.count, taken.next_at_ms) == (1, NOW - 3_600_000 + 10_000)


def test_a_start_that_another_process_counted_a_moment_later_counts() -> None:
    rate = Rate(1, 10_000)
    row = take(rate, None, now_ms=NOW + 3).arrival_us
    refused = take(rate, row, now_ms=NOW)
    assert (refused.count, refused.next_at_ms) == (0, NOW + 10_003)


def test_settings_are_rates() -> None:
    assert Rate.of(Throttle(10, 60_000, burst=3, key="event.data.user")) == Rate(10, 60_000, burst=3)
    assert Rate.of(RateLimit(10, 60_000)) == Rate(10, 60_000)
