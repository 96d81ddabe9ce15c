"""Slots of a run that ends go to the run that waits for them, in the statement that records its end; on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from functools import partial
from typing import Any

import psycopg
import pytest
from builders import a_workflow
from functions import STARTED, Code
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit.base import failpoints
from workflowkit.base.scope import Scope
from workflowkit.composition import Runtime
from workflowkit.engine.context import StepContext
from workflowkit.engine.outcome import Succeeded
from workflowkit.runtime.position import Claim, Recorded

TENANT, OTHER = Scope("default", "a"), Scope("default", "b")
#: One slot that all tenants of the environment share.
SHARED = [{"limit": 1, "key": "'all'", "scope": "environment"}]


def _deploy(
    harness: Harness, workflow_id: str = "test", *, scope: Scope = TENANT, on: str = "a/b", **flow: Any
) -> None:
    document = a_workflow().action("s", kind="noop").path("$source", "s").trigger(on).settings(**flow).document()
    harness.deploy(document, workflow_id, scope)


def _queue(harness: Harness, count: int, *, scope: Scope = TENANT, name: str = "a/b") -> Claim | None:
    """Let runs begin, one after the other; return the claim of the last, if it has not had to queue."""
    claim = None
    for number in range(count):
        harness.clock.advance(milliseconds=1)
        harness.send(name, {"n": number}, scope=scope)
        claim = harness.match().claim
    return claim


def _started(harness: Harness, count: int, name: str = "a/b") -> list[Claim]:
    """Let so many runs begin that have waited for those before them, with the only slots."""
    before = [_queue(harness, 1, name=name) for _ in range(count)]
    _queue(harness, count, name=name)
    claims = []
    for claim in before:
        (opening, *_) = _end(harness, claim).openings
        claims.append(harness.runtime.worker.advance.claim(opening)[0])
    return [claim for claim in claims if claim is not None]


def _end(harness: Harness, claim: Claim | None, runtime: Runtime | None = None, *, hands_over: bool = True) -> Recorded:
    assert claim is not None
    advance = (runtime or harness.runtime).worker.advance
    return advance.record(claim, Succeeded(None), retries=0, hand_over=hands_over)


def _queued(harness: Harness) -> list[str]:
    return harness.column("SELECT run_id FROM queued_steps ORDER BY score_ms, sequence")


def _held(harness: Harness) -> list[str]:
    return sorted(harness.column("SELECT run_id FROM slots"))


def test_the_next_run_starts_in_the_commit_that_ends_the_one_before(postgres_url: str) -> None:
    names: list[str] = []
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=1)
        (claim,) = _started(harness, 1)
        _queue(harness, 3)
        order = _queued(harness)
        stop = failpoints.listen(names.append)
        for run_id in order:
            recorded = _end(harness, claim)
            assert recorded.next_claim is not None
            claim = recorded.next_claim
            assert (claim.lease.run_id, claim.lease.attempt) == (run_id, 1)
            assert recorded.openings == ()  # nothing is left for others
            assert _held(harness) == [run_id]
        recorded = _end(harness, claim)
        stop()
        # Whoever queues meanwhile may not have been seen: somebody looks after the commit.
        assert recorded.next_claim is None
        assert [opening.hint.is_place for opening in recorded.openings] == [True]
        assert names == ["record.before_commit", "record.after_commit"] * 4
        assert _held(harness) == _queued(harness) == []
        assert Counter(kind for kind, step in harness.journal() if step == "s") == {"attempt": 5, "completed": 5}


def test_a_worker_that_is_not_to_go_on_gives_its_slot_back(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=1)
        (claim,) = _started(harness, 1)
        _queue(harness, 1)
        recorded = _end(harness, claim, hands_over=False)
        assert recorded.next_claim is None
        assert len(recorded.openings) == 1
        assert _held(harness) == []


def test_a_worker_executes_run_after_run_without_a_message(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=[{"limit": 2}, {"limit": 1, "mode": "runs"}])
        harness.runtime.intake.send(TENANT, [{"name": "a/b", "data": {}}] * 5)
        harness.dispatcher.message_count = 0
        harness.deliver()
        assert harness.rows("SELECT status, count(*) AS n FROM runs GROUP BY status") == [
            {"status": "completed", "n": 5}
        ]  # fmt: skip
        assert harness.dispatcher.message_count == 0
        assert _held(harness) == []


def test_what_waits_in_the_same_thread_is_not_left_behind(postgres_url: str) -> None:
    order: list[str] = []
    registry = a_registry()

    @registry.action("note")
    def note(name: str) -> None:
        order.append(name)

    with a_runtime(postgres_url, registry) as harness:
        for name, flow in (("limited", {"concurrency": 1}), ("free", {})):
            builder = a_workflow(name).action("s", kind="note", inputs={"name": name})
            document = builder.path("$source", "s").trigger(f"a/{name}").settings(**flow).document()
            harness.deploy(document, name, TENANT)
        claim = _queue(harness, 1, name="a/limited")
        _queue(harness, 3, name="a/limited")
        harness.runtime.intake.send(TENANT, [{"name": "a/free", "data": {}}] * 2)
        (free,) = harness.match().openings
        (place,) = _end(harness, claim).openings
        harness.runtime.worker.execute([place.hint, free.hint])
        assert order == ["limited", "free", "limited", "limited"]


def test_tenants_take_turns(postgres_url: str) -> None:
    code = Code()

    @code.function(concurrency=SHARED)
    def fn(ctx: StepContext) -> None:
        pass

    with code.running(postgres_url) as harness:
        claim = _queue(harness, 1, name=STARTED)
        _queue(harness, 3, name=STARTED)
        _queue(harness, 2, scope=OTHER, name=STARTED)
        order = []
        while claim is not None:
            order.append(claim.position.run.scope.tenant)
            recorded = _end(harness, claim)
            assert recorded.next_claim is None  # while others wait as well, it is for the lanes to say whose turn it is
            claim, _ = harness.runtime.worker.advance.claim(recorded.openings[0])
        assert order == ["a", "a", "b", "a", "b", "a"]


def test_a_limit_of_one_passes_nobody_over_and_waits_for_nobody(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=1)
        (claim,) = _started(harness, 1)
        _queue(harness, 2)
        first, _ = _queued(harness)
        with closing(psycopg.connect(postgres_url)) as other:
            # As whoever cancels it does.
            other.execute("SELECT 1 FROM runs WHERE id = %s FOR UPDATE", (first,))
            other.execute("DELETE FROM queued_steps WHERE run_id = %s", (first,))
            recorded = _end(harness, claim)
            assert recorded.next_claim is None
            assert len(recorded.openings) == 1
        assert _held(harness) == []
        taken, _ = harness.runtime.worker.advance.claim(recorded.openings[0])
        assert taken is not None
        assert taken.lease.run_id == first


def test_with_more_slots_whoever_is_in_other_hands_is_passed_over(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=2)
        claim, _ = _started(harness, 2)
        _queue(harness, 2)
        first, second = _queued(harness)
        with closing(psycopg.connect(postgres_url)) as other:
            other.execute("DELETE FROM queued_steps WHERE run_id = %s", (first,))
            taken = _end(harness, claim).next_claim
            assert taken is not None
            assert taken.lease.run_id == second
        assert len(_held(harness)) == 2


def test_a_run_that_is_paused_is_not_started(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=1)
        (claim,) = _started(harness, 1)
        _queue(harness, 2)
        first, second = _queued(harness)
        with harness.runtime.database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE runs SET paused_at_ms = 1 WHERE id = %(id)s", {"id": first})
        recorded = _end(harness, claim)
        assert recorded.next_claim is None
        taken, _ = harness.runtime.worker.advance.claim(recorded.openings[0])
        assert taken is not None
        assert taken.lease.run_id == second


def test_runs_that_end_at_once_hand_over_to_one_each(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=6)
        others = [harness.new_process() for _ in range(6)]
        claims: list[Claim | None] = [*_started(harness, 6)]
        _queue(harness, 12)
        for _ in range(2):
            ended = at_once(*(partial(_end, harness, *each) for each in zip(claims, others, strict=True)))
            assert all(isinstance(each, Recorded) for each in ended), ended
            claims = [each.next_claim for each in ended]
            assert len({claim.lease.run_id for claim in claims if claim is not None}) == 6
            assert len(_held(harness)) == 6
        assert _queued(harness) == []


@pytest.mark.parametrize("limit", [2, 3])
def test_a_lower_limit_of_the_same_group_holds(postgres_url: str, limit: int) -> None:
    """Three slots are held of which the lower limit lets so many be; none of those is to start when one ends."""
    with a_runtime(postgres_url) as harness:
        for workflow_id, on, most in (("high", "a/high", 3), ("low", "a/low", limit)):
            shared = [{"limit": most, "key": "'all'", "scope": "environment"}]
            _deploy(harness, workflow_id, on=on, concurrency=shared)
        claim = _queue(harness, 1, name="a/low")
        assert claim is not None
        claim.position.others_wait = True
        _queue(harness, 2, name="a/high")
        _queue(harness, 1, name="a/low")
        recorded = _end(harness, claim)
        assert (recorded.next_claim is not None) == (limit == 3)
        assert len(_held(harness)) == limit


def test_a_run_that_has_not_waited_looks_for_nobody(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=1)
        claim = _queue(harness, 1)
        _queue(harness, 1)
        assert _end(harness, claim).next_claim is None
        assert _held(harness) == []


def test_a_throttle_is_not_passed(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        _deploy(harness, concurrency=1, throttle={"limit": 1, "period": "1h"})
        claim = _queue(harness, 1)
        _queue(harness, 1)
        assert _end(harness, claim).next_claim is None
        assert len(_queued(harness)) == 1


def test_on_sqlite_the_slot_is_given_back(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        _deploy(harness, concurrency=1)
        claim = _queue(harness, 1)
        _queue(harness, 1)
        recorded = _end(harness, claim)
        assert recorded.next_claim is None
        assert recorded.openings
        assert _held(harness) == []
