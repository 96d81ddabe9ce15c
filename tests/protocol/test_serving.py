"""Functions and documents of ours on a server that calls them over HTTP: here our own, which speaks the protocol."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sdkapps import SdkApp, a_server, eventually
from servedapps import an_app, registered

from workflowkit import NonRetriableError, RetryAfterError, StepError
from workflowkit.base.limits import Limits
from workflowkit.store.statements import Sql


def _run(sdk: SdkApp, name: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    return sdk.run_of(sdk.send(name, data))


def test_steps_a_sleep_and_a_result(sdk: SdkApp) -> None:
    wk = an_app()
    calls: list[str] = []

    def noted(name: str, value: int) -> int:
        calls.append(name)
        return value

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        doubled = ctx.step.run("double", noted, "double", ctx.event["data"]["n"] * 2)
        ctx.step.sleep("nap", 0.05)
        return ctx.step.run("add", noted, "add", doubled + 1)

    with registered(wk, sdk):
        run = _run(sdk, "go", {"n": 4})
    assert (run["status"], run["output"], run["function_id"]) == ("Completed", 9, "shop/fn")
    assert calls == ["double", "add"]


def test_an_async_function_gathers_its_steps(sdk: SdkApp) -> None:
    wk, calls = an_app(), []

    async def double(n: int) -> int:
        calls.append(n)
        return n * 2

    @wk.function("fn", trigger={"event": "go"})
    async def fn(ctx: Any) -> Any:
        first = await ctx.step.run("first", double, 1)
        left, right = await asyncio.gather(ctx.step.run("left", double, 2), ctx.step.run("right", double, 3))
        await ctx.step.sleep("nap", 0.05)
        return [first, left, right]

    with registered(wk, sdk):
        run = _run(sdk, "go")
    assert run["output"] == [2, 4, 6]
    assert sorted(calls) == [1, 2, 3]


def test_branches_of_a_group_are_each_executed_once(sdk: SdkApp) -> None:
    wk, calls = an_app(), []

    def note(name: str) -> str:
        calls.append(name)
        return name

    def branch(ctx: Any, name: str) -> Any:
        one = ctx.step.run(f"{name}.1", note, f"{name}.1")
        ctx.step.sleep(f"{name}.nap", 0.05)
        return [one, ctx.step.run(f"{name}.2", note, f"{name}.2")]

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        return ctx.group.parallel([lambda: branch(ctx, "a"), lambda: branch(ctx, "b")])

    with registered(wk, sdk):
        run = _run(sdk, "go")
    assert run["output"] == [["a.1", "a.2"], ["b.1", "b.2"]]
    assert sorted(calls) == ["a.1", "a.2", "b.1", "b.2"]


def test_an_event_is_waited_for_and_received_as_our_handlers_know_it(sdk: SdkApp) -> None:
    wk = an_app()

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        found = ctx.step.wait_for_event("reply", "answer", match="data.id", timeout="1h")
        missing = ctx.step.wait_for_event("other", "never", timeout=0.05)
        return [found["name"], found["data"], missing]

    with registered(wk, sdk):
        event_id = sdk.send("go", {"id": 7})
        eventually(lambda: sdk.run_of(event_id, ended=False)["status"] == "Running" or None)
        eventually(lambda: (sdk.wk.runtime.database and _waits(sdk)) or None)
        sdk.send("answer", {"id": 8})
        sdk.send("answer", {"id": 7, "text": "yes"})
        run = sdk.run_of(event_id)
    assert run["output"] == ["answer", {"id": 7, "text": "yes"}, None]


def _waits(sdk: SdkApp, kind: str = "event") -> list[Any]:
    with sdk.wk.runtime.database.read() as tx:
        return list(tx.rows(Sql("SELECT id FROM waits WHERE kind = :kind"), kind=kind))


def test_a_function_invokes_another_and_hears_of_its_failure(sdk: SdkApp) -> None:
    wk = an_app()

    @wk.function("child")
    def child(ctx: Any) -> Any:
        if ctx.event["data"].get("fail"):
            raise NonRetriableError("the child says no")
        return ctx.event["data"]["n"] + 1

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        good = ctx.step.invoke("good", child, {"n": 1})
        try:
            ctx.step.invoke("bad", child, {"fail": True})
        except StepError as error:
            return [good, str(error)]

    with registered(wk, sdk):
        run = _run(sdk, "go")
    assert run["output"][0] == 2
    assert "the child says no" in run["output"][1]


def test_events_are_sent_once_and_start_other_functions(sdk: SdkApp) -> None:
    wk, seen = an_app(), []

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        ids = ctx.step.send_event("tell", [{"name": "told", "data": {"n": 1}}, {"name": "told", "data": {"n": 2}}])
        ctx.step.sleep("nap", 0.05)
        ctx.send_event("told", {"n": 3})
        return len(ids)

    @wk.function("listener", trigger={"event": "told"})
    def listener(ctx: Any) -> Any:
        seen.append(ctx.event["data"]["n"])

    with registered(wk, sdk):
        assert _run(sdk, "go")["output"] == 2
        eventually(lambda: len(seen) >= 3 or None)
    assert sorted(seen) == [1, 2, 3]


def test_a_step_is_tried_again_when_it_asks_for_it_and_then_its_error_can_be_caught(sdk: SdkApp) -> None:
    wk, attempts = an_app(), []

    def flaky() -> None:
        attempts.append(1)
        raise RetryAfterError("not yet", delay_seconds=1)

    @wk.function("fn", trigger={"event": "go"}, retries=1)
    def fn(ctx: Any) -> Any:
        try:
            ctx.step.run("flaky", flaky)
        except StepError as error:
            return [str(error), error.name, error.cause_code]

    with registered(wk, sdk):
        run = _run(sdk, "go")
    assert run["output"] == ["not yet", "RetryAfterError", "retry-after"]
    assert len(attempts) == 2


def test_a_function_that_fails_for_good_is_handled_by_its_on_failure(sdk: SdkApp) -> None:
    wk, handled = an_app(), []

    def failed(ctx: Any) -> None:
        handled.append(ctx.event["data"])

    @wk.function("fn", trigger={"event": "go"}, on_failure=failed)
    def fn(ctx: Any) -> Any:
        raise NonRetriableError("no")

    with registered(wk, sdk):
        run = _run(sdk, "go", {"n": 1})
        eventually(lambda: handled or None)
    assert run["status"] == "Failed"
    assert (run["output"]["name"], run["output"]["message"]) == ("NonRetriableError", "no")
    told = handled[0]
    assert (told["workflow_id"], told["status"], told["run_id"]) == ("shop/fn", "failed", run["run_id"])
    assert told["error"]["message"] == "no"
    assert told["event"]["data"] == {"n": 1}


def test_a_function_that_raises_is_tried_again_as_a_whole(sdk: SdkApp) -> None:
    wk = an_app()
    attempts: list[Any] = []

    @wk.function("fn", trigger={"event": "go"}, retries=1)
    def fn(ctx: Any) -> Any:
        ctx.step.run("once", lambda: attempts.append("step"))
        attempts.append(ctx.attempt)
        if ctx.attempt == 0:
            raise RetryAfterError("again", delay_seconds=1)
        return "done"

    with registered(wk, sdk):
        assert _run(sdk, "go")["output"] == "done"
    assert attempts.count("step") == 1
    assert attempts[-1] == 1


def test_a_document_runs_with_each_action_as_a_step(sdk: SdkApp) -> None:
    wk, calls = an_app(), []

    @wk.action("double")
    def double(n: int) -> int:
        calls.append(n)
        return n * 2

    document = {
        "name": "Doubling",
        "triggers": [{"event": "go"}],
        "actions": [
            {"id": "first", "kind": "double", "inputs": {"n": "!ref($.event.data.n)"}},
            {"id": "left", "kind": "double", "inputs": {"n": "!ref($.state.first)"}},
            {"id": "right", "kind": "double", "inputs": {"n": "!ref($.state.first)"}},
            {"id": "pause", "kind": "builtin:wait", "inputs": {"duration": 0.05}},
            {"id": "last", "kind": "double", "inputs": {"n": "!ref($.state.left)"}, "settings": {"join": "all"}},
        ],
        "edges": [
            {"from": "$source", "to": "first"}, {"from": "first", "to": "left"}, {"from": "first", "to": "right"},
            {"from": "left", "to": "pause"}, {"from": "right", "to": "pause"}, {"from": "pause", "to": "last"},
        ],
        "output": "!ref($.state.last)",
    }  # fmt: skip
    with registered(wk, sdk, workflows={"doubling": document}):
        run = _run(sdk, "go", {"n": 1})
    assert (run["status"], run["output"], run["function_id"]) == ("Completed", 8, "shop/doubling")
    assert sorted(calls) == [1, 2, 2, 4]


def test_a_batch_of_events_starts_one_run_that_sees_all(sdk: SdkApp) -> None:
    wk = an_app()

    @wk.function("fn", trigger={"event": "go"}, batch={"max_size": 2, "timeout": "30s"})
    def fn(ctx: Any) -> Any:
        numbers = sorted(event["data"]["n"] for event in ctx.events)
        return ctx.step.run("sum", sum, numbers)

    with registered(wk, sdk):
        first = sdk.send("go", {"n": 1})
        sdk.send("go", {"n": 2})
        run = sdk.run_of(first)
    assert (run["status"], run["output"]) == ("Completed", 3)


def test_an_event_cancels_a_run_of_a_served_function(sdk: SdkApp) -> None:
    wk = an_app()
    cancelled: list[Any] = []

    def told(ctx: Any) -> None:
        cancelled.append(ctx.event["data"]["workflow_id"])

    @wk.function("fn", trigger={"event": "go"}, cancel_on=[{"event": "stop", "match": "data.id"}], on_cancel=told)
    def fn(ctx: Any) -> Any:
        ctx.step.sleep("long", "1h")

    with registered(wk, sdk):
        event_id = sdk.send("go", {"id": 7})
        eventually(lambda: sdk.run_of(event_id, ended=False)["status"] == "Running" or None)
        sdk.send("stop", {"id": 7})
        run = sdk.run_of(event_id)
        eventually(lambda: cancelled or None)
    assert (run["status"], cancelled) == ("Cancelled", ["shop/fn"])


def test_a_branch_that_waits_long_does_not_hold_up_the_others(sdk: SdkApp) -> None:
    wk = an_app()
    calls: list[str] = []

    def note(name: str) -> str:
        calls.append(name)
        return name

    def waits(ctx: Any) -> Any:
        return ctx.step.wait_for_event("late", "late", timeout="1h")["name"]

    def works(ctx: Any) -> Any:
        return [ctx.step.run(f"work-{number}", note, f"work-{number}") for number in range(3)]

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        return ctx.group.parallel([lambda: waits(ctx), lambda: works(ctx)])

    with registered(wk, sdk):
        event_id = sdk.send("go")
        eventually(lambda: len(calls) >= 3 or None)
        sdk.send("late")
        run = sdk.run_of(event_id)
    assert run["output"] == ["late", ["work-0", "work-1", "work-2"]]
    assert calls == ["work-0", "work-1", "work-2"]


def test_a_document_goes_on_beside_a_node_that_waits(sdk: SdkApp) -> None:
    wk = an_app()
    calls: list[int] = []

    @wk.action("note")
    def note(n: int) -> int:
        calls.append(n)
        return n

    document = {
        "name": "Beside",
        "triggers": [{"event": "go"}],
        "actions": [
            {"id": "pause", "kind": "builtin:wait_for_event", "inputs": {"event": "late", "timeout": "1h"}},
            {"id": "one", "kind": "note", "inputs": {"n": 1}},
            {"id": "two", "kind": "note", "inputs": {"n": 2}},
        ],
        "edges": [
            {"from": "$source", "to": "pause"}, {"from": "$source", "to": "one"}, {"from": "one", "to": "two"},
        ],
        "output": "!ref($.state.two)",
    }  # fmt: skip
    with registered(wk, sdk, workflows={"beside": document}):
        event_id = sdk.send("go")
        eventually(lambda: len(calls) >= 2 or None)
        sdk.send("late")
        run = sdk.run_of(event_id)
    assert (run["status"], run["output"], calls) == ("Completed", 2, [1, 2])


def test_a_signal_from_one_function_resumes_another(sdk: SdkApp) -> None:
    wk = an_app()

    @wk.function("waits", trigger={"event": "go"})
    def waits(ctx: Any) -> Any:
        return ctx.step.wait_for_signal("go", "go-ahead", timeout="1h")

    @wk.function("sends", trigger={"event": "tell"})
    def sends(ctx: Any) -> Any:
        try:
            return ctx.step.send_signal("tell", ctx.event["data"]["signal"], {"by": "Ada"})
        except StepError as error:
            return [error.name, str(error)]

    with registered(wk, sdk):
        waiting = sdk.send("go")
        eventually(lambda: _waits(sdk, "signal") or None)
        missing = _run(sdk, "tell", {"signal": "other"})
        sent = _run(sdk, "tell", {"signal": "go-ahead"})
        run = sdk.run_of(waiting)
    assert (run["output"], sent["output"]) == ({"by": "Ada"}, run["run_id"])
    assert missing["output"] == ["NotFound", "no run waits for signal 'other'"]


def test_what_handlers_publish_reaches_the_channels_of_the_server(sdk: SdkApp) -> None:
    wk = an_app()

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        ctx.step.publish("told", "progress", {"done": 1})
        ctx.step.sleep("nap", 0.05)
        ctx.publish("news", "at the end", channel="room:1")

    document = {
        "name": "Publishes", "triggers": [{"event": "go"}],
        "actions": [{"id": "p", "kind": "publish_update", "inputs": {"topic": "progress", "data": 2}}],
        "edges": [{"from": "$source", "to": "p"}],
    }  # fmt: skip
    with registered(wk, sdk, workflows={"publishes": document}):
        event_id = sdk.send("go")
        runs = [sdk.run_of(event_id, index=index) for index in range(2)]
    with sdk.wk.runtime.database.read() as tx:
        told = [
            tuple(row) for row in tx.rows(Sql("SELECT channel, topic, data FROM messages WHERE topic <> '$status'"))
        ]
    ids = {run["function_id"]: f"run:{run['run_id']}" for run in runs}
    assert sorted(told) == sorted([
        (ids["shop/fn"], "progress", '{"done":1}'), (ids["shop/publishes"], "progress", "2"),
        ("room:1", "news", '"at the end"'),
    ])  # fmt: skip
    outputs = {run["function_id"]: run["output"] for run in runs}
    assert outputs["shop/publishes"] == {"p": {"channel": ids["shop/publishes"], "topic": "progress"}}


def test_a_second_sync_changes_nothing_and_a_function_that_is_gone_is_retired(sdk: SdkApp) -> None:
    wk = an_app()
    wk.function("fn", trigger={"event": "go"})(lambda ctx: None)
    old = wk.function("old", trigger={"event": "go"})(lambda ctx: None)
    with registered(wk, sdk) as url:
        assert httpx.put(url, timeout=30).json()["modified"] is False
    del wk.registry.functions[old.id]
    with registered(wk, sdk):
        listed = httpx.get(f"{sdk.server}/dev").json()["functions"]
    assert [each["slug"] for each in listed] == ["shop-fn"]


def test_state_that_is_too_large_for_a_call_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wk = an_app()

    @wk.function("fn", trigger={"event": "go"})
    def fn(ctx: Any) -> Any:
        texts = [ctx.step.run(f"text-{index}", lambda: "x" * 3_000) for index in range(3)]
        return [len(text) for text in texts] + [len(ctx.event["data"]["text"])]

    limits = Limits(remote_request_bytes=6_000)
    with a_server(tmp_path, limits=limits) as (server, url):
        monkeypatch.setenv("INNGEST_DEV", url)
        sdk = SdkApp(server, url, None)  # type: ignore[arg-type]  # only to look at runs
        with registered(wk, sdk):
            (accepted,) = server.send({"name": "go", "data": {"text": "y" * 3_000}})
            run = sdk.run_of(accepted.id)
    assert (run["status"], run["output"]) == ("Completed", [3_000, 3_000, 3_000, 3_000])
