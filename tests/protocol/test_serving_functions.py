"""Functions come to the same on a server of the protocol as in our own engine, and execute each step once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from protocolserver import Ended, ProtocolServer, a_clocked_app

from workflowkit import NonRetriableError, StepError


def _note(calls: list[str]) -> Callable[[str], str]:
    def note(name: str) -> str:
        calls.append(name)
        return name

    return note


def _sequence(ctx: Any, note: Any) -> Any:
    ids = [ctx.step.run("page", note, f"page {number}") for number in range(3)]
    ctx.step.sleep("nap", "1h")
    late = ctx.step.wait_for_event("late", "never", timeout="1d")
    return [ids, late, ctx.step.run("keyed", note, "k", key="x/1")]


def _branches(ctx: Any, note: Any) -> Any:
    def branch(name: str, nap: str | None) -> Any:
        one = ctx.step.run(f"{name}.1", note, f"{name}.1")
        if nap is not None:
            ctx.step.sleep(f"{name}.nap", nap)
        return [one, ctx.step.run(f"{name}.2", note, f"{name}.2")]

    first = ctx.group.parallel([lambda: branch("a", None), lambda: branch("b", None)])
    second = ctx.group.parallel([lambda: branch("c", "1h"), lambda: branch("d", None), lambda: branch("e", "2h")])
    return [first, second, ctx.step.run("last", note, "last")]


def _nested(ctx: Any, note: Any) -> Any:
    def inner(name: str) -> Any:
        return ctx.group.parallel([lambda: ctx.step.run(f"{name}.x", note, f"{name}.x"), lambda: name])

    return ctx.group.parallel([lambda: inner("a"), lambda: ctx.step.wait_for_signal("s", "none", timeout="1h")])


def _caught(ctx: Any, note: Any) -> Any:
    def fail(text: str) -> None:
        note(text)
        raise NonRetriableError(text)

    def caught(name: str) -> Any:
        try:
            ctx.step.run(name, fail, name)
        except StepError as error:
            return [error.name, str(error), ctx.step.run(f"{name} after", note, f"{name} after")]

    return [caught("one"), ctx.group.parallel([lambda: caught("two"), lambda: caught("three")])]


async def _gathered(ctx: Any, note: Any) -> Any:
    async def one(name: str) -> Any:
        first = await ctx.step.run(f"{name}.1", note, f"{name}.1")
        await ctx.step.sleep(f"{name}.nap", "1h")
        return [first, await ctx.step.run(f"{name}.2", note, f"{name}.2")]

    gathered = await asyncio.gather(one("a"), one("b"), ctx.step.run("c", note, "c"))
    task = asyncio.create_task(ctx.step.run("d", note, "d"))
    return [*gathered, await ctx.step.run("e", note, "e"), await task]


def _fails(ctx: Any, note: Any) -> Any:
    ctx.step.run("before", note, "before")
    raise NonRetriableError("no more")


def _both(handler: Any, **options: Any) -> tuple[Any, list[str], Ended, list[str]]:
    wk, clock = a_clocked_app()
    here_calls: list[str] = []
    calls: list[str] = here_calls

    def fn(ctx: Any) -> Any:
        return handler(ctx, _note(calls))

    async def fn_async(ctx: Any) -> Any:
        return await handler(ctx, _note(calls))

    entered = fn_async if asyncio.iscoroutinefunction(handler) else fn
    function = wk.function("fn", trigger={"event": "go"})(entered)
    here = wk.engine.run(function, {"name": "go", "data": {}})
    calls = []
    there = ProtocolServer(wk.serve(is_dev=True, **options).wsgi(), clock).run("shop-fn", {"name": "go"})
    return here, here_calls, there, calls


@pytest.mark.parametrize("handler", [_sequence, _branches, _nested, _caught, _gathered, _fails])
def test_a_function_comes_to_the_same_and_each_step_is_executed_once(handler: Any) -> None:
    here, here_calls, there, calls = _both(handler)
    assert (there.status, there.output) == (here.status.value, here.output)
    if here.error is not None:
        assert there.error is not None
        assert (there.error["name"], there.error["message"]) == (here.error.name, here.error.message)
    assert sorted(calls) == sorted(set(calls)) == sorted(here_calls)


def test_a_signal_and_an_invoked_function_come_to_what_they_gave() -> None:
    wk, clock = a_clocked_app()

    @wk.function("child")
    def child(ctx: Any) -> Any:
        if ctx.event["data"]["n"] > 1:
            raise NonRetriableError("too many")
        return ctx.step.run("add", lambda: ctx.event["data"]["n"] + 1)

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        signal = ctx.step.wait_for_signal("wait", "go-ahead", timeout="1h")
        try:
            ctx.step.invoke("bad", child, {"n": 2})
        except StepError as error:
            return [signal, ctx.step.invoke("good", child, {"n": 1}), str(error)]

    server = ProtocolServer(wk.serve(is_dev=True).wsgi(), clock, signals={"go-ahead": {"by": "Ada"}})
    assert server.run("shop-fn", {"name": "go"}).output == [{"by": "Ada"}, 2, "too many"]


@pytest.mark.parametrize("is_async", [False, True])
def test_the_steps_of_a_function_that_failed_are_undone_the_last_one_first(is_async: bool) -> None:
    wk, clock = a_clocked_app()
    calls: list[str] = []
    note = _note(calls)

    def undo(what: str) -> None:
        note(f"undo {what}")
        if what == "hotel" and calls.count("undo hotel") < 3:
            raise ValueError("not yet")
        if what == "car":
            raise NonRetriableError("never")

    def trip(ctx: Any) -> None:
        ctx.compensations.add("close", note, "closed")
        ctx.step.run("book", note, "flight", compensate=undo)
        ctx.group.parallel(
            [
                lambda: ctx.step.run("hotel", note, "hotel", compensate=undo),
                lambda: ctx.step.run("car", note, "car", compensate=undo),
            ]
        )
        ctx.step.sleep("nap", "1h")
        ctx.step.run("plain", note, "plain")
        raise ValueError("no more")

    async def trip_async(ctx: Any) -> None:
        await ctx.compensations.add("close", note, "closed")
        await ctx.step.run("book", note, "flight", compensate=undo)
        await asyncio.gather(*(ctx.step.run(each, note, each, compensate=undo) for each in ("hotel", "car")))
        await ctx.step.run("plain", note, "plain")
        raise ValueError("no more")

    wk.function("fn", trigger={"event": "go"}, retries=2)(trip_async if is_async else trip)
    ended = ProtocolServer(wk.serve(is_dev=True).wsgi(), clock).run("shop-fn", {"name": "go"})
    assert (ended.status, ended.error and ended.error["message"]) == ("failed", "no more")
    assert sorted(calls[:4]) == ["car", "flight", "hotel", "plain"]
    assert [call for call in calls[4:-2] if call != "undo car"] == ["undo hotel"] * 3
    assert calls.count("undo car") == 1
    assert calls[-2:] == ["undo flight", "closed"]
    assert [*ended.steps][-2:] == ["$compensate/book", "$compensate/close"]


def test_a_function_that_recovers_or_fails_before_anything_was_done_undoes_nothing() -> None:
    for handler in (_recovers, _fails_at_once):
        here, _, there, calls = _both(handler)
        assert (there.status, calls.count("undo")) == (here.status.value, 0)


def _recovers(ctx: Any, note: Any) -> Any:
    ctx.step.run("one", note, "one", compensate=lambda _: note("undo"))
    if ctx.attempt == 0:
        raise ValueError("once")
    return "done"


def _fails_at_once(ctx: Any, note: Any) -> Any:
    if ctx.event["name"] == "go":
        raise NonRetriableError("at once")
    ctx.step.run("one", note, "one", compensate=lambda _: note("undo"))
