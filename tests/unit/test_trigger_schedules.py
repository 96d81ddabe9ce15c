"""Which slots fire: the newest in time, and of the missed ones as many as the policy makes up for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.definition.calendar import Calendar
from workflowkit.definition.cron import parse_cron
from workflowkit.triggers.schedules import MAX_JITTER_MS, MIN_JITTER_MS, MISSED_AFTER_MS, DueSlots, Timetable

MINUTE = 60_000
#: A whole hour.
START = 1_750_000_000_000 // 3_600_000 * 3_600_000


def a_timetable(cron: str = "* * * * *", *, jitter_ms: int = 0, catch_up: int = 0) -> Timetable:
    return Timetable(Calendar(parse_cron(cron)), "a schedule", jitter_ms, catch_up)


def test_before_its_time_nothing_is_due() -> None:
    assert a_timetable().due(START, START - 1) == DueSlots((), START)


def test_a_slot_in_time_fires_whatever_is_made_up_for() -> None:
    assert a_timetable().due(START, START) == DueSlots((START,), START + MINUTE)
    hourly = a_timetable("@hourly")
    assert hourly.due(START, START + MISSED_AFTER_MS).slots == (START,)
    assert hourly.due(START, START + MISSED_AFTER_MS + 1) == DueSlots((), START + 60 * MINUTE)


@pytest.mark.parametrize(("catch_up", "fired"), [(0, [10]), (1, [10]), (2, [9, 10]), (99, list(range(11)))])
def test_of_the_missed_slots_the_newest_fire(catch_up: int, fired: list[int]) -> None:
    due = a_timetable(catch_up=catch_up).due(START, START + 10 * MINUTE + 1)
    assert due == DueSlots(tuple(START + minute * MINUTE for minute in fired), START + 11 * MINUTE)


@given(st.integers(0, 10**9), st.integers(MIN_JITTER_MS, MAX_JITTER_MS))
def test_jitter_is_between_a_second_and_its_bound_and_always_the_same(minute: int, jitter_ms: int) -> None:
    slot = minute * MINUTE
    due_at_ms = a_timetable(jitter_ms=jitter_ms).due_at_ms(slot)
    assert MIN_JITTER_MS <= due_at_ms - slot <= jitter_ms
    assert due_at_ms == a_timetable(jitter_ms=jitter_ms).due_at_ms(slot)


@given(
    st.sampled_from(["* * * * *", "*/2 * * * *", "@hourly"]),
    st.integers(0, MAX_JITTER_MS),
    st.lists(st.integers(0, 20 * MINUTE), max_size=30),
)
def test_whenever_somebody_looks_each_slot_fires_once_in_order_and_never_early(
    cron: str, jitter_ms: int, pauses: list[int]
) -> None:
    timetable = a_timetable(cron, jitter_ms=jitter_ms, catch_up=1_000)
    now = next_slot = START
    fired: list[int] = []
    for pause in pauses:
        now += pause
        due = timetable.due(next_slot, now)
        assert all(timetable.due_at_ms(slot) <= now for slot in due.slots)
        fired += due.slots
        next_slot = due.next_slot_ms
        assert timetable.due_at_ms(next_slot) > now
    assert fired == [slot for slot in timetable.calendar.cron.slots_between(START - 1, now) if slot < next_slot]
