"""Leases under a slow, busy or failing database, and clocks that differ a little."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import services
import sqlalchemy as sa
from builders import a_workflow
from runtimes import a_registry, a_runtime

from workflowkit.base import failpoints
from workflowkit.base.clock import FakeClock, SystemClock, monotonic_seconds
from workflowkit.base.errors import StoreUnavailable
from workflowkit.definition.model import SOURCE
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.outcome import Succeeded
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.leases import Heartbeat
from workflowkit.runtime.position import Opening
from workflowkit.store.database import Database
from workflowkit.store.statements import Sql


def _two_branches() -> dict[str, Any]:
    return a_workflow().actions("a", "b").edge(SOURCE, "a").edge(SOURCE, "b").trigger("test/happened").document()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_heartbeat_survives_an_error_that_nobody_thought_of(database_url: str) -> None:
    """A session that the server ended for being idle in a transaction raises InternalError, for example."""
    with a_runtime(database_url) as harness:
        harness.deploy(_two_branches())
        harness.send("test/happened")
        lease = harness.claim().lease
        beats = []

        def strike(name: str) -> None:
            if name == "renew.before_commit":
                beats.append(name)
                if len(beats) == 1:
                    raise sa.exc.InternalError("UPDATE", {}, Exception("terminating connection"))

        stop, heartbeat = failpoints.listen(strike), Heartbeat(harness.runtime.database, lease_seconds=0.3)
        try:
            with heartbeat.keeping(lease, Guard()):
                assert services.wait_until(lambda: len(beats) >= 3, timeout_seconds=60)
        finally:
            stop()
            heartbeat.stop()


def test_every_action_is_stopped_before_its_lease_is_over_while_the_database_does_not_answer(sqlite_url: str) -> None:
    """R6: a renewal that hangs must not keep the heartbeat from giving up the other leases in time."""
    engine = sa.create_engine(sqlite_url, connect_args={"timeout": 2.0, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with a_runtime(sqlite_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        leases = []
        for _ in range(4):
            harness.send("test/happened")
            leases.append(harness.claim().lease)
        guards, lease_seconds = [Guard() for _ in leases], 3.0
        heartbeat = Heartbeat(Database(engine, SystemClock()), lease_seconds=lease_seconds)
        with harness.runtime.database.engine.begin():  # holds the write lock
            started = monotonic_seconds()
            keepers = [heartbeat.keeping(lease, guard) for lease, guard in zip(leases, guards, strict=True)]
            for keeper in keepers:
                keeper.__enter__()
            services.wait_until(lambda: all(guard.reason for guard in guards), timeout_seconds=60)
            took = monotonic_seconds() - started
        for keeper in keepers:
            keeper.__exit__(None, None, None)
        heartbeat.stop()
        engine.dispose()
        assert took < lease_seconds, f"the last action was stopped after {took:.1f} s"


def test_a_lease_that_was_waited_for_lasts_as_long_as_any_other(database_url: str) -> None:
    """The time is read when the locks are held, not before they are waited for."""
    with a_runtime(database_url, lease_seconds=1.0) as harness:
        database = harness.runtime.database
        database.clock = SystemClock()
        harness.deploy(_two_branches())
        harness.send("test/happened")
        matched = harness.match()
        (other,) = matched.openings
        got: list[Any] = []
        with database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE runs SET depth = depth")
            thread = threading.Thread(
                target=lambda: got.append(harness.runtime.worker.advance.claim(Opening(other.hint))[0])
            )
            thread.start()
            thread.join(0.7)
        thread.join(60)
        left_ms = got[0].lease.ends_at_ms - SystemClock().now_ms()
        assert left_ms > 800, f"{left_ms} ms of 1000 are left"


def test_a_step_that_is_ready_at_once_may_be_claimed_by_a_process_whose_clock_is_a_little_behind(
    database_url: str,
) -> None:
    """Each process carries the server's time forward by itself; they differ by milliseconds, under load by more."""
    with a_runtime(database_url) as harness:
        harness.deploy(_two_branches())
        harness.send("test/happened")
        (opening,) = harness.match().openings
        behind = harness.new_process()
        behind.clock = FakeClock(harness.clock.now_ms() - 5)
        assert behind.worker.advance.claim(Opening(opening.hint)) is not None


def test_attempts_that_were_lost_are_not_held_against_a_step_that_is_claimed_on_the_way(database_url: str) -> None:
    """Two hints of one run in one message; the second is claimed together with the first one's result."""
    registry = a_registry()
    fails = [True]

    @registry.action("flaky")
    def flaky() -> str:
        if fails:
            fails.pop()
            raise RuntimeError("once")
        raise RuntimeError("twice")

    document = (
        a_workflow()
        .action("first", retries=0)
        .action("x", "flaky", retries=2)
        .edge(SOURCE, "first")
        .edge(SOURCE, "x")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        matched = harness.match()
        run_id = harness.run()["id"]
        advance = harness.runtime.worker.advance
        hints = [StepHint(run_id, "first", "default"), StepHint(run_id, "x", "default")]
        assert advance.claim(Opening(hints[1])) is not None  # attempt 1 of x: its worker dies
        harness.clock.advance(seconds=31)
        worker = harness.runtime.worker
        worker.execute([hints[1]])  # attempt 2 of x fails, and is to be repeated
        harness.clock.advance(seconds=31)
        worker.execute(hints)  # first, and with its result attempt 3 of x, which fails
        assert harness.journal("retry") == [("retry", "x"), ("retry", "x")]
        assert harness.run()["status"] == "running"
        assert matched.claim is not None


def test_an_attempt_lost_before_a_step_is_claimed_on_the_way_is_on_record(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_two_branches())
        harness.send("test/happened")
        harness.match()
        run_id = harness.run()["id"]
        advance = harness.runtime.worker.advance
        hints = [StepHint(run_id, name, "default") for name in ("a", "b")]
        assert advance.claim(Opening(hints[1])) is not None
        harness.clock.advance(seconds=31)
        harness.runtime.worker.execute(hints)
        harness.skip(31)
        assert harness.run()["status"] == "completed"
        assert harness.journal("lost") == [("lost", "a"), ("lost", "b")]


def test_a_result_recorded_while_the_relay_or_a_heartbeat_touches_the_step_waits_and_counts(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        harness.deploy(_two_branches())
        harness.send("test/happened")
        matched = harness.match()
        (other,) = matched.openings
        claim = matched.claim
        assert claim is not None
        advance = harness.runtime.worker.advance
        recorded: list[Any] = []
        with harness.runtime.database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE steps SET wake_at_ms = wake_at_ms + 1")
            thread = threading.Thread(
                target=lambda: recorded.append(advance.record(claim, Succeeded("done"), retries=0, also=other.hint))
            )
            thread.start()
            thread.join(0.3)
            assert not recorded
        thread.join(60)
        assert harness.steps() == {"a": "completed", "b": "running"}
        assert recorded[0].next_claim.lease.step_key == "b"


def test_a_full_pool_counts_as_an_unavailable_database(sqlite_url: str) -> None:
    """F17: else a result that was only waiting for a connection would be thrown away."""
    engine = sa.create_engine(sqlite_url, pool_size=1, max_overflow=0, pool_timeout=0.05, poolclass=sa.pool.QueuePool)
    database = Database(engine, SystemClock())
    with engine.connect(), pytest.raises(StoreUnavailable), database.transaction("record"):
        pass
    engine.dispose()


@pytest.mark.parametrize(
    ("setting", "statement"),
    [
        ("SET idle_in_transaction_session_timeout = 50", "SELECT pg_sleep(0)"),
        ("SET TRANSACTION READ ONLY", "UPDATE runs SET revision = 1"),
    ],
    ids=["idle too long in a transaction", "a standby"],
)
def test_a_session_that_the_server_ends_or_a_standby_counts_as_unavailable(
    postgres_url: str, setting: str, statement: str
) -> None:
    database = Database.open(postgres_url)
    try:
        with pytest.raises(StoreUnavailable), database.transaction("record") as tx:  # noqa: PT012 - in one transaction
            tx.run(Sql(setting))
            threading.Event().wait(0.3)
            tx.run(Sql(statement))
    finally:
        database.close()
