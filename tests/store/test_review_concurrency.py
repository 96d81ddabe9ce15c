"""Several processes that do the same thing at the same moment, and what a process keeps while it lives."""

from __future__ import annotations

import threading
from functools import partial

import sqlalchemy as sa
from builders import a_workflow
from runtimes import Harness, InlineDispatcher, a_registry, a_runtime, at_once
from sqlalchemy.orm import Session

from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.definition.model import SOURCE
from workflowkit.engine.outcome import EmittedEvent, Succeeded
from workflowkit.facade.joined import send_joined

THREADS = 6


def test_processes_that_deploy_one_document_at_their_start_all_succeed(database_url: str) -> None:
    """Each gunicorn worker that imports the application does so."""
    with a_runtime(database_url) as harness:
        processes = [harness.new_process() for _ in range(THREADS)]
        for edition in range(5):
            document = a_workflow(f"edition {edition}").chain("a").trigger("test/happened").document()
            outcomes = at_once(*(partial(p.authoring.deploy, DEFAULT_SCOPE, "shop", document) for p in processes))
            assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert harness.rows("SELECT count(*) AS n FROM workflow_versions") == [{"n": 5}]


def test_ids_of_events_are_claimed_in_one_order_by_actions_too(postgres_url: str) -> None:
    """Else an action and an application that send the same two ids may wait for each other."""
    with a_runtime(postgres_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened")
        claim = harness.claim()
        outcome = Succeeded(None, tuple(EmittedEvent("test/told", {}, id=name) for name in ("b", "a")))
        errors: list[BaseException] = []

        def record() -> None:
            try:
                harness.runtime.worker.advance.record(claim, outcome, retries=0)
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=record)
        with harness.runtime.database.engine.begin() as connection:
            for event_id in ("a", "b"):
                event = {"name": "test/told", "data": {}, "id": event_id}
                harness.runtime.intake.send_within(connection, DEFAULT_SCOPE, [event])
                if event_id == "a":
                    thread.start()
                    thread.join(0.4)
        thread.join(60)
        assert errors == []


def test_a_session_that_lives_long_does_not_grow_with_every_event_sent_in_it(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness, Session(harness.runtime.database.engine) as session:
        for _ in range(20):
            send_joined(harness.runtime.intake, session, DEFAULT_SCOPE, [{"name": "test/happened", "data": {}}])
            session.commit()
        assert len(list(session.dispatch.after_commit)) <= 1


def test_an_event_sent_within_a_savepoint_is_hinted_after_the_commit(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness, Session(harness.runtime.database.engine) as session:
        with session.begin_nested():
            send_joined(harness.runtime.intake, session, DEFAULT_SCOPE, [{"name": "test/happened", "data": {}}])
        assert not harness.dispatcher.waiting
        session.commit()
        assert len(harness.dispatcher.waiting) == 1


def test_an_event_rolled_back_is_not_hinted_by_a_later_commit(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness, Session(harness.runtime.database.engine) as session:
        send_joined(harness.runtime.intake, session, DEFAULT_SCOPE, [{"name": "test/happened", "data": {}}])
        session.rollback()
        session.execute(sa.text("SELECT 1"))
        session.commit()
        assert not harness.dispatcher.waiting


class CountingDispatcher(InlineDispatcher):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def queued(self, queue: str = "default") -> int:
        self.asked += 1
        return 0


def test_a_tick_asks_the_broker_once_for_each_queue(sqlite_url: str) -> None:
    """Asking costs a connection, and six seconds where the broker is away."""
    builder = a_workflow()
    for number in range(30):
        builder.action(f"s{number}").edge(SOURCE, f"s{number}")
    harness = Harness(sqlite_url, a_registry())
    try:
        harness.deploy(builder.trigger("test/happened").document())
        harness.send("test/happened")
        harness.match()
        harness.clock.advance(seconds=3)
        harness.dispatcher = counting = CountingDispatcher()
        harness.new_process().relay.tick()
        assert counting.asked <= 2
    finally:
        harness.close()


def test_an_event_sent_on_a_bare_connection_is_there_once_the_caller_has_committed(database_url: str) -> None:
    """SQLAlchemy begins a transaction at the first statement it sees; a commit of none does nothing."""
    with a_runtime(database_url) as harness:
        engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as connection:
            send_joined(harness.runtime.intake, connection, DEFAULT_SCOPE, [{"name": "test/happened", "data": {}}])
            connection.commit()
        with engine.connect() as connection:
            send_joined(harness.runtime.intake, connection, DEFAULT_SCOPE, [{"name": "test/happened", "data": {}}])
            connection.rollback()
        engine.dispose()
        assert len(harness.rows("SELECT id FROM events")) == 1


def test_one_operation_fails_when_the_server_has_ended_all_sessions_and_the_next_succeeds(postgres_url: str) -> None:
    """F7: the first failure tells the pool that all its connections are dead."""
    with a_runtime(postgres_url) as harness:
        database = harness.runtime.database
        connections = [database.engine.connect() for _ in range(5)]
        for connection in connections:
            connection.exec_driver_sql("SELECT 1")
        for connection in connections:
            connection.close()
        _end_all_other_sessions(postgres_url)
        outcomes = []
        for _ in range(4):
            try:
                harness.send("test/happened")
                outcomes.append("sent")
            except StoreUnavailable:
                outcomes.append("unavailable")
        assert outcomes.count("unavailable") <= 1
        assert outcomes[-1] == "sent"


def test_one_transaction_fails_when_the_server_has_ended_all_sessions_and_the_next_succeeds(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        database = harness.runtime.database
        connections = [database.engine.connect() for _ in range(5)]
        for connection in connections:
            connection.exec_driver_sql("SELECT 1")
        for connection in connections:
            connection.close()
        _end_all_other_sessions(postgres_url)
        outcomes = []
        for _ in range(4):
            try:
                harness.send("test/happened", id="some-id")
                outcomes.append("sent")
            except StoreUnavailable:
                outcomes.append("unavailable")
        assert outcomes.count("unavailable") <= 1
        assert outcomes[-1] == "sent"


def _end_all_other_sessions(url: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'keep' "
            "AND query LIKE 'SELECT 1%'"
        )
