"""Handlers that open steps: nothing is executed twice, and no worker is held while one waits."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit.base.errors import Conflict, NonRetriableError, NotFound, StepError
from workflowkit.base.jsonvalue import loads
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.definition.checks import expressions
from workflowkit.engine import waitspecs
from workflowkit.engine.context import AsyncStepContext, StepContext
from workflowkit.registry import Registry
from workflowkit.registry.spec import MAX_RETRIES
from workflowkit.store import waits
from workflowkit.store.waits import Kind, State, WaitRow

Handler = Callable[..., Any]


def _registry(handler: Handler, **options: Any) -> Registry:
    registry = a_registry()
    registry.action("durable", **options)(handler)
    return registry


def _start(harness: Harness, data: Any = None, **fields: Any) -> None:
    harness.deploy(a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/happened").document())
    harness.send("test/happened", data, **fields)
    harness.drain()


def _output(harness: Harness) -> Any:
    run = harness.run()
    assert run["status"] == "completed", run
    return loads(run["output"])["d"]


class Calls(list[str]):
    """Counts what was executed."""

    def note(self, name: str, value: Any = None) -> Any:
        self.append(name)
        return value


def test_steps_in_a_row_cost_one_commit_each_and_the_handler_is_entered_once(database_url: str) -> None:
    calls = Calls()

    def handler(ctx: StepContext) -> Any:
        calls.note("handler")
        first = ctx.step.run("first", calls.note, "first", (1, 2))
        second = ctx.step.run("second", calls.note, "second", {"n": first[0]})
        return [first, second]

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert _output(harness) == [[1, 2], {"n": 1}]
        assert calls == ["handler", "first", "second"]
        assert harness.journal("completed") == [
            ("completed", "$source"), ("completed", "d/first"), ("completed", "d/second"), ("completed", "d")
        ]  # fmt: skip


def test_a_sleep_holds_nothing_ends_in_time_and_repeats_no_step(database_url: str) -> None:
    calls = Calls()

    def handler(ctx: StepContext) -> Any:
        value = ctx.step.run("before", calls.note, "before", 7)
        ctx.step.sleep("nap", "2h")
        return ctx.step.run("after", calls.note, "after", value)

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert harness.run()["status"] == "waiting"
        assert harness.steps() == {"d": "sleeping"}
        harness.skip(2 * 3600 - 1)
        assert calls == ["before"]
        harness.skip(1)
        assert _output(harness) == 7
        assert calls == ["before", "after"]


def test_the_end_of_a_sleep_is_fixed_when_it_begins_whatever_hints_come_meanwhile(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        ctx.step.sleep("nap", 60)

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        (row,) = harness.rows("SELECT run_id, due_at_ms FROM steps")
        from workflowkit.runtime.hints import StepHint

        for _ in range(3):
            harness.clock.advance(seconds=10)
            harness.dispatcher.execute([StepHint(row["run_id"], "d", "default")])
            harness.drain()
        assert harness.rows("SELECT due_at_ms FROM steps") == [{"due_at_ms": row["due_at_ms"]}]
        harness.skip(30)
        assert harness.run()["status"] == "completed"


def test_a_step_has_its_own_retries_and_its_error_can_be_caught(database_url: str) -> None:
    calls = Calls()

    def fail() -> None:
        calls.append("fail")
        raise ValueError("no luck")

    def handler(ctx: StepContext) -> Any:
        try:
            ctx.step.run("fails", fail, retries=2)
        except StepError as error:
            return [error.step_id, error.name, error.message, ctx.step.run("instead", lambda: "ok")]

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        for seconds in (14.9, 0.1, 29.9, 0.1):
            harness.skip(seconds)
        assert calls == ["fail"] * 3
        assert _output(harness) == ["fails", "ValueError", "no luck", "ok"]


def test_a_step_error_that_is_not_caught_fails_the_run_without_further_attempts(database_url: str) -> None:
    entered = Calls()

    def handler(ctx: StepContext) -> Any:
        entered.append("handler")
        ctx.step.run("fails", _raise, NonRetriableError("never"))

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        run = harness.run()
        assert run["status"] == "failed"
        assert '"code":"step-failed"' in run["error"]
        assert entered == ["handler"]


def _raise(error: Exception) -> None:
    raise error


def test_the_body_has_a_budget_of_its_own_that_starts_anew_after_a_step(database_url: str) -> None:
    attempts: list[int] = []

    def handler(ctx: StepContext) -> Any:
        attempts.append(ctx.attempt)
        if len(attempts) in (1, 2):
            raise RuntimeError("before the step")
        ctx.step.run("step", lambda: None)
        if len(attempts) in (3, 4):
            raise RuntimeError("after the step")
        ctx.step.sleep("nap", 5)
        if len(attempts) in (6, 7):
            raise RuntimeError("after the nap")

    with a_runtime(database_url, _registry(handler, retries=2)) as harness:
        _start(harness)
        for _ in range(8):
            harness.skip(60)
        assert harness.run()["status"] == "completed"
        assert attempts == [0, 1, 2, 1, 2, 0, 1, 2]


def test_a_worker_that_dies_between_steps_repeats_none_that_was_recorded(database_url: str) -> None:
    calls = Calls()

    class Died(BaseException):
        pass

    def handler(ctx: StepContext) -> Any:
        ctx.step.run("first", calls.note, "first")
        if len(calls) == 1:
            calls.append("died")
            harness.clock.advance(seconds=40)  # the lease ends while the worker is stopped
        ctx.step.run("second", calls.note, "second")
        return "done"

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert harness.run()["status"] == "running"
        harness.skip(1)
        assert _output(harness) == "done"
        assert calls == ["first", "died", "second", "second"]
        assert harness.journal("lost") == [("lost", "d")]


def test_an_event_resumes_the_runs_that_wait_for_it_and_no_others(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return ctx.step.wait_for_event("paid", "order/paid", if_="async.data.id == event.data.id", timeout="1d")

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness, {"id": "a"})
        harness.send("test/happened", {"id": "b"})
        harness.drain()
        assert set(harness.column("SELECT status FROM runs")) == {"waiting"}
        harness.send("order/paid", {"id": "b", "amount": 5}, id="payment-1")
        harness.drain()
        rows = harness.rows("SELECT status, output FROM runs ORDER BY status DESC")
        assert [row["status"] for row in rows] == ["waiting", "completed"]
        assert '"amount":5' in rows[1]["output"]
        assert '"id":"payment-1"' in rows[1]["output"]


def test_a_wait_that_is_over_gives_nothing_and_a_later_event_changes_nothing(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return [ctx.step.wait_for_event("paid", "order/paid", match="data.id", timeout="1h")]

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness, {"id": 1})
        harness.send("order/paid", {"id": 2})
        harness.drain()
        assert harness.run()["status"] == "waiting"
        harness.skip(3600)
        harness.send("order/paid", {"id": 1})
        harness.drain()
        assert _output(harness) == [None]
        assert harness.rows("SELECT state FROM waits") == [{"state": "expired"}]


@pytest.mark.parametrize(("lookback", "output"), [(None, None), ("30s", None), ("2m", {"n": 1})])
def test_what_came_before_counts_with_a_lookback_only(database_url: str, lookback: str | None, output: Any) -> None:
    def handler(ctx: StepContext) -> Any:
        found = ctx.step.wait_for_event("paid", "order/paid", timeout="1h", lookback=lookback)
        return found and found["data"]

    with a_runtime(database_url, _registry(handler)) as harness:
        harness.send("order/paid", {"n": 1})
        harness.drain()
        harness.clock.advance(seconds=60)
        _start(harness)
        harness.skip(3600)
        assert _output(harness) == output


def test_an_event_that_is_matched_while_the_wait_begins_is_found_by_the_second_look(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return ctx.step.wait_for_event("paid", "order/paid", timeout="1h", lookback="1m") is not None

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        # As if its matching had looked for waits just before this one was committed: the event is there, and matched.
        harness.send("order/paid", {})
        harness.dispatcher.waiting.clear()
        with harness.runtime.database.transaction("match") as tx:
            from workflowkit.store.statements import Sql

            tx.run(Sql("DELETE FROM pending_events"))
        harness.skip(1)
        assert _output(harness) is True


@pytest.mark.parametrize("earlier", [3, 4, 9])
def test_the_second_look_sees_what_came_while_the_wait_began_however_much_came_before(
    database_url: str, earlier: int
) -> None:
    def handler(ctx: StepContext) -> Any:
        condition = "async.data.n == 999"
        reply = ctx.step.wait_for_event("tick", "test/tick", timeout="1h", lookback="1h", if_=condition)
        return reply and reply["data"]["n"]

    with a_runtime(database_url, _registry(handler), limits=Limits(lookback_events=4)) as harness:
        document = a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/happened").document()
        harness.deploy(document)
        for _ in range(3):
            for n in range(earlier):
                harness.send("test/tick", {"n": n})
            harness.clock.advance(seconds=100)
        harness.drain()
        for n in range(earlier):
            harness.send("test/tick", {"n": n})
        harness.drain()
        harness.send("test/happened")
        claim = harness.claim()
        # Matched before the wait is stored, and so by nothing but a look at it.
        harness.send("test/tick", {"n": 999})
        harness.match()
        harness.runtime.worker._work_off((), claim)
        harness.drain()
        harness.skip(1)
        assert _output(harness) == 999


def test_a_signal_resumes_one_run_and_is_taken_once(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return ctx.step.wait_for_signal("go", "go-ahead", timeout="1d")

    with a_runtime(database_url, _registry(handler)) as harness:
        waking = harness.runtime.waking
        with pytest.raises(NotFound):
            waking.signal(DEFAULT_SCOPE, "go-ahead", 1)
        _start(harness)
        assert waking.signal(DEFAULT_SCOPE, "go-ahead", {"by": "Ada"}) == harness.run()["id"]
        with pytest.raises(Conflict):
            waking.signal(DEFAULT_SCOPE, "go-ahead", {"by": "Bob"})
        harness.drain()
        assert _output(harness) == {"by": "Ada"}


def test_of_two_signals_that_both_find_the_wait_open_one_is_received(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, writers take turns before they read."""

    def handler(ctx: StepContext) -> Any:
        return ctx.step.wait_for_signal("go", "go-ahead", timeout="1d")

    with a_runtime(postgres_url, _registry(handler)) as harness:
        _start(harness)
        both_have_read, find = threading.Barrier(2), waits.find_signal

        def find_and_wait(*args: Any) -> WaitRow | None:
            found = find(*args)
            both_have_read.wait(20)
            return found

        monkeypatch.setattr(waits, "find_signal", find_and_wait)
        waking = harness.runtime.waking
        outcomes = at_once(*(lambda by=by: waking.signal(DEFAULT_SCOPE, "go-ahead", by) for by in ("Ada", "Bob")))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "str"]
        (row,) = harness.rows("SELECT result FROM waits")
        harness.drain()
        assert _output(harness) == loads(row["result"])


def test_a_second_wait_for_a_signal_fails_at_once(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        try:
            return ctx.step.wait_for_signal("go", "go-ahead", timeout="1d")
        except StepError as error:
            return error.cause_code

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        harness.send("test/happened")
        harness.drain()
        rows = harness.rows("SELECT status, output FROM runs ORDER BY status DESC")
        assert [row["status"] for row in rows] == ["waiting", "completed"]
        assert rows[1]["output"] == '{"d":"signal-taken"}'


def _awaiting(ctx: StepContext) -> Any:
    try:
        return ctx.step.wait_for_signal("go", "go-ahead", timeout="1d")
    except StepError as error:
        return error.cause_code


def _side_by_side(ctx: StepContext) -> Any:
    return ctx.group.parallel((lambda: _awaiting(ctx), lambda: "beside"))[0]


@pytest.mark.parametrize("handler", [_awaiting, _side_by_side])
def test_of_two_runs_that_begin_to_wait_for_one_signal_at_the_same_moment_one_is_told_that_it_is_taken(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, handler: Handler
) -> None:
    """On SQLite, writers take turns before they read."""
    with a_runtime(postgres_url, _registry(handler, at_most_once=True)) as harness:
        _both_begin_to_wait(harness, monkeypatch)
        rows = harness.rows("SELECT status, output FROM runs ORDER BY status DESC")
        assert [row["status"] for row in rows] == ["waiting", "completed"]
        assert rows[1]["output"] == '{"d":"signal-taken"}'
        assert harness.journal("lost") == []
        harness.runtime.waking.signal(DEFAULT_SCOPE, "go-ahead", 1)
        harness.drain()
        rows = harness.rows("SELECT status FROM runs")
        assert [row["status"] for row in rows] == ["completed"] * 2


def _both_begin_to_wait(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two runs wait for a signal, each of which has seen that nobody else does."""
    harness.deploy(a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/happened").document())
    both_have_read, find, seen = threading.Barrier(2), waits.find_signal, threading.local()

    def find_and_wait(*args: Any) -> WaitRow | None:
        found = find(*args)
        if not hasattr(seen, "once"):
            seen.once = True
            both_have_read.wait(20)
        return found

    harness.send("test/happened")
    harness.send("test/happened")
    with monkeypatch.context() as patched:
        patched.setattr(waits, "find_signal", find_and_wait)
        outcomes = at_once(harness.deliver, harness.deliver)
    assert outcomes == [True, True]
    harness.drain()


@pytest.mark.parametrize("is_async", [False, True])
def test_a_branch_whose_signal_is_taken_is_told_at_once(database_url: str, is_async: bool) -> None:
    async def gathered(ctx: AsyncStepContext) -> Any:
        async def awaiting() -> Any:
            try:
                return await ctx.step.wait_for_signal("go", "go-ahead", timeout="1d")
            except StepError as error:
                return error.cause_code

        return (await asyncio.gather(awaiting(), ctx.step.sleep("nap", 5)))[0]

    def branches(ctx: StepContext) -> Any:
        return ctx.group.parallel((lambda: _awaiting(ctx), lambda: ctx.step.sleep("nap", 5)))[0]

    with a_runtime(database_url, _registry(gathered if is_async else branches)) as harness:
        _start(harness)
        harness.send("test/happened")
        harness.drain()
        harness.skip(5)
        rows = harness.rows("SELECT status, output FROM runs ORDER BY status DESC")
        assert [row["status"] for row in rows] == ["waiting", "completed"]
        assert rows[1]["output"] == '{"d":"signal-taken"}'


def _deploy_child(harness: Harness, kind: str, **action: Any) -> None:
    document = a_workflow().action("c", kind=kind, **action).path("$source", "c").document()
    harness.deploy(document, "child")


def test_invoke_runs_a_workflow_of_its_own_and_gives_its_output(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return ctx.step.invoke("call", "child", {"n": 3})

    with a_runtime(database_url, _registry(handler)) as harness:
        _deploy_child(harness, "noop", inputs={"value": "!ref($.event.data.n)"})
        harness.deploy(
            a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/happened").document()
        )
        harness.send("test/happened")
        harness.drain()
        parent, child = harness.rows("SELECT * FROM runs ORDER BY depth")
        assert (parent["status"], parent["output"]) == ("completed", '{"d":{"c":3}}')
        assert (child["parent_run_id"], child["parent_step"]) == (parent["id"], "d")


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("missing", "invoke-target-missing"),
        ("disabled", "invoke-target-disabled"),
        ("archived", "invoke-target-archived"),
        ("fails", "invoked-run-failed"),
        ("cancelled", "invoked-run-cancelled"),
        ("late", "invoke-timeout"),
    ],
)
def test_invoke_fails_once_and_says_why(database_url: str, case: str, code: str) -> None:
    entered = Calls()

    def handler(ctx: StepContext) -> Any:
        entered.append("handler")
        try:
            ctx.step.invoke("call", "child", timeout=60)
        except StepError as error:
            return error.cause_code

    def waits(ctx: StepContext) -> None:
        ctx.step.sleep("long", "1h")

    registry = _registry(handler)
    registry.action("waits")(waits)
    with a_runtime(database_url, registry) as harness:
        if case != "missing":
            _deploy_child(harness, {"fails": "boom"}.get(case, "waits"), retries=0)
        if case == "disabled":
            harness.runtime.authoring.set_enabled(DEFAULT_SCOPE, "child", False)
        if case == "archived":
            harness.runtime.authoring.archive(DEFAULT_SCOPE, "child")
        _start(harness)
        if case == "cancelled":
            (child,) = harness.rows("SELECT id FROM runs WHERE workflow_id = 'child'")
            harness.runtime.control.cancel(DEFAULT_SCOPE, child["id"])
            harness.drain()
        if case == "late":
            harness.skip(60)
        (parent,) = harness.rows("SELECT status, output FROM runs WHERE workflow_id = 'test'")
        assert parent == {"status": "completed", "output": f'{{"d":"{code}"}}'}
        assert len(entered) == 2


def test_runs_that_invoke_each_other_stop_at_the_depth_limit(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return ctx.step.invoke("again", "test")

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        rows = harness.rows("SELECT status, depth FROM runs ORDER BY depth")
        assert [row["depth"] for row in rows] == list(range(11))
        assert {row["status"] for row in rows} == {"failed"}


def test_cancelling_a_waiting_run_ends_its_waits(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        ctx.step.wait_for_event("paid", "order/paid", timeout="1d")

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        harness.runtime.control.cancel(DEFAULT_SCOPE, harness.run()["id"])
        harness.send("order/paid")
        harness.drain()
        assert harness.run()["status"] == "cancelled"
        assert harness.rows("SELECT state FROM waits") == [{"state": "cancelled"}]


def test_send_event_sends_once_under_ids_that_stay(database_url: str) -> None:
    failures = Calls()

    def handler(ctx: StepContext) -> Any:
        ids = ctx.step.send_event("tell", [{"name": "a/told", "data": {"n": n}} for n in range(3)])
        if not failures:
            failures.append("once")
            raise RuntimeError("after the step")
        return ids

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        harness.skip(60)
        ids = _output(harness)
        rows = harness.rows("SELECT event_id FROM events WHERE name = 'a/told' ORDER BY id")
        assert sorted(row["event_id"] for row in rows) == sorted(ids)
        assert len(set(ids)) == 3


def test_branches_go_on_side_by_side_and_one_that_waits_holds_up_no_other(database_url: str) -> None:
    calls = Calls()

    def handler(ctx: StepContext) -> Any:
        def slow() -> Any:
            ctx.step.sleep("nap", 60)
            return ctx.step.run("x", calls.note, "x", "x")

        def quick() -> Any:
            ctx.step.run("a", calls.note, "a")
            return ctx.step.run("b", calls.note, "b", "b")

        return ctx.group.parallel((slow, quick))

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert calls == ["a", "b"]
        harness.skip(60)
        assert _output(harness) == ["x", "b"]
        assert calls == ["a", "b", "x"]


def test_a_branch_that_fails_fails_the_handler_after_the_others_have_ended(database_url: str) -> None:
    calls = Calls()

    def handler(ctx: StepContext) -> Any:
        return ctx.group.parallel(
            (
                lambda: ctx.step.run("bad", _raise, NonRetriableError("no")),
                lambda: ctx.step.run("good", calls.note, "good"),
            )
        )

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert harness.run()["status"] == "failed"
        assert calls == ["good"]


def test_an_async_handler_gathers_steps_and_waits(database_url: str) -> None:
    calls = Calls()

    async def fetch(name: str) -> str:
        await asyncio.sleep(0)
        calls.append(name)
        return name

    async def handler(ctx: AsyncStepContext) -> Any:
        async def slow() -> Any:
            await ctx.step.sleep("nap", 60)
            return await ctx.step.run("x", fetch, "x")

        async def quick() -> Any:
            await ctx.step.run("a", fetch, "a")
            return await ctx.step.run("b", fetch, "b")

        both = await asyncio.gather(slow(), quick())
        event = await ctx.step.wait_for_event("paid", "order/paid", timeout="1d")
        return [*both, event and event["name"]]

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert calls == ["a", "b"]
        assert harness.run()["status"] == "waiting"
        harness.skip(60)
        assert calls == ["a", "b", "x"]
        harness.send("order/paid")
        harness.drain()
        assert _output(harness) == ["x", "b", "order/paid"]


def test_a_step_of_an_async_handler_is_retried_while_the_others_go_on(database_url: str) -> None:
    calls = Calls()

    async def flaky() -> str:
        calls.append("flaky")
        if calls.count("flaky") < 3:
            raise ValueError("not yet")
        return "at last"

    async def handler(ctx: AsyncStepContext) -> Any:
        return await ctx.group.parallel(
            (lambda: ctx.step.run("flaky", flaky), lambda: ctx.step.run("other", lambda: calls.note("other", 1)))
        )

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        harness.skip(15)
        harness.skip(30)
        assert _output(harness) == ["at last", 1]
        assert calls.count("other") == 1


def test_an_event_that_comes_while_another_branch_works_is_not_missed(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        def wait() -> Any:
            found = ctx.step.wait_for_event("paid", "order/paid", timeout="1d")
            return found and found["name"]

        def work() -> None:
            while not harness.rows("SELECT 1 FROM waits"):
                pass
            harness.send("order/paid")
            harness.deliver(harness.new_process())

        return ctx.group.parallel((wait, lambda: ctx.step.run("work", work)))

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert _output(harness) == ["order/paid", None]


@pytest.mark.parametrize("form", ["sync", "async"])
def test_a_step_inside_a_step_is_refused_by_name(database_url: str, form: str) -> None:
    def handler(ctx: StepContext) -> Any:
        ctx.step.run("outer", lambda: ctx.step.run("inner", lambda: 1))

    async def async_handler(ctx: AsyncStepContext) -> Any:
        async def outer() -> None:
            await ctx.step.run("inner", lambda: 1)

        await ctx.step.run("outer", outer)

    with a_runtime(database_url, _registry(handler if form == "sync" else async_handler)) as harness:
        _start(harness)
        run = harness.run()
        assert run["status"] == "failed"
        assert "step 'inner' is inside step 'd/outer'" in run["error"]


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_run_waits_for_the_code_that_it_began_with(database_url: str, comes_back: bool) -> None:
    is_changed, undone = [False], Calls()

    def handler(ctx: StepContext) -> Any:
        ctx.step.run("charge", lambda: "charged", output_type=datetime if is_changed[0] else str)
        if not is_changed[0]:
            ctx.step.sleep("one", 10)
        ctx.step.run("one" if is_changed[0] else "two", lambda: 1)
        return "done"

    registry = _registry(handler, compensate=lambda ctx, output: undone.append("undone"))
    with a_runtime(database_url, registry) as harness:
        _start(harness)
        is_changed[0] = True
        harness.skip(10)
        assert harness.run()["status"] == "running"
        (retry,) = harness.rows("SELECT data FROM journal WHERE kind = 'retry'")
        assert "code-changed" in retry["data"]
        for _ in range(3):
            harness.skip(3600)
        assert (harness.run()["status"], undone) == ("running", [])
        is_changed[0] = not comes_back
        for _ in range(MAX_RETRIES):
            harness.skip(24 * 3600)
        assert harness.run()["status"] == ("completed" if comes_back else "failed")


@pytest.mark.parametrize("form", ["plain", "async", "parallel", "output_type"])
def test_a_handler_that_swallows_that_its_code_has_changed_waits_all_the_same(database_url: str, form: str) -> None:
    is_changed, done = [False], Calls()

    def nap(ctx: StepContext) -> Any:
        if form == "output_type":
            value = ctx.step.run("value", lambda: "text", output_type=datetime if is_changed[0] else str)
            ctx.step.sleep("nap", 10)
            return value
        return ctx.step.run("nap", done.note, "nap") if is_changed[0] else ctx.step.sleep("nap", 10)

    def handler(ctx: StepContext) -> Any:
        try:
            _ = ctx.group.parallel([lambda: nap(ctx), lambda: 1]) if form == "parallel" else nap(ctx)
        except Exception:
            ctx.step.run("refund", done.note, "refund")
            return "refunded"
        return "paid"

    async def awaiting(ctx: AsyncStepContext) -> Any:
        try:
            await (ctx.step.run("nap", done.note, "nap") if is_changed[0] else ctx.step.sleep("nap", 10))
        except Exception:
            await ctx.step.run("refund", done.note, "refund")
            return "refunded"
        return "paid"

    with a_runtime(database_url, _registry(awaiting if form == "async" else handler)) as harness:
        _start(harness)
        is_changed[0] = True
        harness.skip(10)
        assert (harness.run()["status"], done) == ("running", [])
        is_changed[0] = False
        harness.skip(24 * 3600)
        assert (_output(harness), done) == ("paid", [])


@pytest.mark.parametrize("seconds", [5, 60])
def test_a_wait_that_has_begun_is_not_refused_by_what_was_not_asked_then(
    database_url: str, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    def handler(ctx: StepContext) -> Any:
        # A rule that an earlier version took: it matches nothing, ever.
        found = ctx.step.wait_for_event("answer", "test/answered", timeout=seconds, match="event.data.id")
        ctx.step.sleep("nap", 60)
        return found

    with a_runtime(database_url, _registry(handler)) as harness:
        with monkeypatch.context() as before:
            before.setattr(waitspecs, "_check_places", lambda *_asked: None)
            _start(harness)
            harness.skip(5)
            assert harness.run()["status"] == "waiting"
        harness.skip(60)
        harness.skip(60)
        assert _output(harness) is None
        # A new one is.
        harness.send("test/happened")
        harness.drain()
        assert harness.column("SELECT status FROM runs ORDER BY id") == ["completed", "failed"]


def test_a_document_that_was_published_before_waits_as_it_did(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"event": "test/answered", "timeout": "5s", "condition": "async.dta.id == 1"}
    document = a_workflow().action("w", "builtin:wait_for_event", inputs=inputs).path("$source", "w").trigger("go")
    with a_runtime(database_url, a_registry()) as harness:
        with monkeypatch.context() as before:
            before.setattr(expressions, "unknown_in_event", lambda *_asked, **_more: None)
            harness.deploy(document.document())
        harness.send("go")
        harness.drain()
        harness.skip(5)
        assert (harness.run()["status"], loads(harness.run()["output"])["w"]["received"]) == ("completed", False)


def test_a_step_that_has_become_another_kind_is_named(database_url: str) -> None:
    entered = Calls()

    def handler(ctx: StepContext) -> Any:
        entered.append("handler")
        if len(entered) == 1:
            ctx.step.sleep("one", 10)
        ctx.step.run("one", lambda: 1)

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        harness.skip(10)
        (retry,) = harness.rows("SELECT data FROM journal WHERE kind = 'retry'")
        assert "step 'one' was a sleep when it was first reached and is a step now" in retry["data"]


def test_a_handler_that_swallows_the_interrupt_waits_all_the_same(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        with contextlib.suppress(BaseException):
            ctx.step.sleep("nap", 10)
        return "done"

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert harness.run()["status"] == "waiting"
        harness.skip(10)
        assert _output(harness) == "done"


def test_repeated_ids_are_told_apart_by_the_order_in_which_they_are_reached(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        values = [ctx.step.run("page", lambda n=n: n) for n in range(3)]
        ctx.step.sleep("nap", 10)
        return values

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        harness.skip(10)
        assert _output(harness) == [0, 1, 2]
        assert [step for _, step in harness.journal("completed")][1:4] == ["d/page", "d/page:1", "d/page:2"]


@pytest.mark.parametrize(
    ("ids", "keys"),
    [
        (["pay", "pay:1", "pay"], ["pay", "pay:1", "pay:2"]),
        (["pay", "pay", "pay:1", "pay"], ["pay", "pay:1", "pay:1:1", "pay:2"]),
        (["pay:2", "pay", "pay", "pay", "pay"], ["pay:2", "pay", "pay:1", "pay:3", "pay:4"]),
    ],
)
def test_a_repeat_never_has_the_id_of_another_step(database_url: str, ids: list[str], keys: list[str]) -> None:
    calls = Calls()

    def handler(ctx: StepContext) -> Any:
        values = [ctx.step.run(step_id, calls.note, step_id, n) for n, step_id in enumerate(ids)]
        ctx.step.sleep("nap", 10)
        return values

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        harness.skip(10)
        assert _output(harness) == [*range(len(ids))]
        assert calls == ids
        done = [step for _, step in harness.journal("completed")]
        assert done == ["$source", *(f"d/{key}" for key in keys), "d/nap", "d"]


def test_a_wait_that_repeats_the_id_of_another_step_is_another_wait(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        first = ctx.step.run("reply", lambda: "asked")
        signals = [ctx.step.wait_for_signal(step_id, step_id, timeout="1h") for step_id in ("reply:1", "reply")]
        return [first, *signals]

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        for signal in ("reply:1", "reply"):
            harness.runtime.waking.signal(DEFAULT_SCOPE, signal, signal)
            harness.drain()
        assert _output(harness) == ["asked", "reply:1", "reply"]


def test_a_key_does_not_take_the_place_of_a_step_that_is_called_like_it(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return [ctx.step.run("charge", lambda: "by key", key="a"), ctx.step.run("charge[a]", lambda: "by id")]

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        assert _output(harness) == ["by key", "by id"]


def test_the_database_itself_refuses_a_second_open_wait_for_a_signal(database_url: str) -> None:
    def row(run_id: str, state: State = State.OPEN) -> WaitRow:
        return WaitRow(run_id, "s/go", "s", Kind.SIGNAL, DEFAULT_SCOPE, "go", created_at_ms=1, state=state)

    with a_runtime(database_url) as harness:
        database = harness.runtime.database
        with database.transaction("suspend") as tx:
            waits.insert(tx, [row("run-1", State.CANCELLED), row("run-2")])
        with pytest.raises(database.integrity_error), database.transaction("suspend") as tx:
            waits.insert(tx, [row("run-3")])


def test_a_branch_that_is_entered_early_by_another_one_sleeps_on(database_url: str) -> None:
    def handler(ctx: StepContext) -> None:
        nap, go = (lambda: ctx.step.sleep("nap", 3)), (lambda: ctx.step.wait_for_signal("go", "go", timeout="1h"))
        ctx.group.parallel((nap, go))

    with a_runtime(database_url, _registry(handler)) as harness:
        _start(harness)
        harness.runtime.waking.signal(DEFAULT_SCOPE, "go")
        harness.drain()
        assert harness.run()["status"] == "waiting"
        harness.skip(3)
        assert harness.run()["status"] == "completed"


@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
@pytest.mark.parametrize(
    "call",
    [
        lambda step, text: step.sleep(text, "1h"),
        lambda step, text: step.wait_for_signal("w", text, timeout="1h"),
        lambda step, text: step.wait_for_event("w", text, timeout="1h"),
        lambda step, text: step.wait_for_event("w", "x/y", if_=f"async.data.a == '{text}'", timeout="1h"),
        lambda step, text: step.wait_for_event("w", "x/y", match=f"data.{text}", timeout="1h"),
        lambda step, text: step.wait_for_callback("w", text),
        lambda step, text: step.invoke("w", text, {}),
        lambda step, text: step.invoke("w", "test", {"a": text}),
    ],
    ids=["id", "signal", "event", "if", "match", "callback", "invoke", "data"],
)
def test_text_that_no_database_can_hold_fails_the_run_and_not_its_worker(
    database_url: str, call: Callable[[Any, str], Any], text: str
) -> None:
    def handler(ctx: StepContext) -> Any:
        return call(ctx.step, text)

    with a_runtime(database_url, _registry(handler, retries=0)) as harness:
        _start(harness)
        run = harness.run()
        assert run["status"] == "failed"
        assert loads(run["error"])["name"] in ("NonRetriableError", "InvalidInput")
