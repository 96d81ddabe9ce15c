"""What code functions do: log once, read results back as types, invoke each other, and fetch."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict

import pytest
from functions import Code, happen, output_of
from pydantic import BaseModel
from scripted_server import ScriptedServer, reply

from workflowkit import WorkflowKit
from workflowkit.base.errors import NonRetriableError, RetryAfterError, StepError
from workflowkit.engine.context import AsyncStepContext, StepContext


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="workflowkit.action")
    return caplog


def _lines(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in log.records if record.name == "workflowkit.action"]


def test_a_line_is_logged_once_however_often_the_handler_is_entered(
    database_url: str, log: pytest.LogCaptureFixture
) -> None:
    code, entered = Code(), []

    @code.function()
    def fn(ctx: StepContext) -> None:
        entered.append(ctx.attempt)
        ctx.logger.info("before the first")
        ctx.step.run("first", ctx.logger.info, "in the first")
        ctx.logger.info("between")
        ctx.step.sleep("nap", 60)
        ctx.step.wait_for_event("reply", "user/replied", timeout="1d")
        ctx.logger.info("after the reply")
        ctx.step.run("last", lambda: None)
        ctx.logger.info("at the end")

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(60)
        happen(harness, name="user/replied")
        assert output_of(harness) is None
        assert len(entered) == 3
        assert _lines(log) == ["before the first", "in the first", "between", "after the reply", "at the end"]


def test_a_function_without_steps_logs_once_per_attempt(database_url: str, log: pytest.LogCaptureFixture) -> None:
    code = Code()

    @code.function(retries=1)
    def fn(ctx: StepContext) -> None:
        ctx.logger.info("attempt %s", ctx.attempt)
        if ctx.attempt == 0:
            raise RetryAfterError("later", 5)

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(5)
        output_of(harness)
        assert _lines(log) == ["attempt 0", "attempt 1"]


def test_a_line_before_a_step_that_is_tried_again_is_not_repeated(
    database_url: str, log: pytest.LogCaptureFixture
) -> None:
    code = Code()
    tries: list[int] = []

    @code.function()
    async def fn(ctx: AsyncStepContext) -> None:
        ctx.logger.info("before")
        await ctx.step.run("flaky", _fail_once, tries)
        ctx.logger.info("after")

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(60)
        output_of(harness)
        assert _lines(log) == ["before", "after"]


def _fail_once(tries: list[int]) -> None:
    tries.append(1)
    if len(tries) == 1:
        raise RuntimeError("not yet")


def test_the_events_of_a_run_are_a_list_of_its_event(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        assert ctx.events == [ctx.event]
        return [event["data"] for event in ctx.events]

    with code.running(database_url) as harness:
        happen(harness, {"n": 1})
        assert output_of(harness) == [{"n": 1}]


# --- types


@dataclass(frozen=True)
class Order:
    id: str
    amount: int


class Receipt(BaseModel):
    order: str
    paid: bool = True


class Parcel(TypedDict):
    carrier: str


def test_results_of_steps_come_back_as_their_types_in_every_attempt(database_url: str) -> None:
    code, seen = Code(), []

    @code.function()
    def fn(ctx: StepContext) -> None:
        order = ctx.step.run("order", lambda: Order("1", 5), output_type=Order)
        receipt = ctx.step.run("receipt", lambda: Receipt(order=order.id), output_type=Receipt)
        parcels = ctx.step.run("parcels", lambda: [Parcel(carrier="post")], output_type=list[Parcel])
        seen.append((order, receipt, parcels))
        ctx.step.sleep("nap", 60)

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(60)
        output_of(harness)
        assert seen == [(Order("1", 5), Receipt(order="1"), [{"carrier": "post"}])] * 2


def test_a_type_without_a_json_form_is_refused_before_the_step_is_executed(database_url: str) -> None:
    code = Code()
    executed: list[int] = []

    @code.function()
    def fn(ctx: StepContext) -> None:
        ctx.step.run("x", executed.append, 1, output_type=set)

    with code.running(database_url) as harness:
        happen(harness)
        assert "output_type" in harness.run()["error"]
        assert executed == []


def test_a_recorded_result_that_does_not_fit_the_type_fails_the_run_at_once(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> None:
        ctx.step.run("x", lambda: {"id": "1"}, output_type=Order)

    with code.running(database_url) as harness:
        happen(harness)
        assert "not of the output type" in harness.run()["error"]
        assert harness.journal("retry") == []


# --- invoke


def test_a_function_invokes_another_by_object_and_gets_its_type(database_url: str) -> None:
    code = Code()

    @code.function("charge", triggers=[], output_type=Order)
    def charge(ctx: StepContext) -> Order:
        ctx.step.sleep("bank", 60)
        return Order(ctx.event["data"]["id"], 7)

    @code.function()
    def fn(ctx: StepContext) -> Any:
        order = ctx.step.invoke("charge", charge, {"id": "a"})
        assert isinstance(order, Order)
        return order.amount

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(60)
        assert output_of(harness) == 7
        (child,) = harness.rows("SELECT parent_run_id FROM runs WHERE workflow_id = 'shop/charge'")
        (parent,) = harness.rows("SELECT id FROM runs WHERE workflow_id = 'shop/fn'")
        assert child["parent_run_id"] == parent["id"]


def test_a_function_invokes_one_of_another_application_by_id(database_url: str) -> None:
    shop = Code()
    mail = Code(app_id="mail", registry=shop.registry)
    mail.function("send", triggers=[])(lambda ctx: {"sent": ctx.event["data"]["to"]})

    @shop.function()
    async def fn(ctx: AsyncStepContext) -> Any:
        return await ctx.step.invoke("send", "mail/send", {"to": "ada"})

    with shop.running(database_url) as harness:
        mail.sync(harness)
        happen(harness)
        assert output_of(harness) == {"sent": "ada"}


@pytest.mark.parametrize(
    ("target", "cause"), [("shop/none", "invoke-target-missing"), ("shop/fails", "invoked-run-failed")]
)
def test_what_becomes_of_an_invoked_function_is_final_for_its_caller(
    database_url: str, target: str, cause: str
) -> None:
    code = Code()

    @code.function("fails", triggers=[], retries=2)
    def fails(ctx: StepContext) -> None:
        raise ValueError("no")

    @code.function()
    def fn(ctx: StepContext) -> Any:
        try:
            ctx.step.invoke("call", target)
        except StepError as error:
            return error.cause_code

    with code.running(database_url) as harness:
        happen(harness)
        for _ in range(3):
            harness.skip(60)
        assert output_of(harness) == cause
        assert len([step for _, step in harness.journal("opened") if step == "fn/call"]) == 1


def test_functions_that_invoke_each_other_stop_at_the_depth_limit(database_url: str) -> None:
    code = Code()
    code.function("a", trigger={"event": "test/happened"})(lambda ctx: ctx.step.invoke("b", "shop/b"))
    code.function("b", triggers=[])(lambda ctx: ctx.step.invoke("a", "shop/a"))
    with code.running(database_url) as harness:
        happen(harness)
        runs = harness.rows("SELECT status FROM runs")
        assert len(runs) == 11
        assert {row["status"] for row in runs} == {"failed"}


# --- fetch


def test_an_answer_is_fetched_once_and_kept(database_url: str) -> None:
    code, keys = Code(), []

    def answer(request: Any) -> bytes:
        keys.append(request.headers.get("idempotency-key"))
        return reply(200, b'{"paid": true}', content_type="application/json")

    with ScriptedServer(answer) as server:

        @code.function()
        def fn(ctx: StepContext) -> Any:
            found = ctx.step.fetch("pay", "post", server.url, json={"amount": 5})
            ctx.step.sleep("nap", 60)
            return [found["status"], found["body"]]

        with code.running(database_url) as harness:
            harness.permit(server.host)
            happen(harness)
            harness.skip(60)
            assert output_of(harness) == [200, {"paid": True}]
            assert len(keys) == 1
            assert keys[0]


def test_an_async_function_fetches_side_by_side(database_url: str) -> None:
    import asyncio

    code = Code()
    with ScriptedServer(lambda _: reply(200, b"hello")) as server:

        @code.function()
        async def fn(ctx: AsyncStepContext) -> Any:
            found = await asyncio.gather(*(ctx.step.fetch(f"get-{n}", "GET", server.url) for n in range(2)))
            await ctx.step.sleep("nap", 60)
            return [answer["body"] for answer in found]

        with code.running(database_url) as harness:
            harness.permit(server.host)
            happen(harness)
            harness.skip(60)
            assert output_of(harness) == ["hello", "hello"]


def test_too_many_requests_are_tried_again_when_the_service_says_so(database_url: str) -> None:
    code, asked = Code(), []

    def answer(_request: Any) -> bytes:
        asked.append(1)
        return reply(429, b"", retry_after="90") if len(asked) == 1 else reply(200, b"ok")

    with ScriptedServer(answer) as server:

        @code.function()
        def fn(ctx: StepContext) -> Any:
            return ctx.step.fetch("get", "GET", server.url)["body"]

        with code.running(database_url) as harness:
            harness.permit(server.host)
            happen(harness)
            harness.skip(89)
            assert len(asked) == 1
            harness.skip(1)
            assert output_of(harness) == "ok"


def test_a_private_address_cannot_be_fetched(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        try:
            ctx.step.fetch("get", "GET", "http://169.254.169.254/latest/meta-data")
        except StepError as error:
            return error.cause_code

    with code.running(database_url) as harness:
        happen(harness)
        assert output_of(harness) == "destination-forbidden"


def test_a_body_is_given_once(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> None:
        with pytest.raises(NonRetriableError, match="exclude each other"):
            ctx.step.fetch("get", "POST", "https://example.com", json={}, body="x")

    with code.running(database_url) as harness:
        happen(harness)
        assert output_of(harness) is None


# --- steps of items


@pytest.mark.parametrize("is_async", [False, True])
def test_steps_with_keys_are_the_same_wherever_their_items_stand(database_url: str, is_async: bool) -> None:
    """S2: the source has another order when the handler comes back, and one item more."""
    code, done, source = Code(), [], [list(range(10)), [99, *reversed(range(10))]]

    def load(item: int) -> int:
        done.append(item)
        return item * 10

    def items() -> list[int]:
        return source[0] if len(source) == 1 else source.pop(0)

    if is_async:

        @code.function()
        async def fn(ctx: AsyncStepContext) -> list[int]:
            found = []
            for number, item in enumerate(items()):
                found.append(await ctx.step.run("page", load, item, key=item))
                if number == 5:
                    await ctx.step.sleep("nap", 60)
            return found

    else:

        @code.function()
        def fn(ctx: StepContext) -> list[int]:
            found = []
            for number, item in enumerate(items()):
                found.append(ctx.step.run("page", load, item, key=item))
                if number == 5:
                    ctx.step.sleep("nap", 60)
            return found

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(60)
        assert output_of(harness) == [item * 10 for item in (99, *reversed(range(10)))]
        assert sorted(done) == [*range(10), 99]


@pytest.mark.parametrize("key", ["", 1.5, True, ("a",)])
def test_a_key_that_is_none_is_refused(database_url: str, key: Any) -> None:
    code = Code()

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        ctx.step.run("page", lambda: None, key=key)

    with code.running(database_url) as harness:
        happen(harness)
        assert "a key is text or a whole number" in harness.run()["error"]


def test_a_key_that_comes_twice_is_refused(database_url: str) -> None:
    code = Code()

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        for _ in range(2):
            ctx.step.run("page", lambda: None, key="a")

    with code.running(database_url) as harness:
        happen(harness)
        assert "comes twice with the key 'a'" in harness.run()["error"]


# --- values of conditions


def test_a_condition_of_a_function_reads_the_values_it_is_given(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        least = ctx.step.run("least", lambda: 10)
        found = ctx.step.wait_for_event(
            "paid", "order/paid", timeout="1d", if_="async.data.total >= params.least", params={"least": least}
        )
        return None if found is None else found["data"]["total"]

    with code.running(database_url) as harness:
        happen(harness)
        for total in (9, 10):
            happen(harness, {"total": total}, name="order/paid")
        assert output_of(harness) == 10


@pytest.mark.parametrize("options", [{"if_": "async.data.n > params.n"}, {"params": {"n": 1}}])
def test_values_and_the_condition_that_reads_them_belong_together(database_url: str, options: dict[str, Any]) -> None:
    code = Code()

    @code.function(retries=0)
    def fn(ctx: StepContext) -> None:
        ctx.step.wait_for_event("paid", "order/paid", timeout="1d", **options)

    with code.running(database_url) as harness:
        happen(harness)
        assert "params" in harness.run()["error"]


# --- keyword arguments that the step and the function both have


def put(bucket: str, key: str = "default", retries: int = 1) -> list[Any]:
    return [bucket, key, retries]


@pytest.mark.parametrize("own", [{"key": "users/1.json"}, {"retries": 7}])
@pytest.mark.parametrize("is_async", [False, True])
def test_an_argument_that_the_function_has_too_is_refused_and_not_lost(own: dict[str, Any], is_async: bool) -> None:
    wk = WorkflowKit("app")

    def fn(ctx: StepContext) -> Any:
        return ctx.step.run("s3", put, "b", **own)

    async def async_fn(ctx: AsyncStepContext) -> Any:
        return await ctx.step.run("s3", put, "b", **own)

    function = wk.function("fn", retries=3)(async_fn if is_async else fn)
    result = wk.engine.run(function, {"name": "go", "data": {}})
    name = next(iter(own))
    assert result.error is not None
    assert f"': {name}= is an argument of the step" in result.error.message
    assert f"functools.partial(function, {name}=...)" in result.error.message
    assert not result.error.retryable


def test_a_function_that_has_its_own_already_leaves_the_argument_to_the_step() -> None:
    wk = WorkflowKit("app")

    @wk.function("fn")
    def fn(ctx: StepContext) -> Any:
        return [
            ctx.step.run("partial", partial(put, key="own", retries=3), "b"),
            ctx.step.run("both", partial(put, "b", key="own"), key="item"),
            ctx.step.run("by place", put, "b", "own", key="item"),
            ctx.step.run("unknown", dict, key="item"),
            ctx.step.run("others", lambda **given: given, key="item", other=1),
        ]

    result = wk.engine.run(fn, {"name": "go", "data": {}})
    assert result.output == [["b", "own", 3], ["b", "own", 1], ["b", "own", 1], {}, {"other": 1}]
    assert {fact.step for fact in result.facts} >= {"fn/both[item]", "fn/by place[item]", "fn/partial"}
