"""Apps of Inngest's Python SDK, unmodified, with us in the place of their server."""

from __future__ import annotations

import datetime
import time
from typing import Any

import httpx
import inngest
import sqlalchemy as sa
from sdkapps import SdkApp, eventually


def _number(ctx: inngest.ContextSync) -> int:
    number = ctx.event.data["number"]
    assert isinstance(number, int)
    return number


def test_a_function_runs_for_an_event_and_its_result_is_the_runs_output(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="greet", trigger=inngest.TriggerEvent(event="user/created"))
    def greet(ctx: inngest.ContextSync) -> str:
        return f"hello {ctx.event.data['name']}"

    with sdk.serve([greet]) as synced:
        assert synced.status_code == 200
        run = sdk.run_of(sdk.send("user/created", {"name": "Ada"}))
    assert (run["status"], run["output"]) == ("Completed", "hello Ada")
    assert sdk.requests == [("shop-greet", "step")]


def test_steps_are_executed_once_each_with_one_call_more_than_steps(sdk: SdkApp) -> None:
    executed: list[str] = []

    def step(name: str) -> str:
        executed.append(name)
        return name

    @sdk.client.create_function(fn_id="three", trigger=inngest.TriggerEvent(event="go"))
    def three(ctx: inngest.ContextSync) -> list[str]:
        return [ctx.step.run(name, step, name) for name in ("a", "b", "c")]

    with sdk.serve([three]):
        run = sdk.run_of(sdk.send("go"))
    assert (run["output"], executed) == (["a", "b", "c"], ["a", "b", "c"])
    assert len(sdk.requests) == 4


def test_steps_of_one_name_are_told_apart_and_shown_by_their_names(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="pages", trigger=inngest.TriggerEvent(event="go"))
    def pages(ctx: inngest.ContextSync) -> list[int]:
        return [ctx.step.run("page", int, number) for number in range(3)]

    with sdk.serve([pages]):
        run = sdk.run_of(sdk.send("go"))
        with sdk.wk.runtime.database.read() as tx:
            facts = tx.connection.execute(sa.text("SELECT step_key FROM journal WHERE kind = 'completed'")).scalars()
            completed = set(facts)
    assert run["output"] == [0, 1, 2]
    assert completed == {"pages/page", "pages/page:1", "pages/page:2", "pages", "$source"}


def test_a_sleep_lasts_as_long_as_it_says(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="nap", trigger=inngest.TriggerEvent(event="go"))
    def nap(ctx: inngest.ContextSync) -> float:
        began = ctx.step.run("began", lambda: time.monotonic())
        ctx.step.sleep("nap", datetime.timedelta(seconds=1))
        return time.monotonic() - began

    with sdk.serve([nap]):
        assert sdk.run_of(sdk.send("go"))["output"] >= 0.9


def test_a_wait_ends_with_the_event_that_matches(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="wait", trigger=inngest.TriggerEvent(event="order/placed"))
    def wait(ctx: inngest.ContextSync) -> Any:
        paid = ctx.step.wait_for_event(
            "paid", event="order/paid", if_exp="async.data.id == event.data.id", timeout=datetime.timedelta(minutes=5)
        )
        return None if paid is None else [paid.name, paid.data["amount"]]

    with sdk.serve([wait]):
        event_id = sdk.send("order/placed", {"id": 7})
        run = sdk.run_of(event_id, ended=False)
        waiting = f"{sdk.server}/api/runs/{run['run_id']}"
        eventually(lambda: True if httpx.get(waiting).json()["status"] == "waiting" else None)
        sdk.send("order/paid", {"id": 8, "amount": 1})
        sdk.send("order/paid", {"id": 7, "amount": 2})
        assert sdk.run_of(event_id)["output"] == ["order/paid", 2]


def test_a_wait_that_times_out_gives_nothing(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="wait", trigger=inngest.TriggerEvent(event="go"))
    def wait(ctx: inngest.ContextSync) -> str:
        found = ctx.step.wait_for_event("paid", event="never", timeout=datetime.timedelta(seconds=1))
        return "nothing" if found is None else "something"

    with sdk.serve([wait]):
        assert sdk.run_of(sdk.send("go"))["output"] == "nothing"


def test_a_function_invokes_another_and_gets_its_result(sdk: SdkApp) -> None:
    names: list[str] = []

    @sdk.client.create_function(fn_id="child", trigger=inngest.TriggerEvent(event="unused"))
    def child(ctx: inngest.ContextSync) -> int:
        names.append(ctx.event.name)
        return _number(ctx) * 2

    @sdk.client.create_function(fn_id="parent", trigger=inngest.TriggerEvent(event="go"))
    def parent(ctx: inngest.ContextSync) -> Any:
        return ctx.step.invoke("double", function=child, data={"number": 21})

    with sdk.serve([parent, child]):
        assert sdk.run_of(sdk.send("go"))["output"] == 42
    assert names == ["inngest/function.invoked"]


def test_invoking_a_function_that_does_not_exist_fails_the_step(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="parent", trigger=inngest.TriggerEvent(event="go"), retries=0)
    def parent(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.invoke_by_id("missing", app_id="shop", function_id="missing")
        except inngest.StepError as error:
            return error.name
        return "it was found"

    with sdk.serve([parent]):
        run = sdk.run_of(sdk.send("go"))
    assert run["status"] == "Completed"
    assert run["output"] != "it was found"


def test_a_function_that_is_invoked_and_fails_fails_the_step_under_its_errors_name(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="child", trigger=inngest.TriggerEvent(event="unused"), retries=0)
    def child(ctx: inngest.ContextSync) -> None:
        raise ZeroDivisionError("by zero")

    @sdk.client.create_function(fn_id="parent", trigger=inngest.TriggerEvent(event="go"))
    def parent(ctx: inngest.ContextSync) -> str:
        try:
            ctx.step.invoke("call", function=child)
        except inngest.StepError as error:
            return error.name
        return ""

    with sdk.serve([parent, child]):
        assert sdk.run_of(sdk.send("go"))["output"] == "ZeroDivisionError"


def test_a_step_sends_events_that_start_others(sdk: SdkApp) -> None:
    received: list[int] = []

    @sdk.client.create_function(fn_id="receiver", trigger=inngest.TriggerEvent(event="item/found"))
    def receiver(ctx: inngest.ContextSync) -> None:
        received.append(_number(ctx))

    @sdk.client.create_function(fn_id="sender", trigger=inngest.TriggerEvent(event="go"))
    def sender(ctx: inngest.ContextSync) -> int:
        found = [inngest.Event(name="item/found", data={"number": number}) for number in (1, 2)]
        return len(ctx.step.send_event("tell", found))

    with sdk.serve([receiver, sender]):
        assert sdk.run_of(sdk.send("go"))["output"] == 2
        eventually(lambda: received if len(received) == 2 else None)
    assert sorted(received) == [1, 2]


def test_parallel_steps_are_executed_once_each(sdk: SdkApp) -> None:
    executed: list[str] = []

    def step(name: str) -> str:
        executed.append(name)
        return name

    @sdk.client.create_function(fn_id="both", trigger=inngest.TriggerEvent(event="go"))
    def both(ctx: inngest.ContextSync) -> list[str]:
        return list(ctx.group.parallel((lambda: ctx.step.run("a", step, "a"), lambda: ctx.step.run("b", step, "b"))))

    with sdk.serve([both]):
        assert sdk.run_of(sdk.send("go"))["output"] == ["a", "b"]
    assert sorted(executed) == ["a", "b"]
    assert len(sdk.requests) == 4  # discovery, each step, and the rest


def test_a_parallel_sleep_does_not_hold_up_the_other_branch(sdk: SdkApp) -> None:
    executed: list[str] = []

    @sdk.client.create_function(fn_id="both", trigger=inngest.TriggerEvent(event="go"))
    def both(ctx: inngest.ContextSync) -> int:
        def quick() -> None:
            ctx.step.run("quick", lambda: executed.append("quick"))

        ctx.group.parallel((lambda: ctx.step.sleep("nap", datetime.timedelta(seconds=1)), quick))
        ctx.step.run("after", lambda: executed.append("after"))
        return len(executed)

    with sdk.serve([both]):
        assert sdk.run_of(sdk.send("go"))["output"] == 2
    assert executed == ["quick", "after"]


def test_a_step_is_tried_again_after_the_pause_that_it_asks_for(sdk: SdkApp) -> None:
    attempts: list[int] = []

    @sdk.client.create_function(fn_id="flaky", trigger=inngest.TriggerEvent(event="go"), retries=2)
    def flaky(ctx: inngest.ContextSync) -> str:
        def step() -> str:
            attempts.append(ctx.attempt)
            if len(attempts) < 3:
                raise inngest.RetryAfterError("later", 1000)
            return "done"

        ctx.step.run("before", lambda: None)
        return ctx.step.run("flaky", step)

    with sdk.serve([flaky]):
        run = sdk.run_of(sdk.send("go"))
    assert (run["status"], run["output"], attempts) == ("Completed", "done", [0, 1, 2])


def test_a_parallel_step_that_is_tried_again_leaves_the_others_alone(sdk: SdkApp) -> None:
    attempts: list[int] = []
    executed: list[str] = []

    @sdk.client.create_function(fn_id="both", trigger=inngest.TriggerEvent(event="go"), retries=1)
    def both(ctx: inngest.ContextSync) -> list[str]:
        def flaky() -> str:
            attempts.append(ctx.attempt)
            if len(attempts) < 2:
                raise inngest.RetryAfterError("later", 1000)
            return "a"

        def steady() -> str:
            executed.append("b")
            return "b"

        return list(ctx.group.parallel((lambda: ctx.step.run("a", flaky), lambda: ctx.step.run("b", steady))))

    with sdk.serve([both]):
        run = sdk.run_of(sdk.send("go"))
    assert (run["output"], attempts, executed) == (["a", "b"], [0, 1], ["b"])


def test_a_step_that_fails_for_good_can_be_caught(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="careful", trigger=inngest.TriggerEvent(event="go"), retries=0)
    def careful(ctx: inngest.ContextSync) -> list[str]:
        def step() -> None:
            raise ValueError("no such thing")

        try:
            ctx.step.run("fails", step)
        except inngest.StepError as error:
            return [error.name, error.message]
        return []

    with sdk.serve([careful]):
        run = sdk.run_of(sdk.send("go"))
    assert (run["status"], run["output"]) == ("Completed", ["ValueError", "no such thing"])


def test_a_function_that_fails_is_tried_again_with_the_steps_it_has(sdk: SdkApp) -> None:
    attempts: list[int] = []
    executed: list[str] = []

    @sdk.client.create_function(fn_id="flaky", trigger=inngest.TriggerEvent(event="go"), retries=1)
    def flaky(ctx: inngest.ContextSync) -> str:
        ctx.step.run("once", lambda: executed.append("once"))
        attempts.append(ctx.attempt)
        if len(attempts) < 2:
            raise inngest.RetryAfterError("later", 1000)
        return "done"

    with sdk.serve([flaky]):
        run = sdk.run_of(sdk.send("go"))
    assert (run["output"], attempts, executed) == ("done", [0, 1], ["once"])


def test_what_must_not_be_retried_fails_at_once(sdk: SdkApp) -> None:
    attempts: list[int] = []

    @sdk.client.create_function(fn_id="final", trigger=inngest.TriggerEvent(event="go"))
    def final(ctx: inngest.ContextSync) -> None:
        attempts.append(ctx.attempt)
        raise inngest.NonRetriableError("never")

    with sdk.serve([final]):
        run = sdk.run_of(sdk.send("go"))
    assert (run["status"], run["output"], attempts) == (
        "Failed", {"name": "NonRetriableError", "message": "never"}, [0],
    )  # fmt: skip


def test_on_failure_is_called_with_the_error_and_the_event(sdk: SdkApp) -> None:
    told: list[Any] = []

    def on_failure(ctx: inngest.ContextSync) -> None:
        data: Any = ctx.event.data
        told.append([ctx.event.name, data["error"]["name"], data["event"]["data"], data["function_id"]])

    @sdk.client.create_function(
        fn_id="fails", trigger=inngest.TriggerEvent(event="go"), retries=0, on_failure=on_failure
    )
    def fails(ctx: inngest.ContextSync) -> None:
        raise ValueError("broken")

    with sdk.serve([fails]):
        sdk.send("go", {"number": 3})
        eventually(lambda: told or None)
    assert told == [["inngest/function.failed", "ValueError", {"number": 3}, "shop-fails"]]


def test_a_batch_of_events_is_one_run(sdk: SdkApp) -> None:
    @sdk.client.create_function(
        fn_id="batched",
        trigger=inngest.TriggerEvent(event="go"),
        batch_events=inngest.Batch(max_size=2, timeout=datetime.timedelta(minutes=1)),
    )
    def batched(ctx: inngest.ContextSync) -> int:
        return len(ctx.events)

    with sdk.serve([batched]):
        event_id = sdk.send("go")
        sdk.send("go")
        assert sdk.run_of(event_id)["output"] == 2


def test_an_event_cancels_the_runs_it_matches(sdk: SdkApp) -> None:
    @sdk.client.create_function(
        fn_id="long",
        trigger=inngest.TriggerEvent(event="go"),
        cancel=[inngest.Cancel(event="stop", if_exp="async.data.id == event.data.id")],
    )
    def long(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("nap", datetime.timedelta(days=1))

    with sdk.serve([long]):
        event_id = sdk.send("go", {"id": 1})
        run = sdk.run_of(event_id, ended=False)
        waiting = f"{sdk.server}/api/runs/{run['run_id']}"
        eventually(lambda: True if httpx.get(waiting).json()["status"] == "waiting" else None)
        sdk.send("stop", {"id": 1})
        assert sdk.run_of(event_id)["status"] == "Cancelled"


def test_a_client_cancels_a_run(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="long", trigger=inngest.TriggerEvent(event="go"))
    def long(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep("nap", datetime.timedelta(days=1))

    with sdk.serve([long]):
        event_id = sdk.send("go")
        run = sdk.run_of(event_id, ended=False)
        assert httpx.delete(f"{sdk.server}/v1/runs/{run['run_id']}").status_code == 200
        assert sdk.run_of(event_id)["status"] == "Cancelled"


def test_registration_brings_schedules_and_settings_and_is_shown(sdk: SdkApp) -> None:
    @sdk.client.create_function(
        fn_id="nightly",
        trigger=[inngest.TriggerCron(cron="0 3 * * *"), inngest.TriggerEvent(event="go")],
        throttle=inngest.Throttle(limit=2, period=datetime.timedelta(minutes=90)),
        concurrency=[inngest.Concurrency(limit=3, key="event.data.user", scope="env")],
    )
    def nightly(ctx: inngest.ContextSync) -> None:
        pass

    with sdk.serve([nightly]):
        again = httpx.put(sdk.app_url)
        shown = httpx.get(f"{sdk.server}/api/functions").json()["items"]
        dev = httpx.get(f"{sdk.server}/dev").json()["functions"]
    assert [each["id"] for each in shown] == ["shop/nightly"]
    assert [each["slug"] for each in dev] == ["shop-nightly"]
    assert again.json()["modified"] is False


def test_a_function_that_the_app_does_not_have_any_more_is_switched_off(sdk: SdkApp) -> None:
    @sdk.client.create_function(fn_id="old", trigger=inngest.TriggerEvent(event="go"))
    def old(ctx: inngest.ContextSync) -> None:
        pass

    @sdk.client.create_function(fn_id="new", trigger=inngest.TriggerEvent(event="go"))
    def new(ctx: inngest.ContextSync) -> None:
        pass

    with sdk.serve([old, new]):
        pass
    with sdk.serve([new]):
        dev = httpx.get(f"{sdk.server}/dev").json()["functions"]
    assert [each["slug"] for each in dev] == ["shop-new"]


def test_the_ends_of_runs_are_followed_and_waited_for_with_any_condition(sdk: SdkApp) -> None:
    told: list[object] = []

    @sdk.client.create_function(fn_id="works", trigger=inngest.TriggerEvent(event="work"), retries=0)
    def works(ctx: inngest.ContextSync) -> dict[str, int]:
        if ctx.event.data.get("fails"):
            raise ValueError("broken")
        return {"n": 7}

    condition = "event.data.function_id in ['shop-works', 'shop-x'] && event.data.error.name == 'ValueError'"
    failed = inngest.TriggerEvent(event="inngest/function.failed", expression=condition)

    @sdk.client.create_function(fn_id="follows", trigger=failed)
    def follows(ctx: inngest.ContextSync) -> None:
        told.append(ctx.event.data["function_id"])

    @sdk.client.create_function(fn_id="waits", trigger=inngest.TriggerEvent(event="wait"))
    def waits(ctx: inngest.ContextSync) -> object:
        found = ctx.step.wait_for_event(
            "end", event="inngest/function.finished", timeout=60_000,
            if_exp="async.data.function_id == 'shop-works' && async.data.result.n == 7",
        )  # fmt: skip
        return None if found is None else [found.name, found.data["function_id"], found.data["result"]]

    with sdk.serve([works, follows, waits]) as synced:
        assert synced.status_code == 200, synced.text
        event_id = sdk.send("wait")
        run_id = sdk.run_of(event_id, ended=False)["run_id"]
        eventually(lambda: True if _status_of(sdk, run_id) == "waiting" else None)
        sdk.send("work", {"fails": True})
        eventually(lambda: told or None)
        sdk.send("work")
        assert sdk.run_of(event_id)["output"] == ["inngest/function.finished", "shop-works", {"n": 7}]
    assert told == ["shop-works"]


def _status_of(sdk: SdkApp, run_id: str) -> str:
    return str(httpx.get(f"{sdk.server}/api/runs/{run_id}").json()["status"])
