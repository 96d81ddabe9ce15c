"""Cron expressions: what they say, what is refused and where, and what happens when clocks are changed."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from workflowkit.base.errors import CronError, UnknownTimezone
from workflowkit.definition.cron import MAX_CRON_CHARS, CronSchedule, parse_cron

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def ms(text: str) -> int:
    """Return the instant of an ISO time with its offset."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def fired(schedule: CronSchedule, after: str, until: str) -> list[str]:
    """Return the slots as a clock in the schedule's zone shows them."""
    zone = ZoneInfo(schedule.timezone)
    slots = schedule.slots_between(ms(after), ms(until))
    return [datetime.fromtimestamp(slot / 1000, zone).strftime("%d. %H:%M %z") for slot in slots]


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
        ("0 9 * * 1", "2026-11-26T17:00:00Z", "2026-11-30T09:00:00Z"),
        ("0 9 * * MON-FRI", "2026-11-27T09:00:00Z", "2026-11-30T09:00:00Z"),
        ("*/15 8-10/2 * * *", "2026-01-01T08:46:00Z", "2026-01-01T10:00:00Z"),
        ("0 0 29 feb *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("5,10 0 1 JAN,JUL *", "2026-01-01T00:06:00Z", "2026-01-01T00:10:00Z"),
        ("0 0 * * 7", "2026-11-26T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("0 0 * * SUN", "2026-11-26T00:00:00Z", "2026-11-29T00:00:00Z"),
        # Both day fields restricted: either will do. One of them with a star: both must match.
        ("0 0 13 * FRI", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"),
        ("0 0 13 * */5", "2026-11-26T00:00:00Z", "2026-12-13T00:00:00Z"),
        ("7-7/2 0 * * *", "2026-01-01T00:07:00Z", "2026-01-02T00:07:00Z"),
        ("@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
        ("@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        ("@midnight", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        ("@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
        ("@monthly", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ("@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("@annually", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("TZ=Europe/Berlin 0 9 * * *", "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z"),
        ("CRON_TZ=Asia/Tokyo @daily", "2026-07-01T00:00:00Z", "2026-07-01T15:00:00Z"),
    ],
)
def test_the_next_slot_is_the_first_that_the_fields_allow(text: str, after: str, expected: str) -> None:
    assert parse_cron(text).next_after(ms(after)) == ms(expected)


def test_a_slot_is_later_than_the_instant_asked_about_and_never_that_instant() -> None:
    schedule = parse_cron("* * * * *")
    assert schedule.next_after(ms("2026-01-01T00:00:00Z") - 1) == ms("2026-01-01T00:00:00Z")
    assert schedule.next_after(ms("2026-01-01T00:00:00Z") + 59_999) == ms("2026-01-01T00:01:00Z")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("* * * *", 7),
        ("* * * * * *", 10),
        ("60 * * * *", 0),
        ("* 24 * * *", 2),
        ("* * 0 * *", 4),
        ("* * 32 * *", 4),
        ("* * * 13 *", 6),
        ("* * * * 8", 8),
        ("1,,2 * * * *", 2),
        ("0 0 * JAN,FOO *", 10),
        ("0 0 * MONDAY *", 6),
        ("30-10 * * * *", 0),
        ("0 0 * * FRI-SUN", 8),
        ("1-5-7 * * * *", 0),
        ("*/0 * * * *", 0),
        ("5/15 * * * *", 0),
        ("*/1000 * * * *", 0),
        ("-1 * * * *", 0),
        ("٣ * * * *", 0),
        ("* * ? * *", 4),
        ("* * L * *", 4),
        ("* * 15W * *", 4),
        ("* * * * MON#2", 8),
        ("@reboot", 0),
        ("@daily 0", 0),
        ("TZ=UTC 60 * * * *", 7),
        ("0 0 30 2 *", 0),
        ("TZ=UTC 0 0 31 2,4,6,9,11 *", 7),
        ("0 0 31 APR */2", 0),
    ],
)
def test_what_cannot_be_read_or_never_comes_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(CronError) as refused:
        parse_cron(text)
    assert (refused.value.code, refused.value.position) == ("invalid-cron", position)


def test_an_expression_has_at_most_255_characters() -> None:
    minutes = ",".join(["1"] * 120)
    longest = f"{minutes} * * * *".ljust(MAX_CRON_CHARS)
    assert parse_cron(longest).next_after(0) == 60_000
    with pytest.raises(CronError, match="at most 255 characters"):
        parse_cron(longest + " ")


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe", "Europe/Berlin ", "Europe/\0", "localtime",
     "posix/Europe/Berlin", "x" * 300, "tzdata.zi", "Europe/../UTC"],
)  # fmt: skip
def test_a_name_that_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimezone):
        parse_cron("* * * * *", name)


def test_the_zone_of_the_expression_and_the_zone_beside_it_may_not_differ() -> None:
    assert parse_cron("TZ=Asia/Tokyo 0 9 * * *", "Asia/Tokyo").timezone == "Asia/Tokyo"
    with pytest.raises(CronError, match="the time zone is Europe/Berlin already"):
        parse_cron("TZ=Asia/Tokyo 0 9 * * *", "Europe/Berlin")


def test_expressions_that_say_the_same_are_equal() -> None:
    assert parse_cron("TZ=Europe/Berlin 0  9 * jan MON") == parse_cron("0 9 * 1 1", BERLIN)
    assert parse_cron("@daily") == parse_cron("0 0 * * *", "UTC") != parse_cron("0 0 * * *", BERLIN)


@pytest.mark.parametrize(
    ("text", "zone", "after", "until", "expected"),
    [
        # 2:00 becomes 3:00: a skipped time fires when the gap ends, once however many were skipped.
        ("30 2 * * *", BERLIN, "2026-03-28T00:00Z", "2026-03-30T12:00Z",
         ["28. 02:30 +0100", "29. 03:00 +0200", "30. 02:30 +0200"]),
        ("0,20,40 2 * * *", BERLIN, "2026-03-29T00:00Z", "2026-03-29T12:00Z", ["29. 03:00 +0200"]),
        ("0 2,3 * * *", BERLIN, "2026-03-29T00:00Z", "2026-03-29T12:00Z", ["29. 03:00 +0200"]),
        ("30 2 * * *", NEW_YORK, "2026-03-08T05:00Z", "2026-03-08T23:00Z", ["08. 03:00 -0400"]),
        ("15 2 * * *", LORD_HOWE, "2026-10-03T12:00Z", "2026-10-04T12:00Z", ["04. 02:30 +1100"]),
        # In Cairo the hour after midnight is the one that is skipped.
        ("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00Z", "2026-04-25T12:00Z", ["24. 01:00 +0300", "25. 00:00 +0300"]),
        # 3:00 becomes 2:00: a repeated time fires the first time only.
        ("30 2 * * *", BERLIN, "2026-10-24T20:00Z", "2026-10-26T12:00Z", ["25. 02:30 +0200", "26. 02:30 +0100"]),
        ("30 1 * * *", NEW_YORK, "2026-11-01T00:00Z", "2026-11-01T23:00Z", ["01. 01:30 -0400"]),
        ("45 1 * * *", LORD_HOWE, "2026-04-04T12:00Z", "2026-04-05T12:00Z", ["05. 01:45 +1100"]),
        # With a star for the hour the rhythm goes on.
        ("*/30 * * * *", BERLIN, "2026-03-29T00:00Z", "2026-03-29T01:30Z",
         ["29. 01:30 +0100", "29. 03:00 +0200", "29. 03:30 +0200"]),
        ("*/30 * * * *", BERLIN, "2026-10-25T00:00Z", "2026-10-25T02:00Z",
         ["25. 02:30 +0200", "25. 02:00 +0100", "25. 02:30 +0100", "25. 03:00 +0100"]),
        ("0 */2 * * *", BERLIN, "2026-03-28T23:00Z", "2026-03-29T04:00Z", ["29. 04:00 +0200", "29. 06:00 +0200"]),
        ("50 * * * *", LORD_HOWE, "2026-04-04T14:00Z", "2026-04-04T16:00Z",
         ["05. 01:50 +1100", "05. 01:50 +1030"]),
    ],
)  # fmt: skip
def test_a_change_of_the_clock_has_one_answer(
    text: str, zone: str, after: str, until: str, expected: list[str]
) -> None:
    assert fired(parse_cron(text, zone), after, until) == expected


def test_the_latest_slots_of_years_are_found_without_walking_through_them() -> None:
    schedule = parse_cron("*/5 * * * *", BERLIN)
    until = ms("2026-10-25T01:12:00Z")
    found = schedule.latest(ms("1990-01-01T00:00:00Z"), until, most=3)
    assert found == [ms("2026-10-25T01:00:00Z"), ms("2026-10-25T01:05:00Z"), ms("2026-10-25T01:10:00Z")]
    rare = parse_cron("0 0 29 2 *")
    assert rare.latest(ms("2021-01-01T00:00:00Z"), until, most=5) == [ms("2024-02-29T00:00:00Z")]
    assert rare.latest(ms("2025-01-01T00:00:00Z"), until, most=5) == []


def test_the_minutes_of_a_day_are_its_slots() -> None:
    slots = list(parse_cron("* * * * *").slots_between(ms("2026-01-01T00:00Z"), ms("2026-01-02T00:00Z")))
    assert len(slots) == 1440
    assert {later - earlier for earlier, later in pairwise(slots)} == {60_000}
