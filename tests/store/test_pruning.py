"""What is old goes, with all that belongs to it; what somebody still needs stays, whoever deletes and how many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from builders import a_workflow
from runtimes import Harness, a_runtime, at_once

from workflowkit.base import failpoints
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime import pruning
from workflowkit.runtime.auditing import PROGRAM, Act, note
from workflowkit.runtime.pruning import Counted, Kept, Pruning
from workflowkit.store.statements import Sql

DAY = 86_400.0
#: Where rows of runs are.
OF_RUNS = (
    "runs", "journal", "steps", "waits", "log_lines", "callbacks", "approvals", "approval_assignees",
    "approval_decisions", "collections", "collected_events",
)  # fmt: skip


def quick() -> dict[str, Any]:
    return a_workflow().action("a", "noop", {"value": 1}).path("$source", "a").trigger("test/quick").document()


def slow() -> dict[str, Any]:
    wait = {"event": "test/never", "timeout": "300d"}
    steps = a_workflow().action("w", "builtin:wait_for_event", wait)
    return steps.path("$source", "w").trigger("test/slow").document()


def asking() -> dict[str, Any]:
    inputs = {"title": "May I?", "assignees": ["user:1"], "timeout": "1h"}
    return a_workflow().action("q", "builtin:approval", inputs).path("$source", "q").trigger("test/asked").document()


@contextmanager
def a_harness(database_url: str, **settings: Any) -> Iterator[Harness]:
    with a_runtime(database_url, **({"keep_runs_days": 10, "keep_events_days": 10} | settings)) as harness:
        harness.deploy(quick(), "quick")
        harness.deploy(slow(), "slow")
        yield harness


def some_runs(harness: Harness, count: int = 3) -> None:
    for _ in range(count):
        harness.send("test/quick")
    harness.drain()


def counts(harness: Harness, *tables: str) -> dict[str, int]:
    return {table: harness.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables or OF_RUNS}


def prune(harness: Harness, **kept: int) -> Counted:
    return Pruning(harness.runtime.database, Kept(**kept) if kept else Kept(10, 10)).run()


def test_runs_that_ended_long_ago_go_with_all_that_belongs_to_them(database_url: str) -> None:
    with a_harness(database_url) as harness:
        some_runs(harness)
        assert counts(harness)["runs"] == 3
        harness.skip(10 * DAY)
        assert prune(harness) == Counted()  # to the millisecond as old as they may be
        harness.skip(1)
        assert prune(harness) == Counted(runs=3, events=3)
        assert set(counts(harness).values()) == {0}
        assert counts(harness, "events", "event_ids", "decisions") == {"events": 0, "event_ids": 0, "decisions": 0}


def test_what_goes_on_stays_and_what_is_new_too(database_url: str) -> None:
    with a_harness(database_url) as harness:
        harness.send("test/slow")
        some_runs(harness, 1)
        harness.skip(11 * DAY)
        some_runs(harness, 1)
        assert prune(harness) == Counted(runs=1, events=1)
        statuses = set(harness.column("SELECT status FROM runs"))
        assert statuses == {"waiting", "completed"}
        assert counts(harness, "runs", "events") == {"runs": 2, "events": 2}
        # A run that waited for a year is as new as its end.
        harness.skip(290 * DAY)
        assert set(harness.column("SELECT status FROM runs WHERE workflow_id = 'slow'")) != {"waiting"}
        prune(harness)
        assert harness.column("SELECT workflow_id FROM runs") == ["slow"]
        harness.skip(11 * DAY)
        prune(harness)
        assert counts(harness, "runs", "events") == {"runs": 0, "events": 0}


def test_families_go_together_and_stay_together(database_url: str) -> None:
    loop = a_workflow().action("each", "builtin:for_each", {"items": [1, 2, 3]})
    document = loop.path("$source", "each").trigger("test/loop").document()
    body = a_workflow().action("do", "noop", {"value": "!ref($.item)"}).path("$source", "do").document()
    document["actions"][0]["body"] = body
    with a_harness(database_url) as harness:
        harness.deploy(document, "loop")
        harness.send("test/loop")
        harness.drain()
        assert counts(harness)["runs"] == 4
        harness.skip(11 * DAY)
        _reopen_parent(harness)
        assert prune(harness) == Counted()
        assert counts(harness)["runs"] == 4
        _end_parent(harness)
        assert prune(harness).runs == 4
        assert set(counts(harness).values()) == {0}


def _reopen_parent(harness: Harness) -> None:
    """Let the parent look as if it had ended only now: its children are needed as long as it is."""
    with harness.runtime.database.transaction("timer") as tx:
        tx.run(Sql("UPDATE runs SET finished_at_ms = :now_ms WHERE parent_run_id IS NULL"), now_ms=tx.now_ms)


def _end_parent(harness: Harness) -> None:
    with harness.runtime.database.transaction("timer") as tx:
        tx.run(Sql("UPDATE runs SET finished_at_ms = 1 WHERE parent_run_id IS NULL"))


def test_approvals_and_their_decisions_go_with_their_run(database_url: str) -> None:
    with a_harness(database_url, public_url="https://flows.example", secret_key="k:" + "A" * 43 + "=") as harness:
        harness.deploy(asking(), "asking")
        harness.send("test/asked")
        harness.drain()
        assert counts(harness)["approvals"] == 1
        harness.skip(DAY)
        assert harness.run()["status"] != "waiting"
        harness.skip(11 * DAY)
        assert prune(harness).runs == 1
        assert set(counts(harness).values()) == {0}


def test_events_that_started_nothing_go_and_those_of_runs_stay_as_long_as_these(database_url: str) -> None:
    with a_harness(database_url) as harness:
        harness.send("test/unknown", id="the-senders-id")
        some_runs(harness, 1)
        harness.skip(11 * DAY)
        assert prune(harness, events_days=10) == Counted(events=1)
        assert harness.column("SELECT name FROM events") == ["test/quick"]
        assert counts(harness, "event_ids") == {"event_ids": 0}
        harness.send("test/unknown", id="the-senders-id")
        assert harness.rows("SELECT duplicate_of FROM events WHERE name = 'test/unknown'") == [{"duplicate_of": None}]


def test_an_id_is_remembered_for_as_long_as_it_is_to_be_however_short_events_are_kept(database_url: str) -> None:
    with a_harness(database_url, event_dedup_seconds=7 * DAY) as harness:
        harness.send("test/quick", id="the-senders-id")
        harness.send("test/quick", id="another")
        harness.drain()
        harness.skip(6 * DAY)
        assert prune(harness, runs_days=1, events_days=1) == Counted(runs=2)
        harness.send("test/quick", id="the-senders-id")
        harness.drain()
        assert counts(harness, "runs", "events") == {"runs": 0, "events": 3}
        harness.skip(DAY + 1)
        prune(harness, runs_days=1, events_days=1)
        assert counts(harness, "events", "event_ids") == {"events": 0, "event_ids": 0}
        harness.send("test/quick", id="the-senders-id")
        harness.drain()
        assert counts(harness, "runs") == {"runs": 1}


def test_reminders_go_with_what_they_are_about(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    inputs = {"title": "May I?", "assignees": ["user:1"], "timeout": "60d", "reminders": ["20d"]}
    document = (
        a_workflow().action("q", "builtin:approval", inputs).path("$source", "q").trigger("test/asked").document()
    )
    with a_harness(database_url, public_url="https://flows.example", secret_key="k:" + "A" * 43 + "=") as harness:
        harness.deploy(document, "asking")
        harness.send("test/asked")
        harness.drain()
        (reminder,) = harness.rows("SELECT * FROM timers")
        harness.runtime.control.cancel(DEFAULT_SCOPE, harness.run()["id"])
        assert harness.rows("SELECT * FROM timers") == []
        with harness.runtime.database.transaction("timer") as tx:  # as an earlier version has left it
            tx.run(_PLAN, **reminder)
        harness.skip(11 * DAY)
        assert prune(harness).runs == 1
        harness.skip(10 * DAY)
        assert harness.rows("SELECT * FROM timers") == []
        assert not [record for record in caplog.records if "is put off" in record.getMessage()]


_PLAN = Sql(
    "INSERT INTO timers (id, kind, environment, tenant, subject, data, due_at_ms) "
    "VALUES (:id, :kind, :environment, :tenant, :subject, :data, :due_at_ms)"
)


def test_events_that_were_collected_go_once_their_collection_is_over(database_url: str) -> None:
    document = quick() | {"settings": {"debounce": {"period": "1h"}}}
    with a_harness(database_url) as harness:
        harness.deploy(document, "quick")
        some_runs(harness)
        assert counts(harness, "runs", "collections", "collected_events") == {
            "runs": 0, "collections": 1, "collected_events": 3,
        }  # fmt: skip
        harness.clock.advance(seconds=11 * DAY)
        assert prune(harness) == Counted()  # the window is open, as nobody has looked
        with harness.runtime.database.transaction("timer") as tx:  # as if it had started nothing
            tx.run(Sql("DELETE FROM timers"))
            tx.run(Sql("UPDATE collections SET closed_at_ms = :now_ms, reason = 'paused'"), now_ms=tx.now_ms)
        assert prune(harness) == Counted()
        harness.clock.advance(seconds=11 * DAY)
        assert prune(harness) == Counted(events=3)
        assert set(counts(harness).values()) == {0}


def test_a_run_of_several_events_keeps_all_of_them(database_url: str) -> None:
    document = quick() | {"settings": {"batch": {"max_size": 3, "timeout": "1m"}}}
    with a_harness(database_url) as harness:
        harness.deploy(document, "quick")
        some_runs(harness)
        assert counts(harness, "runs", "collected_events") == {"runs": 1, "collected_events": 3}
        harness.skip(11 * DAY)
        assert prune(harness, events_days=1) == Counted()
        assert prune(harness) == Counted(runs=1, events=3)
        assert set(counts(harness).values()) == {0}


def test_events_that_were_not_matched_yet_stay(database_url: str) -> None:
    with a_harness(database_url) as harness:
        harness.send("test/quick")
        harness.clock.advance(seconds=11 * DAY)
        assert prune(harness) == Counted()
        harness.drain()
        assert harness.run()["status"] == "completed"


def test_old_entries_of_audit_logs_go(database_url: str) -> None:
    with a_harness(database_url) as harness:
        old = counts(harness, "audit_log")["audit_log"]
        assert old == 2  # what was deployed
        harness.skip(11 * DAY)
        with harness.runtime.database.transaction("key") as tx:
            note(tx, DEFAULT_SCOPE, PROGRAM, Act.KEY_CREATED, "key:new")
        assert prune(harness, audit_days=10) == Counted(audit_entries=2)
        assert harness.column("SELECT subject FROM audit_log") == ["key:new"]


def test_nothing_is_deleted_unless_it_is_asked_for(database_url: str) -> None:
    with a_harness(database_url, keep_runs_days=None, keep_events_days=None) as harness:
        some_runs(harness)
        harness.skip(5_000 * DAY)
        assert harness.runtime.pruning.tick() == Counted()
        assert counts(harness)["runs"] == 3


def test_any_number_of_schedulers_delete_side_by_side(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "MOST_FACTS", 1)
    with a_harness(database_url) as harness:
        some_runs(harness, 20)
        harness.skip(11 * DAY)
        processes = [harness.new_process() for _ in range(3)]
        done = at_once(*(Pruning(process.database, Kept(10, 10)).run for process in processes))
        assert all(isinstance(each, Counted) for each in done), done
        prune(harness)  # what one had locked while another looked is left for the next time
        assert sum(each.runs for each in done) <= 20
        assert set(counts(harness).values()) == {0}
        assert counts(harness, "events") == {"events": 0}


def test_a_transaction_deletes_a_few_and_one_that_fails_none(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MOST_FACTS", 4)
    with a_harness(database_url) as harness:
        some_runs(harness, 6)
        (facts,) = set(harness.column("SELECT revision FROM runs"))
        harness.skip(11 * DAY)
        parts: list[str] = []
        remove = failpoints.listen(lambda name: parts.append(name) if name == "prune.after_commit" else None)
        ticks = harness.runtime.pruning
        assert (ticks.tick(), parts) == (Counted(), [])  # what is to go is added to the totals first
        first = ticks.tick()
        assert 1 <= first.runs <= max(1, 4 // facts)
        assert len(parts) == 1
        left = counts(harness)["runs"]
        undo = failpoints.listen(_failing)
        with pytest.raises(RuntimeError, match="on purpose"):
            ticks.tick()
        undo()
        assert counts(harness)["runs"] == left
        assert prune(harness).runs == left
        remove()


def _failing(name: str) -> None:
    if name == "prune.before_commit":
        raise RuntimeError("on purpose")


def test_a_process_rests_when_it_has_gone_through_everything(sqlite_url: str) -> None:
    times = [0.0]
    with a_harness(sqlite_url) as harness:
        some_runs(harness, 1)
        ticking = Pruning(harness.runtime.database, Kept(10), stopwatch=lambda: times[0])
        while ticking._rests_until < 0:
            assert ticking.tick() == Counted()
        harness.skip(11 * DAY)
        assert ticking.tick() == Counted()
        times[0] = pruning.REST_SECONDS
        assert ticking.tick() == Counted()  # adds to the totals what is to go
        assert ticking.tick() == Counted(runs=1)


@pytest.mark.parametrize("statement", ["DELETE FROM journal", "UPDATE journal SET attempt = 9", "DELETE FROM runs"])
def test_the_database_refuses_to_delete_what_is_needed(database_url: str, statement: str) -> None:
    with a_harness(database_url) as harness:
        harness.send("test/slow")
        harness.drain()
        with harness.runtime.database.engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="refused"):
            connection.exec_driver_sql(statement)


def test_what_is_old_enough_is_counted(sqlite_url: str) -> None:
    with a_harness(sqlite_url) as harness:
        some_runs(harness, 2)
        harness.skip(11 * DAY)
        assert Pruning(harness.runtime.database, Kept(10, 10, 10)).count() == Counted(2, 2, 2)
        assert Pruning(harness.runtime.database, Kept(audit_days=12)).count() == Counted()
        assert counts(harness)["runs"] == 2
