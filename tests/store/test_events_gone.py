"""A run whose event the database has lost ends, with the reason, instead of failing at each look at it."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.jobs import NewJob
from workflowkit.store.jobs import JobKind
from workflowkit.store.statements import Sql

LIMITED = {"concurrency": [{"limit": 1}]}
BATCH = {"batch": {"max_size": 2, "timeout": "1m"}}


def sleeping(**settings: Any) -> dict[str, Any]:
    steps = a_workflow().action("w", "builtin:wait", {"duration": "1h"}).action("a", "noop")
    return steps.path("$source", "w", "a").trigger("test/happened").settings(**settings).document()


def invoking() -> dict[str, Any]:
    inputs = {"workflow": "sleeping", "data": {}}
    steps = a_workflow().action("i", "builtin:run_workflow", inputs)
    return steps.path("$source", "i").trigger("test/called").document()


def lose_events(harness: Harness, of_workflow: str = "sleeping") -> None:
    """Delete the events of runs, as a database that was put back does."""
    with harness.runtime.database.transaction("timer") as tx:
        for statement in (
            "DELETE FROM events WHERE id IN (SELECT event_id FROM runs WHERE workflow_id = :of_workflow)",
            "DELETE FROM collected_events WHERE event_id IN (SELECT event_id FROM runs)",
        ):
            tx.run(Sql(statement), of_workflow=of_workflow)


def errors(harness: Harness) -> list[tuple[str, bool]]:
    rows = harness.rows("SELECT status, error FROM runs ORDER BY id")
    return [(row["status"], "event-gone" in (row["error"] or "")) for row in rows]


@pytest.mark.parametrize("settings", [{}, LIMITED, BATCH])
def test_it_fails_when_it_is_claimed(database_url: str, settings: dict[str, Any]) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(sleeping(**settings), "sleeping")
        for _ in range(2):
            harness.send("test/happened")
        harness.drain()
        count = harness.rows("SELECT count(*) AS n FROM runs")[0]["n"]
        assert count == (1 if settings is BATCH else 2)
        lose_events(harness)
        harness.skip(3_700)
        for _ in range(5):  # as many looks as leases that had been taken just before
            harness.skip(120)
        assert errors(harness) == [("failed", True)] * count
        assert harness.rows("SELECT * FROM slots") == harness.rows("SELECT * FROM queued_steps") == []
        # Nobody waits behind it.
        harness.send("test/happened")
        harness.send("test/happened")
        harness.drain()
        harness.skip(3_700)
        harness.skip(3_700)
        assert errors(harness)[count:] == [("completed", False)] * count


def test_those_in_line_behind_it_have_their_turn(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(sleeping(**LIMITED), "sleeping")
        for _ in range(2):
            harness.send("test/happened")
            harness.match()
        lose_events(harness)
        harness.send("test/happened")
        harness.drain()
        for _ in range(10):
            harness.skip(600)
        assert sorted(errors(harness)) == [("completed", False), ("failed", True), ("failed", True)]


def test_it_can_be_cancelled(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(sleeping(), "sleeping")
        harness.send("test/happened")
        harness.send("test/happened")
        harness.drain()
        lose_events(harness)
        ids = harness.column("SELECT id FROM runs")
        assert harness.runtime.control.cancel(DEFAULT_SCOPE, ids[0]) is RunStatus.CANCELLED
        harness.runtime.jobs.create(DEFAULT_SCOPE, NewJob(JobKind.CANCEL, workflow_id="sleeping"))
        harness.skip(60)
        assert errors(harness) == [("cancelled", False)] * 2
        harness.skip(3_700)
        told = harness.rows("SELECT event_id, data FROM events WHERE name = 'workflow/run.cancelled'")
        assert sorted(row["event_id"] for row in told) == [f"{each}.cancelled" for each in sorted(ids)]


def test_who_waits_for_it_hears_of_its_end(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(sleeping(), "sleeping")
        harness.deploy(invoking(), "invoking")
        harness.send("test/called")
        harness.drain()
        lose_events(harness)
        harness.skip(3_700)
        harness.skip(1)
        assert [status for status, _ in errors(harness)] == ["failed", "failed"]
        (fact,) = harness.rows("SELECT data FROM journal WHERE kind = 'failed' AND step_key = 'i'")
        assert "an event that started the run is gone" in fact["data"]
