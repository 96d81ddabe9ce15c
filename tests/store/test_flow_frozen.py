"""What is decided once stays: keys and limits of runs that wait, and the order in which they begin."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from builders import a_workflow
from functions import ENVIRONMENT, Code, happen
from runtimes import Harness, a_registry, a_runtime
from sqlalchemy.exc import OperationalError

from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.engine.outcome import Succeeded
from workflowkit.registry import Registry
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.position import Claim, Opening
from workflowkit.store import ceilings, lanes, rates
from workflowkit.store.database import Database
from workflowkit.store.statements import Sql
from workflowkit.store.transactions import Transaction

EVENT = "order/placed"
Began = list[Any]


def _registry(began: Began) -> Registry:
    registry = a_registry()

    @registry.action("work", retries=1)
    def work(ctx: StepContext) -> None:
        ctx.step.run("begin", began.append, ctx.event["data"]["n"])
        if ctx.event["data"]["n"] % 3 == 0 and ctx.attempt == 0:
            raise RuntimeError("try again")
        ctx.step.sleep("on", 10)

    return registry


def _document(**settings: Any) -> dict[str, Any]:
    return a_workflow().action("s", kind="work").path("$source", "s").trigger(EVENT).settings(**settings).document()


def _send(harness: Harness, number: int, **data: Any) -> None:
    harness.clock.advance(seconds=0.001)
    harness.send(EVENT, {"n": number, **data})
    harness.drain()


def test_an_expression_that_is_changed_changes_the_keys_of_later_events_only(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        limit = {"limit": 1, "mode": "runs"}
        harness.deploy(_document(concurrency=[{**limit, "key": "event.data.a"}]))
        for number in (1, 2):
            _send(harness, number, a="same", b=number)
        assert began == [1]
        harness.deploy(_document(concurrency=[{**limit, "key": "event.data.b"}]))
        # The one that waits is still under the key that it came with; later ones are under the new one.
        for number in (4, 5):
            _send(harness, number, a="same", b=number)
        assert began == [1, 4, 5]
        harness.skip(10)
        assert began == [1, 4, 5, 2]


def test_a_limit_that_is_raised_is_so_for_those_who_wait(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(concurrency=[{"limit": 1, "mode": "runs"}]))
        for number in (1, 2, 4):
            _send(harness, number)
        harness.deploy(_document(concurrency=[{"limit": 2, "mode": "runs"}]))
        # One queue, in the order in which the events came, and two begin where one would have.
        for number in (5, 7):
            _send(harness, number)
        assert began == [1, 2]
        harness.skip(10)
        assert began == [1, 2, 4, 5]
        # And also if nobody is there, and no event comes, to tell of it.
        harness.deploy(_document(concurrency=[{"limit": 3, "mode": "runs"}]))
        harness.skip(0)
        assert began == [1, 2, 4, 5, 7]


def test_the_later_steps_of_old_runs_are_under_a_raised_limit(database_url: str) -> None:
    """Those of new runs hold more slots than the old limit was: it would never be their turn."""
    with a_runtime(database_url, _registry(began := Began())) as harness:
        limits = [{"limit": 9, "key": "event.data.key"}, {"limit": 1}]
        harness.deploy(_document(concurrency=limits))
        _send(harness, 1, key="a")
        assert began == [1]
        limits[1] = {"limit": 2}
        harness.deploy(_document(concurrency=limits))
        harness.clock.advance(seconds=10)
        harness.runtime.intake.send(
            DEFAULT_SCOPE, [{"name": EVENT, "data": {"n": number, "key": "b"}} for number in (2, 4, 5)]
        )
        held = harness.match().claim
        assert held is not None
        assert len(_claims(harness)) == 1
        lanes = "SELECT DISTINCT ceiling FROM lane_groups WHERE slot_group NOT LIKE '%\"a\\%' AND ceiling < 9"
        assert harness.rows(lanes) == [{"ceiling": 2}]


def test_a_limit_that_is_lowered_is_so_for_those_who_wait(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(concurrency=[{"limit": 3, "mode": "runs"}]))
        for number in (1, 2, 4, 5, 7):
            _send(harness, number)
        assert began == [1, 2, 4]
        harness.deploy(_document(concurrency=[{"limit": 1, "mode": "runs"}]))
        harness.skip(10)
        assert began == [1, 2, 4, 5]
        harness.skip(10)
        assert began == [1, 2, 4, 5, 7]


def test_a_limit_that_is_lowered_is_so_for_steps_that_take_their_slots_beside_others(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(concurrency=20))
        for number in (1, 2, 4, 5):
            _send(harness, number)
        assert began == [1, 2, 4, 5]
        harness.deploy(_document(concurrency=1))
        harness.clock.advance(seconds=10)
        assert len(_claims(harness)) == 1


def test_of_two_limits_that_meet_in_a_group_the_lower_one_that_is_published_counts(database_url: str) -> None:
    with a_runtime(database_url, _registry(Began())) as harness:
        claims = list[Claim]()
        for first, second, at_once in ((1, 2, 1), (6, 2, 2), (6, 3, 3), (1, 3, 3)):
            limits = [{"limit": first, "key": "event.data.a"}, {"limit": second, "key": "event.data.b"}]
            harness.deploy(_document(concurrency=limits))
            if not claims:
                events = [{"name": EVENT, "data": {"n": number, "a": "v", "b": "v"}} for number in range(9)]
                harness.runtime.intake.send(DEFAULT_SCOPE, events)
                first_claim = harness.match().claim
                claims += [] if first_claim is None else [first_claim]
                claims += _claims(harness)
            (place,) = set(harness.column("SELECT slot_group FROM lane_groups"))
            while (claim := harness.runtime.worker.advance._dequeue(place)[0]) is not None:
                claims.append(claim)
            assert len(claims) == at_once


@pytest.mark.parametrize("is_function", [False, True])
def test_a_limit_that_older_code_published_counts_once_it_is_published_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch, is_function: bool
) -> None:
    """Older code, during an update, notes nowhere how high a limit is."""
    with a_runtime(database_url, _registry(began := Began())) as harness:
        documents = [_document(concurrency=[{"limit": limit, "mode": "runs"}]) for limit in (6, 1)]
        harness.deploy(documents[0])
        with monkeypatch.context() as older:
            older.setattr("workflowkit.store.ceilings.change", lambda tx, ceilings: None)
            harness.deploy(documents[1])
        if is_function:
            with harness.runtime.database.transaction("sync") as tx:
                put = harness.runtime.authoring.put(
                    tx, DEFAULT_SCOPE, "test", documents[1], harness.runtime.authoring.actions
                )
                ceilings.change(tx, put.ceilings)
            assert not put.created
        else:
            harness.deploy(documents[1])
        for number in (1, 2, 4):
            _send(harness, number)
        assert began == [1]


def test_publishing_says_only_of_limits_that_are_others_how_high_they_are(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = list[Any]()
    with a_runtime(database_url, _registry(Began())) as harness:
        limits: list[dict[str, Any]] = [{"limit": 1}, {"limit": 2, "key": "event.data.a"}]
        harness.deploy(_document(concurrency=limits))
        monkeypatch.setattr(Transaction, "insert_all", lambda tx, *parts: saved.extend(parts))
        harness.deploy(_document(concurrency=limits))
        assert saved == []
        limits[1]["limit"] = 3
        harness.deploy(_document(concurrency=limits))
        assert [row[1] for table, rows in saved if table is ceilings._SAVE for row in rows] == [3]


def test_whoever_opens_a_lane_waits_for_a_limit_that_is_changed_only_under_that(postgres_url: str) -> None:
    database = Database.open(postgres_url)
    opening = "INSERT INTO lane_groups (lane_id, slot_group, ceiling, rule) VALUES ('l', 'g', 1, '{}')"

    def is_held_up_by(rule: str, changed: dict[str, int]) -> bool:
        with database.transaction("publish") as tx, database.engine.connect() as other:
            ceilings.change(tx, changed)
            other.exec_driver_sql("SET lock_timeout = 100")
            try:
                other.exec_driver_sql(opening.format(rule))
            except OperationalError:
                return True
            finally:
                other.rollback()
        return False

    assert not is_held_up_by("other", {"one": 1})
    assert is_held_up_by("one", {"one": 2})
    # With one lock and not with two, in whichever order lanes are opened.
    assert is_held_up_by("other", {"one": 3, "two": 3})
    # Of those two only one is another than before.
    assert not is_held_up_by("other", {"one": 4, "two": 3})
    with database.transaction("match") as one, database.transaction("publish") as tx:
        one.run(Sql(opening.format("one")))
        tx.run(Sql("SET LOCAL lock_timeout = 100"))
        ceilings.change(tx, {"two": 4})
    database.close()


def test_the_rate_of_lanes_is_changed_after_the_last_that_publishing_waits_for(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It locks them, and whoever opens others, and is waited for, may want them."""
    order = list[str]()
    with a_runtime(database_url, _registry(Began())) as harness:
        harness.deploy(_document(concurrency=1, throttle={"limit": 1, "period": "1h"}))
        monkeypatch.setattr(ceilings, "change", lambda *given: order.append("ceilings"))
        monkeypatch.setattr(rates, "change", lambda *given: order.append("rate"))
        harness.deploy(_document(concurrency=2, throttle={"limit": 2, "period": "1h"}))
    assert order == ["ceilings", "rate"]


def test_lanes_are_found_by_the_name_of_a_limit(database_url: str) -> None:
    with a_runtime(database_url, _registry(Began())) as harness, harness.runtime.database.read() as tx:
        if tx.is_postgresql:
            tx.run(Sql("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN" if tx.is_postgresql else "EXPLAIN QUERY PLAN"
        plan = tx.rows(Sql(f"{explain} SELECT lane_id FROM lane_groups WHERE rule = 'r' AND ceiling <> 1"))
        assert "ix_lane_groups_rule" in str(plan)


def test_where_the_last_limit_is_taken_away_nobody_waits(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(concurrency=[{"limit": 1, "mode": "runs"}]))
        for number in (1, 2, 4, 5):
            _send(harness, number)
        harness.deploy(_document())
        harness.skip(0)
        assert began == [1, 2, 4, 5]
        # Were it there again, it would be as high as it says then.
        harness.deploy(_document(concurrency=[{"limit": 1, "mode": "runs"}]))
        harness.skip(10)
        for number in (7, 8):
            _send(harness, number)
        assert began == [1, 2, 4, 5, 7]


@pytest.mark.parametrize(("before", "after", "more"), [(1, 3, 2), (3, 1, 0), (1, 0, 3)])
def test_the_limit_of_an_action_is_that_of_the_published_version(
    database_url: str, before: int, after: int, more: int
) -> None:
    with a_runtime(database_url, _registry(Began())) as harness:
        for limit in (before, after):
            document = a_workflow().action("s", kind="work", concurrency=limit).path("$source", "s").trigger(EVENT)
            harness.deploy(document.document())
            if limit == before:
                events = [{"name": EVENT, "data": {"n": number}} for number in (1, 2, 4, 5)]
                harness.runtime.intake.send(DEFAULT_SCOPE, events)
                assert harness.runtime.worker.advance.claim(harness.match().openings[0])[0] is not None
        claims = _claims(harness)
        for place in set(harness.column("SELECT slot_group FROM lane_groups")):
            while (claim := harness.runtime.worker.advance._dequeue(place)[0]) is not None:
                claims.append(claim)
        assert len(claims) == more


def _claims(harness: Harness) -> list[Claim]:
    """Claim the steps of all runs that are due, and finish none of them."""
    rows = harness.rows("SELECT id FROM runs WHERE finished_at_ms IS NULL ORDER BY id")
    openings = [Opening(StepHint(row["id"], "s", "default")) for row in rows]
    found = [harness.runtime.worker.advance.claim(opening)[0] for opening in openings]
    return [claim for claim in found if claim is not None]


def test_a_throttle_that_is_changed_is_that_of_later_events(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "1h", "key": "event.data.a"}))
        for number in (1, 2):
            _send(harness, number, a="x")
        harness.deploy(_document(throttle={"limit": 1, "period": "10s", "key": "event.data.b"}))
        _send(harness, 4, a="x", b="y")
        assert began == [1, 4]
        harness.skip(60)
        assert began == [1, 4]
        harness.skip(3_600)
        assert began == [1, 4, 2]


def test_a_throttle_that_is_raised_counts_at_its_new_rate_at_once(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        for burst in (1, 3):
            began.clear()
            limit = {"burst": burst, "key": f"'{burst}'"}
            harness.deploy(_document(throttle={"limit": 1, "period": "24h", **limit}))
            for number in range(1, burst + 1):
                _send(harness, number)
            harness.deploy(_document(throttle={"limit": 1, "period": "30s", **limit}))
            for number in (10, 11, 13):
                _send(harness, number)
            assert began == [*range(1, burst + 1), 10]
            harness.skip(31)
            harness.skip(31)
            assert began == [*range(1, burst + 1), 10, 11, 13]


def test_what_queues_for_a_throttle_that_is_raised_or_lowered_follows_its_rate(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        for workflow_id in ("test", "other"):
            harness.deploy(_document(throttle={"limit": 1, "period": "1h", "key": "event.data.who"}), workflow_id)
        for number in (1, 2, 4, 5):
            _send(harness, number, who="x")
        assert began == [1, 1]
        harness.deploy(_document(throttle={"limit": 1, "period": "30s", "key": "event.data.who"}))
        for seconds, expected in ((0, [2]), (29, []), (1, [4])):
            began.clear()
            harness.skip(seconds)
            assert began == expected
        harness.deploy(_document(throttle={"limit": 1, "period": "2h", "key": "event.data.who"}))
        began.clear()
        harness.skip(29)
        assert began == []
        harness.skip(1)
        assert began == [5]
        queued = harness.rows("SELECT workflow_id FROM runs WHERE started_at_ms IS NULL")
        assert [row["workflow_id"] for row in queued] == ["other"] * 3


def test_a_lane_that_is_in_somebodys_hands_follows_the_rate_a_moment_later(postgres_url: str) -> None:
    with a_runtime(postgres_url, _registry(began := Began())) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "1h"}))
        for number in (1, 2, 4):
            _send(harness, number)
        with psycopg.connect(postgres_url) as other:
            other.execute("SELECT id FROM lanes FOR UPDATE")
            harness.deploy(_document(throttle={"limit": 1, "period": "30s"}))
            harness.skip(2)
        assert began == [1]
        for seconds in (2, 30):
            harness.skip(seconds)
        assert began == [1, 2, 4]
        assert harness.rows("SELECT id FROM timers WHERE kind = 'throttle.rate'") == []


def test_runs_of_an_older_version_that_queue_later_follow_the_rate(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "1h"}))
        _send(harness, 1)
        harness.deploy(_document(throttle={"limit": 1, "period": "30s"}))
        harness.skip(60)
        began.clear()
        (run,) = harness.rows("SELECT id FROM runs")
        for _ in range(3):
            harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run["id"])
        harness.drain()
        harness.skip(0)
        assert began == [1]
        for seconds, count in ((29, 1), (1, 2), (30, 3)):
            harness.skip(seconds)
            assert began == [1] * count
        # With another key it is another throttle, and theirs is as it was.
        harness.deploy(_document(throttle={"limit": 1, "period": "10s", "key": "event.data.n"}))
        harness.skip(3600)
        for _ in range(2):
            harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run["id"])
        harness.drain()
        harness.skip(31)
        assert len(began) == 4, began


def test_a_lane_that_is_held_up_at_the_old_rate_meanwhile_follows_a_moment_later(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "1h"}))
        for number in (1, 2):
            _send(harness, number)
        harness.skip(0)
        harness.deploy(_document(throttle={"limit": 1, "period": "30s"}))
        # By who had read the rate before it was published.
        with harness.runtime.database.transaction("test") as tx:
            for row in harness.rows("SELECT id FROM lanes WHERE throttle IS NOT NULL"):
                lanes.hold(tx, row["id"], until_ms=tx.now_ms + 3_600_000)
        harness.skip(0)
        assert began == [1]
        harness.skip(1)
        assert began == [1, 2]


def test_a_rate_is_not_changed_once_more_where_another_key_was_published_since(database_url: str) -> None:
    with a_runtime(database_url, _registry(Began())) as harness:
        for period, key in (("1h", "a"), ("30s", "a"), ("10s", "b")):
            harness.deploy(_document(throttle={"limit": 1, "period": period, "key": f"event.data.{key}"}))
            for number in (1, 2):
                _send(harness, number, a="x", b="y")
        harness.skip(2)
        rates = harness.rows("SELECT throttle FROM lanes WHERE throttle IS NOT NULL")
        periods = {each["key"]: each["period_ms"] for each in (json.loads(row["throttle"]) for row in rates)}
        assert periods == {'"x"': 30_000, '"y"': 10_000}, periods


def test_what_queues_for_the_throttle_of_a_function_follows_its_rate_in_all_tenants(database_url: str) -> None:
    began, versions = Counter[str](), [Code("1"), Code("2")]
    for code, period in zip(versions, ("24h", "30s"), strict=True):

        @code.function(throttle={"limit": 1, "period": period})
        def fn(ctx: StepContext) -> None:
            began[ctx.run.tenant] += 1

    with versions[0].running(database_url) as harness:
        for tenant in ("acme", "acme", "other", "other"):
            happen(harness, scope=Scope(ENVIRONMENT, tenant))
        assert began == {"acme": 1, "other": 1}
        versions[1].sync(harness)
        harness.skip(0)
        assert began == {"acme": 2, "other": 2}


def test_what_queues_for_a_throttle_that_is_taken_away_starts_at_once(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(throttle={"limit": 1, "period": "1h"}))
        for number in (1, 2, 4):
            _send(harness, number)
        harness.deploy(_document())
        harness.skip(0)
        harness.skip(0.001)
        assert began == [1, 2, 4]
        assert harness.rows("SELECT run_id FROM queued_steps") == []


def test_a_throttle_that_is_taken_away_and_put_back_holds_up_what_comes_then(database_url: str) -> None:
    limits = {"throttle": {"limit": 1, "period": "1m"}, "concurrency": [{"limit": 1, "mode": "runs"}]}
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(**limits))
        for number in (1, 2):
            _send(harness, number)
        # The second waits for the first one all the time.
        harness.deploy(_document(concurrency=limits["concurrency"]))
        harness.deploy(_document(**limits))
        for number in (4, 5, 7, 8):
            _send(harness, number)
        for _ in range(25):
            harness.skip(5)
        assert began == [1, 2, 4]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("work", {"concurrency": [{"limit": 1, "mode": "runs"}]}),
        ("work", {"throttle": {"limit": 1, "period": "10s"}}),
        ("alone", {}),
    ],
)
def test_events_that_are_matched_in_another_order_are_in_line_in_the_order_in_which_they_came(
    database_url: str, kind: str, settings: dict[str, Any]
) -> None:
    registry = _registry(began := Began())

    @registry.action("alone", concurrency=1)
    def alone(ctx: StepContext) -> None:
        began.append(ctx.event["data"]["n"])

    with a_runtime(database_url, registry) as harness:
        document = a_workflow().action("s", kind=kind).path("$source", "s").trigger(EVENT).settings(**settings)
        harness.deploy(document.document())
        matching, ids = harness.runtime.worker._matching, []
        for number in (1, 2, 4, 5):
            harness.clock.advance(seconds=0.001)
            ids.append(harness.send(EVENT, {"n": number}))
        harness.dispatcher.waiting.clear()
        claims = []
        for event_id in (ids[0], *reversed(ids[1:])):
            harness.clock.advance(seconds=0.001)
            if (claim := matching.match([event_id]).claim) is not None:
                claims.append(claim)
        for claim in claims:
            began.append(claim.position.event["data"]["n"])
            harness.runtime.worker.advance.record(claim, Succeeded(None), retries=0)
        for _ in range(20):
            harness.skip(10)
        assert list(dict.fromkeys(began)) == [1, 2, 4, 5]


def test_one_run_at_a_time_of_a_key_begins_in_the_order_in_which_the_events_came(database_url: str) -> None:
    """I22: with a limit of 1 that counts runs the next begins when the one before has ended, retries included."""
    with a_runtime(database_url, _registry(began := Began())) as harness:
        harness.deploy(_document(concurrency=[{"limit": 1, "mode": "runs", "key": "event.data.k"}]))
        for number in range(12):
            _send(harness, number, k=number % 2)
        for _ in range(30):
            harness.skip(20)
        first_begins = [each for index, each in enumerate(began) if each not in began[:index]]
        assert [each for each in first_begins if each % 2 == 0] == [0, 2, 4, 6, 8, 10]
        assert [each for each in first_begins if each % 2 == 1] == [1, 3, 5, 7, 9, 11]
        spans = harness.rows(
            "SELECT e.data, r.started_at_ms, r.finished_at_ms FROM runs r JOIN events e ON e.id = r.event_id"
            " ORDER BY r.started_at_ms"
        )
        assert all(row["finished_at_ms"] for row in spans)
        for key in (0, 1):
            own = [row for row in spans if f'"k":{key}' in row["data"].replace(" ", "")]
            assert len(own) == 6
            assert all(one["finished_at_ms"] <= after["started_at_ms"] for one, after in pairwise(own))


def test_a_batch_is_under_the_keys_of_its_first_event(database_url: str) -> None:
    with a_runtime(database_url, _registry(began := Began())) as harness:
        limit = {"limit": 1, "mode": "runs", "key": "event.data.k"}
        harness.deploy(_document(batch={"max_size": 2, "timeout": "1m"}, concurrency=[limit]))
        for number, key in ((1, "a"), (2, "b"), (4, "b"), (5, "a"), (7, "a"), (8, "b")):
            _send(harness, number, k=key)
        assert began == [1, 4]
        harness.skip(10)
        assert began == [1, 4, 7]
