"""Runs that wait are moved to another version: the past stays, what comes is new, and nothing changes in between."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.errors import Conflict, InvalidInput, NotFound
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.moving import Moved

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
