"""Schedules that fire on some days only."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.definition.calendar import Calendar
from workflowkit.definition.cron import parse_cron
from workflowkit.definition.days import NEVER_MS, Days
from workflowkit.definition.settings.triggers import CronTrigger

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")
CRONS = ("0 9 * * *", "*/30 * * * *", "15 0,12 * * MON-FRI", "0 0 25 12 *", "30 2 * * *")
FROM = int(datetime(2018, 1, 1, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def slots(calendar: Calendar, after: int, until: int) -> list[int]:
    found, slot = [], after
    while (slot := calendar.next_after(slot)) <= until:
        found.append(slot)
    return found


def test_a_schedule_fires_from_its_first_day_to_its_last() -> None:
    days = Days.read("2026-03-02", "2026-03-03", ())
    calendar = Calendar(parse_cron("0 9 * * *", "Europe/Berlin"), days)

    assert slots(calendar, at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z")) == [
        at("2026-03-02T08:00Z"),
        at("2026-03-03T08:00Z"),
    ]
    assert calendar.next_after(at("2026-03-03T08:00Z")) == NEVER_MS


def test_a_schedule_does_not_fire_on_days_off_which_are_those_of_its_own_zone() -> None:
    calendar = Calendar(parse_cron("0 0 * * *", "Asia/Tokyo"), Days.read(None, None, ["2026-12-25"]))

    # Midnight in Tokyo is three in the afternoon before, in UTC.
    assert slots(calendar, at("2026-12-23T16:00Z"), at("2026-12-26T00:00Z")) == [at("2026-12-25T15:00Z")]


def test_a_schedule_without_a_day_left_never_fires() -> None:
    year = [str(date(2026, 1, 1) + timedelta(days=number)) for number in range(365)]
    calendar = Calendar(parse_cron("* * * * *"), Days.read("2026-01-01", "2026-12-31", year))
    assert calendar.next_after(0) == NEVER_MS
    assert calendar.latest(0, at("2030-01-01T00:00Z"), most=5) == []


def test_a_last_day_may_be_as_late_as_dates_go() -> None:
    for_ever = Calendar(parse_cron("0 9 * * *", "America/New_York"), Days.read(None, "9999-12-31", ()))
    assert for_ever.latest(at("2026-03-01T00:00Z"), at("2026-03-03T00:00Z"), most=5) == [
        at("2026-03-01T14:00Z"),
        at("2026-03-02T14:00Z"),
    ]
    never = Calendar(parse_cron("0 0 29 2 *", "Europe/Berlin"), Days.read("9999-12-31", None, ()))
    assert never.next_after(at("2026-03-01T00:00Z")) == NEVER_MS


def test_what_follows_ends_with_the_last_slot() -> None:
    calendar = Calendar.of(
        CronTrigger("0 9 * * *", "Europe/Berlin", "", ends_on="2026-03-29", skip_dates=("2026-03-28",))
    )
    found = calendar.following(at("2026-03-26T08:00Z"), 5)
    assert found == [at("2026-03-27T08:00Z"), at("2026-03-29T07:00Z")]
    assert calendar.following(at("2026-03-26T08:00Z"), 1) == found[:1]
    assert calendar.following(found[-1], 5) == []


@pytest.mark.parametrize("text", ["2026-02-30", "soon", "26-1-1", ""])
def test_days_that_no_calendar_has_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Days.read(text, None, ())


@given(
    st.sampled_from(CRONS),
    st.sampled_from(ZONES),
    st.tuples(st.none() | st.integers(0, 400), st.none() | st.integers(0, 400)),
    st.sets(st.integers(0, 400), max_size=12),
    st.integers(0, 400 * DAY_MS),
    st.integers(0, 20 * DAY_MS),
    st.integers(1, 7),
)
def test_a_calendar_leaves_out_days_and_nothing_else(
    cron: str, zone: str, window: tuple[int | None, int | None], off: set[int], after: int, length: int, most: int
) -> None:
    def day(number: int) -> date:
        return date(2018, 1, 1) + timedelta(days=number)

    first, last = (None if number is None else day(number) for number in window)
    calendar = Calendar(parse_cron(cron, zone), Days(first, last, frozenset(map(day, off))))
    after += FROM
    until = after + length

    def is_on(slot: int) -> bool:
        own = datetime.fromtimestamp(slot / 1000, ZoneInfo(zone)).date()
        return (first is None or own >= first) and (last is None or own <= last) and own not in calendar.days.off

    every = takewhile(lambda slot: slot <= until, calendar.cron.slots_after(after))
    expected = [slot for slot in every if is_on(slot)]
    assert slots(calendar, after, until) == expected
    assert calendar.latest(after, until, most=most) == expected[-most:]
