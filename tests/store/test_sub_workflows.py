"""Workflows that run other workflows: what they give and take is checked, and each knows of the other."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext

INPUTS = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
DOUBLE = (
    a_workflow("Double").action("a", inputs={"value": "!ref($.event.data.n)"}).path("$source", "a").document()
    | {"inputs": INPUTS, "output": {"twice": ["!ref($.state.a)", "!ref($.state.a)"]}}
)  # fmt: skip


def _caller(settings: dict[str, Any] | None = None, **inputs: Any) -> dict[str, Any]:
    document = a_workflow().action("call", "builtin:run_workflow", inputs, **(settings or {})).path("$source", "call")
    return document.trigger("test/happened").document()


def _start(harness: Harness, document: dict[str, Any], target: dict[str, Any] = DOUBLE, **data: Any) -> None:
    harness.deploy(target, "double")
    harness.deploy(document)
    harness.send("test/happened", data)
    harness.drain()


def _runs(harness: Harness) -> dict[str, dict[str, Any]]:
    rows = harness.rows("SELECT * FROM runs")
    return {row["workflow_id"]: row for row in rows}


def test_a_workflow_goes_on_with_what_the_other_one_gives(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        _start(harness, _caller(workflow="double", data={"n": "!ref($.event.data.n)"}), n=4)
        runs = _runs(harness)
        assert loads(runs["test"]["output"]) == {"call": {"twice": [4, 4]}}
        child = runs["double"]
        assert (child["parent_run_id"], child["parent_step"]) == (runs["test"]["id"], "call")
        assert child["path"] is None


@pytest.mark.parametrize("data", [{"n": "4"}, {}])
def test_data_that_the_other_one_does_not_take_fails_the_step_before_it_begins(
    database_url: str, data: dict[str, Any]
) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        _start(harness, _caller(workflow="double", data=data))
        runs = _runs(harness)
        assert runs.keys() == {"test"}
        error = loads(runs["test"]["error"])
        assert "/data" in error["message"]
        assert harness.journal("attempt") == [("attempt", "call"), ("attempt", "call")]  # it waited once, no retry


def test_a_broken_promise_of_the_other_one_fails_the_step(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        _start(harness, _caller(workflow="double", data={"n": 1}), DOUBLE | {"outputs": {"type": "string"}})
        runs = _runs(harness)
        assert loads(runs["double"]["error"])["code"] == "output-mismatch"
        assert "breaks its schema" in loads(runs["test"]["error"])["message"]


def test_without_waiting_the_id_of_the_run_is_known_at_once(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        _start(harness, _caller(workflow="double", data={"n": 4}, wait=False))
        runs = _runs(harness)
        assert loads(runs["test"]["output"]) == {"call": {"run_id": runs["double"]["id"]}}
        assert (runs["double"]["status"], runs["double"]["parent_run_id"]) == ("completed", None)
        (event,) = harness.rows("SELECT name, target, source_run_id FROM events WHERE target IS NOT NULL")
        assert event == {"name": "workflow/run.invoked", "target": "double", "source_run_id": runs["test"]["id"]}


def test_without_waiting_data_that_is_not_taken_is_a_decision(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        _start(harness, _caller(workflow="double", data={"n": "4"}, wait=False))
        assert _runs(harness).keys() == {"test"}
        (decision,) = harness.rows("SELECT workflow_id, reason, detail FROM decisions")
        assert (decision["workflow_id"], decision["reason"]) == ("double", "inputs-refused")
        assert "/data/n" in decision["detail"]


@pytest.mark.parametrize("wait", [True, False])
def test_a_workflow_that_runs_itself_comes_to_an_end(database_url: str, wait: bool) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        harness.deploy(_caller(workflow="test", wait=wait))
        harness.send("test/happened")
        harness.drain()
        assert len(harness.rows("SELECT 1 FROM runs")) == 11
        assert harness.rows("SELECT 1 FROM runs WHERE finished_at_ms IS NULL") == []


def test_the_other_one_goes_along_when_the_run_is_cancelled_unless_it_is_to_be_left_alone(database_url: str) -> None:
    registry = a_registry()

    @registry.action("sleep")
    def sleep(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    sleeping = a_workflow().action("s", "sleep").path("$source", "s").document()
    for on_cancel, ends in (("cancel", "cancelled"), ("abandon", "completed")):
        with a_runtime(database_url, registry) as harness:
            harness.deploy(sleeping, f"sleeper-{on_cancel}")
            harness.deploy(_caller(workflow=f"sleeper-{on_cancel}", on_cancel=on_cancel), f"caller-{on_cancel}")
            harness.runtime.invoking.invoke(DEFAULT_SCOPE, f"caller-{on_cancel}")
            harness.drain()
            runs = _runs(harness)
            harness.runtime.control.cancel(DEFAULT_SCOPE, runs[f"caller-{on_cancel}"]["id"])
            harness.skip(5)
            harness.skip(3600)
            assert _runs(harness)[f"sleeper-{on_cancel}"]["status"] == ends


def test_a_failure_of_the_other_one_can_be_handled(database_url: str) -> None:
    failing = a_workflow().action("bad", "boom", retries=0).path("$source", "bad").document()
    document = _caller({"on_error": "fallback", "fallback": "none"}, workflow="double")
    with a_runtime(database_url, a_registry()) as harness:
        _start(harness, document, failing)
        runs = _runs(harness)
        assert (runs["double"]["status"], loads(runs["test"]["output"])) == ("failed", {"call": "none"})
