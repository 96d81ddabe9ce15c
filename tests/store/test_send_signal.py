"""``ctx.step.send_signal``: one run resumes another one, once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit import WorkflowKit
from workflowkit.base.errors import StepError
from workflowkit.base.jsonvalue import loads
from workflowkit.registry import Registry


def _registry(*, is_async: bool) -> Registry:
    registry = a_registry()

    @registry.action("waits")
    def waits(ctx: Any) -> Any:
        return ctx.step.wait_for_signal("go", "go-ahead", timeout="1d")

    def sends(ctx: Any) -> Any:
        try:
            return ctx.step.send_signal("tell", "go-ahead", {"by": "Ada"})
        except StepError as error:
            return error.cause_code

    async def sends_async(ctx: Any) -> Any:
        try:
            return (await asyncio.gather(ctx.step.send_signal("tell", "go-ahead", {"by": "Ada"})))[0]
        except StepError as error:
            return error.cause_code

    registry.action("sends")(sends_async if is_async else sends)
    return registry


def _deploy(harness: Harness) -> None:
    for kind in ("waits", "sends"):
        document = a_workflow().action("d", kind=kind).path("$source", "d").trigger(f"test/{kind}").document()
        harness.deploy(document, kind)


def _output(harness: Harness, workflow_id: str) -> Any:
    (row,) = harness.rows("SELECT output FROM runs WHERE workflow_id = :id AND status = 'completed'", id=workflow_id)
    return loads(row["output"])["d"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_signal_from_a_run_resumes_the_one_that_waits_for_it(database_url: str, is_async: bool) -> None:
    with a_runtime(database_url, _registry(is_async=is_async)) as harness:
        _deploy(harness)
        harness.send("test/waits")
        harness.drain()
        (waiting,) = harness.rows("SELECT id FROM runs")
        harness.send("test/sends")
        harness.drain()
        assert _output(harness, "waits") == {"by": "Ada"}
        assert _output(harness, "sends") == waiting["id"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_signal_that_nobody_waits_for_is_an_error_of_its_step(database_url: str, is_async: bool) -> None:
    with a_runtime(database_url, _registry(is_async=is_async)) as harness:
        _deploy(harness)
        harness.send("test/sends")
        harness.drain()
        assert _output(harness, "sends") == "not-found"


def test_in_memory_a_signal_resumes_nobody() -> None:
    wk = WorkflowKit("shop")
    wk.function("fn")(lambda ctx: ctx.step.send_signal("tell", "go-ahead"))
    assert wk.engine.run(wk.registry.functions["shop/fn"], {"name": "x", "data": {}}).output is None
