"""Steps under limits where somebody else is at the same rows between a look and the statement that rests on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime, at_once

from workflowkit.base.scope import Scope
from workflowkit.engine.outcome import Succeeded
from workflowkit.runtime.position import Claim
from workflowkit.store import slots
from workflowkit.store.flowstates import GUARDED, StateKey, guarded_row, put, read

TENANT = Scope("default", "a")


def _document(chain: int = 1, **settings: Any) -> dict[str, Any]:
    ids = [f"s{number}" for number in range(chain)]
    builder = a_workflow()
    for node_id in ids:
        builder.action(node_id, kind="noop")
    return builder.path("$source", *ids).trigger("a/b").settings(**settings).document()


def _send(harness: Harness, count: int, scope: Scope = TENANT) -> None:
    harness.runtime.intake.send(scope, [{"name": "a/b", "data": {"n": number}} for number in range(count)])


def _record(harness: Harness, claim: Claim) -> Any:
    return harness.runtime.worker.advance.record(claim, Succeeded(None), retries=0)


def _first(harness: Harness) -> Claim:
    """Match what was sent; return the claim of the run that has taken the only slot. The others queue."""
    claim = harness.match().claim
    assert claim is not None
    return claim


def _running(harness: Harness) -> int:
    return len(harness.rows("SELECT run_id FROM steps WHERE status = 'running'"))


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_of_runs_that_begin_at_once_no_more_start_than_the_limit(postgres_url: str, limit: int) -> None:
    with a_runtime(postgres_url) as harness:
        harness.deploy(_document(concurrency=limit), scope=TENANT)
        others = [harness.new_process() for _ in range(5)]
        for _ in others:
            _send(harness, 1)
        messages = [[str(each) for each in message] for message in harness.dispatcher.waiting]
        outcomes = at_once(
            *(partial(other.worker._matching.match, ids) for other, ids in zip(others, messages, strict=True))
        )
        assert len([matched for matched in outcomes if matched.claim is not None]) == limit, outcomes
        assert _running(harness) == len(harness.rows("SELECT * FROM slots")) == limit
        assert len(harness.rows("SELECT * FROM queued_steps")) == len(others) - limit


def test_a_slot_that_is_given_back_just_before_a_step_has_queued_for_it_is_taken(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_runtime(postgres_url) as harness:
        harness.deploy(_document(concurrency=1), scope=TENANT)
        _send(harness, 1)
        first = _first(harness)
        _send(harness, 1)
        other = harness.new_process()
        database, looks = other.database, list[Any]()

        @contextmanager
        def slowly(name: str) -> Iterator[Any]:
            """Let whoever holds the slot give it back and look, while the step queues but is not committed."""
            with database.transaction(name) as tx:
                yield tx
                (freed,) = _record(harness, first).openings
                looks.append(harness.runtime.worker.advance.claim(freed))

        with monkeypatch.context() as patch:
            patch.setattr(database, "statement", slowly)
            matched = harness.match(other)
        assert looks == [(None, [])]  # that one could not see it
        assert matched.claim is None
        (opening,) = matched.openings
        claim, _ = other.worker.advance.claim(opening)
        assert claim is not None


def test_a_new_run_comes_after_those_that_wait_though_a_slot_is_free(database_url: str) -> None:
    other = Scope("default", "b")
    limit = [{"limit": 1, "key": "'all'", "scope": "environment"}]
    with a_runtime(database_url) as harness:
        for scope in (TENANT, other):
            harness.deploy(_document(concurrency=limit), scope=scope)
        _send(harness, 1)
        first = _first(harness)
        _send(harness, 1)
        assert harness.match().claim is None
        _record(harness, first)  # nobody has looked yet
        for scope in (TENANT, other):
            harness.clock.advance(seconds=1)  # events of one moment are in no order
            _send(harness, 1, scope)
            matched = harness.match()
            assert matched.claim is None
        claim, _ = harness.runtime.worker.advance.claim(matched.openings[0])
        assert claim is not None
        queued = harness.rows("SELECT r.tenant FROM queued_steps q JOIN runs r ON r.id = q.run_id ORDER BY q.sequence")
        assert [row["tenant"] for row in queued] == ["a", "b"]
        (running,) = harness.rows("SELECT created_at_ms, id FROM runs WHERE status = 'running'")
        assert running["id"] == claim.lease.run_id


def test_a_run_makes_way_for_another_tenant_after_each_step(database_url: str) -> None:
    other = Scope("default", "b")
    limit = [{"limit": 1, "key": "'all'", "scope": "environment"}]
    with a_runtime(database_url) as harness:
        for scope in (TENANT, other):
            harness.deploy(_document(chain=3, concurrency=limit), scope=scope)
        _send(harness, 1)
        claim = _first(harness)
        _send(harness, 1, other)
        harness.match()
        order, turn = [], claim
        for _ in range(6):
            order.append(turn.position.run.scope.tenant)
            recorded = _record(harness, turn)
            openings = list(recorded.openings)
            follows = recorded.next_claim
            while follows is None and openings:
                follows, more = harness.runtime.worker.advance.claim(openings.pop(0))
                openings += more
            turn = follows or turn
        assert order == ["a", "b", "a", "b", "a", "b"]
        assert harness.rows("SELECT 1 AS one FROM slots") == []


def test_a_state_that_was_changed_meanwhile_lets_nothing_be_written(database_url: str) -> None:
    key = StateKey("e", "t", "w", "rate_limit", "k")
    with a_runtime(database_url) as harness:
        database = harness.runtime.database
        with database.transaction("match") as tx:
            tx.insert(GUARDED, [guarded_row(tx, key, None, 1, expires_at_ms=tx.now_ms + 1)])
        with database.transaction("match") as tx:
            seen = read(tx, [key])[key]
            assert seen.state == 1
            tx.insert(GUARDED, [guarded_row(tx, key, seen.stamp, 2, expires_at_ms=tx.now_ms + 1)])
        # One who has read it before, and one who has read that there was none.
        for stamp in (seen.stamp, None):
            with pytest.raises(database.integrity_error), database.transaction("match") as tx:
                tx.insert(GUARDED, [guarded_row(tx, key, stamp, 3, expires_at_ms=tx.now_ms + 1)])
        # One who has read a row that was deleted since, and is there again.
        with database.transaction("match") as tx:
            seen = read(tx, [key])[key]
            put(tx, key, None)
        harness.clock.advance(milliseconds=1)
        with database.transaction("match") as tx:
            tx.insert(GUARDED, [guarded_row(tx, key, None, 4, expires_at_ms=tx.now_ms + 1)])
        with pytest.raises(database.integrity_error), database.transaction("match") as tx:
            tx.insert(GUARDED, [guarded_row(tx, key, seen.stamp, 5, expires_at_ms=tx.now_ms + 1)])


def test_the_slots_of_a_step_are_kept_by_the_next_in_one_statement(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        harness.deploy(_document(chain=2, concurrency=1), scope=TENANT)
        _send(harness, 2)
        claim = _first(harness)
        recorded = _record(harness, claim)
        assert recorded.next_claim is not None
        assert recorded.next_claim.lease.run_id == claim.lease.run_id  # it is older than the one that waits
        assert harness.column("SELECT kept_by FROM slots") == ["s1"]
        with harness.runtime.database.read() as tx:
            assert [
                group.held for group in slots.survey(tx, recorded.next_claim.position.run.flow["steps"]).values()
            ] == [1]
