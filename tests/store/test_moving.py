"""Runs that wait are moved to another version: the past stays, what comes is new, and nothing changes in between."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit.base.errors import Conflict, InvalidInput, NotFound
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.moving import Moved
from workflowkit.store import timers
from workflowkit.store.statements import Sql
from workflowkit.store.timers import TimerRow

HOUR = 3_600


def _registry() -> tuple[Registry, list[str]]:
    registry, calls = a_registry(), []

    @registry.action("note")
    def note(ctx: StepContext) -> str:
        calls.append(ctx.step.node_id)
        return ctx.step.node_id

    @registry.action("nap")
    def nap(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    return registry, calls


def _document(*paths: tuple[str, ...], **kinds: str) -> dict[str, Any]:
    """A workflow of notes, but for those of another kind."""
    workflow = a_workflow().trigger("test/happened")
    for node_id in dict.fromkeys(node_id for path in paths for node_id in path if node_id != "$source"):
        workflow.action(node_id, kind=kinds.get(node_id, "note"))
    for path in paths:
        workflow.path(*path)
    return workflow.document()


OLD = _document(("$source", "first", "wait", "last"), wait="nap")


def _start(harness: Harness, document: dict[str, Any]) -> str:
    harness.deploy(document)
    harness.send("test/happened")
    harness.drain()
    return str(harness.run()["id"])


def _move(harness: Harness, run_id: str, document: dict[str, Any], **how: Any) -> Moved:
    harness.deploy(document)
    moved = harness.runtime.moving.move(DEFAULT_SCOPE, run_id, **how)
    harness.drain()
    return moved


def _end(harness: Harness) -> dict[str, Any]:
    harness.skip(HOUR)
    harness.drain()
    return harness.run()


def test_a_run_stays_on_its_version_unless_it_is_moved(database_url: str) -> None:
    registry, calls = _registry()
    with a_runtime(database_url, registry) as harness:
        _start(harness, OLD)
        harness.deploy(_document(("$source", "first", "wait", "other"), wait="nap"))
        assert _end(harness)["status"] == "completed"
        assert calls == ["first", "last"]
        assert harness.run()["version"] == 1


def test_what_a_run_has_not_come_to_is_as_the_new_version_has_it(database_url: str) -> None:
    registry, calls = _registry()
    with a_runtime(database_url, registry) as harness:
        run_id = _start(harness, OLD)
        new = _document(("$source", "first", "wait", "other", "end"), ("first", "aside"), wait="nap")
        moved = _move(harness, run_id, new)
        assert (moved.is_moved, moved.version, moved.problems) == (True, 2, ())
        assert set(moved.added) == {"aside", "other", "end"}
        assert calls == ["first", "aside"], "a new branch behind what has ended begins at once"
        run = _end(harness)
        assert (run["status"], run["version"]) == ("completed", 2)
        assert calls == ["first", "aside", "other", "end"]
        assert loads(run["output"]) == {"aside": "aside", "end": "end"}


def test_a_step_that_has_ended_may_be_gone(database_url: str) -> None:
    registry, calls = _registry()
    with a_runtime(database_url, registry) as harness:
        run_id = _start(harness, OLD)
        moved = _move(harness, run_id, _document(("$source", "wait", "last"), wait="nap"))
        assert (moved.is_moved, moved.removed) == (True, ("first",))
        assert _end(harness)["status"] == "completed"
        assert calls == ["first", "last"]
        assert ("completed", "first") in harness.journal()


def test_a_run_whose_rest_is_gone_ends_when_it_has_waited(database_url: str) -> None:
    registry, calls = _registry()
    with a_runtime(database_url, registry) as harness:
        run_id = _start(harness, OLD)
        assert _move(harness, run_id, _document(("$source", "first", "wait"), wait="nap")).is_moved
        assert _end(harness)["status"] == "completed"
        assert calls == ["first"]


@pytest.mark.parametrize(
    ("document", "code", "pointer"),
    [
        (_document(("$source", "new", "first", "wait", "last"), wait="nap"), "inserted-before-finished", "/actions/0"),
        (_document(("$source", "first", "new", "wait", "last"), wait="nap"), "inserted-before-finished", "/actions/1"),
        (_document(("$source", "first", "last")), "active-step-missing", ""),
        (_document(("$source", "first", "wait", "last")), "active-step-changed", "/actions/1"),
    ],
)
def test_what_would_change_the_past_is_said_and_changes_nothing(
    database_url: str, document: dict[str, Any], code: str, pointer: str
) -> None:
    registry, calls = _registry()
    with a_runtime(database_url, registry) as harness:
        run_id = _start(harness, OLD)
        before = harness.journal()
        moved = _move(harness, run_id, document)
        assert not moved.is_moved
        assert [(problem.code, problem.pointer) for problem in moved.problems] == [(code, pointer)]
        assert harness.journal() == before
        assert _end(harness)["status"] == "completed"
        assert (harness.run()["version"], calls) == (1, ["first", "last"])


def test_a_dry_run_changes_nothing(database_url: str) -> None:
    registry, calls = _registry()
    with a_runtime(database_url, registry) as harness:
        run_id = _start(harness, OLD)
        before = harness.journal()
        moved = _move(harness, run_id, _document(("$source", "first", "wait", "other"), wait="nap"), dry_run=True)
        assert (moved.is_moved, moved.problems, moved.added) == (False, (), ("other",))
        assert harness.journal() == before
        assert (_end(harness)["version"], calls) == (1, ["first", "last"])


def test_a_run_is_moved_twice_and_back(database_url: str) -> None:
    registry, calls = _registry()
    with a_runtime(database_url, registry) as harness:
        run_id = _start(harness, OLD)
        assert _move(harness, run_id, _document(("$source", "wait", "other"), wait="nap")).is_moved
        assert harness.runtime.moving.move(DEFAULT_SCOPE, run_id, 1).is_moved
        assert not harness.runtime.moving.move(DEFAULT_SCOPE, run_id, 1).is_moved
        run = _end(harness)
        assert (run["status"], run["version"], calls) == ("completed", 1, ["first", "last"])


def test_a_run_of_a_batch_has_all_its_events_where_it_goes_on(database_url: str) -> None:
    registry, calls = _registry()
    with a_runtime(database_url, registry) as harness:
        batch = {"settings": {"batch": {"max_size": 2, "timeout": "1m"}}}
        harness.deploy(OLD | batch)
        for n in range(2):
            harness.send("test/happened", {"n": n})
        harness.drain()
        run_id = str(harness.run()["id"])
        new = _document(("$source", "first", "wait", "last"), ("first", "aside", "tail"), wait="nap") | batch
        (aside,) = (action for action in new["actions"] if action["id"] == "aside")
        aside["settings"] = {"disabled": True}
        (behind,) = (edge for edge in new["edges"] if edge["from"] == "aside")
        behind["conditional"] = {"type": "match", "ref": "!ref($.events[1].data.n)", "value": 1}
        assert _move(harness, run_id, new).is_moved
        assert _end(harness)["status"] == "completed"
        assert calls == ["first", "tail", "last"]


def test_a_loop_that_is_on_its_way_stays(database_url: str) -> None:
    registry, _ = _registry()
    with a_runtime(database_url, registry) as harness:
        body = a_workflow().action("wait", kind="nap").path("$source", "wait").document()
        loop = {
            "kind": "builtin:for_each",
            "inputs": {"items": [1, 2]},
            "body": {k: body[k] for k in ("actions", "edges")},
        }
        document = _document(("$source", "loop"))
        document["actions"][0] = {"id": "loop", **loop}
        harness.deploy(document)
        harness.send("test/happened")
        harness.drain()
        (row,) = harness.rows("SELECT id FROM runs WHERE path IS NULL")
        run_id = str(row["id"])
        longer = _document(("$source", "loop", "last"))
        longer["actions"][0] = document["actions"][0]
        moved = _move(harness, run_id, longer)
        assert [problem.code for problem in moved.problems] == ["active-step-changed"]
        (part, *_) = harness.rows("SELECT id FROM runs WHERE path IS NOT NULL")
        with pytest.raises(Conflict, match="part of a run"):
            harness.runtime.moving.move(DEFAULT_SCOPE, str(part["id"]))


def test_a_run_is_not_moved_while_a_step_of_it_runs_or_when_it_has_ended(database_url: str) -> None:
    registry, _ = _registry()
    with a_runtime(database_url, registry) as harness:
        harness.deploy(OLD)
        harness.send("test/happened")
        harness.claim()
        run_id = str(harness.run()["id"])
        with pytest.raises(Conflict, match="is running"):
            harness.runtime.moving.move(DEFAULT_SCOPE, run_id)
        harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)
        with pytest.raises(Conflict, match="has ended"):
            harness.runtime.moving.move(DEFAULT_SCOPE, run_id)


def test_only_runs_of_the_tenant_and_versions_that_there_are(database_url: str) -> None:
    registry, _ = _registry()
    with a_runtime(database_url, registry) as harness:
        run_id = _start(harness, OLD)
        with pytest.raises(NotFound):
            harness.runtime.moving.move(Scope(DEFAULT_SCOPE.environment, "other"), run_id)
        with pytest.raises(NotFound):
            harness.runtime.moving.move(DEFAULT_SCOPE, run_id, 7)
        with pytest.raises(InvalidInput):
            harness.runtime.moving.move(DEFAULT_SCOPE, run_id, "newest")
        assert harness.run()["version"] == 1


# --- what watches over a run


def _watched(*paths: tuple[str, ...], **settings: Any) -> dict[str, Any]:
    return _document(*(paths or (("$source", "first", "wait", "last"),)), wait="long") | {"settings": settings}


def _watched_registry() -> Registry:
    registry, _ = _registry()

    @registry.action("long")
    def long(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "10d")

    return registry


BY_N = {"event": "test/stop", "match": "data.n"}


def _stop(harness: Harness, n: int = 1) -> dict[str, Any]:
    harness.clock.advance(seconds=1)
    harness.send("test/stop", {"n": n})
    harness.drain()
    harness.skip(1)
    return harness.run()


def _watches(harness: Harness) -> list[str]:
    found = harness.rows("SELECT kind FROM timers UNION ALL SELECT wait_key AS kind FROM waits WHERE state = 'open'")
    return sorted(row["kind"] for row in found)


def test_a_run_leaves_the_limits_and_the_rules_of_its_old_version_behind(database_url: str) -> None:
    with a_runtime(database_url, _watched_registry()) as harness:
        old = _watched(timeouts={"finish": "1h"}, cancel_on=[{"event": "test/stop"}])
        run_id = _start(harness, old)
        assert _move(harness, run_id, _watched(retries=1)).is_moved
        assert _watches(harness) == []
        harness.skip(HOUR)
        assert _stop(harness)["status"] == "waiting"
        harness.skip(10 * 24 * HOUR)
        assert harness.run()["status"] == "completed"


def test_a_moved_run_is_cancelled_by_the_events_of_its_new_version_that_come_from_then_on(database_url: str) -> None:
    with a_runtime(database_url, _watched_registry()) as harness:
        harness.deploy(_watched())
        harness.send("test/happened", {"n": 1})
        harness.drain()
        assert _stop(harness)["status"] == "waiting"
        assert _move(harness, harness.run()["id"], _watched(cancel_on=[BY_N])).is_moved
        harness.skip(1)
        assert harness.run()["status"] == "waiting"
        assert _stop(harness, 2)["status"] == "waiting"
        run = _stop(harness)
        assert (run["status"], run["reason"]) == ("cancelled", "cancelled-by-event")
        assert _watches(harness) == []


def test_a_rule_that_both_versions_have_holds_through_the_move(database_url: str) -> None:
    with a_runtime(database_url, _watched_registry()) as harness:
        harness.deploy(_watched(cancel_on=[BY_N]))
        harness.send("test/happened", {"n": 1})
        harness.drain()
        new = _watched(cancel_on=[{"event": "test/other"}, BY_N], timeouts={"finish": "20d"})
        for _ in range(2):
            assert _move(harness, harness.run()["id"], new).is_moved
            assert harness.runtime.moving.move(DEFAULT_SCOPE, harness.run()["id"], 1).is_moved
        assert _move(harness, harness.run()["id"], new).is_moved
        assert _watches(harness) == ["$cancel/0", "$cancel/1", "run.finish-timeout", "run.listen"]
        assert _stop(harness)["status"] == "cancelled"
        assert _watches(harness) == []


@pytest.mark.parametrize("turn", range(6))
def test_an_event_and_a_move_at_the_same_moment_cancel_the_run(database_url: str, turn: int) -> None:
    with a_runtime(database_url, _watched_registry()) as harness:
        harness.deploy(_watched(cancel_on=[BY_N]))
        harness.send("test/happened", {"n": 1})
        harness.drain()
        run_id = str(harness.run()["id"])
        harness.deploy(_watched(cancel_on=[{"event": "test/other"}, BY_N]))
        harness.clock.advance(seconds=1)
        harness.send("test/stop", {"n": 1})
        outcomes = at_once(lambda: harness.runtime.moving.move(DEFAULT_SCOPE, run_id), harness.deliver)
        assert {type(outcome) for outcome in outcomes} <= {Moved, Conflict, bool}
        harness.drain()
        harness.skip(1)
        assert harness.run()["status"] == "cancelled"
        assert _watches(harness) == []


def test_an_event_that_is_matched_while_a_run_is_moved_is_found_by_the_second_look(database_url: str) -> None:
    with a_runtime(database_url, _watched_registry()) as harness:
        harness.deploy(_watched())
        harness.send("test/happened", {"n": 1})
        harness.drain()
        harness.deploy(_watched(cancel_on=[BY_N]))
        assert harness.runtime.moving.move(DEFAULT_SCOPE, harness.run()["id"]).is_moved
        harness.clock.advance(seconds=0.01)
        # As if its transaction had looked for listeners just before the move was committed.
        harness.send("test/stop", {"n": 1})
        harness.dispatcher.waiting.clear()
        with harness.runtime.database.transaction("match") as tx:
            tx.run(Sql("DELETE FROM pending_events"))
        harness.skip(1)
        assert harness.run()["reason"] == "cancelled-by-event"


@pytest.mark.parametrize(("limit", "seconds"), [("2h", HOUR), ("3h", 2 * HOUR), ("30m", 0)])
def test_the_time_limits_of_the_new_version_count_from_the_beginning_of_the_run(
    database_url: str, limit: str, seconds: int
) -> None:
    with a_runtime(database_url, _watched_registry()) as harness:
        run_id = _start(harness, _watched(timeouts={"finish": "10d"}))
        harness.skip(HOUR)
        assert _move(harness, run_id, _watched(timeouts={"finish": limit})).is_moved
        if seconds:
            harness.skip(seconds - 1)
            assert harness.run()["status"] == "waiting"
        harness.skip(1)
        assert harness.run()["reason"] == "finish-timeout"
        assert _watches(harness) == []


def test_a_queued_run_has_the_time_to_begin_that_its_new_version_gives_it(database_url: str) -> None:
    queue: dict[str, Any] = {"concurrency": {"limit": 1, "mode": "runs"}}
    with a_runtime(database_url, _watched_registry()) as harness:
        harness.deploy(_watched(**queue, timeouts={"start": "10m"}))
        for _ in range(2):
            harness.send("test/happened")
            harness.drain()
            harness.clock.advance(seconds=1)
        (queued,) = harness.rows("SELECT id FROM runs WHERE started_at_ms IS NULL")
        harness.skip(300)
        assert _move(harness, queued["id"], _watched(**queue, timeouts={"start": "20m"})).is_moved
        harness.skip(880)
        (run,) = harness.rows("SELECT status, reason FROM runs WHERE id = :id", id=queued["id"])
        assert run["status"] == "queued"
        harness.skip(30)
        (run,) = harness.rows("SELECT status, reason FROM runs WHERE id = :id", id=queued["id"])
        assert run == {"status": "cancelled", "reason": "start-timeout"}


@pytest.mark.parametrize(("waited", "status"), [(60, "cancelled"), (2 * HOUR, "waiting")])
def test_a_rule_with_a_time_holds_for_that_time_from_the_beginning_of_the_run(
    database_url: str, waited: int, status: str
) -> None:
    with a_runtime(database_url, _watched_registry()) as harness:
        harness.deploy(_watched())
        harness.send("test/happened", {"n": 1})
        harness.drain()
        harness.skip(waited)
        assert _move(harness, harness.run()["id"], _watched(cancel_on=[BY_N | {"timeout": "1h"}])).is_moved
        assert _stop(harness)["status"] == status


def test_a_run_that_an_event_is_about_to_cancel_is_not_moved_away_from_it(database_url: str) -> None:
    with a_runtime(database_url, _watched_registry()) as harness:
        harness.deploy(_watched(cancel_on=[BY_N]))
        harness.send("test/happened", {"n": 1})
        harness.drain()
        harness.clock.advance(seconds=1)
        harness.send("test/stop", {"n": 1})
        harness.drain()
        harness.deploy(_watched())
        with pytest.raises(Conflict, match="about to be cancelled"):
            harness.runtime.moving.move(DEFAULT_SCOPE, harness.run()["id"])
        harness.skip(1)
        assert harness.run()["status"] == "cancelled"


def test_a_limit_of_the_old_version_that_is_just_being_fired_does_nothing(database_url: str) -> None:
    """It has found the run before the move was committed, and was not dropped with the others."""
    with a_runtime(database_url, _watched_registry()) as harness:
        run_id = _start(harness, _watched(timeouts={"finish": "1h"}, cancel_on=[BY_N]))
        with harness.runtime.database.read() as tx:
            old = tx.rows(Sql("SELECT id, kind, data, due_at_ms FROM timers WHERE subject = :id"), id=run_id)
        new = _watched(timeouts={"finish": "10h"}, cancel_on=[{"event": "test/other"}])
        assert _move(harness, run_id, new).is_moved
        with harness.runtime.database.transaction("move") as tx:
            rows = [TimerRow(row[0], row[1], DEFAULT_SCOPE, run_id, row[3], loads(row[2])) for row in old]
            timers.plan(tx, rows)
        harness.skip(2 * HOUR)
        assert harness.run()["status"] == "waiting"
        harness.skip(9 * HOUR)
        assert harness.run()["reason"] == "finish-timeout"
