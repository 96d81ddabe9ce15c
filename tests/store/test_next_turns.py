"""Starting what waits for a limit in one statement, on PostgreSQL: its rate, its bounds, the threads of a process."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import psycopg
import pytest
from builders import a_workflow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtimes import Harness, a_runtime, at_once
from services import wait_until

from workflowkit.base import failpoints, jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.engine.outcome import Succeeded
from workflowkit.flow.gcra import Rate, take
from workflowkit.runtime.position import Claim
from workflowkit.runtime.runflow import throttle_json

TENANT = Scope("default", "a")
NOW = 1_750_000_000_000
RATES = st.builds(Rate, limit=st.integers(1, 5_000), period_ms=st.integers(1, 600_000), burst=st.integers(1, 1_000))
ROWS = st.none() | st.integers(0, 2 * NOW * 1_000) | st.integers(NOW * 1_000 - 10_000_000, NOW * 1_000 + 10_000_000)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RATES, ROWS)
def test_the_rate_on_the_server_is_that_of_flow_gcra(postgres_connection: Any, rate: Rate, row: int | None) -> None:
    asked = postgres_connection.execute(
        "SELECT * FROM workflowkit_take_rate(%s::jsonb, %s, %s)", (jsonvalue.dumps(throttle_json(rate, "")), row, NOW)
    ).fetchone()
    taken = take(rate, row, now_ms=NOW)
    assert asked == (taken.arrival_us if taken.count else None, taken.next_at_ms)


@pytest.fixture
def postgres_connection(postgres_url: str) -> Any:
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        yield connection


def _deploy(harness: Harness, **flow: Any) -> None:
    document = a_workflow().action("s", kind="noop").path("$source", "s").trigger("a/b").settings(**flow).document()
    harness.deploy(document, scope=TENANT)


def _queue(harness: Harness, runs: int) -> str:
    """Let so many runs queue that a worker of this process could all start by now; return where."""
    harness.runtime.intake.send(TENANT, [{"name": "a/b", "data": {"n": number}} for number in range(runs + 1)])
    first = harness.match().claim
    assert first is not None
    _record(harness, first)
    place = harness.rows("SELECT slot_group FROM lane_groups")[0]["slot_group"]
    # The first time that a process starts a version, it reads it before.
    claim, _ = harness.runtime.worker.advance._dequeue(place)
    assert claim is not None
    _record(harness, claim)
    return str(place)


def _record(harness: Harness, claim: Claim) -> None:
    harness.runtime.worker.advance.record(claim, Succeeded(None), retries=0)


def _running(harness: Harness) -> int:
    return len(harness.rows("SELECT run_id FROM steps WHERE status = 'running'"))


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_workers_that_come_to_one_place_at_once_start_no_more_than_the_limit(postgres_url: str, limit: int) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=limit)
        place = _queue(harness, 12)
        others = [harness.new_process() for _ in range(4)]
        outcomes = at_once(*(lambda r=runtime: r.worker.advance._dequeue(place)[0] for runtime in others))
        claims = [claim for claim in outcomes if claim is not None]
        assert all(isinstance(claim, Claim) for claim in claims), outcomes
        assert len({claim.lease.run_id for claim in claims}) == len(claims) == limit
        assert _running(harness) == len(harness.rows("SELECT * FROM slots")) == limit
        # Now that they have read the version.
        for claim in claims:
            _record(harness, claim)
        claims = at_once(*(lambda r=runtime: r.worker.advance._dequeue(place)[0] for runtime in others))
        assert len([claim for claim in claims if claim is not None]) == limit
        assert _running(harness) == limit


def test_threads_of_a_process_that_wait_for_one_place_are_served_by_one_statement(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=2)
        place = _queue(harness, 8)
        next_turn = harness.runtime.worker.advance._dequeuing._next_turn
        desk, taken, names = next_turn._desks[place], list[Any](), list[str]()
        threads = [threading.Thread(target=lambda: taken.append(next_turn.claim(place))) for _ in range(4)]
        with desk.serving:
            for thread in threads:
                thread.start()
            assert wait_until(lambda: len(desk.waiting) == 4, timeout_seconds=60)
            stop = failpoints.listen(names.append)
        for thread in threads:
            thread.join(60)
        stop()
        assert names == ["dequeue.before_commit", "dequeue.after_commit"]
        assert len({each.claim.lease.run_id for each in taken if each.claim is not None}) == 2
        assert len(taken) == 4
        assert _running(harness) == 2


def test_a_throttle_that_is_used_several_times_at_once_spaces_starts_the_same(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=8, throttle={"limit": 1, "period": "10s", "burst": 5})
        place = _queue(harness, 8)
        next_turn = harness.runtime.worker.advance._dequeuing._next_turn
        claims: list[Claim | None] = [
            each.claim for each in next_turn._start(place, 8, tuple(next_turn._desks[place].known))
        ]
        assert len([claim for claim in claims if claim is not None]) == 3  # two of the burst were used before
        assert next_turn.claim(place).claim is None
        (state,) = harness.rows("SELECT state FROM flow_states WHERE control = 'throttle'")
        assert int(state["state"]) == (harness.clock.now_ms() + 50_000) * 1_000
        harness.clock.advance(seconds=10)
        assert next_turn.claim(place).claim is not None
        assert next_turn.claim(place).claim is None


def test_what_was_started_before_a_step_that_needs_more_is_kept(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=8, throttle={"limit": 1, "period": "10s", "burst": 9})
        place = _queue(harness, 4)
        queued = harness.rows("SELECT run_id FROM queued_steps ORDER BY score_ms, sequence")
        with harness.runtime.database.engine.begin() as connection:
            pause = "UPDATE runs SET paused_at_ms = 1 WHERE id = %(run_id)s"
            connection.exec_driver_sql(pause, {"run_id": queued[1]["run_id"]})
        next_turn = harness.runtime.worker.advance._dequeuing._next_turn
        first, second, *_ = next_turn._start(place, 3, tuple(next_turn._desks[place].known))
        assert first.claim is not None
        assert first.claim.lease.run_id == queued[0]["run_id"]
        assert second.is_long
        assert _running(harness) == 1
        # The long way passes over what is paused.
        claim, _ = harness.runtime.worker.advance._dequeue(place)
        assert claim is not None
        assert claim.lease.run_id == queued[2]["run_id"]
        (state,) = harness.rows("SELECT state FROM flow_states WHERE control = 'throttle'")
        assert int(state["state"]) == (harness.clock.now_ms() + 40_000) * 1_000


def test_with_the_lock_of_one_run_nobody_waits_for_that_of_another(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=4)
        place = _queue(harness, 8)
        queued = harness.rows("SELECT run_id FROM queued_steps ORDER BY score_ms, sequence")
        next_turn = harness.runtime.worker.advance._dequeuing._next_turn
        known = tuple(next_turn._desks[place].known)
        with closing(psycopg.connect(postgres_url)) as other:
            other.execute("SELECT 1 FROM runs WHERE id = %s FOR UPDATE", (queued[1]["run_id"],))
            first, *others = next_turn._start(place, 4, known)
            assert first.claim is not None
            assert (first.claim.lease.run_id, first.next_queue) == (queued[0]["run_id"], "default")
            assert not any(each.claim for each in others)
        second, *_ = next_turn._start(place, 3, known)
        assert second.claim is not None
        assert second.claim.lease.run_id == queued[1]["run_id"]
        assert _running(harness) == 4


def test_slots_are_counted_by_an_index_that_passes_over_those_which_are_gone(postgres_connection: Any) -> None:
    postgres_connection.execute("INSERT INTO slots SELECT 'g', n::text, 's', 1 FROM generate_series(1, 10) n")
    postgres_connection.execute("ANALYZE slots")

    def plan() -> str:
        return str(postgres_connection.execute("EXPLAIN SELECT count(*) FROM slots WHERE slot_group = 'g'").fetchall())

    assert "Index Only Scan" not in plan()  # what the planner takes for cheaper visits them all
    (settings,) = postgres_connection.execute(
        "SELECT proconfig FROM pg_proc WHERE proname = 'workflowkit_free_slots'"
    ).fetchone()
    for setting in settings:
        postgres_connection.execute("SELECT set_config(%s, %s, false)", setting.split("="))
    assert "Index Only Scan" in plan()
