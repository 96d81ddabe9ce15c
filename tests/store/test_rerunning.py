"""Runs are repeated from any of their steps: what comes after it is executed again, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.errors import Conflict, InvalidInput, NotFound
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.rerunning import LATEST, Again


def _counting() -> tuple[Registry, list[str]]:
    registry, calls = a_registry(), []

    @registry.action("note")
    def note(ctx: StepContext, value: Any = None) -> Any:
        calls.append(ctx.step.node_id)
        return value

    return registry, calls


def _diamond() -> dict[str, Any]:
    """A diamond with an arm that fails at first, and a branch beside it."""
    return (
        a_workflow()
        .action("start", kind="note", inputs={"value": "!ref($.event.data.n)"})
        .action("left", kind="note", inputs={"value": "!ref($.state.start)"})
        .action("right", kind="note", inputs={"value": "right"})
        .action("join", kind="note", inputs={"value": ["!ref($.state.left)", "!ref($.state.right)"]}, join="all")
        .action("aside", kind="note", inputs={"value": "aside"})
        .path("$source", "start", "left", "join")
        .path("start", "right", "join")
        .path("$source", "aside")
        .trigger("test/happened")
        .document()
    )


def _run(harness: Harness, document: dict[str, Any], data: Any = None) -> str:
    harness.deploy(document)
    harness.send("test/happened", data)
    harness.drain()
    (row,) = harness.rows("SELECT id FROM runs WHERE parent_run_id IS NULL")
    return str(row["id"])


def _again(harness: Harness, run_id: str, **how: Any) -> dict[str, Any]:
    new_id = harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id, Again(**how))
    harness.drain()
    (row,) = harness.rows("SELECT * FROM runs WHERE id = :id", id=new_id)
    assert row["rerun_of"] == run_id
    return row


def test_from_an_arm_of_a_diamond_that_arm_and_the_join_are_executed_again_and_nothing_else(database_url: str) -> None:
    registry, calls = _counting()
    with a_runtime(database_url, registry) as harness:
        run_id = _run(harness, _diamond(), {"n": 1})
        before = harness.rows("SELECT * FROM journal WHERE run_id = :id", id=run_id)
        calls.clear()
        row = _again(harness, run_id, from_step="left")
        assert calls == ["left", "join"]
        assert json.loads(row["output"]) == {"join": [1, "right"], "aside": "aside"}
        kept = harness.rows("SELECT step_key FROM journal WHERE run_id = :id AND data LIKE '%\"kept\"%'", id=row["id"])
        assert sorted(each["step_key"] for each in kept) == ["aside", "right", "start"]
        assert harness.rows("SELECT * FROM journal WHERE run_id = :id", id=run_id) == before


def test_a_step_may_be_given_other_inputs_which_are_data_and_are_checked(database_url: str) -> None:
    registry, _ = _counting()
    with a_runtime(database_url, registry) as harness:
        run_id = _run(harness, _diamond(), {"n": 1})
        row = _again(harness, run_id, from_step="left", inputs={"value": "!ref($.event.data.n)"})
        assert json.loads(row["output"])["join"] == ["!ref($.event.data.n)", "right"]
        again = _again(harness, row["id"], from_step="join")
        assert json.loads(again["output"])["join"] == ["!ref($.event.data.n)", "right"]


def test_edited_inputs_that_do_not_fit_fail_the_step(database_url: str) -> None:
    document = (
        a_workflow()
        .action("mail", kind="emit_event", inputs={"name": "a/b"})
        .path("$source", "mail")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url) as harness:
        row = _again(harness, _run(harness, document), from_step="mail", inputs={"name": 7})
        assert row["status"] == "failed"
        assert "invalid input for 'name'" in row["error"]


def test_a_failed_run_goes_on_from_where_it_failed(database_url: str) -> None:
    registry, calls = _counting()
    fails = [True]

    @registry.action("flaky", retries=0)
    def flaky() -> str:
        if fails[0]:
            raise RuntimeError("not yet")
        return "at last"

    document = (
        a_workflow()
        .action("first", kind="note")
        .action("flaky", kind="flaky")
        .action("last", kind="note", inputs={"value": "!ref($.state.flaky)"})
        .path("$source", "first", "flaky", "last")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url, registry) as harness:
        run_id = _run(harness, document)
        fails[0] = False
        row = _again(harness, run_id, from_step="flaky")
        assert (row["status"], json.loads(row["output"])) == ("completed", {"last": "at last"})
        assert calls == ["first", "last"]


def test_results_are_kept_on_a_newer_version_as_far_as_the_ids_are_the_same(database_url: str) -> None:
    registry, calls = _counting()
    with a_runtime(database_url, registry) as harness:
        run_id = _run(harness, _diamond(), {"n": 1})
        document = _diamond()
        document["actions"].append({"id": "new", "kind": "note", "inputs": {"value": "!ref($.state.join)"}})
        document["edges"].append({"from": "join", "to": "new"})
        document["edges"].append({"from": "start", "to": "new"})
        harness.deploy(document)
        calls.clear()
        row = _again(harness, run_id, from_step="join", version=LATEST)
        assert row["version"] == 2
        assert calls == ["join", "new"]
        assert json.loads(row["output"]) == {"new": [1, "right"], "aside": "aside"}


def test_a_way_on_that_is_another_one_by_now_is_decided_anew(database_url: str) -> None:
    registry, calls = _counting()

    def document(value: Any) -> dict[str, Any]:
        made = a_workflow().action("first", kind="note", inputs={"value": "!ref($.event.data.n)"})
        made.action("last", kind="note").path("$source", "first").trigger("test/happened")
        condition = {"type": "match", "ref": "!ref($.output)", "value": value}
        edges = [{"from": "$source", "to": "first"}, {"from": "first", "to": "last", "conditional": condition}]
        return {**made.document(), "edges": edges}

    with a_runtime(database_url, registry) as harness:
        run_id = _run(harness, document(1), {"n": 1})
        harness.deploy(document(2))
        calls.clear()
        assert _again(harness, run_id, from_step="last", version=LATEST)["status"] == "completed"
        assert calls == []
        _again(harness, run_id, from_step="last")
        assert calls == ["last"]


def test_the_whole_run_may_be_repeated_with_other_data_under_an_event_of_its_own(database_url: str) -> None:
    registry, _ = _counting()
    with a_runtime(database_url, registry) as harness:
        run_id = _run(harness, _diamond(), {"n": 1})
        row = _again(harness, run_id, data={"n": 9})
        assert json.loads(row["output"])["join"] == [9, "right"]
        events = harness.rows("SELECT data FROM events WHERE name = 'test/happened' ORDER BY data")
        assert [json.loads(event["data"]) for event in events] == [{"n": 1}, {"n": 9}]


def test_a_function_goes_on_from_one_of_its_steps(database_url: str) -> None:
    registry, calls = a_registry(), []

    def note(name: str) -> str:
        calls.append(name)
        return name

    @registry.action("durable")
    def durable(ctx: StepContext) -> list[Any]:
        return [ctx.step.run(name, note, name) for name in ("a", "b", "c")]

    document = a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/happened").document()
    with a_runtime(database_url, registry) as harness:
        run_id = _run(harness, document)
        calls.clear()
        row = _again(harness, run_id, from_step="d/b")
        assert json.loads(row["output"]) == {"d": ["a", "b", "c"]}
        assert calls == ["b", "c"]


def test_one_item_of_a_loop_is_executed_again(database_url: str) -> None:
    registry, calls = a_registry(), []

    @registry.action("work")
    def work(value: Any) -> Any:
        calls.append(value)
        return value

    document = (
        a_workflow()
        .action("each", kind="builtin:for_each", inputs={"items": "!ref($.event.data.items)", "key": "item"})
        .action("last", kind="noop", inputs={"value": "!ref($.state.each.items)"})
        .path("$source", "each", "last")
        .trigger("test/happened")
        .document()
    )
    document["actions"][0]["body"] = {
        "actions": [{"id": "w", "kind": "work", "inputs": {"value": "!ref($.item)"}}],
        "edges": [{"from": "$source", "to": "w"}],
    }
    with a_runtime(database_url, registry) as harness:
        run_id = _run(harness, document, {"items": ["x", "y", "z"]})
        calls.clear()
        row = _again(harness, run_id, from_step="each[y]")
        assert calls == ["y"]
        first = harness.rows("SELECT output FROM runs WHERE id = :id", id=run_id)
        assert row["output"] == first[0]["output"]


@pytest.mark.parametrize(
    ("how", "pointer"),
    [
        ({"from_step": "nowhere"}, "/from_step"),
        ({"from_step": "left[x]"}, "/from_step"),
        ({"from_step": "left/never"}, "/from_step"),
        ({"from_step": "["}, "/from_step"),
        ({"inputs": {}}, "/inputs"),
        ({"from_step": "left/x", "inputs": {}}, "/inputs"),
        ({"data": [1]}, "/data"),
        ({"version": "newest"}, "/version"),
    ],
)
def test_what_cannot_be_repeated_is_refused_with_its_place(
    database_url: str, how: dict[str, Any], pointer: str
) -> None:
    with a_runtime(database_url, _counting()[0]) as harness:
        run_id = _run(harness, _diamond(), {"n": 1})
        with pytest.raises(InvalidInput) as refused:
            harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id, Again(**how))
        assert [problem.pointer for problem in refused.value.problems] == [pointer]
        assert len(harness.rows("SELECT id FROM runs")) == 1


def test_a_version_that_does_not_exist_and_a_run_of_another_tenant_are_not_found(database_url: str) -> None:
    with a_runtime(database_url, _counting()[0]) as harness:
        run_id = _run(harness, _diamond(), {"n": 1})
        calls: list[Callable[[], str]] = [
            lambda: harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id, Again(version=9)),
            lambda: harness.runtime.rerunning.rerun(Scope("default", "other"), run_id),
        ]
        for call in calls:
            with pytest.raises(NotFound):
                call()


def test_a_part_of_a_run_is_not_repeated_by_itself(database_url: str) -> None:
    document = (
        a_workflow()
        .action("each", kind="builtin:for_each", inputs={"items": [1]})
        .path("$source", "each")
        .trigger("test/happened")
        .document()
    )
    document["actions"][0]["body"] = {
        "actions": [{"id": "w", "kind": "noop"}],
        "edges": [{"from": "$source", "to": "w"}],
    }
    with a_runtime(database_url) as harness:
        _run(harness, document)
        (item,) = harness.rows("SELECT id FROM runs WHERE parent_run_id IS NOT NULL")
        with pytest.raises(Conflict):
            harness.runtime.rerunning.rerun(DEFAULT_SCOPE, item["id"])
