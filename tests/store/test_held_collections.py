"""What was collected before a pause or drain: it is like the runs that are there, and comes to its end like them."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.pausing import Target
from workflowkit.store.pauses import Running

EVENT = "order/placed"
HERE = Target(DEFAULT_SCOPE, "test")
Seen = list[list[Any]]
BATCH = {"batch": {"max_size": 9, "timeout": "1m"}}
DEBOUNCE = {"debounce": {"period": "30s"}}
LATEST = {"singleton": {"mode": "queue_latest"}}
#: What each of them comes to for the events 0, 1 and 2.
COLLECTING: list[tuple[dict[str, Any], Seen]] = [(BATCH, [[0, 1, 2]]), (DEBOUNCE, [[2]]), (LATEST, [[0], [2]])]


def _registry(seen: Seen, *, lasts: int = 20) -> Registry:
    registry = a_registry()

    @registry.action("see")
    def see(ctx: StepContext) -> None:
        ctx.step.run("see", lambda: seen.append([event["data"]["n"] for event in ctx.events]))
        ctx.step.sleep("on", lasts)

    return registry


def _collect(harness: Harness, settings: dict[str, Any]) -> None:
    document = a_workflow().action("s", kind="see").path("$source", "s").trigger(EVENT).settings(**settings)
    harness.deploy(document.document())
    for number in range(3):
        harness.send(EVENT, {"n": number})
        harness.drain()
        harness.skip(1)


def _pass(harness: Harness, seconds: int) -> None:
    for _ in range(seconds):
        harness.skip(1)


def _reasons(harness: Harness) -> list[str]:
    return harness.column("SELECT reason FROM decisions ORDER BY event_id")


@pytest.mark.parametrize(("settings", "expected"), COLLECTING)
def test_a_drain_lets_what_was_collected_before_it_run(
    database_url: str, settings: dict[str, Any], expected: Seen
) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        pausing = harness.runtime.pausing
        _collect(harness, settings)
        pausing.drain(HERE)
        assert pausing.count_open(HERE) == len(expected) == pausing.state_of(HERE).open_runs
        assert pausing.count_open(Target(DEFAULT_SCOPE)) == len(expected)
        assert pausing.count_open(Target(DEFAULT_SCOPE, "other")) == 0
        late = harness.send(EVENT, {"n": 3})
        _pass(harness, 120)
        assert seen == expected
        assert pausing.count_open(HERE) == 0
        rows = harness.rows("SELECT reason FROM decisions WHERE event_id = :id", id=late)
        assert [row["reason"] for row in rows] == ["drained"]


@pytest.mark.parametrize(("settings", "expected"), COLLECTING)
def test_a_pause_freezes_the_runs_of_what_was_collected_before_it(
    database_url: str, settings: dict[str, Any], expected: Seen
) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        pausing = harness.runtime.pausing
        _collect(harness, settings)
        begun = list(seen)
        pausing.pause(HERE)
        _pass(harness, 120)
        assert seen == begun
        assert pausing.count_open(HERE) == len(expected)
        pausing.resume(HERE)
        _pass(harness, 120)
        assert seen == expected
        assert set(harness.column("SELECT status FROM runs")) == {"completed"}
        assert set(_reasons(harness)) <= {"superseded"}


@pytest.mark.parametrize("settings", [BATCH, DEBOUNCE])
def test_a_pause_that_cancels_runs_does_away_with_what_was_collected(
    database_url: str, settings: dict[str, Any]
) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        pausing = harness.runtime.pausing
        _collect(harness, settings)
        pausing.pause(HERE, running=Running.CANCEL)
        _pass(harness, 120)
        pausing.resume(HERE)
        _pass(harness, 10)
        assert seen == []
        assert harness.column("SELECT reason FROM collections") == ["paused"]
        assert pausing.count_open(HERE) == 0


def test_a_frozen_run_of_a_batch_under_limits_holds_nobody_up(database_url: str) -> None:
    shared = {"concurrency": [{"limit": 1, "mode": "runs", "key": "'one'", "scope": "tenant"}]}
    with a_runtime(database_url, _registry(seen := Seen(), lasts=1)) as harness:
        _collect(harness, BATCH | shared)
        other = a_workflow().action("s", kind="see").path("$source", "s").trigger("other").settings(**shared)
        harness.deploy(other.document(), "other")
        harness.runtime.pausing.pause(HERE)
        _pass(harness, 70)
        harness.send("other", {"n": "other"})
        _pass(harness, 30)
        assert seen == [["other"]]
        harness.runtime.pausing.resume(HERE)
        _pass(harness, 30)
        assert seen == [["other"], [0, 1, 2]]
