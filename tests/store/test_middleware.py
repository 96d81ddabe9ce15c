"""Middleware and dependencies in worker processes: the same as in memory, and nothing is left open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from builders import WorkflowBuilder, a_workflow
from functions import Code, happen, output_of
from recording import raising, recorder
from runtimes import Harness, a_registry, a_runtime
from sqlalchemy.orm import Session, sessionmaker

from workflowkit import Failure, Middleware, SkippedNode, StepContext, WorkflowKit
from workflowkit.base.clock import FakeClock
from workflowkit.engine.extensions import Extensions

BEFORE = ["transform_input", "before_node", "before_memoization"]
NEW = ["after_memoization", "before_execution"]
COMPLETED = ["after_execution", "transform_output", "after_node", "before_response"]


def using(*middleware: type[Middleware]) -> Extensions:
    extensions = Extensions()
    for each in middleware:
        extensions.use(each)
    return extensions


def listening() -> WorkflowBuilder:
    return a_workflow().trigger("test/happened")


def step(step_id: str) -> list[str]:
    return [f"before_step {step_id}", f"transform_step_output {step_id}", f"after_step {step_id}"]


def test_each_pass_of_a_run_calls_the_documented_hooks(database_url: str) -> None:
    code, calls = Code(), list[str]()

    @code.function(middleware=[recorder(calls)])
    def fn(ctx: StepContext) -> str:
        ctx.step.run("a", lambda: 1)
        ctx.step.run("b", lambda: 1)
        ctx.step.sleep("nap", 60)
        ctx.step.run("c", lambda: 2)
        return "rested"

    with code.running(database_url) as harness:
        happen(harness)
        assert calls == [*BEFORE, *NEW, *step("a"), *step("b"), "after_execution", "before_response"]
        calls.clear()
        harness.skip(60)
        assert output_of(harness) == "rested"
        remembered = ["transform_memoized a", "transform_memoized b"]
        assert calls == [*BEFORE, *remembered, *NEW, "transform_memoized nap", *step("c"), *COMPLETED]


def test_actions_of_a_document_have_the_middleware_of_the_application(database_url: str) -> None:
    calls: list[str] = []
    with a_runtime(database_url, extensions=using(recorder(calls))) as harness:
        harness.deploy(listening().actions("a", "b").path("$source", "a", "b").document())
        happen(harness)
        assert harness.run()["status"] == "completed"
    assert calls == [*BEFORE, *NEW, *COMPLETED] * 2


def test_a_hook_that_raises_is_retried_with_the_step_and_shown_as_its_error(database_url: str) -> None:
    with a_runtime(database_url, extensions=using(raising("before_execution", ValueError("broken")))) as harness:
        harness.deploy(listening().action("a", retries=1).edge("$source", "a").document())
        happen(harness)
        harness.skip(60)
        run = harness.run()
        assert run["status"] == "failed"
        assert "Broken.before_execution: ValueError: broken" in run["error"]
        assert "middleware-failed" in run["error"]
        assert len(harness.journal("attempt")) == 2


def test_middleware_knows_which_failure_is_the_last(database_url: str) -> None:
    told: list[Any] = []

    class Reporting(Middleware):
        def on_error(self, failure: Failure) -> None:
            told.append((self.ctx.attempt, str(failure.exception), failure.is_final))

    with a_runtime(database_url, extensions=using(Reporting)) as harness:
        harness.deploy(listening().action("a", "boom", retries=2).edge("$source", "a").document())
        happen(harness)
        for _ in range(3):
            harness.skip(3600)
        assert harness.run()["status"] == "failed"
    assert told == [(0, "boom", False), (1, "boom", False), (2, "boom", True)]


def test_skipped_nodes_are_told_once_and_after_the_commit(database_url: str) -> None:
    told: list[Any] = []
    stored: list[int] = []

    class Listening(Middleware):
        def on_skip(self, skipped: SkippedNode) -> None:
            told.append((skipped.node.node_id, skipped.reason))
            stored.append(len(harness.journal("skipped")))

    with a_runtime(database_url, extensions=using(Listening)) as harness:
        document = listening().actions("a", "b", "c", "d").edge("$source", "a").edge_if("a", "b").edge("b", "c")
        harness.deploy(document.edge_match("$source", "d", 1, "!ref($.event.data.n)").document())
        happen(harness)
        assert harness.run()["status"] == "completed"
    assert told == [("d", "condition-false"), ("b", "condition-false"), ("c", "branch-dead")]
    assert stored == [1, 3, 3]


def test_events_of_a_step_are_told_with_the_ids_under_which_they_are_stored(database_url: str) -> None:
    told: list[Any] = []

    class Telling(Middleware):
        def before_send_events(self, events: list[dict[str, Any]]) -> None:
            for event in events:
                event["data"]["stamped"] = True

        def after_send_events(self, ids: Sequence[str], error: BaseException | None) -> None:
            told.extend(ids)
            assert error is None

    code = Code()

    @code.function(middleware=[Telling])
    def fn(ctx: StepContext) -> None:
        ctx.step.send_event("tell", {"name": "test/one", "data": {}})
        ctx.send_event("test/two", {})

    with code.running(database_url) as harness:
        happen(harness)
        rows = harness.rows("SELECT * FROM events WHERE name IN ('test/one', 'test/two') ORDER BY name")
        assert [row["data"] for row in rows] == ['{"stamped":true}'] * 2
        assert told == [rows[0]["event_id"], rows[1]["id"]]


def test_sending_passes_the_middleware_of_the_application(database_url: str) -> None:
    told: list[Any] = []

    class Telling(Middleware):
        def before_send_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**event, "data": {"n": event["data"]["n"] + 1}} for event in events]

        def after_send_events(self, ids: Sequence[str], error: BaseException | None) -> None:
            told.append((list(ids), type(error).__name__))

    wk = WorkflowKit(database_url=database_url, broker_url="local://", clock=FakeClock())
    wk.use(Telling)
    given = {"name": "test/happened", "data": {"n": 1}}
    (one,) = wk.send(given)
    with Session(wk.runtime.database.engine) as session:
        (two,) = wk.send(given, session=session)
        session.commit()
    with pytest.raises(Exception, match="name"):
        wk.send({"name": "", "data": {"n": 1}})
    with wk.runtime.database.read() as tx:
        assert [row[0] for row in tx.connection.execute(sa.text("SELECT data FROM events"))] == ['{"n":2}'] * 2
    wk.stop()
    assert given["data"] == {"n": 1}
    assert told == [([one.id], "NoneType"), ([two.id], "NoneType"), ([], "InvalidInput")]


# --- dependencies


def _sessions(harness: Harness) -> sessionmaker[Session]:
    return sessionmaker(harness.runtime.database.engine)


def _open_sessions(factory: sessionmaker[Session]) -> int:
    pool = factory.kw["bind"].pool
    assert isinstance(pool, sa.pool.QueuePool)
    return pool.checkedout()


def test_a_thousand_failing_steps_leave_no_session_open(sqlite_url: str, tmp_path: Any) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/app.db", poolclass=sa.pool.QueuePool, pool_size=2, max_overflow=0)
    registry, extensions = a_registry(), Extensions()
    extensions.provide({}, {"db": sessionmaker(engine)})
    used: list[int] = []

    @registry.action("query", retries=0)
    def query(ctx: StepContext) -> None:
        used.append(ctx.deps.db.execute(sa.text("SELECT 1")).scalar_one())
        raise RuntimeError("after the query")

    with a_runtime(sqlite_url, registry, extensions=extensions) as harness:
        document = listening()
        ids = [f"n{number}" for number in range(50)]
        for node_id in ids:
            document.action(node_id, "query", on_error="continue").edge("$source", node_id)
        harness.deploy(document.document())
        for _ in range(20):
            happen(harness)
        assert set(harness.column("SELECT status FROM runs")) == {"completed"}
    assert used == [1] * 1000
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    engine.dispose()


def test_a_session_of_a_step_that_waits_is_closed_until_it_goes_on(database_url: str) -> None:
    code, extensions = Code(), Extensions()

    @code.function()
    def fn(ctx: StepContext) -> int:
        found = int(ctx.deps.db.execute(sa.text("SELECT 41")).scalar_one())
        ctx.step.sleep("nap", 60)
        return found + 1

    with a_runtime(database_url, code.registry, extensions=extensions) as harness:
        code.sync(harness)
        factory = _sessions(harness)
        extensions.provide({}, {"db": factory})
        happen(harness)
        assert harness.run()["status"] == "waiting"
        assert _open_sessions(factory) == 0
        harness.skip(60)
        assert output_of(harness) == 42
        assert _open_sessions(factory) == 0
