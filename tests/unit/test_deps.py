"""Dependencies: made when first used, one per attempt, and closed however the attempt ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from workflowkit import AsyncStepContext, InvalidInput, Middleware, StepContext, WorkflowKit
from workflowkit.base.errors import AlreadyExists, DeadlineInterrupt, EngineInterrupt, LeaseInterrupt
from workflowkit.engine.context import ActionConfig, RunInfo, StepInfo, context_for
from workflowkit.engine.executor import execute
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.interrupts import Guard
from workflowkit.engine.localresult import LocalResult
from workflowkit.engine.memo import Memo
from workflowkit.engine.outcome import Failed
from workflowkit.engine.session import StepSession
from workflowkit.registry.spec import define


class Pool:
    """Lends resources, and knows which were given back, and with which error."""

    def __init__(self) -> None:
        self.lent = 0
        self.ended_with: list[str] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[int]:
        self.lent += 1
        try:
            yield self.lent
            self.ended_with.append("success")
        except BaseException as error:
            self.ended_with.append(type(error).__name__)
            raise

    @property
    def open(self) -> int:
        return self.lent - len(self.ended_with)


def happened(wk: WorkflowKit, function: Any) -> LocalResult:
    return wk.engine.run(function, {"name": "test/happened", "data": {}})


def test_values_and_what_factories_make_are_attributes() -> None:
    wk, pool = WorkflowKit(), Pool()

    def generator() -> Iterator[str]:
        yield "generated"

    wk.provide({"callable": len}, number=41, manager=pool.lend, generator=generator, made=lambda: ["made"])

    @wk.function("fn")
    def fn(ctx: StepContext) -> Any:
        same = ctx.deps.made is ctx.deps.made
        return [ctx.deps.callable("ab"), ctx.deps.number, ctx.deps.manager, ctx.deps.generator, ctx.deps.made, same]

    assert happened(wk, fn).output == [2, 41, 1, "generated", ["made"], True]
    assert pool.ended_with == ["success"]


def test_nothing_is_made_that_is_not_used() -> None:
    wk, pool = WorkflowKit(), Pool()
    wk.provide(pool=pool.lend)

    @wk.function("fn")
    def fn(ctx: StepContext) -> Any:
        return dir(ctx.deps)

    assert happened(wk, fn).output == ["pool"]
    assert pool.lent == 0


def test_a_name_that_is_not_provided_is_an_error_that_says_which_are() -> None:
    wk = WorkflowKit()
    wk.provide(db=1, http=2)

    @wk.function("fn", retries=0)
    def fn(ctx: StepContext) -> Any:
        return ctx.deps.dp

    error = happened(wk, fn).error
    assert error is not None
    assert error.message == "nothing is provided as 'dp'; there are: db, http"
    with pytest.raises(AttributeError, match="there are: none"):
        _ = a_context(Extensions(), lambda ctx: None).deps.db
    with pytest.raises(AlreadyExists, match="'db' is provided already"):
        wk.provide(db=3)
    with pytest.raises(InvalidInput, match="the name of an attribute"):
        wk.provide({"_db": 3})


def test_what_is_made_is_closed_the_last_first() -> None:
    wk, closed = WorkflowKit(), list[str]()

    class Closing:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)

    wk.provide(first=lambda: Closing("first"), second=lambda: Closing("second"))

    @wk.function("fn")
    def fn(ctx: StepContext) -> None:
        _ = ctx.deps.first, ctx.deps.second

    happened(wk, fn)
    assert closed == ["second", "first"]


def test_each_attempt_has_its_own_and_context_managers_are_told_how_it_ended() -> None:
    wk, pool = WorkflowKit(), Pool()
    wk.provide(pool=pool.lend)

    @wk.function("fn", retries=1)
    def fn(ctx: StepContext) -> int:
        number = int(ctx.deps.pool)
        if number == 1:
            raise ValueError("the first fails")
        ctx.step.sleep("nap", 60)
        return number

    assert happened(wk, fn).output == 3
    assert pool.ended_with == ["ValueError", "SuspendInterrupt", "success"]


def test_an_attempt_that_cannot_commit_has_failed() -> None:
    wk = WorkflowKit()

    @contextlib.contextmanager
    def transaction() -> Iterator[None]:
        yield
        raise RuntimeError("the commit failed")

    wk.provide(tx=transaction)

    @wk.function("fn", retries=0)
    def fn(ctx: StepContext) -> str:
        return f"done {ctx.deps.tx}"

    error = happened(wk, fn).error
    assert error is not None
    assert error.message == "the commit failed"


def test_branches_that_ask_at_once_get_the_same_one() -> None:
    wk, pool = WorkflowKit(), Pool()
    wk.provide(pool=pool.lend)
    barrier = threading.Barrier(4)

    @wk.function("fn")
    def fn(ctx: StepContext) -> Any:
        def branch() -> int:
            barrier.wait(20)
            return int(ctx.deps.pool)

        return ctx.group.parallel([branch] * 4)

    assert happened(wk, fn).output == [1, 1, 1, 1]
    assert pool.ended_with == ["success"]


def test_asynchronous_dependencies_are_awaited_and_closed_in_the_handlers_loop() -> None:
    wk, ended = WorkflowKit(), list[str]()

    async def generator() -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        try:
            yield "generated"
        finally:
            await asyncio.sleep(0)
            assert asyncio.get_running_loop() is loop
            ended.append("generator")

    class Client:
        async def __aenter__(self) -> Client:
            return self

        async def __aexit__(self, *_: object) -> None:
            ended.append("client")

    async def coroutine() -> str:
        return "awaited"

    wk.provide(generator=generator, client=Client, coroutine=coroutine, plain=lambda: "plain", pool=Pool().lend)

    @wk.function("fn")
    async def fn(ctx: AsyncStepContext) -> Any:
        first, again = await asyncio.gather(ctx.deps.generator, ctx.deps.generator)
        assert isinstance(await ctx.deps.client, Client)
        return [first, again, await ctx.deps.coroutine, ctx.deps.plain, ctx.deps.pool]

    assert happened(wk, fn).output == ["generated", "generated", "awaited", "plain", 1]
    assert ended == ["client", "generator"]


def test_an_asynchronous_handler_that_waits_or_fails_closes_what_it_has() -> None:
    wk, ended = WorkflowKit(), list[str]()

    @contextlib.asynccontextmanager
    async def session() -> AsyncIterator[int]:
        try:
            yield 1
            ended.append("success")
        except BaseException as error:
            await asyncio.sleep(0)
            ended.append(type(error).__name__)
            raise

    wk.provide(session=session)

    @wk.function("fn", retries=0, timeout=1)
    async def fn(ctx: AsyncStepContext) -> None:
        await ctx.deps.session
        await ctx.step.sleep("nap", 60)
        await asyncio.sleep(60)

    error = happened(wk, fn).error
    assert error is not None
    assert error.code == "action-timeout"
    assert ended == ["CancelledError", "CancelledError"]


def test_something_asynchronous_is_refused_in_a_handler_that_is_not() -> None:
    wk = WorkflowKit()

    async def connect() -> int:
        return 1

    wk.provide(db=connect)

    @wk.function("fn")
    def fn(ctx: StepContext) -> Any:
        return ctx.deps.db

    error = happened(wk, fn).error
    assert error is not None
    assert error.message == "'db' is provided by something asynchronous: it takes an async handler"


# --- interrupts


def a_context(extensions: Extensions, handler: Any, **session: Any) -> StepContext:
    spec = define("test", handler)
    hooks = extensions.hooks(spec, lambda failed: False)
    made = StepSession("x", Memo(), None, lambda: 0, lambda: 0.0, hooks=hooks, **session)
    return context_for(
        spec.is_async, event={}, run=RunInfo("r", "w", "1", "e", "t"), step=StepInfo("x", "x", "test", "x"), attempt=0,
        idempotency_key="", state={}, workflow={}, config=ActionConfig(), session=made,
    )  # fmt: skip


def interrupted(guard: Guard, started: threading.Event, reason: type[EngineInterrupt]) -> threading.Thread:
    """Interrupt an attempt as soon as it has started."""

    def interrupt() -> None:
        started.wait(20)
        guard.interrupt(reason)

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


@pytest.mark.parametrize("reason", [LeaseInterrupt, DeadlineInterrupt])
def test_an_attempt_that_is_interrupted_closes_what_it_has(reason: type[EngineInterrupt]) -> None:
    extensions, pool, started = Extensions(), Pool(), threading.Event()
    extensions.provide({}, {"pool": pool.lend})

    def handler(ctx: StepContext) -> None:
        _ = ctx.deps.pool
        started.set()
        while True:
            threading.Event().wait(0.001)

    guard, context = Guard(), a_context(extensions, handler)
    interrupting = interrupted(guard, started, reason)
    with contextlib.suppress(LeaseInterrupt):
        execute(define("test", handler), context, {}, deadline_seconds=60, guard=guard)
    interrupting.join()
    assert pool.open == 0
    assert pool.ended_with in (["LeaseInterrupt"], ["ActionTimeout"])


def test_an_interrupt_while_something_is_made_waits_until_it_can_be_closed() -> None:
    extensions, pool, started = Extensions(), Pool(), threading.Event()

    @contextlib.contextmanager
    def slow() -> Iterator[int]:
        with pool.lend() as lent:
            started.set()
            for _ in range(50):
                threading.Event().wait(0.001)
            yield lent

    extensions.provide({}, {"pool": slow})

    def handler(ctx: StepContext) -> Any:
        got = ctx.deps.pool
        while True:
            threading.Event().wait(0.001)
        return got

    guard, context = Guard(), a_context(extensions, handler)
    interrupting = interrupted(guard, started, LeaseInterrupt)
    with pytest.raises(LeaseInterrupt):
        execute(define("test", handler), context, {}, deadline_seconds=60, guard=guard)
    interrupting.join()
    assert pool.ended_with == ["LeaseInterrupt"]


def test_an_output_that_cannot_be_stored_is_a_failure_for_dependencies_too() -> None:
    wk, pool = WorkflowKit(), Pool()
    wk.provide(pool=pool.lend)

    class Refusing(Middleware):
        def transform_output(self, result: Any) -> Any:
            return object()

    wk.use(Refusing)

    @wk.function("fn", retries=0)
    def fn(ctx: StepContext) -> int:
        return int(ctx.deps.pool)

    error = happened(wk, fn).error
    assert error is not None
    assert error.code == "invalid-output"
    assert pool.open == 0
    assert pool.ended_with == ["ActionError"]


def test_what_cannot_be_closed_after_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    wk = WorkflowKit()

    class Stuck:
        def close(self) -> None:
            raise RuntimeError("it does not close")

    wk.provide(stuck=Stuck)

    @wk.function("fn", retries=0)
    def fn(ctx: StepContext) -> None:
        _ = ctx.deps.stuck
        raise ValueError("the first error")

    error = happened(wk, fn).error
    assert error is not None
    assert error.message == "the first error"
    assert "it does not close" in caplog.text


def test_what_has_only_an_asynchronous_close_is_closed_by_it() -> None:
    wk, closed = WorkflowKit(), list[str]()

    class Client:
        async def aclose(self) -> None:
            closed.append("client")

    async def connect() -> Client:
        return Client()

    wk.provide(client=connect)

    @wk.function("fn")
    async def fn(ctx: AsyncStepContext) -> None:
        await ctx.deps.client

    happened(wk, fn)
    assert closed == ["client"]


def test_middleware_adds_dependencies_for_one_attempt() -> None:
    wk = WorkflowKit()

    class Adding(Middleware):
        def transform_input(self, ctx: StepContext, inputs: dict[str, Any]) -> None:
            ctx.deps.user = "ada"
            with pytest.raises(AttributeError, match="underscore"):
                ctx.deps._made = {}

    wk.use(Adding)

    @wk.function("fn")
    def fn(ctx: StepContext) -> Any:
        return [ctx.deps.user, dir(ctx.deps)]

    assert happened(wk, fn).output == ["ada", ["user"]]


def test_an_output_without_a_json_form_is_refused_before_any_hook_sees_it() -> None:
    extensions, seen = Extensions(), list[Any]()

    class Seeing(Middleware):
        def transform_output(self, result: Any) -> Any:
            seen.append(result)

    def encode(_value: Any) -> Any:
        raise RecursionError("it contains itself")

    extensions.use(Seeing)
    spec = define("test", lambda ctx: [])
    context = a_context(extensions, spec.handler)
    outcome = execute(replace(spec, binding=replace(spec.binding, encode=encode)), context, {}, deadline_seconds=60)
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "invalid-output"
    assert seen == []
