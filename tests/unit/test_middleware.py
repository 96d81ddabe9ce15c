"""Middleware: which hooks are called, when and in which order, and what happens when one of them raises."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from recording import HOOKS, by_mark, raising, recorder

from workflowkit import (
    AsyncStepContext,
    DefinitionError,
    Failure,
    InvalidInput,
    Middleware,
    NonRetriableError,
    SkippedNode,
    StepContext,
    StepError,
    WorkflowKit,
)
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.localresult import LocalResult

BEFORE = ["transform_input", "before_node", "before_memoization"]
NEW = ["after_memoization", "before_execution"]
COMPLETED = ["after_execution", "transform_output", "after_node", "before_response"]


def step(step_id: str) -> list[str]:
    return [f"before_step {step_id}", f"transform_step_output {step_id}", f"after_step {step_id}"]


def ran(wk: WorkflowKit, *nodes: dict[str, Any]) -> LocalResult:
    """Run actions one after the other."""
    ids = ["$source", *(node["id"] for node in nodes)]
    edges = [{"from": source, "to": target} for source, target in pairwise(ids)]
    document = {"name": "test", "actions": list(nodes), "edges": edges}
    return wk.engine.run(document, {"name": "test/happened", "data": {}})


def happened(wk: WorkflowKit, function: Any, **data: Any) -> LocalResult:
    return wk.engine.run(function, {"name": "test/happened", "data": data})


def test_a_pass_over_three_new_steps_calls_each_hook_in_the_documented_order() -> None:
    wk, calls = WorkflowKit(), list[str]()
    wk.use(recorder(calls))

    @wk.function("three")
    def three(ctx: StepContext) -> list[int]:
        return [ctx.step.run(name, lambda: 1) for name in "abc"]

    assert happened(wk, three).output == [1, 1, 1]
    assert calls == [*BEFORE, *NEW, *step("a"), *step("b"), *step("c"), *COMPLETED]


def test_each_pass_tells_what_is_remembered_from_what_is_new() -> None:
    wk, calls = WorkflowKit(), list[str]()
    wk.use(recorder(calls))

    @wk.function("naps")
    def naps(ctx: StepContext) -> str:
        ctx.step.run("a", lambda: 1)
        ctx.step.sleep("nap", "1h")
        ctx.step.run("b", lambda: 2)
        ctx.step.sleep("doze", "1h")
        return "rested"

    assert happened(wk, naps).output == "rested"
    waits = ["after_execution", "before_response"]
    first = [*BEFORE, *NEW, *step("a"), *waits]
    second = [*BEFORE, "transform_memoized a", *NEW, "transform_memoized nap", *step("b"), *waits]
    third = ["transform_memoized a", "transform_memoized nap", "transform_memoized b"]
    assert calls == [*first, *second, *BEFORE, *third, *NEW, "transform_memoized doze", *COMPLETED]


def test_an_asynchronous_handler_has_the_same_sequence() -> None:
    wk, calls = WorkflowKit(), list[str]()
    wk.use(recorder(calls))

    @wk.function("naps")
    async def naps(ctx: AsyncStepContext) -> str:
        await ctx.step.run("a", lambda: 1)
        await ctx.step.sleep("nap", "1h")
        return "rested"

    assert happened(wk, naps).output == "rested"
    first = [*BEFORE, *NEW, *step("a"), "after_execution", "before_response"]
    assert calls == [*first, *BEFORE, "transform_memoized a", *NEW, "transform_memoized nap", *COMPLETED]


def _everything(
    wk: WorkflowKit, marks: Sequence[type[Middleware]] = (), *, retries: int = 1, fails: bool = True
) -> Any:
    """Register a function that brings about every hook of an attempt."""

    @wk.function("everything", middleware=marks, retries=retries)
    def everything(ctx: StepContext) -> None:
        ctx.step.run("a", lambda: 1)
        ctx.step.sleep("nap", 60)
        ctx.step.send_event("tell", {"name": "test/told", "data": {}})
        if fails and ctx.attempt == 0:
            raise RuntimeError("once")

    return everything


def test_middleware_of_the_application_comes_first_and_every_hook_has_the_order_of_registration() -> None:
    wk, calls = WorkflowKit(), list[str]()
    wk.use(recorder(calls, "#1"))
    wk.use(recorder(calls, "#2"))
    function = _everything(wk, [recorder(calls, "#3"), recorder(calls, "#4")])

    @wk.action("passed", middleware=[recorder(calls, "#3"), recorder(calls, "#4")])
    def passed() -> None:
        raise AssertionError("never called")

    happened(wk, function)
    ran(wk, {"id": "x", "kind": "passed", "settings": {"disabled": True}})

    for hook in HOOKS:
        marks = by_mark(calls, hook)
        assert marks, hook
        assert marks == ["1", "2", "3", "4"] * (len(marks) // 4), hook


def test_each_attempt_has_instances_of_its_own() -> None:
    wk, made = WorkflowKit(), list[Any]()

    class Counting(Middleware):
        def __init__(self) -> None:
            self.entered = 0
            made.append(self)

        def before_execution(self) -> None:
            self.entered += 1
            assert self.ctx.attempt == len(made) - 1

    wk.use(Counting)

    @wk.function("flaky", retries=2)
    def flaky(ctx: StepContext) -> None:
        if ctx.attempt < 2:
            raise RuntimeError("again")

    assert happened(wk, flaky).status.value == "completed"
    assert [each.entered for each in made] == [1, 1, 1]


def test_a_factory_without_arguments_makes_instances() -> None:
    wk, seen = WorkflowKit(), list[str]()

    class Named(Middleware):
        def __init__(self, name: str) -> None:
            self.name = name

        def before_node(self) -> None:
            seen.append(f"{self.name} {self.ctx.step.kind}")

    wk.use(lambda: Named("mine"))

    @wk.action("noop")
    def noop() -> None: ...

    ran(wk, {"id": "x", "kind": "noop"})
    assert seen == ["mine noop"]


def test_inputs_outputs_results_of_steps_and_what_is_remembered_can_be_changed() -> None:
    wk = WorkflowKit()

    class Changing(Middleware):
        def transform_input(self, ctx: StepContext, inputs: dict[str, Any]) -> None:
            inputs["n"] = inputs.get("n", 0) + 1
            ctx.deps.user = "ada"

        def transform_step_output(self, step_id: str, output: Any) -> Any:
            return [step_id, output]

        def transform_memoized(self, step_id: str, output: Any) -> Any:
            return {"kept": output}

        def transform_output(self, result: Any) -> Any:
            return {"result": result}

    wk.use(Changing)

    @wk.action("add")
    def add(ctx: StepContext, n: int) -> Any:
        first = ctx.step.run("a", lambda: 1)
        ctx.step.sleep("nap", 60)
        return [n, first, ctx.deps.user]

    output = ran(wk, {"id": "x", "kind": "add", "inputs": {"n": 41}}).output
    assert output == {"x": {"result": [42, {"kept": ["a", 1]}, "ada"]}}


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook != "on_skip"])
def test_a_hook_that_raises_fails_the_attempt_with_its_own_name(hook: str) -> None:
    wk = WorkflowKit()
    wk.use(raising(hook, ValueError("broken")))
    result = happened(wk, _everything(wk, retries=0, fails=hook == "on_error"))

    assert result.status.value == "failed"
    assert result.error is not None
    assert result.error.as_dict() == {
        "name": "MiddlewareError",
        "message": f"Broken.{hook}: ValueError: broken",
        "code": "middleware-failed",
        "retryable": True,
    }


def test_a_handler_cannot_hide_the_error_of_a_hook() -> None:
    wk = WorkflowKit()
    wk.use(raising("before_step", NonRetriableError("never")))

    @wk.function("hiding")
    def hiding(ctx: StepContext) -> str:
        try:
            return str(ctx.step.run("a", lambda: 1))
        except Exception:
            return "all is well"

    result = happened(wk, hiding)
    assert result.error is not None
    assert result.error.message == "Broken.before_step: NonRetriableError: never"
    assert not result.error.retryable
    assert result.steps[0].attempts == 1


def test_what_is_no_middleware_is_refused_or_fails_the_attempt() -> None:
    wk = WorkflowKit()
    with pytest.raises(InvalidInput, match="a class, or a function"):
        wk.use(Middleware())  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="middleware"):
        wk.function("one", middleware=[Middleware()])(lambda ctx: None)  # type: ignore[list-item]
    wk.use(dict)  # type: ignore[arg-type]

    @wk.function("two", retries=0)
    def two(ctx: StepContext) -> None: ...

    error = happened(wk, two).error
    assert error is not None
    assert error.message == "dict.__init__: TypeError: makes no Middleware but dict"


def test_errors_are_told_with_the_exception_and_whether_it_was_the_last_attempt() -> None:
    wk, told = WorkflowKit(), list[Any]()

    class Reporting(Middleware):
        def on_error(self, failure: Failure) -> ErrorInfo:
            told.append((type(failure.exception).__name__, failure.error.message, failure.is_final))
            return ErrorInfo("Hidden", "see the report", failure.error.code, failure.error.retryable)

        def after_step(self, step_id: str, failure: Failure | None) -> None:
            if failure is not None:
                told.append((step_id, failure.error.name, failure.is_final))

    wk.use(Reporting)

    @wk.function("failing", retries=1)
    def failing(ctx: StepContext) -> None:
        try:
            ctx.step.run("a", lambda: 1 / 0, retries=1)
        except StepError:
            raise ValueError("secret") from None

    error = happened(wk, failing).error
    assert error is not None
    assert (error.name, error.message) == ("Hidden", "see the report")
    steps = [("a", "ZeroDivisionError", False), ("a", "ZeroDivisionError", True)]
    assert told == [*steps, ("ValueError", "secret", False), ("ValueError", "secret", True)]


def test_a_failing_node_that_completes_in_the_end_has_no_final_error() -> None:
    wk, finals = WorkflowKit(), list[bool]()

    class Reporting(Middleware):
        def on_error(self, failure: Failure) -> None:
            finals.append(failure.is_final)

    wk.use(Reporting)

    @wk.action("flaky", retries=4)
    def flaky(ctx: StepContext) -> None:
        if ctx.attempt < 4:
            raise RuntimeError("again")

    assert ran(wk, {"id": "x", "kind": "flaky"}).status.value == "completed"
    assert finals == [False] * 4


def test_an_action_that_takes_too_long_is_told_as_an_error() -> None:
    wk, calls = WorkflowKit(), list[str]()
    wk.use(recorder(calls))

    @wk.action("slow", timeout=0.5, retries=0)
    async def slow() -> None:
        await asyncio.sleep(60)

    error = ran(wk, {"id": "x", "kind": "slow"}).error
    assert error is not None
    assert error.code == "action-timeout"
    assert calls == [*BEFORE, *NEW, "after_execution", "on_error", "before_response"]


def test_skipped_nodes_are_told_with_the_reason() -> None:
    wk, told = WorkflowKit(), list[Any]()

    class Listening(Middleware):
        def on_skip(self, skipped: SkippedNode) -> None:
            told.append((skipped.node.node_id, skipped.node.kind, skipped.reason, skipped.run.version))

    wk.use(Listening)

    @wk.action("noop")
    def noop() -> None: ...

    ran(wk, {"id": "off", "kind": "noop", "settings": {"disabled": True}}, {"id": "x", "kind": "noop"})
    assert told == [("off", "noop", "disabled", "local")]


def test_what_on_skip_raises_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    wk = WorkflowKit()
    wk.use(raising("on_skip", ValueError("broken")))

    @wk.action("noop")
    def noop() -> None: ...

    result = ran(wk, {"id": "off", "kind": "noop", "settings": {"disabled": True}})
    assert result.status.value == "completed"
    assert "Broken.on_skip: ValueError: broken" in caplog.text


def test_events_of_a_run_can_be_changed_before_they_are_sent() -> None:
    wk, told = WorkflowKit(), list[Any]()

    class Stamping(Middleware):
        def before_send_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
            if events[0]["name"] == "test/twice":
                return [*events, {"name": "test/copy", "data": {}}]
            for event in events:
                event["data"] = {**event["data"], "stamped": True}
            return None

        def after_send_events(self, ids: Sequence[str], error: BaseException | None) -> None:
            told.append((len(ids), error))

    wk.use(Stamping)

    @wk.function("sending")
    def sending(ctx: StepContext) -> None:
        data = {"n": 1}
        ctx.step.send_event("tell", [{"name": "test/one", "data": data}, {"name": "test/two", "data": data}])
        ctx.send_event("test/twice", data)
        assert data == {"n": 1}

    events = happened(wk, sending).events
    assert [(event["name"], event["data"]) for event in events] == [
        ("test/one", {"n": 1, "stamped": True}),
        ("test/two", {"n": 1, "stamped": True}),
        ("test/twice", {"n": 1}),
        ("test/copy", {}),
    ]
    assert told == [(2, None), (2, None)]


def test_hooks_that_may_be_coroutines_are_awaited_and_the_others_are_not() -> None:
    wk, seen = WorkflowKit(), list[str]()

    class Awaited(Middleware):
        async def transform_input(self, ctx: StepContext, inputs: dict[str, Any]) -> None:
            await asyncio.sleep(0)
            seen.append("input")

        async def before_step(self, step_id: str) -> None:
            seen.append(f"before {step_id}")

        async def transform_step_output(self, step_id: str, output: Any) -> Any:
            return output + 1

        async def after_step(self, step_id: str, failure: Failure | None) -> None:
            seen.append(f"after {step_id}")

        async def transform_output(self, result: Any) -> Any:
            return result * 10

    wk.use(Awaited)

    @wk.function("fn")
    async def fn(ctx: AsyncStepContext) -> int:
        return int(await ctx.step.run("a", lambda: 1))

    @wk.function("sync", retries=0)
    def sync(ctx: StepContext) -> None: ...

    assert happened(wk, fn).output == 20
    assert seen == ["input", "before a", "after a"]
    error = happened(wk, sync).error
    assert error is not None
    assert error.message == "Awaited.transform_input: TypeError: a coroutine, where none can be awaited"


@dataclass
class Total:
    cents: int


class Wrapping(Middleware):
    def transform_output(self, result: Any) -> Any:
        return {"wrapped": result}


def test_the_output_of_a_run_that_is_stopped_can_be_changed_too() -> None:
    wk = WorkflowKit()
    wk.use(Wrapping)

    @wk.action("stopping")
    def stopping(ctx: StepContext) -> None:
        ctx.stop("enough")

    assert ran(wk, {"id": "x", "kind": "stopping"}).output == {"wrapped": "enough"}


def test_hooks_see_an_output_as_json() -> None:
    wk = WorkflowKit()
    wk.use(Wrapping)

    @wk.action("typed")
    def typed(good: bool) -> Total:
        return Total(7) if good else object()  # type: ignore[return-value]

    output = ran(wk, {"id": "x", "kind": "typed", "inputs": {"good": True}}).output
    assert output == {"x": {"wrapped": {"cents": 7}}}
    failed = ran(wk, {"id": "x", "kind": "typed", "inputs": {"good": False}, "settings": {"retries": 0}})
    assert failed.error is not None
    assert failed.error.code == "invalid-output"


def test_a_handler_that_catches_its_own_waiting_still_waits() -> None:
    wk, calls = WorkflowKit(), list[str]()
    wk.use(recorder(calls))

    @wk.function("stubborn")
    def stubborn(ctx: StepContext) -> str:
        try:
            ctx.step.sleep("nap", 60)
        except BaseException:
            return "too early"
        return "rested"

    @wk.function("stubborn-too")
    async def stubborn_too(ctx: AsyncStepContext) -> str:
        await ctx.step.run("a", lambda: 1)
        try:
            await ctx.step.sleep("nap", 60)
        except asyncio.CancelledError:
            return "too early"
        return "rested"

    for function in (stubborn, stubborn_too):
        assert happened(wk, function).output == "rested"
    assert calls.count("transform_output") == 2
    assert calls.count("after_execution") == 4


def test_a_handler_may_return_something_to_be_awaited() -> None:
    wk = WorkflowKit()
    wk.use(Wrapping)

    async def later() -> int:
        await asyncio.sleep(0)
        return 7

    @wk.action("lazy")
    def lazy() -> Any:
        return later()

    assert ran(wk, {"id": "x", "kind": "lazy"}).output == {"x": {"wrapped": 7}}


def test_what_comes_after_the_events_of_a_result_cannot_fail_it(caplog: pytest.LogCaptureFixture) -> None:
    wk = WorkflowKit()
    wk.use(raising("after_send_events", ValueError("broken")))

    @wk.function("sending")
    def sending(ctx: StepContext) -> str:
        ctx.send_event("test/sent", {})
        return "sent"

    assert happened(wk, sending).output == "sent"
    assert "Broken.after_send_events: ValueError: broken" in caplog.text
