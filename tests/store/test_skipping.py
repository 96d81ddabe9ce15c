"""Waits that somebody ends before their time: once, on record, and only those that may be ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from builders import a_workflow
from dying import giving_up
from functions import Code, happen, output_of
from runtimes import Harness, a_registry, a_runtime

from workflowkit import StepContext
from workflowkit.base.errors import Conflict, NotFound
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.pausing import Target


def _waits(wait: Callable[[StepContext], Any]) -> Code:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        return {"got": wait(ctx), "after": ctx.step.run("after", lambda: "gone on")}

    return code


def _skip(harness: Harness, step: str, **options: Any) -> None:
    run = harness.rows("SELECT id FROM runs WHERE parent_run_id IS NULL ORDER BY id")[0]
    harness.runtime.skipping.skip(options.pop("scope", DEFAULT_SCOPE), run["id"], step, **options)


@pytest.mark.parametrize(
    "wait",
    [
        lambda ctx: ctx.step.sleep("wait", "30d"),
        lambda ctx: ctx.step.wait_for_event("wait", "test/other", timeout="30d"),
        lambda ctx: ctx.step.wait_for_signal("wait", "go", timeout="30d"),
    ],
)
@pytest.mark.parametrize("step", ["fn", "fn/wait"])
def test_a_run_goes_on_as_if_its_time_had_come(database_url: str, wait: Any, step: str) -> None:
    with _waits(wait).running(database_url) as harness:
        happen(harness)
        _skip(harness, step, actor="anna")
        harness.drain()
        assert output_of(harness) == {"got": None, "after": "gone on"}
        (fact,) = harness.rows("SELECT data FROM journal WHERE step_key = 'fn/wait' AND kind = 'completed'")
        detail = loads(fact["data"])["detail"]
        assert (detail["skipped"], detail["actor"]) == (True, "anna")
        assert harness.rows("SELECT id FROM waits WHERE state = 'open'") == []


def test_what_comes_after_a_wait_was_skipped_finds_nobody(database_url: str) -> None:
    with _waits(lambda ctx: ctx.step.wait_for_signal("wait", "go", timeout="30d")).running(database_url) as harness:
        happen(harness)
        _skip(harness, "fn")
        with pytest.raises(Conflict):
            harness.runtime.waking.signal(DEFAULT_SCOPE, "go", 1)
        harness.drain()
        assert output_of(harness)["got"] is None


def test_a_wait_whose_event_has_come_is_not_skipped(database_url: str) -> None:
    with _waits(lambda ctx: ctx.step.wait_for_signal("wait", "go", timeout="30d")).running(database_url) as harness:
        happen(harness)
        harness.runtime.waking.signal(DEFAULT_SCOPE, "go", 1)
        with pytest.raises(Conflict, match="it has received"):
            _skip(harness, "fn")
        harness.drain()
        assert output_of(harness)["got"] == 1


def test_of_several_waits_one_is_named(database_url: str) -> None:
    def both(ctx: StepContext) -> Any:
        branches = [lambda: ctx.step.sleep("a", "1h"), lambda: ctx.step.sleep("b", "30d")]
        return len(ctx.group.parallel(branches))

    with _waits(both).running(database_url) as harness:
        happen(harness)
        with pytest.raises(Conflict, match="name one of fn/a, fn/b"):
            _skip(harness, "fn")
        _skip(harness, "fn/b")
        harness.drain()
        assert harness.run()["status"] == "waiting"
        harness.skip(3600)
        assert output_of(harness)["got"] == 2


def test_what_cannot_be_skipped_is_told(database_url: str) -> None:
    def asks(ctx: StepContext) -> Any:
        return ctx.step.approval("wait", "May it?", timeout="1h")["status"]

    code = _waits(asks)
    with code.running(database_url) as harness:
        with pytest.raises(NotFound):
            harness.runtime.skipping.skip(DEFAULT_SCOPE, "01M817AXWA8Z4RDV7ZWESCAWYM", "fn")
        happen(harness)
        for step, error in (("fn", Conflict), ("nobody", NotFound), ("fn/other", NotFound)):
            with pytest.raises(error):
                _skip(harness, step)
        with pytest.raises(NotFound):
            _skip(harness, "fn", scope=Scope("default", "others"))
        harness.runtime.pausing.pause(Target(DEFAULT_SCOPE, "shop/fn"))
        harness.skip(1)
        with pytest.raises(Conflict, match="paused"):
            _skip(harness, "fn")
        harness.runtime.pausing.resume(Target(DEFAULT_SCOPE, "shop/fn"))
        harness.skip(3600)
        assert output_of(harness)["got"] == "expired"
        with pytest.raises(Conflict, match="has ended"):
            _skip(harness, "fn")


def test_a_step_that_is_at_work_is_left_alone(database_url: str) -> None:
    seen: list[Exception] = []

    def works(ctx: StepContext) -> Any:
        def work() -> None:
            with pytest.raises(Conflict) as refused:
                _skip(harness, "fn/a")
            seen.append(refused.value)

        ctx.group.parallel([lambda: ctx.step.sleep("a", "1h"), lambda: ctx.step.run("work", work)])
        return None

    with _waits(works).running(database_url) as harness:
        happen(harness)
        assert len(seen) == 1
        harness.skip(3600)
        assert output_of(harness)["after"] == "gone on"


@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
def test_whoever_skips_and_dies_has_skipped_or_not(database_url: str, side: str) -> None:
    from workflowkit.base.errors import LeaseInterrupt

    document = a_workflow().action("rest", "builtin:wait", {"duration": "30d"}).action("after", "noop", {"value": 1})
    with a_runtime(database_url, a_registry()) as harness:
        harness.deploy(document.path("$source", "rest", "after").trigger("test/happened").document())
        happen(harness)
        with giving_up(f"skip.{side}", 1), pytest.raises(LeaseInterrupt):
            _skip(harness, "rest")
        for _ in range(3):  # nobody was told: the relay finds it
            harness.skip(31)
        assert harness.run()["status"] == ("waiting" if side == "before_commit" else "completed")
