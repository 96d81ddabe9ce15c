"""Metrics: what is scraped is what the rows say; counters never fall; a scrape costs little, and a run nothing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asked import statements_from_now_on
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once
from scraping import Scraped, assert_never_falls, fresh, scrape, scraped

from workflowkit import Event, WorkflowKit
from workflowkit.base import failpoints
from workflowkit.base.errors import NonRetriableError, StoreUnavailable
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime import metrics as reading
from workflowkit.runtime import totals as adding
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.presence import Presence, Serving
from workflowkit.runtime.pruning import Kept, Pruning
from workflowkit.store import due, gauges, totals
from workflowkit.store.database import Database
from workflowkit.store.pauses import Running
from workflowkit.store.statements import Sql
from workflowkit.store.workers import Role

DAY = 86_400.0
OTHER_TENANT = Scope(DEFAULT_SCOPE.environment, "acme")
#: Documents of runs that end in each way, or go on in each state.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "good": ("noop", {"value": 1}),
    "bad": ("broken", {}),
    "nap": ("builtin:wait", {"duration": "30d"}),
    "wait": ("builtin:wait_for_event", {"event": "test/never", "timeout": "30d"}),
    "flaky": ("flaky", {}),
}


def _registry() -> Registry:
    registry = a_registry()

    @registry.action("broken", retries=0)
    def broken(ctx: StepContext) -> None:
        raise NonRetriableError("on purpose")

    @registry.action("flaky", retries=5)
    def flaky(ctx: StepContext) -> None:
        raise RuntimeError("not yet")

    return registry


@contextmanager
def a_mixture(database_url: str, **settings: Any) -> Iterator[Harness]:
    with a_runtime(database_url, _registry(), **settings) as harness:
        for scope in (DEFAULT_SCOPE, OTHER_TENANT):
            for name, (kind, inputs) in KINDS.items():
                document = a_workflow().action("a", kind, inputs).path("$source", "a").trigger(f"test/{name}")
                harness.deploy(document.document(), name, scope)
        yield harness


def _send_all(harness: Harness, scope: Scope = DEFAULT_SCOPE) -> None:
    for name in KINDS:
        harness.send(f"test/{name}", scope=scope)
    harness.drain()


def _truth(harness: Harness) -> Counter[tuple[str, str]]:
    rows = harness.rows("SELECT workflow_id, status FROM runs WHERE path IS NULL")
    return Counter((row["workflow_id"], row["status"]) for row in rows)


def _assert_true(harness: Harness, seen: Scraped) -> None:
    truth = _truth(harness)
    for name in KINDS:
        for status in ("completed", "failed", "cancelled"):
            assert seen("workflowkit_runs_ended_total", workflow=name, status=status) == truth[name, status]
        for status in ("scheduled", "queued", "running", "waiting"):
            assert seen("workflowkit_runs", workflow=name, status=status) == truth[name, status]
    assert seen("workflowkit_runs_created_total") == sum(truth.values())
    (row,) = harness.rows("SELECT count(*) AS n FROM runs WHERE path IS NULL AND started_at_ms IS NOT NULL")
    assert seen("workflowkit_runs_started_total") == row["n"]
    ended = "path IS NULL AND finished_at_ms IS NOT NULL AND started_at_ms IS NOT NULL"
    (row,) = harness.rows(
        "SELECT count(*) AS n, coalesce(sum(finished_at_ms - started_at_ms), 0) AS took, "
        f"coalesce(sum(started_at_ms - created_at_ms), 0) AS waited FROM runs WHERE {ended}"
    )
    assert seen("workflowkit_run_duration_seconds_count") == row["n"]
    assert seen("workflowkit_run_duration_seconds_sum") == pytest.approx(float(row["took"]) / 1000)
    assert seen("workflowkit_run_delay_seconds_sum") == pytest.approx(float(row["waited"]) / 1000)


def test_numbers_are_those_of_the_rows_before_and_after_they_are_added_up(database_url: str) -> None:
    with a_mixture(database_url) as harness:
        _assert_true(harness, scrape(harness.runtime))
        for _ in range(3):
            _send_all(harness)
            harness.clock.advance(seconds=7)
        _assert_true(harness, scrape(harness.runtime))
        (waiting,) = harness.rows("SELECT min(id) AS id FROM runs WHERE workflow_id = 'wait'")
        harness.runtime.control.cancel(DEFAULT_SCOPE, waiting["id"])
        harness.send("test/good", ts=harness.clock.now_ms() + 3_600_000)
        harness.drain()
        seen = scrape(harness.runtime)
        _assert_true(harness, seen)
        assert seen("workflowkit_runs", status="scheduled") == 1
        harness.skip(3_000)
        assert harness.rows("SELECT * FROM run_totals") == []
        again = scrape(harness.runtime)
        assert sum(harness.column("SELECT run_count FROM run_totals")) > 0
        _assert_true(harness, again)
        assert_never_falls(seen, again)
        harness.skip(31 * DAY)
        last = scrape(harness.runtime)
        _assert_true(harness, last)
        assert_never_falls(again, last)
        assert last("workflowkit_run_duration_seconds_bucket", workflow="nap", le="86400.0") == 0
        assert last("workflowkit_run_duration_seconds_bucket", workflow="nap", le="+Inf") == 3


def test_both_formats_say_the_same(database_url: str) -> None:
    with a_mixture(database_url) as harness:
        _send_all(harness)
        numbers = fresh(harness.runtime).read()
        plain, strict = scraped(numbers), scraped(numbers, is_openmetrics=True)
        assert plain.series == strict.series
        named = {family.name for family in strict.families}
        assert named == {family.name.removesuffix("_total").removesuffix("_info") for family in plain.families}
        assert all(name.startswith("workflowkit") for name in named)


def test_counters_do_not_fall_when_runs_are_deleted(database_url: str) -> None:
    with a_mixture(database_url) as harness:
        for _ in range(4):
            _send_all(harness)
        before = scrape(harness.runtime)
        assert before("workflowkit_runs_ended_total", status="completed") == 4
        harness.clock.advance(seconds=11 * DAY)
        # Nobody has asked since: what is deleted is added up by who deletes it.
        assert Pruning(harness.runtime.database, Kept(10)).run().runs == 8
        after = scrape(harness.runtime)
        assert_never_falls(before, after)
        for status, count in (("completed", 4), ("failed", 4), ("cancelled", 0)):
            assert after("workflowkit_runs_ended_total", status=status) == count
        assert after("workflowkit_runs_created_total") == 20
        assert after("workflowkit_run_duration_seconds_count") == 8
        _send_all(harness)
        last = scrape(harness.new_process())
        assert last("workflowkit_runs_ended_total", status="completed") == 5
        assert_never_falls(after, last)


def test_what_is_not_added_up_is_not_deleted(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_mixture(database_url) as harness:
        _send_all(harness)
        harness.clock.advance(seconds=11 * DAY)
        monkeypatch.setattr(totals, "advance", lambda tx, **given: None)  # somebody else is at it
        assert Pruning(harness.runtime.database, Kept(10)).run().runs == 0
        monkeypatch.undo()
        stop = failpoints.listen(_failing)
        with pytest.raises(RuntimeError, match="on purpose"):
            Pruning(harness.runtime.database, Kept(10)).run()
        stop()
        assert harness.rows("SELECT * FROM run_totals") == []
        assert Pruning(harness.runtime.database, Kept(10)).run().runs == 2


def _failing(name: str) -> None:
    if name == "total.before_commit":
        raise RuntimeError("on purpose")


def test_many_are_added_up_in_parts_and_by_several_at_once_each_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "BATCH", 3)
    with a_mixture(database_url) as harness:
        for number in range(20):
            harness.send("test/good")
            harness.clock.advance(milliseconds=number % 4)
        harness.drain()
        _same_moment(harness, "test/bad", 7)
        harness.clock.advance(seconds=1_000)
        marks: list[list[int]] = [[], []]
        processes = [adding.Totals(harness.new_process().database) for _ in marks]

        def work(number: int) -> None:
            marks[number] += list(processes[number].advance())

        at_once(*(lambda number=number: work(number) for number in range(2)))
        for each in processes:
            list(each.advance())
        assert len(marks[0] + marks[1]) > 1
        assert all(own == sorted(own) for own in marks)
        counted = {row["workflow_id"]: row["n"] for row in harness.rows(
            "SELECT workflow_id, sum(run_count) AS n FROM run_totals GROUP BY workflow_id"
        )}  # fmt: skip
        assert counted == {"good": 20, "bad": 7}
        _assert_true(harness, scrape(harness.runtime))


def _same_moment(harness: Harness, event: str, count: int) -> None:
    for _ in range(count):
        harness.send(event)
    harness.drain()


def test_who_counts_while_runs_are_added_up_counts_each_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "BATCH", 20)
    with a_runtime(database_url) as harness:
        database, count = harness.runtime.database, 2_000
        with database.transaction("test") as tx:
            tx.run(_MANY, count=count)
        other, counted, is_done = harness.new_process(), list[int](), threading.Event()

        def add() -> None:
            assert len(list(adding.Totals(other.database).advance(count))) > 50
            is_done.set()

        def look() -> None:
            while not is_done.is_set():
                with database.read() as tx:
                    found = totals.count(tx, own_tenant="default", tenants=(), most_workflows=5)
                counted.append(sum(each.run_count for each in found))

        assert at_once(add, look) == [None, None]
        assert set(counted) == {count}


def test_gauges_tell_what_waits_and_for_how_long(database_url: str) -> None:
    with a_mixture(database_url) as harness:
        limited = (
            a_workflow().action("a", "builtin:wait", {"duration": "1h"}).path("$source", "a").trigger("test/limited")
        )
        harness.deploy(limited.settings(concurrency=[{"limit": 1, "mode": "runs"}]).document(), "limited")
        for _ in range(3):
            harness.send("test/limited")
        harness.drain()
        _send_all(harness)
        seen = scrape(harness.runtime)
        states = {
            state: seen("workflowkit_steps", queue="default", state=state)
            for state in seen.labels("workflowkit_steps", "state")
        }
        assert states == {
            "due": 0, "running": 0, "sleeping": 2, "waiting": 1, "retrying": 1, "scheduled": 0, "limited": 2,
        }  # fmt: skip
        limits = {
            name: seen(f"workflowkit_limits_{name}") for name in ("waited_for", "reached", "slots", "slots_taken")
        }
        assert limits == {"waited_for": 1, "reached": 1, "slots": 1, "slots_taken": 1}
        assert seen("workflowkit_events_pending") == 0
        harness.send("test/good")
        harness.clock.advance(seconds=30)
        seen = scrape(harness.runtime)
        assert (seen("workflowkit_events_pending"), seen("workflowkit_events_pending_oldest_seconds")) == (1, 30)
        assert seen("workflowkit_relay_lag_seconds") > 0
        assert seen("workflowkit_steps", state="due") == 1  # the one that was to be tried again
        assert seen("workflowkit_steps_due_oldest_seconds", queue="default") > 0


def test_frozen_runs_and_processes_are_counted(database_url: str) -> None:
    with a_mixture(database_url) as harness:
        _send_all(harness)
        harness.runtime.pausing.pause(Target(DEFAULT_SCOPE, "wait"), running=Running.FREEZE)
        harness.skip(1)
        Presence(harness.runtime.database, Serving(Role.WORKER, "one", ("default",), 4), lambda: 3).tell()
        harness.clock.advance(seconds=60)
        Presence(harness.runtime.database, Serving(Role.WORKER, "two", ("default",), 8), lambda: 2).tell()
        seen = scrape(harness.runtime)
        assert (seen("workflowkit_runs_frozen"), seen("workflowkit_runs_frozen", workflow="wait")) == (1, 1)
        assert seen("workflowkit_workers", role="worker", state="alive") == 1
        assert seen("workflowkit_workers", role="worker", state="silent") == 1
        assert (seen("workflowkit_worker_concurrency"), seen("workflowkit_worker_busy")) == (8, 2)


def test_tenants_are_told_only_if_they_are_named(database_url: str) -> None:
    with a_mixture(database_url) as harness:
        _send_all(harness)
        for _ in range(2):
            _send_all(harness, OTHER_TENANT)
        seen = scrape(harness.runtime)
        assert not any("tenant" in dict(labels) for _, labels in seen.series)
        # Neither are their workflows, whatever they call them.
        assert seen("workflowkit_runs_ended_total", workflow="good", status="completed") == 1
        assert seen("workflowkit_runs_ended_total", workflow="other", status="completed") == 2
        named = scrape(harness.runtime, tenants=("acme", "unknown"))
        ended = {
            tenant: named("workflowkit_runs_ended_total", tenant=tenant, workflow="good", status="completed")
            for tenant in named.labels("workflowkit_runs_ended_total", "tenant")
        }
        assert ended == {"acme": 2, "default": 1}
        last = Scope(DEFAULT_SCOPE.environment, "globex")
        harness.deploy(
            a_workflow().action("a", "noop", {"value": 1}).path("$source", "a").trigger("x/y").document(), "own", last
        )
        harness.send("x/y", scope=last)
        harness.drain()
        named = scrape(harness.runtime, tenants=("acme",))
        assert named("workflowkit_runs_ended_total", tenant="other", workflow="other", status="completed") == 1


def test_functions_of_the_application_are_named_for_all_tenants(database_url: str) -> None:
    wk = WorkflowKit("shop", database_url=database_url)

    @wk.function("hello", trigger=Event("a/b"))
    def hello(ctx: StepContext) -> None:
        pass

    wk.sync()
    run_ids = [wk.invoke(hello, scope=scope) for scope in (DEFAULT_SCOPE, OTHER_TENANT)]
    with wk.runtime.database.read() as tx:
        pending = [row[0] for row in tx.rows(Sql("SELECT id FROM pending_events ORDER BY id"))]
    wk.runtime.worker.match(pending)
    seen = scrape(wk.runtime)
    wk.stop()
    assert (len(run_ids), seen("workflowkit_runs_created_total", workflow="shop/hello")) == (2, 2)


def test_so_many_workflows_are_named_and_no_more_and_none_loses_its_name(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        noop = a_workflow().action("a", "noop", {"value": 1}).path("$source", "a").trigger("test/all").document()
        for number in range(8):
            harness.clock.advance(milliseconds=1)
            harness.deploy(noop, f"w{7 - number}")
        harness.send("test/all")
        harness.drain()
        seen = scrape(harness.runtime, most_workflows=5)
        assert seen.labels("workflowkit_runs_ended_total", "workflow") == {"w7", "w6", "w5", "w4", "w3", "other"}
        assert seen("workflowkit_runs_ended_total", workflow="other", status="completed") == 3
        harness.clock.advance(seconds=1_000)
        harness.deploy(noop, "a-new-one")
        for _ in range(2):
            harness.send("test/all")
        harness.drain()
        again = scrape(harness.runtime, most_workflows=5)
        assert_never_falls(seen, again)
        assert again.labels("workflowkit_runs_ended_total", "workflow") == {"w7", "w6", "w5", "w4", "w3", "other"}
        assert again("workflowkit_runs_ended_total") == 8 + 18
        assert len(again.series) == len(seen.series)


def test_names_that_users_chose_are_escaped(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        scope = Scope("default", 'a"b\\c')
        document = a_workflow().action("a", "noop", {"value": 1}).path("$source", "a").trigger("test/all").document()
        harness.deploy(document, "w", scope)
        harness.send("test/all", scope=scope)
        harness.drain()
        seen = scrape(harness.runtime, tenants=(scope.tenant,))
        assert seen.labels("workflowkit_runs_ended_total", "tenant") == {scope.tenant}


def test_numbers_are_shown_again_for_ten_times_as_long_as_they_took(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_mixture(sqlite_url) as harness:
        times = [0.0]
        metrics = fresh(harness.runtime)
        metrics._stopwatch = lambda: times[0]
        original = gauges.look

        def slow(tx: Any, **given: Any) -> Any:
            times[0] += 0.2
            return original(tx, **given)

        monkeypatch.setattr(gauges, "look", slow)
        first = metrics.read()
        assert first.seconds == pytest.approx(0.2)
        times[0] = 1.9
        assert metrics.read() is first
        times[0] = 2.1
        second = metrics.read()
        assert second is not first
        monkeypatch.setattr(reading, "SHOWN_AGAIN", 1_000)
        times[0] += 100
        third = metrics.read()
        times[0] += reading.MOST_SHOWN_SECONDS
        assert metrics.read() is not third


def test_who_has_not_asked_for_long_is_told_to_ask_again_and_gets_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "BATCH", 1)
    monkeypatch.setattr(reading, "CATCH_UP_SECONDS", -1.0)  # one transaction each time
    with a_mixture(database_url) as harness:
        for _ in range(4):
            harness.send("test/good")
            harness.drain()
            harness.clock.advance(seconds=2_000)
        metrics = fresh(harness.runtime)
        refused = 0
        for _ in range(10):
            try:
                seen = scraped(metrics.read())
                break
            except StoreUnavailable:
                refused += 1
        assert refused > 1
        assert seen("workflowkit_runs_ended_total", status="completed") == 4


def test_a_run_costs_nothing_more_and_a_scrape_a_few_statements(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_mixture(postgres_url) as harness:
        names: list[str] = []
        remove = failpoints.listen(names.append)
        _send_all(harness)
        harness.skip(10)
        assert not any(name.startswith("total.") for name in names)
        metrics = fresh(harness.runtime)
        metrics.read()
        harness.clock.advance(seconds=20)
        with monkeypatch.context() as patch:
            statements = statements_from_now_on(patch)
            names.clear()
            fresh(harness.runtime).read()
        remove()
        assert names == []
        assert len([text for text in statements if text.startswith(("SELECT", "WITH"))]) <= 16
        assert not [text for text in statements if text.startswith(("UPDATE", "INSERT", "DELETE"))]


_MANY = Sql(
    """
    INSERT INTO runs (id, environment, tenant, workflow_id, version, event_id, status, revision, created_at_ms,
        started_at_ms, finished_at_ms)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
    SELECT 'r' || n, 'default', 'default', 'w' || (n - n / 20 * 20), 1, 'e',
        CASE WHEN n = n / 1000 * 1000 THEN 'waiting' ELSE 'completed' END, 5, n, n,
        CASE WHEN n = n / 1000 * 1000 THEN NULL ELSE n END
    FROM numbers
    """
)


def _plan(database: Database, statement: Sql, **given: Any) -> str:
    with database.read() as tx:
        if database.is_postgresql:
            rows = tx.connection.exec_driver_sql(f"EXPLAIN {statement.postgresql}", given).scalars().all()
            return "\n".join(rows)
        if "ids" in given:
            given["ids"] = "[]"
        rows = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.sqlite}", given).all()
        return "\n".join(row[-1] for row in rows)


def test_what_is_large_is_read_by_its_indexes(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        database, count = harness.runtime.database, 20_000
        with database.transaction("test") as tx:
            tx.run(_MANY, count=count)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
        mark_ms = count - 100
        counting = _plan(database, totals._COUNT, mark_ms=mark_ms, ids=[], own_tenant="default", most_workflows=100)
        assert counting.count("ix_runs_finished_at_ms") >= 2
        assert "Seq Scan on runs" not in counting
        assert "SCAN runs\n" not in f"{counting}\n"
        adding_up = _plan(database, totals._ADD, mark_ms=mark_ms, until_ms=mark_ms + 50)
        assert "ix_runs_finished_at_ms" in adding_up
        following = _plan(database, totals._NEXT, mark_ms=mark_ms, until_ms=count, most=50)
        assert "ix_runs_finished_at_ms" in following
        if database.is_postgresql:
            # Of the steps there are, those that have not ended: the index has no others.
            with database.read() as tx:
                tx.connection.exec_driver_sql("SET enable_seqscan = off")
                rows = tx.connection.exec_driver_sql(f"EXPLAIN {gauges._STEPS.postgresql}", {"now_ms": 1})
                assert "ix_steps_wake_at_ms" in "\n".join(rows.scalars())
                tx.connection.exec_driver_sql("RESET enable_seqscan")
        else:
            assert "ix_steps_wake_at_ms" in _plan(database, gauges._STEPS, now_ms=1)


_STEPS_OF_MANY = Sql(
    """
    INSERT INTO steps (run_id, step_key, queue, status, attempt, token, due_at_ms, wake_at_ms)
    SELECT id, 's', 'default', 'completed', 1, 1, 0, CASE WHEN finished_at_ms IS NULL THEN 9000000000000 END FROM runs
    """
)


def test_what_is_due_is_looked_up_whatever_is_expected_of_the_time(database_url: str) -> None:
    """What is prepared is planned for any time; a third of the table was taken to be due, and all of it read."""
    with a_runtime(database_url) as harness:
        database = harness.runtime.database
        with database.transaction("test") as tx:
            tx.run(_MANY, count=20_000)
            tx.run(_STEPS_OF_MANY)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
        plan = _plan(database, due.LOOK)
        assert "ix_steps_wake_at_ms" in plan
        assert "Seq Scan on steps" not in plan
        assert "SCAN steps\n" not in f"{plan}\n"
        assert not any(mark in due.LOOK.postgresql for mark in ("%(", "$"))  # nothing to be wrong about
