"""Flow control with the numbers that users would try: full batches, a long queue, head starts, clocks that err."""

from __future__ import annotations

import time
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.settings import Settings
from workflowkit.composition import Runtime
from workflowkit.engine.context import StepContext
from workflowkit.engine.outcome import Succeeded
from workflowkit.registry import Registry
from workflowkit.store import lanes
from workflowkit.store.statements import Sql

EVENT = "order/placed"
_QUEUED = Sql("SELECT lane_id, score_ms FROM queued_steps")
HOUR_NS = 3_600 * 1_000_000_000


def _registry(seen: list[Any]) -> Registry:
    registry = a_registry()

    @registry.action("see")
    def see(ctx: StepContext) -> None:
        seen.append([event["data"].get("n") for event in ctx.events])

    return registry


def _document(**settings: Any) -> dict[str, Any]:
    return a_workflow().action("s", kind="see").path("$source", "s").trigger(EVENT).settings(**settings).document()


def _send(harness: Harness, numbers: range, scope: Scope = DEFAULT_SCOPE, **data: Any) -> None:
    harness.runtime.intake.send(scope, [{"name": EVENT, "data": {"n": number, **data}} for number in numbers])


def test_250_events_in_batches_of_a_hundred_make_two_full_ones_and_the_rest_when_its_time_is_up(
    database_url: str,
) -> None:
    seen: list[Any] = []
    with a_runtime(database_url, _registry(seen)) as harness:
        harness.deploy(_document(batch={"max_size": 100, "timeout": "10s"}))
        _send(harness, range(250))
        harness.drain()
        assert [len(batch) for batch in seen] == [100, 100]
        harness.skip(9.9)
        assert len(seen) == 2
        harness.skip(0.1)
        assert [len(batch) for batch in seen] == [100, 100, 50]
        assert sorted(number for batch in seen for number in batch) == list(range(250))


def test_thirty_runs_under_a_throttle_of_ten_a_minute_start_six_seconds_apart(database_url: str) -> None:
    seen: list[Any] = []
    with a_runtime(database_url, _registry(seen)) as harness:
        harness.deploy(_document(throttle={"limit": 10, "period": "60s"}))
        began_ms = harness.clock.now_ms()
        _send(harness, range(30))
        harness.drain()
        for _ in range(200):
            harness.skip(1)
        assert seen == [[number] for number in range(30)]
        started = harness.rows("SELECT started_at_ms FROM runs ORDER BY started_at_ms")
        assert [row["started_at_ms"] - began_ms for row in started] == [6_000 * number for number in range(30)]


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_clock_of_a_workers_machine_has_no_say_in_a_throttle(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    seen: list[Any] = []
    settings = Settings(database_url=postgres_url)
    with a_runtime(postgres_url, _registry(seen)) as harness:
        right = Runtime(settings, harness.registry, None, harness.dispatcher)
        harness.runtimes.append(right)
        right.authoring.deploy(DEFAULT_SCOPE, "test", _document(throttle={"limit": 1, "period": "1h"}))
        harness.runtime = right
        _send(harness, range(3))
        harness.drain()
        assert seen == [[0]]
        real_time_ns = time.time_ns
        monkeypatch.setattr("time.time_ns", lambda: real_time_ns() + hours * HOUR_NS)
        wrong = Runtime(settings, harness.registry, None, harness.dispatcher)
        harness.runtimes.append(wrong)
        (lane,) = harness.rows("SELECT id FROM lanes WHERE parent IS NOT NULL")
        for runtime in (wrong, right):
            assert runtime.worker.advance._dequeue(lane["id"])[0] is None
        assert len(harness.rows("SELECT * FROM queued_steps")) == 2


def test_behind_ten_thousand_runs_of_one_tenant_the_first_of_another_waits_for_one_slot(database_url: str) -> None:
    a, b = Scope("default", "a"), Scope("default", "b")
    limit = [{"limit": 1, "key": "'all'", "scope": "environment"}]
    with a_runtime(database_url, a_registry()) as harness:
        for scope in (a, b):
            harness.deploy(a_workflow().chain("s").trigger(EVENT).settings(concurrency=limit).document(), scope=scope)
        _send(harness, range(2), a)
        claim = harness.claim()
        with harness.runtime.database.transaction("match") as tx:
            # Nobody gets to these: that they are there is what counts.
            (row,) = tx.rows(_QUEUED)
            for start in range(0, 10_000, 100):
                numbers = range(start, start + 100)
                tx.insert(
                    lanes.INSERT_STEP, [(f"r{n}", "s", row[0], row[1] + 1 + n, f"z{n}", None, None) for n in numbers]
                )
        _send(harness, range(1), b)
        harness.match()
        place = harness.rows("SELECT slot_group FROM lane_groups LIMIT 1")[0]["slot_group"]
        advance, served = harness.runtime.worker.advance, []
        for _ in range(2):
            advance.record(claim, Succeeded(None), retries=0)
            found, _ = advance._dequeue(place)
            assert found is not None
            claim = found
            served.append(claim.position.run.scope.tenant)
        assert served == ["a", "b"]


def test_a_head_start_passes_fifty_that_came_within_it_and_none_that_waits_for_longer(database_url: str) -> None:
    seen: list[Any] = []
    with a_runtime(database_url, _registry(seen), lease_seconds=7_200.0) as harness:
        harness.deploy(_document(concurrency=1, priority="event.data.ahead"))
        _send(harness, range(1), ahead=0)
        first = harness.claim()
        _send(harness, range(100, 101), ahead=0)
        harness.match()
        harness.clock.advance(seconds=601)
        for number in range(1, 51):
            _send(harness, range(number, number + 1), ahead=0)
            harness.match()
            harness.clock.advance(milliseconds=600)
        _send(harness, range(200, 201), ahead=120)
        _send(harness, range(300, 301), ahead=600)
        harness.match()
        harness.match()
        harness.runtime.worker.advance.record(first, Succeeded(None), retries=0)
        harness.skip(60)
        # 600 seconds ahead of 51 s ago is after what waits since 631 s; both are before all that came in 30 s.
        assert [number for (number,) in seen] == [100, 300, 200, *range(1, 51)]


def test_the_second_event_of_a_key_an_hour_later_is_skipped_and_names_the_one_that_ran(database_url: str) -> None:
    seen: list[Any] = []
    with a_runtime(database_url, _registry(seen)) as harness:
        harness.deploy(_document(idempotency="event.data.cart"))
        first = harness.send(EVENT, {"n": 1, "cart": "c"})
        harness.drain()
        assert harness.run()["status"] == "completed"
        harness.clock.advance(seconds=3_600)
        second = harness.send(EVENT, {"n": 2, "cart": "c"})
        harness.drain()
        assert seen == [[1]]
        (decision,) = harness.rows("SELECT event_id, reason, other_id FROM decisions")
        assert decision == {"event_id": second, "reason": "idempotent", "other_id": first}
        assert harness.run()["event_id"] == decision["other_id"]


def test_a_limit_of_one_in_four_hours_takes_one_unit_however_often_an_event_is_matched(database_url: str) -> None:
    seen: list[Any] = []
    with a_runtime(database_url, _registry(seen)) as harness:
        harness.deploy(_document(rate_limit={"limit": 1, "period": "4h", "key": "event.data.k"}))
        first = harness.send(EVENT, {"n": 1, "k": "a"})
        for _ in range(3):
            harness.dispatcher.match([first])
        harness.drain()
        harness.clock.advance(seconds=4 * 3_600 - 1)
        harness.send(EVENT, {"n": 2, "k": "a"})
        harness.drain()
        assert harness.column("SELECT reason FROM decisions") == ["rate-limited"]
        harness.clock.advance(seconds=1)
        harness.send(EVENT, {"n": 3, "k": "a"})
        harness.drain()
        assert seen == [[1], [3]]
