"""Runs of a singleton that are run again: one at a time, beside each other and beside those that events start."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.engine.states import RunStatus
from workflowkit.registry import Registry
from workflowkit.runtime.jobs import NewJob
from workflowkit.runtime.lockqueue import CALL_TIMER, LOOK_MS
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.rerunning import Again
from workflowkit.runtime.tracing import trace
from workflowkit.runtime.waitsfor import WaitsFor
from workflowkit.store import timers
from workflowkit.store.jobs import JobKind
from workflowkit.store.pauses import Running

EVENT = "order/placed"
HERE = Target(DEFAULT_SCOPE, "test")
Seen = list[Any]
MODES = ["skip", "cancel", "queue_latest"]


def _registry(seen: Seen) -> Registry:
    registry = a_registry()

    @registry.action("see")
    def see(ctx: StepContext) -> None:
        ctx.step.run("see", lambda: seen.append(ctx.event["data"]["n"]))
        ctx.step.sleep("on", "10s")

    return registry


def _deploy(harness: Harness, mode: str = "skip", **settings: Any) -> None:
    singleton = {"mode": mode, "key": "event.data.shop"}
    document = a_workflow().action("s", kind="see").path("$source", "s").trigger(EVENT)
    harness.deploy(document.settings(singleton=singleton, **settings).document())


def _send(harness: Harness, n: int, shop: str = "north") -> str:
    harness.send(EVENT, {"n": n, "shop": shop})
    harness.drain()
    return str(harness.rows("SELECT max(id) AS id FROM runs")[0]["id"])


def _again(harness: Harness, run_id: str) -> str:
    harness.clock.advance(milliseconds=1)
    again_id = harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id, Again())
    harness.drain()
    return again_id


def _pass(harness: Harness, seconds: int) -> None:
    """Let time pass, and see that there is never more than one run of a key under way."""
    for _ in range(seconds):
        harness.skip(1)
        assert len(harness.rows("SELECT id FROM runs WHERE status IN ('running', 'waiting')")) <= 1


def _statuses(harness: Harness) -> dict[str, str]:
    return {row["id"]: row["status"] for row in harness.rows("SELECT id, status FROM runs")}


def _is_clean(harness: Harness) -> bool:
    states = harness.rows("SELECT state FROM flow_states WHERE state IS NOT NULL")
    timers = harness.rows("SELECT id FROM timers WHERE kind LIKE 'flow.%'")
    return states == timers == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("settings", [{}, {"concurrency": 1}])
def test_those_of_a_job_go_on_one_after_the_other(database_url: str, mode: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness, mode, **settings)
        for number in range(3):
            _send(harness, number)
            _pass(harness, 12)
        wanted = NewJob(JobKind.REPLAY, statuses=(RunStatus.COMPLETED,))
        harness.runtime.jobs.create(DEFAULT_SCOPE, wanted)
        seen.clear()
        _pass(harness, 50)
        assert seen == [0, 1, 2]
        assert set(_statuses(harness).values()) == {"completed"}
        assert _is_clean(harness)


def test_one_waits_for_the_run_that_goes_on_and_says_so(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness)
        live = _send(harness, 0)
        first, second = _again(harness, live), _again(harness, live)
        assert {_statuses(harness)[each] for each in (first, second)} == {"queued"}
        assert harness.runtime.pausing.count_open(HERE) == 3
        runtime = harness.runtime
        with runtime.database.read() as tx:
            (step,) = trace(tx, DEFAULT_SCOPE, second, runtime._versions, runtime.registry).history.steps
        assert (step.due_at_ms, step.waits_for) == (None, WaitsFor("singleton", None, "north", 1, 1, None, 1, None))
        _pass(harness, 40)
        assert seen == [0, 0, 0]
        assert _is_clean(harness)


def test_runs_of_other_keys_do_not_wait(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness)
        north, south = _send(harness, 1), ""
        _pass(harness, 12)
        south = _send(harness, 2, "south")
        _pass(harness, 12)
        _again(harness, north)
        _again(harness, south)
        assert sorted(seen) == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("mode", "expected", "ends"),
    [
        ("skip", [0, 0, 0], ["completed"] * 3),
        ("cancel", [0, 0, 1, 0], ["completed", "cancelled", "completed", "completed"]),
        ("queue_latest", [0, 0, 0, 1], ["completed"] * 4),
    ],
)
def test_an_event_meets_it_as_it_meets_every_run(
    database_url: str, mode: str, expected: list[int], ends: list[str]
) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness, mode)
        original = _send(harness, 0)
        _pass(harness, 12)
        goes_on, waits = _again(harness, original), _again(harness, original)
        assert (_statuses(harness)[goes_on], _statuses(harness)[waits]) == ("waiting", "queued")
        harness.send(EVENT, {"n": 1, "shop": "north"})
        harness.drain()
        for _ in range(50):
            harness.skip(1)
        assert seen == expected
        assert sorted(_statuses(harness).values()) == sorted(ends)
        assert _is_clean(harness)


def test_one_that_is_cancelled_leaves_its_turn_to_the_next(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness)
        live = _send(harness, 0)
        first, _, third = _again(harness, live), _again(harness, live), _again(harness, live)
        control = harness.runtime.control
        control.cancel(DEFAULT_SCOPE, first)
        control.cancel(DEFAULT_SCOPE, live)
        _pass(harness, 5)
        control.cancel(DEFAULT_SCOPE, third)
        _pass(harness, 20)
        assert seen == [0, 0]
        assert sorted(_statuses(harness).values()) == ["cancelled", "cancelled", "cancelled", "completed"]
        assert _is_clean(harness)


def test_one_that_has_just_got_the_lock_is_cancelled(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness)
        live = _send(harness, 0)
        first, second = _again(harness, live), _again(harness, live)
        harness.runtime.control.cancel(DEFAULT_SCOPE, live)  # calls the first, which has not heard it yet
        harness.runtime.control.cancel(DEFAULT_SCOPE, first)
        _pass(harness, 20)
        assert _statuses(harness)[second] == "completed"
        assert seen == [0, 0]
        assert _is_clean(harness)


def test_a_call_that_is_lost_is_made_up_for(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness)
        live = _send(harness, 0)
        _again(harness, live)
        harness.runtime.control.cancel(DEFAULT_SCOPE, live)
        (call,) = harness.rows("SELECT id FROM timers WHERE kind = :kind", kind=CALL_TIMER)
        with harness.runtime.database.transaction("timer") as tx:
            timers.delete(tx, call["id"])
        _pass(harness, 5)
        assert seen == [0]
        harness.skip(LOOK_MS / 1000)
        _pass(harness, 15)
        assert seen == [0, 0]
        assert _is_clean(harness)


@pytest.mark.parametrize("running", Running)
def test_a_pause_concerns_those_that_wait(database_url: str, running: Running) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness)
        live = _send(harness, 0)
        again = _again(harness, live)
        harness.runtime.pausing.pause(HERE, running=running)
        _pass(harness, 70)
        assert seen == [0]
        harness.runtime.pausing.resume(HERE)
        _pass(harness, 70)
        expected = "completed" if running is Running.FREEZE else "cancelled"
        assert _statuses(harness) == {live: expected, again: expected}
        assert seen == ([0, 0] if running is Running.FREEZE else [0])
        assert _is_clean(harness)
