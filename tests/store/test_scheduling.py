"""Runs that begin later: visible at once, moved and cancelled before, and never at a time that counts no more."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime, at_once

from workflowkit.base.errors import Conflict, InvalidInput, NotFound
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.pausing import Target

DOCUMENT = a_workflow().actions("a").path("$source", "a").trigger("never/sent").document()


def _scheduled(harness: Harness, seconds: float) -> str:
    harness.deploy(DOCUMENT)
    at_ms = harness.clock.now_ms() + round(seconds * 1000)
    run_id = harness.runtime.invoking.invoke(DEFAULT_SCOPE, "test", {"n": 1}, at_ms=at_ms)
    harness.drain()
    return run_id


def _move(harness: Harness, run_id: str, seconds: float, scope: Scope = DEFAULT_SCOPE) -> None:
    harness.runtime.scheduling.reschedule(scope, run_id, harness.clock.now_ms() + round(seconds * 1000))


def test_a_scheduled_run_is_there_at_once_and_begins_at_its_time(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        run_id = _scheduled(harness, 10)
        assert (harness.run()["id"], harness.run()["status"]) == (run_id, "scheduled")
        harness.skip(9.9)
        assert harness.run()["status"] == "scheduled"
        harness.skip(0.1)
        assert harness.run()["status"] == "completed"


@pytest.mark.parametrize(
    "settings", [{"batch": {"max_size": 5, "timeout": "2s"}}, {"debounce": {"period": "1s"}}], ids=["batch", "debounce"]
)
def test_a_scheduled_run_is_in_no_batch_and_no_window(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url) as harness:
        document = a_workflow().actions("a").path("$source", "a").trigger("test/sent").settings(**settings).document()
        harness.deploy(document)
        invoke, now_ms = harness.runtime.invoking.invoke, harness.clock.now_ms()
        harness.send("test/sent", {"n": 1})
        later, cancelled = (invoke(DEFAULT_SCOPE, "test", {"n": n}, at_ms=now_ms + 3_600_000) for n in (2, 3))
        harness.send("test/sent", {"n": 4})
        harness.drain()
        harness.skip(5)
        statuses = {row["id"]: row["status"] for row in harness.rows("SELECT id, status FROM runs")}
        assert (statuses.pop(later), statuses.pop(cancelled)) == ("scheduled", "scheduled")
        assert list(statuses.values()) == ["completed"]
        harness.runtime.control.cancel(DEFAULT_SCOPE, cancelled)
        _move(harness, later, 60)
        harness.skip(60)
        rows = harness.rows("SELECT id, status FROM runs WHERE id IN (:a, :b)", a=later, b=cancelled)
        assert {row["id"]: row["status"] for row in rows} == {later: "completed", cancelled: "cancelled"}


@pytest.mark.parametrize("seconds", [5, 100])
def test_a_run_that_is_moved_begins_at_the_new_time_and_not_at_the_old_one(database_url: str, seconds: int) -> None:
    with a_runtime(database_url) as harness:
        run_id = _scheduled(harness, 20)
        _move(harness, run_id, seconds)
        harness.skip(seconds - 0.1)
        assert harness.run()["status"] == "scheduled"
        harness.skip(0.1)
        assert harness.run()["status"] == "completed"


def test_a_run_that_is_moved_into_the_past_begins_at_once(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        run_id = _scheduled(harness, 20)
        _move(harness, run_id, -5)
        harness.drain()
        assert harness.run()["status"] == "completed"
        with pytest.raises(Conflict):
            _move(harness, run_id, 5)


def test_what_cannot_be_moved_is_refused(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        run_id = _scheduled(harness, 20)
        with pytest.raises(NotFound):
            _move(harness, run_id, 5, Scope("default", "other"))
        with pytest.raises(InvalidInput):
            _move(harness, run_id, 367 * 86_400)
        harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)
        with pytest.raises(Conflict):
            _move(harness, run_id, 5)
        harness.skip(20)
        assert harness.journal("attempt") == []


def test_a_frozen_run_may_be_moved_and_begins_after_the_pause(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        run_id = _scheduled(harness, 20)
        harness.runtime.pausing.pause(Target(DEFAULT_SCOPE, "test"))
        harness.skip(0)
        _move(harness, run_id, 5)
        harness.skip(30)
        assert harness.run()["status"] == "scheduled"
        harness.runtime.pausing.resume(Target(DEFAULT_SCOPE, "test"))
        harness.skip(0)
        assert harness.run()["status"] == "completed"


@pytest.mark.parametrize("turn", range(4))
def test_a_move_and_the_old_time_at_the_same_moment_begin_one_run_once(database_url: str, turn: int) -> None:
    with a_runtime(database_url) as harness:
        run_id = _scheduled(harness, 20)
        other = harness.new_process()
        harness.clock.advance(seconds=20)
        other.relay.tick()
        outcomes = at_once(lambda: _move(harness, run_id, 60), lambda: harness.deliver(other))
        has_begun = len(harness.journal("attempt")) == 1
        harness.skip(59)
        assert (harness.run()["status"] == "completed") is has_begun
        harness.skip(1)
        assert harness.run()["status"] == "completed"
        assert len(harness.journal("attempt")) == 1
        refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [type(error) for error in refused] == ([Conflict] if has_begun else [])


@pytest.mark.parametrize("seconds", [-5, 5, 600])
@pytest.mark.parametrize("settings", [{"concurrency": 1}, {"concurrency": {"limit": 1, "mode": "runs"}}])
def test_a_run_that_is_due_and_queues_for_a_limit_is_moved_out_of_the_queue(
    database_url: str, settings: dict[str, Any], seconds: int
) -> None:
    document = a_workflow().actions("a").path("$source", "a").trigger("test/sent").settings(**settings).document()
    with a_runtime(database_url, lease_seconds=3600.0) as harness:
        harness.deploy(document)
        harness.send("test/sent")
        first = harness.claim()
        harness.send("test/sent", ts=harness.clock.now_ms() + 10_000)
        harness.drain()
        harness.skip(10)
        (queued,) = harness.rows("SELECT run_id FROM queued_steps")
        _move(harness, queued["run_id"], seconds)
        assert harness.rows("SELECT 1 FROM queued_steps") == []
        harness.drain()
        harness.skip(5)
        # Due again, it queues again; else it is left alone, whoever makes room.
        assert len(harness.rows("SELECT 1 FROM queued_steps")) == (seconds <= 5)
        harness.runtime.worker._work_off((), first)
        harness.drain()
        harness.skip(30)
        began = harness.column("SELECT status FROM runs ORDER BY status")
        assert began == ["completed", "completed" if seconds <= 5 else "scheduled"]
        harness.skip(600)
        assert harness.column("SELECT status FROM runs") == ["completed"] * 2
        assert len(harness.journal("attempt")) == 2
        harness.skip(30)
        assert harness.rows("SELECT id FROM lanes") == []


@pytest.mark.parametrize("settings", [{}, {"concurrency": 1}])
def test_a_run_begins_at_once_though_the_clock_of_whoever_matches_is_a_moment_behind(
    database_url: str, settings: dict[str, int]
) -> None:
    document = a_workflow().actions("a").path("$source", "a").trigger("test/sent").settings(**settings).document()
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        harness.send("test/sent")
        harness.send("test/sent", ts=harness.clock.now_ms() + 5_000)
        harness.clock.advance(milliseconds=-3)
        harness.drain()
        statuses = harness.column("SELECT status FROM runs ORDER BY status")
        assert statuses == ["completed", "scheduled"]
