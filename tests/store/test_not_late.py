"""Nothing is late: what is due begins within two seconds, and after a crash within a lease and two seconds (I15).

Time passes in the steps in which relays look, by their default interval, and nothing that a test does tells a worker of
anything: whatever begins was found by the relay.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from builders import a_workflow
from functions import Code, happen
from runtimes import Harness, a_registry, a_runtime

from workflowkit import Cron, RetryAfterError, StepContext
from workflowkit.base.settings import Settings

INTERVAL_SECONDS = Settings().relay_interval_seconds
LEASE_SECONDS = Settings().lease_seconds
LATE_MS = 2_000
#: Starts off the grid of the relays' looks.
ODD_SECONDS = 0.17


def _until(harness: Harness, has_happened: Callable[[], Any], seconds: float) -> int:
    """Let relays look at their times until it has happened; return when, at most after so many seconds."""
    for _ in range(round(seconds / INTERVAL_SECONDS) + 8):
        if has_happened():
            return harness.clock.now_ms()
        harness.skip(INTERVAL_SECONDS)
    raise AssertionError("it has not happened")


def _has_ended(harness: Harness) -> Callable[[], Any]:
    return lambda: harness.rows("SELECT 1 AS one FROM runs WHERE finished_at_ms IS NOT NULL")


def _sleeps(ctx: StepContext, _asked: list[int]) -> None:
    ctx.step.sleep("wait", 30)


def _times_out(ctx: StepContext, _asked: list[int]) -> None:
    ctx.step.wait_for_event("wait", "test/never", timeout=30)


def _comes_back(ctx: StepContext, asked: list[int]) -> None:
    def ask() -> None:
        asked.append(1)
        if len(asked) == 1:
            raise RetryAfterError("not yet", 30)

    ctx.step.run("ask", ask)


@pytest.mark.parametrize("waits", [_sleeps, _times_out, _comes_back], ids=["a sleep", "a time-out", "a retry"])
def test_what_is_due_in_a_run_begins_within_two_seconds(database_url: str, waits: Callable[..., None]) -> None:
    code, asked = Code(), list[int]()

    @code.function()
    def fn(ctx: StepContext) -> None:
        waits(ctx, asked)

    with code.running(database_url) as harness:
        harness.clock.advance(seconds=ODD_SECONDS)
        begun_ms = harness.clock.now_ms()
        happen(harness)
        lateness_ms = _until(harness, _has_ended(harness), 30) - begun_ms - 30_000
        assert 0 <= lateness_ms <= LATE_MS


def test_a_run_for_later_begins_within_two_seconds(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        due_ms = harness.clock.now_ms() + 20_170
        happen(harness, ts=due_ms)
        assert 0 <= _until(harness, _has_ended(harness), 20) - due_ms <= LATE_MS


def test_a_slot_of_a_schedule_begins_within_two_seconds(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        document = a_workflow().chain("a").document() | {"triggers": [Cron("* * * * *").as_dict()]}
        harness.clock.advance(seconds=ODD_SECONDS)
        harness.deploy(document)
        due_ms = (harness.clock.now_ms() // 60_000 + 1) * 60_000
        assert 0 <= _until(harness, _has_ended(harness), 60) - due_ms <= LATE_MS


def test_a_time_limit_ends_a_run_within_two_seconds(database_url: str) -> None:
    code = Code()

    @code.function(timeouts={"finish": timedelta(seconds=30)})
    def fn(ctx: StepContext) -> None:
        ctx.step.sleep("wait", "1d")

    with code.running(database_url) as harness:
        harness.clock.advance(seconds=ODD_SECONDS)
        begun_ms = harness.clock.now_ms()
        happen(harness)
        assert 0 <= _until(harness, _has_ended(harness), 30) - begun_ms - 30_000 <= LATE_MS
        assert harness.run()["status"] == "cancelled"


def test_what_nobody_was_told_of_begins_within_the_grace_and_two_seconds(database_url: str) -> None:
    """The broker has lost everything."""
    with a_runtime(database_url, a_registry()) as harness:
        harness.deploy(a_workflow().chain("a", "b").trigger("test/happened").document())
        sent_ms = harness.clock.now_ms()
        harness.send("test/happened")
        harness.dispatcher.waiting.clear()
        grace_ms = round(1000 * Settings().hint_grace_seconds)
        assert _until(harness, _has_ended(harness), 5) - sent_ms <= grace_ms + LATE_MS


def test_what_a_dead_worker_had_begun_goes_on_within_a_lease_and_two_seconds(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened")
        harness.clock.advance(seconds=ODD_SECONDS)
        claimed_ms = harness.clock.now_ms()
        harness.claim()  # and no more is heard of whoever has it
        lateness_ms = _until(harness, _has_ended(harness), LEASE_SECONDS) - claimed_ms
        assert LEASE_SECONDS * 1000 <= lateness_ms <= LEASE_SECONDS * 1000 + LATE_MS
