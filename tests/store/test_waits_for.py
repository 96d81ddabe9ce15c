"""A step that queues says what for: which control, with which key, how many come before it, and until when."""

from __future__ import annotations

from typing import Any

from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.history import Step
from workflowkit.runtime.tracing import trace
from workflowkit.runtime.waitsfor import WaitsFor
from workflowkit.store.statements import Sql

EVENT = "order/placed"
_UNSEEN = Sql("UPDATE lanes SET not_before_ms = 0 WHERE turn = (SELECT max(turn) FROM lanes WHERE parent IS NOT NULL)")


def _registry() -> Registry:
    registry = a_registry()

    @registry.action("nap")
    def nap(ctx: StepContext) -> None:
        ctx.step.sleep("on", "1h")

    return registry


def _send(harness: Harness, count: int, *, kind: str = "nap", **settings: Any) -> list[Step]:
    """Send events one after the other; return the first step of the run of each."""
    document = a_workflow().action("s", kind=kind).path("$source", "s").trigger(EVENT).settings(**settings)
    harness.deploy(document.document())
    for number in range(count):
        harness.send(EVENT, {"n": number, "shop": "north"})
        harness.drain()
        harness.clock.advance(seconds=1)
    return _steps(harness)


def _steps(harness: Harness) -> list[Step]:
    ids = harness.column("SELECT id FROM runs ORDER BY created_at_ms")
    runtime = harness.runtime
    with runtime.database.read() as tx:
        return [trace(tx, DEFAULT_SCOPE, each, runtime._versions, runtime.registry).history.steps[0] for each in ids]


def test_a_throttle_tells_its_key_and_when_the_run_starts_at_the_earliest(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        throttle = {"limit": 2, "period": "1m", "key": "event.data.shop"}
        start_ms = harness.runtime.database.now_ms()
        begun, *queued = _send(harness, 3, kind="set", throttle=throttle)
        assert (begun.waits_for, begun.finished_at_ms is None) == (None, False)
        for number, step in enumerate(queued):
            found = step.waits_for
            assert found is not None
            assert (found.control, found.mode, found.key) == ("throttle", None, "north")
            assert (found.limit, found.period_ms, found.held, found.ahead) == (2, 60_000, None, number)
            assert found.until_ms is not None
            assert abs(found.until_ms - (start_ms + (number + 1) * 30_000)) < 2_000
            assert step.due_at_ms is None
        harness.skip(30)
        assert [step.waits_for is None for step in _steps(harness)] == [True, True, False]


def test_of_a_throttle_that_queues_of_several_keys_share_each_tells(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        limit, throttle = {"limit": 5, "key": "event.data.n"}, {"limit": 2, "period": "1m"}
        start_ms = harness.runtime.database.now_ms()
        _, *queued = _send(harness, 3, kind="set", throttle=throttle, concurrency=limit)
        with harness.runtime.database.transaction("test") as tx:  # as where nobody has looked at the second one yet
            tx.run(_UNSEEN)
        for step in (*queued, *_steps(harness)[1:]):
            found = step.waits_for
            assert found is not None
            assert (found.control, found.limit, found.period_ms, found.ahead) == ("throttle", 2, 60_000, 0)
            assert found.until_ms is not None
            assert abs(found.until_ms - (start_ms + 30_000)) < 2_000
        harness.clock.advance(seconds=40)
        assert {found.control for step in _steps(harness)[1:] if (found := step.waits_for)} == {"throttle"}


def test_a_limit_of_runs_tells_how_many_are_under_way(database_url: str) -> None:
    with a_runtime(database_url, _registry()) as harness:
        limit = {"limit": 1, "mode": "runs"}
        begun, _, last = _send(harness, 3, concurrency=[limit])
        assert begun.waits_for is None
        assert last.waits_for == WaitsFor("concurrency", "runs", None, 1, 1, None, 1, None)
        assert last.due_at_ms is None


def test_the_limit_of_an_action_is_named_by_it(database_url: str) -> None:
    held: list[bool] = []

    def look(ctx: StepContext) -> None:
        if not held:
            held.append(True)
            harness.send(EVENT, {"n": 2})
            harness.drain()
            harness.skip(1)
            found.extend(_steps(harness))

    found: list[Step] = []
    registry = a_registry()
    registry.action("look", concurrency=1)(look)
    with a_runtime(database_url, registry) as harness:
        _send(harness, 1, kind="look")
        assert found[1].waits_for == WaitsFor("kind", None, "look", 1, 1, None, 0, None)
