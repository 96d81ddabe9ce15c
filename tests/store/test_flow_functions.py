"""Flow control of code functions is that of workflows: each setting works, and each tenant has its own."""

from __future__ import annotations

from typing import Any

from functions import STARTED, Code, happen

from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.context import StepContext
from workflowkit.runtime.simulating import Question, Simulating
from workflowkit.runtime.versions import Versions
from workflowkit.store import queries

OTHER = Scope("default", "other")


def test_a_function_takes_batches_and_its_steps_see_all_events(database_url: str) -> None:
    code, seen = Code(), list[Any]()

    @code.function(batch={"max_size": 3, "timeout": "10s"})
    def fn(ctx: StepContext) -> None:
        numbers = [event["data"]["n"] for event in ctx.events]
        ctx.step.run("note", seen.append, numbers)
        ctx.step.sleep("nap", 5)
        assert [event["data"]["n"] for event in ctx.events] == numbers

    with code.running(database_url) as harness:
        for number in range(4):
            happen(harness, {"n": number})
        harness.skip(5)
        harness.skip(5)
        harness.skip(5)
        assert seen == [[0, 1, 2], [3]]
        rows = harness.rows("SELECT status FROM runs")
        assert [row["status"] for row in rows] == ["completed", "completed"]


def test_what_sleeps_in_a_function_lets_the_next_run_go_on(database_url: str) -> None:
    code, order = Code(), list[str]()

    @code.function(concurrency=1, singleton={"mode": "queue_latest", "key": "event.data.k"})
    def fn(ctx: StepContext) -> None:
        ctx.step.run("first", order.append, f"{ctx.event['data']['k']} first")
        ctx.step.sleep("nap", 5)
        ctx.step.run("second", order.append, f"{ctx.event['data']['k']} second")

    with code.running(database_url) as harness:
        happen(harness, {"k": "a"})
        happen(harness, {"k": "b"})
        assert order == ["a first", "b first"]
        harness.skip(5)
        assert order[2:] == ["a second", "b second"]
        assert harness.rows("SELECT * FROM slots") == []


def test_tenants_do_not_use_up_each_others_rates(database_url: str) -> None:
    code, seen = Code(), list[str]()

    @code.function(rate_limit={"limit": 1, "period": "1h"}, debounce={"period": "5s"})
    def fn(ctx: StepContext) -> None:
        seen.append(f"{ctx.run.tenant} {ctx.event['data']['n']}")

    with code.running(database_url) as harness:
        for scope in (Scope("default", "default"), OTHER):
            for number in range(2):
                happen(harness, {"n": number}, scope=scope)
        harness.skip(5)
        assert sorted(seen) == ["default 0", "other 0"]


def test_items_of_a_loop_are_steps_under_the_limit(database_url: str) -> None:
    from builders import a_workflow
    from runtimes import a_registry, a_runtime

    high: list[int] = []
    registry = a_registry()

    @registry.action("look")
    def look(ctx: StepContext) -> None:
        high.append(len(harness.rows("SELECT run_id FROM steps WHERE status = 'running'")))

    body = {"actions": [{"id": "l", "kind": "look", "inputs": {}}], "edges": [{"from": "$source", "to": "l"}]}
    document = a_workflow().trigger("test/happened").settings(concurrency=1).document()
    document["actions"] = [{"id": "each", "kind": "builtin:for_each", "inputs": {"items": [1, 2, 3]}, "body": body}]
    document["edges"] = [{"from": "$source", "to": "each"}]
    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        harness.drain()
        for _ in range(3):
            harness.skip(15)
        assert high == [1, 1, 1]
        assert set(harness.column("SELECT status FROM runs")) == {"completed"}
        assert harness.rows("SELECT * FROM slots") == harness.rows("SELECT * FROM queued_steps") == []


def test_past_events_of_a_function_are_put_through_other_settings(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> None:
        """Do nothing."""

    with code.running(database_url) as harness:
        for number in range(3):
            happen(harness, {"n": number})
        happen(harness, {"n": 3}, scope=OTHER)
        simulating = Simulating(harness.runtime.database, Versions(), harness.runtime.settings.limits)
        question = Question({"rate_limit": {"limit": 1, "period": "1h"}}, 0, limit=10)
        found = simulating.simulate(DEFAULT_SCOPE, "shop/fn", question)
        assert [each.fate for each in found.outcomes] == ["run", "skipped", "skipped"]


def test_a_decision_about_a_function_is_the_tenants_of_the_event(database_url: str) -> None:
    code = Code()

    @code.function(idempotency="event.data.k")
    def fn(ctx: StepContext) -> None:
        """Do nothing."""

    with code.running(database_url) as harness:
        for scope in (DEFAULT_SCOPE, OTHER):
            ids = [harness.send(STARTED, {"k": 1}, scope=scope) for _ in range(2)]
            harness.drain()
            with harness.runtime.database.read() as tx:
                (decided,) = queries.find_decisions(tx, scope, ids[1])
                (run,) = queries.find_runs(tx, scope, queries.RunFilter(event_id=ids[0]), limit=2)
            assert (decided.workflow_id, decided.reason, decided.run_id) == ("shop/fn", "idempotent", run.id)


def test_what_waits_for_an_invoked_run_holds_no_slot(database_url: str) -> None:
    code, began = Code(), list[int]()

    @code.function("child", trigger={"event": "never/sent"})
    def child(ctx: StepContext) -> None:
        ctx.step.sleep("nap", 60)

    @code.function(concurrency=1)
    def fn(ctx: StepContext) -> None:
        ctx.step.run("begin", began.append, ctx.event["data"]["n"])
        ctx.step.invoke("call", "shop/child")

    with code.running(database_url) as harness:
        for number in range(3):
            happen(harness, {"n": number})
        assert began == [0, 1, 2]
        harness.skip(60)
        harness.skip(1)
        rows = harness.rows("SELECT status FROM runs WHERE workflow_id = 'shop/fn'")
        assert [row["status"] for row in rows] == ["completed"] * 3
