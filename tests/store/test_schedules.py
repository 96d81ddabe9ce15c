"""Schedules fire each slot once, never early, whoever is there to do it; policies say what else becomes of a slot."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime, at_once

from workflowkit import Cron
from workflowkit.base import jsonvalue
from workflowkit.base.clock import SystemClock, rfc3339
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.base.settings import Settings
from workflowkit.composition import Runtime
from workflowkit.store import schedules as rows
from workflowkit.store.schedules import ScheduleRow

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def schedule(harness: Harness, *crons: Cron, at: str) -> None:
    """Publish the workflow ``test`` with these schedules at a time."""
    harness.clock.advance_to(ms(at))
    document = a_workflow().chain("a").document()
    harness.deploy(document | {"triggers": [cron.as_dict() for cron in crons]})


def tick_at(harness: Harness, at: str) -> None:
    """Let the relay look at a time."""
    harness.clock.advance_to(ms(at))
    harness.runtime.relay.tick()


def match_all(harness: Harness) -> None:
    """Let runs start whose steps nobody executes."""
    while harness.dispatcher.waiting:
        harness.match()


def stored(harness: Harness) -> list[ScheduleRow]:
    with harness.runtime.database.read() as tx:
        return rows.load(tx, DEFAULT_SCOPE, "test")


def fired(harness: Harness) -> list[dict[str, Any]]:
    """Return the data of all events of schedules, in order of their slots."""
    found = harness.rows("SELECT data FROM events WHERE name = 'workflow/schedule.fired' ORDER BY id")
    return [jsonvalue.loads(row["data"]) for row in found]


def slots(harness: Harness) -> list[str]:
    return [data["slot"][11:16] for data in fired(harness)]


def reasons(harness: Harness) -> list[str]:
    return harness.column("SELECT reason FROM decisions ORDER BY event_id")


def runs(harness: Harness) -> Counter[str]:
    return Counter(harness.column("SELECT status FROM runs"))


# --- once, and in time


def test_three_schedulers_racing_for_a_day_of_minutes_start_1440_runs(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *"), at="2026-03-28T00:00:01Z")
        processes = [harness.runtime, harness.new_process(), harness.new_process()]
        harness.clock.advance_to(ms("2026-03-28T00:00:01Z"))
        for _ in range(1440):
            harness.clock.advance(seconds=60)
            outcomes = at_once(*(process.relay.tick for process in processes))
            assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            harness.drain()
        start = ms("2026-03-28T00:01:00Z")
        assert [data["slot_ms"] for data in fired(harness)] == [start + minute * MINUTE_MS for minute in range(1440)]
        assert {data["late_by_ms"] for data in fired(harness)} == {1_000}
        assert runs(harness) == {"completed": 1440}


def test_a_slot_fires_at_its_instant_and_not_a_millisecond_before(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("0 9 * * *", "Europe/Berlin"), at="2026-07-01T00:00:00Z")
        tick_at(harness, "2026-07-01T06:59:59.999Z")
        assert fired(harness) == []
        tick_at(harness, "2026-07-01T07:00:00Z")
        harness.drain()
        assert fired(harness) == [
            {
                "workflow_id": "test", "cron": "0 9 * * *", "timezone": "Europe/Berlin", "late_by_ms": 0,
                "slot": "2026-07-01T07:00:00.000Z", "slot_ms": ms("2026-07-01T07:00:00Z"),
            }
        ]  # fmt: skip
        assert harness.run()["status"] == "completed"
        assert [rfc3339(row.next_slot_ms) for row in stored(harness)] == ["2026-07-02T07:00:00.000Z"]


@pytest.mark.parametrize(
    ("zone", "cron", "start", "end", "expected"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T00:00Z", "2026-03-30T12:00Z", ["01:30", "01:00", "00:30"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T00:00Z", "2026-10-26T12:00Z", ["00:30", "00:30", "01:30"]),
        ("America/New_York", "30 2 * * *", "2026-03-07T00:00Z", "2026-03-09T12:00Z", ["07:30", "07:00", "06:30"]),
        ("America/New_York", "30 1 * * *", "2026-10-31T00:00Z", "2026-11-02T12:00Z", ["05:30", "05:30", "06:30"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T00:00Z", "2026-10-04T23:00Z", ["15:45", "15:30", "15:15"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-03T00:00Z", "2026-04-05T23:00Z", ["14:45", "14:45", "15:15"]),
    ],
)  # fmt: skip
def test_a_daily_schedule_fires_once_on_each_day_on_which_clocks_are_changed(
    sqlite_url: str, zone: str, cron: str, start: str, end: str, expected: list[str]
) -> None:
    with a_runtime(sqlite_url) as harness:
        schedule(harness, Cron(cron, zone), at=start)
        while harness.clock.now_ms() < ms(end):
            harness.skip(15 * 60)
        assert slots(harness) == expected


def test_jitter_is_the_same_for_every_scheduler_and_within_its_bounds(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("0 * * * *", jitter=300), at="2026-01-01T00:30:00Z")
        delays = []
        for _ in range(12):
            (row,) = stored(harness)
            delays.append(row.next_due_at_ms - row.next_slot_ms)
            harness.clock.advance_to(row.next_due_at_ms - 1)
            harness.new_process().relay.tick()
            assert stored(harness) == [row]
            harness.clock.advance(milliseconds=1)
            harness.new_process().relay.tick()
        assert len(fired(harness)) == len(set(delays)) == 12
        assert all(1_000 <= delay <= 300_000 for delay in delays)
        assert {data["late_by_ms"] for data in fired(harness)} == {0}


def test_schedules_of_a_workflow_that_meet_in_a_slot_fire_once(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        crons = Cron("*/30 * * * *"), Cron("0 * * * *"), Cron("0 1 * * *", "Europe/Berlin", jitter="2m")
        schedule(harness, *crons, at="2026-01-01T00:10:00Z")
        for _ in range(130):
            harness.skip(60)
        assert slots(harness) == ["00:30", "01:00", "01:30", "02:00"]
        assert runs(harness) == {"completed": 4}


def test_a_machine_whose_clock_is_wrong_fires_by_the_databases(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_time_ns, year = time.time_ns, datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).year
    monkeypatch.setattr("time.time_ns", lambda: real_time_ns() + 400 * 24 * HOUR_MS * 1_000_000)
    with a_runtime(postgres_url) as harness:
        process = Runtime(Settings(database_url=postgres_url), harness.registry, None, harness.dispatcher)
        harness.runtimes.append(process)
        document = a_workflow().chain("a").document() | {"triggers": [Cron("@yearly").as_dict()]}
        process.authoring.deploy(DEFAULT_SCOPE, "test", document)
        process.relay.tick()
        assert [rfc3339(row.next_slot_ms) for row in stored(harness)] == [f"{year + 1}-01-01T00:00:00.000Z"]
        assert fired(harness) == []


# --- what was missed


@pytest.mark.parametrize(
    ("cron", "catch_up", "expected"),
    [
        # Back at 14:10:20, with the hours 13 and 14 and the slots of 122 minutes missed.
        ("0 * * * *", "none", []),
        ("0 * * * *", "last", ["14:00"]),
        ("0 * * * *", 100, ["13:00", "14:00"]),
        ("* * * * *", "none", ["14:10"]),
        ("* * * * *", "last", ["14:10"]),
        ("* * * * *", 3, ["14:08", "14:09", "14:10"]),
    ],
)
def test_after_two_hours_without_a_scheduler_the_policy_says_what_fires(
    database_url: str, cron: str, catch_up: Literal["none", "last"] | int, expected: list[str]
) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron(cron, catch_up=catch_up), at="2026-01-01T12:08:30Z")
        tick_at(harness, "2026-01-01T14:10:20Z")
        harness.drain()
        assert slots(harness) == expected
        assert runs(harness) == ({"completed": len(expected)} if expected else {})
        tick_at(harness, "2026-01-01T14:10:59Z")
        assert slots(harness) == expected
        tick_at(harness, "2026-01-01T15:00:00Z")
        assert slots(harness)[-1] == "15:00"


def test_no_more_slots_are_made_up_for_than_the_limit_allows(database_url: str) -> None:
    with a_runtime(database_url, limits=Limits(caught_up_slots=2)) as harness:
        schedule(harness, Cron("* * * * *", catch_up=1_000), at="2026-01-01T12:00:30Z")
        tick_at(harness, "2026-01-08T12:00:30Z")
        assert slots(harness) == ["11:59", "12:00"]


# --- overlap


def test_allowed_to_overlap_a_slot_starts_a_run_beside_the_earlier_one(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *", overlap="allow"), at="2026-01-01T00:00:30Z")
        for minute in (1, 2, 3):
            tick_at(harness, f"2026-01-01T00:0{minute}:00Z")
            match_all(harness)
        assert runs(harness) == {"running": 3}


def test_a_slot_that_overlaps_is_skipped_with_its_reason(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *", overlap="skip"), at="2026-01-01T00:00:30Z")
        tick_at(harness, "2026-01-01T00:01:00Z")
        tick_at(harness, "2026-01-01T00:02:00Z")  # the event of the first has not even been matched
        match_all(harness)
        run_id = harness.run()["id"]
        tick_at(harness, "2026-01-01T00:03:00Z")  # its run goes on
        assert reasons(harness) == ["overlap-skipped", "overlap-skipped"]
        harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)
        tick_at(harness, "2026-01-01T00:04:00Z")
        match_all(harness)
        assert runs(harness) == {"cancelled": 1, "running": 1}
        assert slots(harness) == ["00:01", "00:02", "00:03", "00:04"]


def test_a_slot_of_another_schedule_of_the_workflow_overlaps_too(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        crons = Cron("1 0 * * *"), Cron("2 0 * * *", overlap="skip")
        schedule(harness, *crons, at="2026-01-01T00:00:30Z")
        tick_at(harness, "2026-01-01T00:01:00Z")
        tick_at(harness, "2026-01-01T00:02:00Z")
        assert reasons(harness) == ["overlap-skipped"]


def test_a_run_that_somebody_repeats_is_no_overlap(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *", overlap="skip"), at="2026-01-01T00:00:30Z")
        tick_at(harness, "2026-01-01T00:01:00Z")
        harness.drain()
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, harness.run()["id"])
        tick_at(harness, "2026-01-01T00:02:00Z")
        assert reasons(harness) == []
        harness.drain()
        assert runs(harness) == {"completed": 3}


def test_a_queued_slot_starts_when_the_earlier_run_has_ended(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *", overlap="queue"), at="2026-01-01T00:00:30Z")
        for minute in (1, 2, 3):
            tick_at(harness, f"2026-01-01T00:0{minute}:00Z")
        assert slots(harness) == ["00:01"]
        assert [row.queued for row in stored(harness)] == [(ms("2026-01-01T00:02:00Z"), ms("2026-01-01T00:03:00Z"))]
        harness.drain()
        harness.skip(1)
        assert slots(harness) == ["00:01", "00:02"]
        harness.skip(1)
        assert slots(harness) == ["00:01", "00:02", "00:03"]
        assert [data["late_by_ms"] for data in fired(harness)] == [0, 61_000, 2_000]
        assert [row.queued for row in stored(harness)] == [()]
        assert runs(harness) == {"completed": 3}
        assert reasons(harness) == []


def test_a_full_queue_skips_with_the_name_of_the_limit(database_url: str) -> None:
    with a_runtime(database_url, limits=Limits(queued_slots=1)) as harness:
        schedule(harness, Cron("* * * * *", overlap="queue"), at="2026-01-01T00:00:30Z")
        for minute in (1, 2, 3):
            tick_at(harness, f"2026-01-01T00:0{minute}:00Z")
        (decision,) = harness.rows("SELECT reason, detail FROM decisions")
        assert decision == {"reason": "overlap-skipped", "detail": "limit queued_slots exceeded: at most 1"}


def test_missed_slots_that_are_made_up_for_obey_the_overlap_policy(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *", catch_up=3, overlap="skip"), at="2026-01-01T00:00:30Z")
        tick_at(harness, "2026-01-01T00:09:00Z")
        assert slots(harness) == ["00:07", "00:08", "00:09"]
        assert reasons(harness) == ["overlap-skipped", "overlap-skipped"]


# --- changes


def test_a_schedule_that_stays_in_the_next_version_misses_nothing_and_repeats_nothing(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("0 * * * *", catch_up="last"), at="2026-01-01T00:30:00Z")
        tick_at(harness, "2026-01-01T01:00:00Z")
        schedule(harness, Cron("0 * * * *", catch_up=2), at="2026-01-01T01:00:00Z")
        tick_at(harness, "2026-01-01T01:00:01Z")
        assert slots(harness) == ["01:00"]
        # 2:00 comes while the next version is published: it was due, and fires.
        schedule(harness, Cron("30 * * * *"), Cron("TZ=UTC 0 * * * *"), at="2026-01-01T02:00:01Z")
        tick_at(harness, "2026-01-01T02:00:02Z")
        assert slots(harness) == ["01:00", "02:00"]
        assert [row.position for row in stored(harness)] == [0, 1]


def test_a_paused_schedule_fires_nothing_and_goes_on_with_the_next_slot(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *", catch_up=9, overlap="queue"), at="2026-01-01T00:00:30Z")
        tick_at(harness, "2026-01-01T00:01:00Z")
        harness.runtime.authoring.set_enabled(DEFAULT_SCOPE, "test", False)
        tick_at(harness, "2026-01-01T00:05:00Z")
        assert slots(harness) == ["00:01"]
        assert [row.is_paused for row in stored(harness)] == [True]
        assert harness.rows("SELECT id FROM timers") == []
        harness.clock.advance(seconds=30)
        harness.runtime.authoring.set_enabled(DEFAULT_SCOPE, "test", True)
        harness.drain()
        tick_at(harness, "2026-01-01T00:06:00Z")
        assert slots(harness) == ["00:01", "00:06"]


def test_a_schedule_that_is_gone_fires_nothing(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *"), at="2026-01-01T00:00:30Z")
        schedule(harness, at="2026-01-01T00:00:40Z")
        tick_at(harness, "2026-01-01T00:05:00Z")
        assert fired(harness) == []
        assert harness.rows("SELECT id FROM timers") == []


def test_a_slot_never_fires_again_even_if_the_clock_has_gone_back(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *"), at="2026-01-01T00:00:30Z")
        tick_at(harness, "2026-01-01T00:01:00Z")
        schedule(harness, at="2026-01-01T00:01:10Z")
        harness.clock.advance(seconds=-60)
        schedule(harness, Cron("* * * * *"), at="2026-01-01T00:00:10Z")
        harness.skip(50)
        assert slots(harness) == ["00:01"]
        harness.skip(60)
        assert slots(harness) == ["00:01", "00:02"]
        assert runs(harness) == {"completed": 2}


def test_publishing_and_firing_at_the_same_moment_lose_and_repeat_no_slot(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("* * * * *", catch_up=9), at="2026-01-01T00:00:30Z")
        other = harness.new_process()
        for minute in range(1, 21):
            harness.clock.advance_to(ms("2026-01-01T00:00:00Z") + minute * MINUTE_MS)
            publish = partial(schedule, harness, Cron("* * * * *", catch_up=minute + 1), at="2026-01-01T00:00Z")
            outcomes = at_once(other.relay.tick, publish)
            assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        other.relay.tick()
        start = ms("2026-01-01T00:01:00Z")
        assert [data["slot_ms"] for data in fired(harness)] == [start + minute * MINUTE_MS for minute in range(20)]


# --- killed


@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
def test_a_scheduler_killed_around_its_commit_loses_and_doubles_no_slot(
    database_url: str, tmp_path: Path, side: str
) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("0 * * * *"), at="2026-01-01T00:30:00Z")
        harness.clock.advance_to(ms("2026-01-01T01:00:00Z"))
        assert _tick_in_a_process(database_url, harness.clock.now_ms(), f"timer.{side}:kill:1:{tmp_path}/hits") == -9
        assert len(fired(harness)) == (0 if side == "before_commit" else 1)
        # The hint died with the scheduler; the next one finds slot or event.
        harness.skip(0)
        harness.skip(harness.runtime.settings.hint_grace_seconds)
        assert slots(harness) == ["01:00"]
        assert runs(harness) == {"completed": 1}


def _tick_in_a_process(database_url: str, now_ms: int, failpoint: str) -> int:
    """Let another process's relay look once; return its exit code."""
    script = """
import sys
from runtimes import Harness, a_registry
harness = Harness(sys.argv[1], a_registry())
harness.clock.advance_to(int(sys.argv[2]))
harness.runtime.relay.tick()
"""
    tests = Path(__file__).parents[1]
    environment = {"WORKFLOWKIT_FAILPOINT": failpoint, "PYTHONPATH": f"{tests}:{tests.parent}", "PATH": ""}
    command = [sys.executable, "-c", script, database_url, str(now_ms)]
    return subprocess.run(command, env=environment, check=False, timeout=60).returncode


# --- on some days only


def test_a_schedule_fires_in_its_window_and_not_on_days_off(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        daily = Cron("0 9 * * *", starts_on="2026-05-02", ends_on="2026-05-04", skip_dates=["2026-05-03"])
        schedule(harness, daily, at="2026-05-01T12:00Z")
        for day in range(2, 8):
            tick_at(harness, f"2026-05-0{day}T09:00Z")

        assert [data["slot"][:10] for data in fired(harness)] == ["2026-05-02", "2026-05-04"]
        (row,) = stored(harness)
        assert row.is_over
        assert harness.rows("SELECT id FROM timers WHERE kind = 'schedule'") == []


def test_missed_slots_of_days_off_are_not_made_up_for(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        daily = Cron("0 9 * * *", catch_up=2, skip_dates=["2026-05-05", "2026-05-04"])
        schedule(harness, daily, at="2026-05-01T12:00Z")
        tick_at(harness, "2026-05-05T12:00Z")

        assert [data["slot"][:10] for data in fired(harness)] == ["2026-05-02", "2026-05-03"]


def test_other_days_in_a_new_version_hold_from_then_on(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        schedule(harness, Cron("0 9 * * *", ends_on="2026-05-02"), at="2026-05-01T12:00Z")
        tick_at(harness, "2026-05-02T09:00Z")
        schedule(harness, Cron("0 9 * * *", skip_dates=["2026-05-04"]), at="2026-05-03T12:00Z")
        for day in range(4, 6):
            tick_at(harness, f"2026-05-0{day}T09:00Z")

        assert [data["slot"][:10] for data in fired(harness)] == ["2026-05-02", "2026-05-05"]


def test_one_expression_may_have_several_windows(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        first, second = (Cron("0 9 * * *", starts_on=day, ends_on=day) for day in ("2026-05-02", "2026-05-04"))
        schedule(harness, first, second, at="2026-05-01T12:00Z")
        for day in range(2, 6):
            tick_at(harness, f"2026-05-0{day}T09:00Z")

        assert [data["slot"][:10] for data in fired(harness)] == ["2026-05-02", "2026-05-04"]
