"""Requests of an httpx client are steps: sent once, kept, guarded, and tried again by the engine."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from functions import Code, happen, output_of
from scripted_server import ScriptedServer, reply

from workflowkit import AsyncStepContext, StepContext
from workflowkit.contrib.httpx import AsyncStepTransport, StepTransport


def test_an_answer_is_fetched_once_and_there_whenever_the_handler_is_entered(database_url: str) -> None:
    code, asked = Code(), []

    def answer(request: Any) -> bytes:
        asked.append((request.headers.get("x-own"), request.headers.get("idempotency-key") is not None, request.body))
        return reply(404, '{"err\u00f6r": "none"}'.encode(), content_type="application/json")

    with ScriptedServer(answer) as server:

        @code.function()
        def fn(ctx: StepContext) -> Any:
            with httpx.Client(transport=StepTransport(ctx), headers={"X-Own": "1"}) as client:
                found = client.post(f"{server.url}/orders?a=b", json={"amount": 5})
                ctx.step.sleep("nap", 60)
                again = client.get(f"{server.url}/orders", extensions={"step": "look"})
                return [found.status_code, found.json(), again.headers["content-type"]]

        with code.running(database_url) as harness:
            harness.permit(server.host)
            happen(harness)
            harness.skip(60)
            assert output_of(harness) == [404, {"err\u00f6r": "none"}, "application/json"]
            assert asked == [("1", True, b'{"amount":5}'), ("1", False, b"")]
            steps = set(harness.column("SELECT step_key FROM journal WHERE kind = 'completed'"))
            assert f"fn/POST {server.host.partition(':')[0]}/orders" in steps
            assert "fn/look" in steps


def test_what_may_be_better_later_is_tried_again_when_the_service_says_so(database_url: str) -> None:
    code, asked = Code(), []

    def answer(_request: Any) -> bytes:
        asked.append(1)
        return reply(429, b"", retry_after="90") if len(asked) == 1 else reply(200, b"ok")

    with ScriptedServer(answer) as server:

        @code.function()
        async def fn(ctx: AsyncStepContext) -> Any:
            async with httpx.AsyncClient(transport=AsyncStepTransport(ctx)) as client:
                return (await client.get(server.url)).text

        with code.running(database_url) as harness:
            harness.permit(server.host)
            happen(harness)
            harness.skip(89)
            assert len(asked) == 1
            harness.skip(1)
            assert output_of(harness) == "ok"


def test_what_does_not_get_better_is_an_error_of_the_client(database_url: str) -> None:
    code = Code()
    with ScriptedServer(lambda _: reply(503, b"closed")) as server:

        @code.function(retries=0)
        def fn(ctx: StepContext) -> Any:
            with httpx.Client(transport=StepTransport(ctx)) as client, pytest.raises(httpx.TransportError) as failed:
                client.get(server.url)
            return str(failed.value)

        with code.running(database_url) as harness:
            harness.permit(server.host)
            happen(harness)
            assert "answered 503: closed" in output_of(harness)


def test_private_networks_are_out_of_reach_and_binary_bodies_are_refused(database_url: str) -> None:
    code = Code()

    @code.function(retries=0)
    def fn(ctx: StepContext) -> Any:
        with httpx.Client(transport=StepTransport(ctx)) as client:
            with pytest.raises(httpx.UnsupportedProtocol):
                client.post("https://example.com", content=b"\xff\xfe")
            with pytest.raises(httpx.TransportError) as refused:
                client.get("http://169.254.169.254/latest/meta-data")
        return str(refused.value)

    with code.running(database_url) as harness:
        happen(harness)
        assert "169.254.169.254" in output_of(harness)


@pytest.mark.parametrize("is_async", [False, True])
def test_inside_of_a_step_a_request_is_a_part_of_it(database_url: str, is_async: bool) -> None:
    code, asked = Code(), []

    def answer(request: Any) -> bytes:
        asked.append(request.headers.get("idempotency-key"))
        return reply(200, "gr\u00fcn".encode("latin-1"), content_type="text/plain; charset=iso-8859-1")

    with ScriptedServer(answer) as server:

        def sync(ctx: StepContext) -> Any:
            def load() -> str:
                with httpx.Client(transport=StepTransport(ctx)) as client:
                    return client.put(server.url, content="x").text

            return ctx.step.run("load", load)

        async def awaited(ctx: AsyncStepContext) -> Any:
            async def load() -> str:
                async with httpx.AsyncClient(transport=AsyncStepTransport(ctx)) as client:
                    return (await client.put(server.url, content="x")).text

            return await ctx.step.run("load", load)

        code.function()(awaited if is_async else sync)
        with code.running(database_url) as harness:
            harness.permit(server.host)
            happen(harness)
            assert output_of(harness) == "gr\u00fcn"
            (key,) = asked
            assert key
