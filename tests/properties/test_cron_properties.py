"""Laws of schedules, held against a walk over every minute with the fields read in another way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from workflowkit.base.errors import CronError
from workflowkit.definition.cron import CronSchedule, parse_cron

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu")
#: Days around every change of the clock in these zones in 2026, and one without any.
DAYS = (
    "2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-10-04", "2026-10-25", "2026-10-30", "2026-11-01",
    "2026-07-01",
)  # fmt: skip
MINUTE = timedelta(minutes=1)


def _fields(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    ranges = st.tuples(numbers, numbers).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    steps = st.tuples(ranges | st.just("*"), st.integers(1, 20)).map(lambda parts: f"{parts[0]}/{parts[1]}")
    return st.just("*") | st.lists(numbers.map(str) | ranges | steps, min_size=1, max_size=3).map(",".join)


EXPRESSIONS = st.tuples(_fields(0, 59), _fields(0, 4), _fields(1, 31), _fields(1, 12), _fields(0, 7)).map(" ".join)


def _values(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        part, _, step = item.partition("/")
        first, _, last = part.partition("-")
        ends = (low, high) if part == "*" else (int(first), int(last or first))
        found.update(range(ends[0], ends[1] + 1, int(step or 1)))
    return found


def _matches(expression: str, wall: datetime) -> bool:
    minute, hour, day, month, weekday = expression.split()
    if wall.month not in _values(month, 1, 12):
        return False
    if wall.minute not in _values(minute, 0, 59) or wall.hour not in _values(hour, 0, 23):
        return False
    day_fits = wall.day in _values(day, 1, 31)
    weekday_fits = wall.isoweekday() % 7 in {value % 7 for value in _values(weekday, 0, 7)}
    return (day_fits and weekday_fits) if "*" in (day[0], weekday[0]) else (day_fits or weekday_fits)


def _walk(schedule: CronSchedule, after: datetime, until: datetime) -> list[int]:
    """Return the slots as somebody finds them who looks at the clock every minute."""
    zone, names_hours = ZoneInfo(schedule.timezone), not schedule.expression.split()[1].startswith("*")
    slots, now, seen = [], after.replace(second=0, microsecond=0) - timedelta(days=1), set()
    before = now.astimezone(zone).replace(tzinfo=None)
    while (now := now + MINUTE) <= until:
        wall = now.astimezone(zone).replace(tzinfo=None)
        # Most minutes show one new time on the wall, a change of the clock skips some or shows some again.
        skipped = [before + MINUTE * n for n in range(1, (wall - before) // MINUTE)] if names_hours else []
        if (names_hours and any(_matches(schedule.expression, each) for each in skipped)) or (
            _matches(schedule.expression, wall) and not (names_hours and wall in seen)
        ):
            slots.append(int(now.timestamp() * 1000))
        seen.add(wall)
        before = wall
    return [slot for slot in slots if slot > after.timestamp() * 1000]


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, st.sampled_from(ZONES), st.sampled_from(DAYS), st.integers(0, 24 * 60), st.integers(0, 59_999))
@example("*/10 1-2 * * *", "Australia/Lord_Howe", "2026-04-05", 0, 0)
@example("*/7 * * * *", "Australia/Lord_Howe", "2026-04-05", 0, 0)
@example("30 2 * * *", "Europe/Berlin", "2026-10-25", 90, 1)
def test_slots_are_what_a_walk_over_the_minutes_finds(
    expression: str, zone: str, day: str, minutes: int, milliseconds: int
) -> None:
    try:
        schedule = parse_cron(expression, zone)
    except CronError as error:
        if error.message != "these days never come":  # the only fault that texts made by this test can have
            raise
        return
    after = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=14) + timedelta(minutes=minutes)
    after += timedelta(milliseconds=milliseconds)
    until = after + timedelta(hours=14)
    after_ms, until_ms = round(after.timestamp() * 1000), round(until.timestamp() * 1000)
    found = list(schedule.slots_between(after_ms, until_ms))
    assert found == _walk(schedule, after, until)
    assert all(earlier < later for earlier, later in pairwise([after_ms, *found]))
    assert schedule.latest(after_ms, until_ms, most=3) == found[-3:]


@given(st.text(max_size=40) | st.text("0123456789*/-,@?LW#TZ= JANMO", max_size=60), st.sampled_from([None, "UTC"]))
def test_no_text_raises_anything_but_our_error(text: str, zone: str | None) -> None:
    try:
        schedule = parse_cron(text, zone)
    except CronError:
        return
    slot = schedule.next_after(1_750_000_000_000)
    assert schedule.next_after(slot) > slot
