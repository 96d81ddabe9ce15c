"""What follows the end of a function's run: a handler for failures, another one for cancellations."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from functions import Code, happen

from workflowkit import Event
from workflowkit.base.errors import NonRetriableError
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import AsyncStepContext, StepContext


def _fail(ctx: StepContext) -> None:
    raise NonRetriableError("no money")


def test_a_failed_run_is_handled_once_with_its_error_and_its_event(database_url: str) -> None:
    code = Code()
    seen: list[Any] = []

    def handle(ctx: StepContext) -> None:
        seen.append((ctx.run.workflow_id, ctx.run.tenant, ctx.event["data"]))

    code.function("pay", on_failure=handle, on_cancel=lambda ctx: seen.append("cancelled"))(_fail)
    with code.running(database_url) as harness:
        event_id = happen(harness, {"n": 1}, scope=Scope("default", "acme"))
        ((workflow_id, tenant, data),) = seen
        assert (workflow_id, tenant) == ("shop/pay-failure", "acme")
        assert (data["workflow_id"], data["status"]) == ("shop/pay", "failed")
        assert (data["error"]["name"], data["error"]["message"]) == ("NonRetriableError", "no money")
        assert (data["event"]["id"], data["event"]["data"]) == (event_id, {"n": 1})
        (run,) = harness.rows("SELECT id FROM runs WHERE workflow_id = 'shop/pay'")
        assert data["run_id"] == run["id"]


def test_a_failure_is_handled_after_all_retries_only(database_url: str) -> None:
    code, order = Code(), []

    @code.function("pay", retries=1, on_failure=lambda ctx: order.append("handled"))
    def pay(ctx: StepContext) -> None:
        order.append("attempt")
        raise RuntimeError("again")

    with code.running(database_url) as harness:
        happen(harness)
        assert order == ["attempt"]
        harness.skip(60)
        assert order == ["attempt", "attempt", "handled"]


def test_a_cancelled_run_is_cleaned_up_after_once_and_is_no_failure(database_url: str) -> None:
    code = Code()
    seen: list[Any] = []

    async def clean_up(ctx: AsyncStepContext) -> None:
        seen.append(await ctx.step.run("note", lambda: ctx.event["data"]["event"]["data"]))

    async def fail(ctx: AsyncStepContext) -> None:
        seen.append("failed")

    @code.function("order", on_cancel=clean_up, on_failure=fail)
    async def order(ctx: AsyncStepContext) -> None:
        await ctx.step.sleep("nap", "1d")

    with code.running(database_url) as harness:
        happen(harness, {"id": "a"})
        run_id = harness.run()["id"]
        for _ in range(2):
            harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)
        harness.runtime.relay.tick()
        harness.skip(5)
        assert seen == [{"id": "a"}]


@pytest.mark.parametrize("cause", ["api", "event", "start", "finish"])
def test_a_cancelled_run_is_cleaned_up_after_once_whatever_cancelled_it(database_url: str, cause: str) -> None:
    code = Code()
    seen: list[Any] = []

    @code.function(
        "order",
        trigger=Event("order/placed"),
        cancel_on=[{"event": "order/withdrawn", "match": "data.id"}],
        timeouts={"start": "1h", "finish": "5h"},
        on_cancel=lambda ctx: seen.append(ctx.event["data"]["event"]["data"]["id"]),
    )
    def order(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1d")

    with code.running(database_url) as harness:
        ids = ["a"] if cause == "start" else ["a", "b"]
        for order_id in ids:
            harness.send("order/placed", {"id": order_id})
        if cause == "start":
            harness.match()
            harness.dispatcher.waiting.clear()
            harness.clock.advance(seconds=3_600)
        else:
            harness.drain()
        match cause:
            case "api":
                query = "SELECT runs.id FROM runs JOIN events ON events.id = runs.event_id WHERE events.data = :data"
                (run,) = harness.rows(query, data='{"id":"a"}')
                harness.runtime.control.cancel(DEFAULT_SCOPE, run["id"])
            case "event":
                happen(harness, {"id": "a"}, name="order/withdrawn")
            case "finish":
                harness.clock.advance(seconds=5 * 3_600)
        for _ in range(3):
            harness.skip(5)
        assert sorted(seen) == (["a", "b"] if cause == "finish" else ["a"])


def test_handlers_hear_of_their_own_function_only(database_url: str) -> None:
    code, seen = Code(), []
    code.function("a", on_failure=lambda ctx: seen.append("a"))(_fail)
    code.function("b", on_failure=lambda ctx: seen.append("b"))(lambda ctx: None)
    with code.running(database_url) as harness:
        harness.deploy(
            a_workflow().action("x", "boom", retries=0).path("$source", "x").trigger("test/happened").document()
        )
        happen(harness)
        assert seen == ["a"]


def test_a_handler_that_fails_is_tried_once_and_starts_nothing_of_its_own(database_url: str) -> None:
    code, attempts = Code(), []

    def handle(ctx: StepContext) -> None:
        attempts.append(ctx.attempt)
        raise RuntimeError("I cannot either")

    code.function("pay", on_failure=handle)(_fail)
    with code.running(database_url) as harness:
        happen(harness)
        for _ in range(5):
            harness.skip(3600)
        assert attempts == [0]
        assert len(harness.rows("SELECT id FROM runs")) == 2


def test_a_failure_of_an_older_version_is_handled_although_a_newer_one_is_in_force(database_url: str) -> None:
    code, seen = Code("1"), []

    @code.function("pay", on_failure=lambda ctx: seen.append("handled"))
    def pay(ctx: StepContext) -> None:
        ctx.step.sleep("nap", 60)
        raise NonRetriableError("no")

    with code.running(database_url) as harness:
        happen(harness)
        again = Code("2")
        again.function("pay", triggers=[], on_failure=lambda ctx: None)(_fail)
        again.sync(harness)
        harness.skip(60)
        assert seen == ["handled"]
