"""Lanes that share some of their limits: nothing that could start is left, and nobody waits in a circle."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from threading import Thread
from typing import Any

import psycopg
import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime
from services import wait_until

from workflowkit.base.scope import Scope
from workflowkit.engine.outcome import Succeeded
from workflowkit.runtime import dequeuing
from workflowkit.runtime.hints import place_hint
from workflowkit.runtime.nextturn import Taken

TENANTS = Scope("default", "a"), Scope("default", "b")
ALL = {"key": "'all'", "scope": "environment"}
WAIT = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def _document(event: str, *limits: dict[str, Any]) -> dict[str, Any]:
    builder = a_workflow().action("s", kind="noop").path("$source", "s").trigger(event)
    return builder.settings(concurrency=list(limits)).document()


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ([{**ALL, "limit": 2}, {"limit": 1, "key": "'one'"}], [{**ALL, "limit": 2}]),
        ([{**ALL, "limit": 1}], [{**ALL, "limit": 2}]),
    ],
    ids=["by another limit", "by a lower one"],
)
def test_a_place_has_more_when_the_lane_whose_turn_it_was_is_full(
    postgres_url: str, narrow: list[dict[str, Any]], wide: list[dict[str, Any]]
) -> None:
    with a_runtime(postgres_url) as harness:
        harness.deploy(_document("a/narrow", *narrow), "narrow", TENANTS[0])
        harness.deploy(_document("a/wide", *wide), "wide", TENANTS[0])
        held = [_claim(harness, "a/wide"), _claim(harness, "a/wide")]
        for name in ("a/narrow", "a/narrow", "a/wide"):
            harness.send(name, scope=TENANTS[0])
            assert harness.match().claim is None
        (place,) = {str(row["place"]) for row in harness.rows("SELECT min(slot_group) AS place FROM lane_groups")}
        for each in held:
            harness.runtime.worker.advance.record(each, Succeeded(None), retries=0)
        # Two threads have come to the place at the same moment, after one hint each.
        next_turn = harness.runtime.worker.advance._dequeuing._next_turn
        known = [f"{name}@1" for name in ("narrow", "wide")]
        claims = [each.claim for each in next_turn._start(place, 2, known)]
        assert [claim and claim.position.run.workflow_id for claim in claims] == ["narrow", "wide"]


def _claim(harness: Harness, event: str) -> Any:
    harness.send(event, scope=TENANTS[0])
    claim = harness.match().claim
    assert claim is not None
    return claim


def test_batches_with_events_of_the_same_tenants_in_other_orders_do_not_wait_for_each_other_in_a_circle(
    postgres_url: str,
) -> None:
    with a_runtime(postgres_url) as harness:
        for scope in TENANTS:
            harness.deploy(_document("a/b", {"limit": 1}), scope=scope)
            harness.send("a/b", scope=scope)
            assert harness.match().claim is not None
        batches = [[harness.send("a/b", scope=scope) for scope in order] for order in (TENANTS, TENANTS[::-1])]
        others = [harness.new_process() for _ in batches]
        calls = [partial(other.worker._matching.match, ids) for other, ids in zip(others, batches, strict=True)]
        outcomes: list[Any] = []
        threads = [Thread(target=lambda call=call: outcomes.append(_outcome(call))) for call in calls]
        with closing(psycopg.connect(postgres_url)) as other, closing(psycopg.connect(postgres_url)) as seer:
            seer.autocommit = True
            other.execute("LOCK TABLE slots")  # all are let go when they have written everything, and count
            for thread in threads:
                thread.start()
            assert wait_until(lambda: seer.execute(WAIT).fetchone() == (2,), timeout_seconds=60)
        for thread in threads:
            thread.join(60)
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert len(harness.rows("SELECT * FROM queued_steps")) == 4


def test_whoever_cancels_a_run_that_queues_and_whoever_starts_it_do_not_wait_for_each_other_in_a_circle(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_runtime(postgres_url) as harness:
        harness.deploy(_document("a/b", {"limit": 1}), scope=TENANTS[0])
        held = _claim(harness, "a/b")
        harness.send("a/b", scope=TENANTS[0])
        (opening,) = harness.match().openings
        harness.runtime.worker.advance.record(held, Succeeded(None), retries=0)
        (queued,) = harness.rows("SELECT run_id FROM queued_steps")
        starter = harness.runtime.worker.advance
        # As where a process has not read the version, for example.
        monkeypatch.setattr(starter._dequeuing._next_turn, "claim", lambda _: Taken(is_long=True))
        outcomes: list[Any] = []
        thread = Thread(target=lambda: outcomes.append(_outcome(partial(starter.claim, opening))))
        with closing(psycopg.connect(postgres_url)) as other, closing(psycopg.connect(postgres_url)) as seer:
            seer.autocommit = True
            other.execute("SELECT 1 FROM runs WHERE id = %s FOR UPDATE", (queued["run_id"],))
            thread.start()
            assert wait_until(lambda: seer.execute(WAIT).fetchone() == (1,), timeout_seconds=60)
            # What ends a run takes it out of its lane, with the lock of the run.
            assert other.execute("DELETE FROM queued_steps WHERE run_id = %s", (queued["run_id"],)).rowcount == 1
            other.commit()
        thread.join(60)
        assert outcomes == [(None, [])]
        assert harness.rows("SELECT run_id FROM steps WHERE status = 'running'") == []


def test_many_runs_that_are_frozen_hold_up_nobody_who_waits_behind_them(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dequeuing, "PASSED_OVER", 2)
    monkeypatch.setattr(dequeuing, "DEQUEUE_TRIES", 2)
    with a_runtime(database_url) as harness:
        for name in ("frozen", "other"):
            harness.deploy(_document(f"a/{name}", {**ALL, "limit": 1}), name, TENANTS[0])
        held = _claim(harness, "a/frozen")
        for name in ["frozen"] * 9 + ["other"]:
            harness.send(f"a/{name}", scope=TENANTS[0])
            harness.match()
        with harness.runtime.database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE runs SET paused_at_ms = 1 WHERE workflow_id = 'frozen'")
        harness.runtime.worker.advance.record(held, Succeeded(None), retries=0)
        (place,) = {str(row["slot_group"]) for row in harness.rows("SELECT slot_group FROM lane_groups")}
        harness.dispatcher.execute([place_hint(place, "default")])
        harness.drain()
        runs = harness.rows("SELECT status FROM runs WHERE workflow_id = 'other'")
        assert [run["status"] for run in runs] == ["completed"]


def test_a_throttle_that_is_still_closed_by_the_clock_of_whoever_was_hinted_is_looked_at_again_soon(
    database_url: str,
) -> None:
    document = a_workflow().action("s", kind="noop").path("$source", "s").trigger("a/b")
    with a_runtime(database_url) as harness:
        harness.deploy(document.settings(throttle={"limit": 1, "period": "60s"}).document())
        for _ in range(2):
            harness.send("a/b")
        harness.drain()
        assert _completed(harness) == 1
        harness.clock.advance(seconds=60)
        harness.runtime.relay.tick()
        harness.clock.advance(milliseconds=-3)
        harness.drain()
        assert _completed(harness) == 1
        harness.skip(1.1)
        assert _completed(harness) == 2


def test_a_throttle_that_is_faster_than_the_relay_is_not_slowed_down_by_it(database_url: str) -> None:
    document = a_workflow().action("s", kind="noop").path("$source", "s").trigger("a/b")
    with a_runtime(database_url) as harness:
        relay = harness.runtime.relay
        harness.deploy(document.settings(throttle={"limit": 20, "period": "1s"}).document())
        assert relay.pause_seconds(0.5) == 0.5
        for _ in range(4):
            harness.send("a/b")
        harness.drain()
        for started in (1, 2, 3):
            assert _completed(harness) == started
            harness.clock.advance(seconds=relay.pause_seconds(0.5))
            assert relay.tick() == 1
            # A worker that takes a while: it is looked at ever later, and as late as ever in the end.
            assert [relay.pause_seconds(0.1) for _ in range(4)] == [0.02, 0.04, 0.08, 0.1]
            harness.drain()
        assert _completed(harness) == 4
        (first, *_, last) = [row["started_at_ms"] for row in harness.rows("SELECT * FROM runs ORDER BY started_at_ms")]
        assert last - first == 3 * 50


def _completed(harness: Harness) -> int:
    return len(harness.rows("SELECT id FROM runs WHERE status = 'completed'"))


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return error
