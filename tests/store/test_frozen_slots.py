"""Frozen runs hold no slot of a limit of runs: others go on meanwhile, and never more than the limit afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.pausing import Target

FIRST, SECOND = Target(DEFAULT_SCOPE, "first"), Target(DEFAULT_SCOPE, "second")
ONE = {"concurrency": [{"limit": 1, "mode": "runs", "key": "'one'", "scope": "tenant"}]}
Seen = list[str]


def _registry(seen: Seen) -> Registry:
    registry = a_registry()

    @registry.action("nap")
    def nap(ctx: StepContext) -> None:
        name = ctx.event["data"]["is"]
        ctx.step.run("before", lambda: seen.append(f"{name} begins"))
        ctx.step.sleep("on", "20s")
        ctx.step.run("after", lambda: seen.append(f"{name} ends"))

    return registry


def _deploy(harness: Harness, **settings: Any) -> None:
    for workflow_id in ("first", "second"):
        document = a_workflow().action("s", kind="nap").path("$source", "s").trigger(workflow_id)
        harness.deploy(document.settings(**(settings or ONE)).document(), workflow_id)


def _send(harness: Harness, workflow_id: str, name: str) -> None:
    harness.send(workflow_id, {"is": name})
    harness.drain()


def _pass(harness: Harness, seconds: int, *, limit: int = 1) -> None:
    for _ in range(seconds):
        harness.skip(1)
        going_on = "SELECT id FROM runs WHERE status IN ('running', 'waiting') AND paused_at_ms IS NULL"
        assert len(harness.rows(going_on)) <= limit
        assert len(harness.rows("SELECT run_id FROM slots WHERE step_key = ''")) <= limit


def _is_clean(harness: Harness) -> bool:
    return all(not harness.rows(f"SELECT 1 AS one FROM {table}") for table in ("slots", "queued_steps"))


def test_others_go_on_and_the_frozen_one_queues_for_a_slot_again(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness)
        _send(harness, "first", "a")
        harness.runtime.pausing.pause(FIRST)
        _pass(harness, 2)
        for name in ("b", "c"):
            _send(harness, "second", name)
            _pass(harness, 5)
        assert seen == ["a begins", "b begins"]
        harness.runtime.pausing.resume(FIRST)
        _pass(harness, 5)
        assert harness.runtime.pausing.count_open(FIRST) == 1
        assert seen == ["a begins", "b begins"]
        _pass(harness, 60)
        assert seen[:3] == ["a begins", "b begins", "b ends"]
        assert sorted(seen[3:]) == ["a ends", "c begins", "c ends"]
        assert set(harness.column("SELECT status FROM runs")) == {"completed"}
        assert _is_clean(harness)


def test_it_goes_on_at_once_where_nobody_took_its_place(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness, **ONE, throttle={"limit": 1, "period": "1h"})
        _send(harness, "first", "a")
        harness.runtime.pausing.pause(FIRST)
        _pass(harness, 90)
        harness.runtime.pausing.resume(FIRST)
        _pass(harness, 3)
        assert seen == ["a begins", "a ends"]
        assert _is_clean(harness)


def test_one_that_queues_for_its_slot_is_paused_again(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        pausing = harness.runtime.pausing
        _deploy(harness)
        _send(harness, "first", "a")
        pausing.pause(FIRST)
        _pass(harness, 2)
        _send(harness, "second", "b")
        pausing.resume(FIRST)
        _pass(harness, 3)
        pausing.pause(FIRST)
        _pass(harness, 80)
        assert seen == ["a begins", "b begins", "b ends"]
        pausing.resume(FIRST)
        _pass(harness, 5)
        assert seen[3:] == ["a ends"]
        assert _is_clean(harness)


def test_one_that_queues_for_its_slot_is_cancelled(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        _deploy(harness)
        _send(harness, "first", "a")
        (run,) = harness.rows("SELECT id FROM runs")
        harness.runtime.pausing.pause(FIRST)
        _pass(harness, 2)
        _send(harness, "second", "b")
        harness.runtime.pausing.resume(FIRST)
        _pass(harness, 3)
        harness.runtime.control.cancel(DEFAULT_SCOPE, run["id"])
        _pass(harness, 30)
        assert seen == ["a begins", "b begins", "b ends"]
        assert _is_clean(harness)


@pytest.mark.parametrize("lasts", [3, 90])
def test_a_step_that_is_running_ends_before_the_slot_is_given_back(database_url: str, lasts: int) -> None:
    def work() -> None:
        if seen:
            seen.append("other")
            return
        seen.append("begins")
        harness.runtime.pausing.pause(FIRST)
        for _ in range(lasts):
            harness.clock.advance(seconds=1)
            harness.runtime.relay.tick()
        assert len(harness.rows("SELECT run_id FROM slots WHERE step_key = ''")) == 1
        seen.append("ends")

    seen = Seen()
    registry = a_registry()
    registry.action("work")(work)
    registry.action("nap")(lambda: seen.append("goes on"))
    with a_runtime(database_url, registry, lease_seconds=1000) as harness:
        for workflow_id in ("first", "second"):
            document = a_workflow().action("w", kind="work").action("n", kind="nap").path("$source", "w", "n")
            harness.deploy(document.trigger(workflow_id).settings(**ONE).document(), workflow_id)
        harness.send("first")
        harness.drain()
        assert seen == ["begins", "ends"]
        harness.send("second")
        for _ in range(5):
            harness.skip(1)
        assert seen == ["begins", "ends", "other", "goes on"]
        harness.runtime.pausing.resume(FIRST)
        for _ in range(5):
            harness.skip(1)
        assert seen[4:] == ["goes on"]
        assert _is_clean(harness)


def test_a_run_whose_items_are_at_work_keeps_its_slot(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        body = a_workflow().action("s", kind="nap").path("$source", "s").document()
        loop = a_workflow().action("each", "builtin:for_each", {"items": [1]}).path("$source", "each")
        document = loop.trigger("first").settings(**ONE).document()
        document["actions"][0]["body"] = body
        harness.deploy(document, "first")
        _send(harness, "first", "a")
        harness.runtime.pausing.pause(FIRST)
        for _ in range(5):
            harness.skip(1)
        assert len(harness.rows("SELECT run_id FROM slots WHERE step_key = ''")) == 1
        harness.runtime.pausing.resume(FIRST)
        for _ in range(40):
            harness.skip(1)
        assert seen == ["a begins", "a ends"]
        assert _is_clean(harness)
