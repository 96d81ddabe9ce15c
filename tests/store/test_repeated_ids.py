"""Events whose sender's id was there before: who takes them all the same, and that nothing runs twice for them (E4)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.pausing import Target

EVENT = "order/placed"
HERE = Target(DEFAULT_SCOPE, "test")
Seen = list[list[Any]]
RATED = {"rate_limit": {"limit": 9, "period": "1m"}}


def _registry(seen: Seen, *, lasts: int = 0) -> Registry:
    registry = a_registry()

    @registry.action("see")
    def see(ctx: StepContext) -> None:
        ctx.step.run("see", lambda: seen.append([event["data"]["n"] for event in ctx.events]))
        if lasts:
            ctx.step.sleep("on", lasts)

    return registry


def _document(**settings: Any) -> dict[str, Any]:
    document = a_workflow().action("s", kind="see").path("$source", "s").trigger(EVENT, "event.data.n < 100")
    return document.settings(**settings).document() if settings else document.document()


def _send(harness: Harness, *numbers: int, event_id: str = "once") -> list[str]:
    ids = []
    for number in numbers:
        harness.clock.advance(seconds=0.001)
        ids.append(harness.send(EVENT, {"n": number}, id=event_id))
        harness.drain()
    return ids


def _decisions(harness: Harness) -> dict[str, tuple[str, str | None]]:
    rows = harness.rows("SELECT event_id, reason, other_id FROM decisions")
    return {row["event_id"]: (row["reason"], row["other_id"]) for row in rows}


@pytest.mark.parametrize("settings", [{}, RATED, {"throttle": {"limit": 9, "period": "1m"}}])
def test_it_starts_nothing_and_says_which_event_was_first(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(**settings))
        first, second, other = _send(harness, 1, 2, 100)
        assert seen == [[1]]
        assert _decisions(harness) == {second: ("duplicate", first), other: ("condition-false", None)}
        harness.clock.advance(seconds=24 * 3600)
        _send(harness, 3)
        assert seen == [[1], [3]]


def test_a_debounce_takes_it_like_every_other_event(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(debounce={"period": "10s"}))
        _send(harness, 1)
        harness.skip(6)
        _send(harness, 2)
        harness.skip(6)
        assert seen == []
        harness.skip(6)
        assert seen == [[2]]
        _send(harness, 3)
        harness.skip(10)
        assert seen == [[2], [3]]
        assert _decisions(harness) == {}


def test_a_batch_takes_it_once(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(batch={"max_size": 3, "timeout": "1m", "if": "event.data.n != 5"}))
        first, again = _send(harness, 1, 2)
        _send(harness, 3, 4, event_id="other")
        assert _decisions(harness)[again] == ("duplicate", first)
        harness.skip(60)
        assert seen == [[1, 3]]
        _, alone = _send(harness, 6, 5)
        harness.skip(60)
        assert seen == [[1, 3], [6]]
        assert _decisions(harness)[alone] == ("duplicate", first)


@pytest.mark.parametrize("settings", [{}, RATED])
def test_what_came_during_a_pause_has_used_up_no_id(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(**settings))
        harness.deploy(_document(), "awake")
        harness.runtime.pausing.pause(HERE)
        first, second = _send(harness, 1, 2)
        assert seen == [[1]]
        harness.runtime.pausing.resume(HERE)
        _, fourth = _send(harness, 3, 4)
        assert seen == [[1], [3]]
        rows = harness.rows("SELECT event_id, reason FROM decisions WHERE workflow_id = 'test' ORDER BY event_id")
        assert [(row["event_id"], row["reason"]) for row in rows] == [
            (first, "paused"), (second, "paused"), (fourth, "duplicate"),
        ]  # fmt: skip


@pytest.mark.parametrize("settings", [{}, {"concurrency": 2}, RATED])
def test_of_many_after_a_pause_one_starts_the_run(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url, _registry(seen := Seen())) as harness:
        harness.deploy(_document(**settings))
        harness.runtime.pausing.pause(HERE)
        _send(harness, 1)
        harness.runtime.pausing.resume(HERE)
        event = {"name": EVENT, "data": {"n": 2}, "id": "once"}
        together = harness.runtime.intake.send(DEFAULT_SCOPE, [event] * 3)
        alone = [harness.runtime.intake.send(DEFAULT_SCOPE, [event])[0] for _ in range(3)]
        others = [harness.new_process() for _ in range(3)]
        matching = [process.worker._matching for process in others]
        outcomes = at_once(
            lambda: matching[0].match([each.id for each in together]),
            lambda: matching[1].match([each.id for each in alone]),
            lambda: matching[2].match([each.id for each in reversed(alone)]),
        )
        assert [each for each in outcomes if isinstance(each, Exception)] == []
        for _ in range(5):
            harness.skip(60)
        assert harness.rows("SELECT id FROM pending_events") == []
        assert len(harness.rows("SELECT id FROM runs")) == 1
        assert seen == [[2]]
        reasons = Counter(reason for reason, _ in _decisions(harness).values())
        # Whoever decides at the same moment may find the rate used up before it sees by whom.
        assert reasons.pop("paused") == 1
        assert reasons.keys() <= {"duplicate", *(["rate-limited"] if settings is RATED else [])}
        assert reasons.total() == 5


def test_one_that_waits_for_a_singleton_waits_once(database_url: str) -> None:
    with a_runtime(database_url, _registry(seen := Seen(), lasts=30)) as harness:
        harness.deploy(_document(singleton={"mode": "queue_latest"}))
        harness.runtime.pausing.pause(HERE)
        first, *_ = _send(harness, 1)
        harness.runtime.pausing.resume(HERE)
        _send(harness, 2, event_id="busy")
        _, again = _send(harness, 3, 4)
        assert _decisions(harness)[again] == ("duplicate", first)
        for _ in range(3):
            harness.skip(30)
        assert seen == [[2], [3]]
        assert harness.rows("SELECT id FROM collections") == []


def test_it_wakes_nobody(database_url: str) -> None:
    registry = a_registry()

    @registry.action("wait")
    def wait(ctx: StepContext) -> Any:
        return ctx.step.wait_for_event("reply", "order/answered", timeout="1h")

    with a_runtime(database_url, registry) as harness:
        harness.deploy(a_workflow().action("w", kind="wait").path("$source", "w").trigger(EVENT).document())
        harness.send("order/answered", id="a")
        harness.send(EVENT, {"n": 1})
        harness.drain()
        harness.send("order/answered", id="a")
        harness.drain()
        assert harness.run()["status"] == "waiting"
