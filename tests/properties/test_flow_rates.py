"""Throttle and rate limit: never too many starts in any period, and none lost (I19)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from workflowkit.flow.concurrency import Ceiling
from workflowkit.flow.dequeue import Full, Go, TooEarly, dequeue
from workflowkit.flow.gcra import CLOCKS_APART_US, Rate, take

NOW = 1_750_000_000_000
RATES = st.builds(Rate, limit=st.integers(1, 50), period_ms=st.integers(1, 5_000), burst=st.integers(1, 10))
#: Times of arrival, in order; several may come in one millisecond.
ARRIVALS = st.lists(st.integers(0, 700), min_size=1, max_size=60).map(lambda gaps: [NOW + t for t in accumulate(gaps)])
ROWS = st.none() | st.integers(0, 2 * NOW * 1_000) | st.integers((NOW - 20_000) * 1_000, (NOW + 20_000) * 1_000)
#: How much longer than an interval a row of another rate, or of another clock, keeps a start at most.
APART_MS = CLOCKS_APART_US // 1_000 + 1


@dataclass
class Served:
    """When each of the entries of a queue started."""

    arrived_ms: list[int]
    started_ms: list[int]


def throttled(rate: Rate, arrivals_ms: list[int]) -> Served:
    """Let entries wait in line, and look at the head of it whenever the answer before said to."""
    row, now_ms, started = None, 0, []
    for arrived_ms in arrivals_ms:
        now_ms = max(now_ms, arrived_ms)
        taken = take(rate, row, now_ms=now_ms)
        if taken.count == 0:
            assert taken.next_at_ms > now_ms
            now_ms = taken.next_at_ms
            taken = take(rate, row, now_ms=now_ms)
        assert taken.count == 1
        row = taken.arrival_us
        started.append(now_ms)
    return Served(arrivals_ms, started)


def most_in_a_window(times_ms: list[int], length_ms: int) -> int:
    return max((sum(start <= t < start + length_ms for t in times_ms) for start in times_ms), default=0)


@given(RATES, ARRIVALS)
def test_a_rate_limit_admits_at_most_the_limit_and_the_burst_in_any_period(rate: Rate, arrivals_ms: list[int]) -> None:
    row, admitted = None, []
    for now_ms in arrivals_ms:
        taken = take(rate, row, now_ms=now_ms)
        row = taken.arrival_us
        admitted += [now_ms] * taken.count
    assert most_in_a_window(admitted, rate.period_ms) <= rate.limit + rate.burst - 1


@given(RATES, ARRIVALS)
def test_a_throttle_loses_nothing_and_keeps_order_and_limit(rate: Rate, arrivals_ms: list[int]) -> None:
    served = throttled(rate, arrivals_ms)
    assert len(served.started_ms) == len(arrivals_ms)
    assert served.started_ms == sorted(served.started_ms)
    assert all(start >= arrived for start, arrived in zip(served.started_ms, arrivals_ms, strict=True))
    assert most_in_a_window(served.started_ms, rate.period_ms) <= rate.limit + rate.burst - 1


@given(RATES, st.integers(1, 60))
def test_a_throttle_with_a_backlog_is_as_fast_as_its_rate(rate: Rate, count: int) -> None:
    started = throttled(rate, [NOW] * count).started_ms
    assert most_in_a_window(started, rate.period_ms) <= rate.limit + rate.burst - 1
    for place, start_ms in enumerate(started):
        assert start_ms - NOW == max(0, place + 1 - rate.burst) * rate.interval_us // 1_000


@given(RATES, ROWS, st.integers(0, 30))
def test_several_at_once_are_the_same_as_one_by_one(rate: Rate, row: int | None, wanted: int) -> None:
    together = take(rate, row, now_ms=NOW, wanted=wanted)
    one_by_one, count = take(rate, row, now_ms=NOW, wanted=0), 0
    for _ in range(wanted):
        one_by_one = take(rate, one_by_one.arrival_us, now_ms=NOW)
        count += one_by_one.count
    assert (together.count, together.arrival_us, together.next_at_ms) == (
        count, one_by_one.arrival_us, one_by_one.next_at_ms,
    )  # fmt: skip


@given(RATES, ROWS)
def test_the_time_to_come_back_is_the_first_that_admits_one(rate: Rate, row: int | None) -> None:
    taken = take(rate, row, now_ms=NOW, wanted=100)
    assert take(rate, taken.arrival_us, now_ms=taken.next_at_ms).count == 1
    assert take(rate, taken.arrival_us, now_ms=taken.next_at_ms - 1).count == 0


@given(RATES, ROWS)
def test_no_row_whatever_keeps_a_start_for_longer_than_one_interval(rate: Rate, row: int | None) -> None:
    """So neither a clock that was set back nor a limit that was raised blocks a key for long."""
    taken = take(rate, row, now_ms=NOW)
    most_ms = rate.interval_us // 1_000 + APART_MS
    assert taken.next_at_ms <= NOW + most_ms
    # A refusal stores nothing: the same row is there when somebody looks again.
    assert taken.count or take(rate, row, now_ms=taken.next_at_ms).count == 1
    assert taken.count or take(rate, row, now_ms=NOW + most_ms).count == 1


@given(RATES, ROWS, ARRIVALS)
def test_after_a_row_of_another_rate_no_more_start_in_a_period(
    rate: Rate, row: int | None, arrivals_ms: list[int]
) -> None:
    admitted = []
    for now_ms in arrivals_ms:
        taken = take(rate, row, now_ms=now_ms)
        row = taken.arrival_us if taken.count else row
        admitted += [now_ms] * taken.count
    assert most_in_a_window(admitted, rate.period_ms) <= rate.limit + rate.burst - 1


@given(RATES, st.integers(0, CLOCKS_APART_US // 1_000))
def test_a_process_whose_clock_is_behind_admits_no_more(rate: Rate, behind_ms: int) -> None:
    row = take(rate, None, now_ms=NOW, wanted=100).arrival_us
    assert take(rate, row, now_ms=NOW - behind_ms).count == 0


@given(RATES, ARRIVALS, st.integers(0, 20_000))
def test_a_row_that_has_expired_may_be_deleted(rate: Rate, arrivals_ms: list[int], later_ms: int) -> None:
    row = None
    for now_ms in arrivals_ms:
        row = take(rate, row, now_ms=now_ms).arrival_us
    now_ms = arrivals_ms[-1] + later_ms
    same = take(rate, row, now_ms=now_ms, wanted=9) == take(rate, None, now_ms=now_ms, wanted=9)
    expires_at_ms = (row or 0) // 1_000 + 1  # as ``runtime.flowstate`` stores it
    assert same or now_ms < expires_at_ms


@given(RATES, ROWS, st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)), st.integers(0, 4))
def test_a_step_starts_exactly_if_the_throttle_and_every_group_allow_it(
    rate: Rate, row: int | None, held: dict[str, int], limit: int
) -> None:
    under = [Ceiling(group, limit) for group in "ab"]
    answer = dequeue(rate, row, under, held, now_ms=NOW)
    full = tuple(ceiling for ceiling in under if held.get(ceiling.group, 0) >= limit)
    taken = take(rate, row, now_ms=NOW)
    if not taken.count:
        assert answer == TooEarly(taken.next_at_ms)
    else:
        assert answer == (Full(full) if full else Go(taken.arrival_us))
