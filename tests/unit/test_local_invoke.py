"""Sub-workflows in memory: what they give and how long they take, without a database."""

from __future__ import annotations

from typing import Any

from builders import a_workflow, an_event
from knownworkflows import KnownWorkflows
from runtimes import a_registry

from workflowkit.definition import build
from workflowkit.definition.model import Workflow
from workflowkit.engine.context import StepContext
from workflowkit.engine.local import LocalOptions, LocalResult, run
from workflowkit.registry import Registry


def _registry() -> Registry:
    registry = a_registry()

    @registry.action("nap")
    def nap(ctx: StepContext, seconds: float) -> float:
        ctx.step.sleep("nap", seconds)
        return seconds

    return registry


def _call(target: str, workflows: dict[str, Workflow], data: Any = None, **inputs: Any) -> LocalResult:
    document = a_workflow().action("call", "builtin:run_workflow", {"workflow": target, "data": data or {}} | inputs)
    registry = _registry()
    options = LocalOptions(outside=KnownWorkflows(workflows.get, registry))
    return run(document.path("$source", "call").build(), an_event(), registry, options=options)


def test_another_workflow_is_run_if_it_is_known() -> None:
    nap = a_workflow("nap").action("n", "nap", {"seconds": "!ref($.event.data.seconds)"}).path("$source", "n").build()

    result = _call("nap", {"nap": nap}, {"seconds": 60})

    assert (result.output, result.skipped_ms) == ({"call": {"n": 60}}, 60_000)


def test_another_workflow_is_waited_for_no_longer_than_was_said() -> None:
    nap = a_workflow("nap").action("n", "nap", {"seconds": 3600}).path("$source", "n").build()

    result = _call("nap", {"nap": nap}, timeout="1m")

    assert (_error(result), result.skipped_ms) == ("the run has not ended in time", 60_000)


def test_of_a_workflow_that_is_not_known_the_outside_says_what_it_comes_to() -> None:
    assert _error(_call("unknown", {}, timeout="1m")) == "the run has not ended in time"


def test_another_workflow_that_fails_or_does_not_take_the_data_fails_the_step() -> None:
    boom = a_workflow("boom").action("b", "boom", retries=0).path("$source", "b").document()
    picky = boom | {"inputs": {"type": "object", "required": ["n"]}}

    assert _error(_call("boom", {"boom": build(boom)})) == "the run of 'boom' failed: boom"
    assert "/data" in _error(_call("picky", {"picky": build(picky)}))


def test_a_workflow_that_runs_itself_comes_to_an_end_in_memory_too() -> None:
    again = a_workflow("again").action("call", "builtin:run_workflow", {"workflow": "again"}).path("$source", "call")

    assert "emitted_event_depth" in _error(_call("again", {"again": again.build()}))


def _error(result: LocalResult) -> str:
    assert result.error is not None
    return result.error.message
