"""Code functions: deployed with the code, started by events of every tenant, run like workflows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from functions import ENVIRONMENT, Code, happen, output_of
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit import Event, WorkflowKit
from workflowkit.base import failpoints
from workflowkit.base.errors import Conflict, DefinitionError, InvalidInput, LeaseInterrupt, NotFound
from workflowkit.base.scope import APP_TENANT, DEFAULT_SCOPE, Scope
from workflowkit.composition import Runtime
from workflowkit.engine.context import AsyncStepContext, StepContext
from workflowkit.runtime.functions import Absent, SyncStatus, version_key


def _enabled(harness: Harness) -> dict[str, bool]:
    return {row["id"]: bool(row["enabled"]) for row in harness.rows("SELECT id, enabled FROM workflows")}


def _versions(harness: Harness) -> dict[str, int]:
    return {row["id"]: row["published_version"] for row in harness.rows("SELECT id, published_version FROM workflows")}


def test_a_function_is_started_by_its_event_and_its_result_is_the_runs_output(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        doubled = ctx.step.run("double", lambda n: n * 2, ctx.event["data"]["n"])
        ctx.step.sleep("nap", "1h")
        return ["done", doubled, ctx.attempt]

    with code.running(database_url) as harness:
        happen(harness, {"n": 4})
        assert harness.run()["status"] == "waiting"
        harness.skip(3600)
        assert output_of(harness) == ["done", 8, 0]


def test_an_async_function_gathers_its_steps(database_url: str) -> None:
    import asyncio

    code = Code()

    async def double(n: int) -> int:
        return n * 2

    @code.function()
    async def fn(ctx: AsyncStepContext) -> Any:
        left, right = await asyncio.gather(ctx.step.run("left", double, 1), ctx.step.run("right", double, 2))
        await ctx.step.sleep("nap", 60)
        return [left, right]

    with code.running(database_url) as harness:
        happen(harness)
        harness.skip(60)
        assert output_of(harness) == [2, 4]


def test_runs_belong_to_the_tenant_of_their_event(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        return ctx.run.tenant

    with code.running(database_url) as harness:
        for tenant in ("acme", "zenith"):
            happen(harness, scope=Scope(ENVIRONMENT, tenant))
        happen(harness, scope=Scope("staging", "acme"))
        found = harness.rows("SELECT environment, tenant, workflow_id, output FROM runs ORDER BY tenant")
        assert [(row["environment"], row["tenant"], row["output"]) for row in found] == [
            (ENVIRONMENT, "acme", '"acme"'), (ENVIRONMENT, "zenith", '"zenith"')
        ]  # fmt: skip


def test_syncing_again_changes_nothing(database_url: str) -> None:
    code = Code("1")
    code.function("a")(lambda ctx: None)
    code.function("b", trigger={"cron": "0 * * * *"})(lambda ctx: None)
    with code.running(database_url) as harness:
        before = harness.rows("SELECT * FROM workflow_versions ORDER BY workflow_id, version")
        assert code.sync(harness).status is SyncStatus.UNCHANGED
        assert harness.rows("SELECT * FROM workflow_versions ORDER BY workflow_id, version") == before
        assert _versions(harness) == {"shop/a": 1, "shop/b": 1}
        assert harness.column("SELECT workflow_id FROM schedules") == ["shop/b"]


def test_an_application_that_starts_logs_what_has_no_use_together(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    wk = WorkflowKit("shop", database_url=sqlite_url)
    wk.function("a-b", trigger=Event("x/y"), idempotency="event.data.x", rate_limit={"limit": 1, "period": "1h"})(id)
    wk.migrate()
    with caplog.at_level("WARNING", "workflowkit.runtime.functions"):
        wk.sync()
        wk.sync()
    assert [record.getMessage() for record in caplog.records] == [
        "shop/a-b: rate_limit has no use together with idempotency: idempotency takes its place (/settings/rate_limit)"
    ]


def test_processes_that_start_together_publish_each_function_once(postgres_url: str) -> None:
    code = Code("1")
    for name in ("a", "b", "c"):
        code.function(name)(lambda ctx: None)
    with a_runtime(postgres_url, code.registry) as harness:
        processes = [harness.new_process() for _ in range(4)]
        calls = [lambda process=process: process.functions.sync(ENVIRONMENT, code.app()) for process in processes]
        statuses = [synced.status for synced in at_once(*calls)]
        assert sorted(statuses) == [SyncStatus.SYNCED] + [SyncStatus.UNCHANGED] * 3
        assert _versions(harness) == {"shop/a": 1, "shop/b": 1, "shop/c": 1}


def test_a_function_that_is_gone_starts_no_more_runs_and_those_under_way_finish(database_url: str) -> None:
    old = Code("1")

    @old.function()
    def fn(ctx: StepContext) -> str:
        ctx.step.sleep("nap", 60)
        return "finished"

    old.function("stays")(lambda ctx: "stays")
    with old.running(database_url) as harness:
        happen(harness)
        new = Code("2")
        new.function("stays")(lambda ctx: "stays")
        synced = new.sync(harness)
        assert (synced.status, synced.retired) == (SyncStatus.SYNCED, ("shop/fn",))
        assert _enabled(harness) == {"shop/fn": False, "shop/stays": True}
        happen(harness)
        harness.skip(60)
        runs = harness.rows("SELECT workflow_id, status FROM runs ORDER BY workflow_id")
        assert [tuple(row.values()) for row in runs] == [
            ("shop/fn", "completed"), ("shop/stays", "completed"), ("shop/stays", "completed")
        ]  # fmt: skip


def test_a_function_that_comes_back_listens_again_and_one_switched_off_by_hand_stays_off(database_url: str) -> None:
    first, without, again = Code("1"), Code("2"), Code("3")
    for code in (first, again):
        code.function("gone")(lambda ctx: None)
    for code in (first, without, again):
        code.function("off")(lambda ctx: None)
    with first.running(database_url) as harness:
        harness.runtime.authoring.set_enabled(Scope(ENVIRONMENT, APP_TENANT), "shop/off", False)
        without.sync(harness)
        assert _enabled(harness) == {"shop/gone": False, "shop/off": False}
        again.sync(harness)
        assert _enabled(harness) == {"shop/gone": True, "shop/off": False}


@pytest.mark.parametrize(("version", "is_kept"), [("1", True), ("2", False), (None, False)])
def test_a_process_that_starts_without_a_function_switches_off_one_of_other_code_when_it_has_settled(
    database_url: str, version: str | None, is_kept: bool
) -> None:
    whole, part = Code(None if version is None else "1"), Code(version)
    whole.function("a")(lambda ctx: None)
    whole.function("b")(lambda ctx: None)
    part.function("a")(lambda ctx: None)
    with whole.running(database_url) as harness:
        synced = part.sync(harness, absent=Absent.KEPT)
        assert (synced.retired, synced.kept) == ((), () if is_kept else ("shop/b",))
        assert _enabled(harness) == {"shop/a": True, "shop/b": True}
        assert whole.sync(harness).status is (
            SyncStatus.UNCHANGED if is_kept else SyncStatus.SUPERSEDED if version else SyncStatus.SYNCED
        )
        part.sync(harness, absent=Absent.KEPT)
        again = part.sync(harness, absent=Absent.KEPT)  # another process of the same code
        assert (again.status, again.kept) == (SyncStatus.UNCHANGED, synced.kept)
        part.sync(harness, absent=Absent.SETTLED)
        assert _enabled(harness) == {"shop/a": True, "shop/b": is_kept}
        assert part.sync(harness).retired == (("shop/b",) if is_kept else ())


def test_a_process_that_has_settled_leaves_alone_what_others_have_synced_since(database_url: str) -> None:
    whole, part = Code(), Code()
    whole.function("a")(lambda ctx: None)
    whole.function("b")(lambda ctx: None)
    part.function("a")(lambda ctx: None)
    with whole.running(database_url) as harness:
        assert part.sync(harness, absent=Absent.KEPT).kept == ("shop/b",)
        assert whole.sync(harness, absent=Absent.KEPT).kept == ()
        assert part.sync(harness, absent=Absent.SETTLED).status is SyncStatus.UNCHANGED
        assert _enabled(harness) == {"shop/a": True, "shop/b": True}


def test_an_older_version_of_the_code_changes_nothing_unless_forced(database_url: str) -> None:
    new, old = Code("1.10.0"), Code("1.9.3")
    new.function("both", retries=7)(lambda ctx: None)
    old.function("both", retries=1)(lambda ctx: None)
    old.function("old")(lambda ctx: None)
    with new.running(database_url) as harness:
        refused = old.sync(harness)
        assert (refused.status, refused.version_in_force) == (SyncStatus.SUPERSEDED, "1.10.0")
        assert _versions(harness) == {"shop/both": 1}
        assert old.sync(harness, force=True).status is SyncStatus.SYNCED
        assert _versions(harness) == {"shop/both": 2, "shop/old": 1}


def test_code_without_a_version_replaces_code_without_one_only(database_url: str) -> None:
    first, second = Code(None), Code(None)
    first.function("a")(lambda ctx: None)
    second.function("b")(lambda ctx: None)
    with first.running(database_url) as harness:
        assert second.sync(harness).status is SyncStatus.SYNCED
        versioned = Code("1")
        versioned.function("c")(lambda ctx: None)
        assert versioned.sync(harness).status is SyncStatus.SYNCED
        assert first.sync(harness).status is SyncStatus.SUPERSEDED


@pytest.mark.parametrize(
    ("older", "newer"),
    [(None, "0"), ("1.9", "1.10"), ("1", "2"), ("1.0rc1", "1.0"), ("1.0", "1.0.1"), ("2026-09-30", "2026-10-01")],
)
def test_versions_are_ordered_part_by_part(older: str | None, newer: str) -> None:
    assert version_key(older) < version_key(newer)
    assert not version_key(newer) < version_key(older)


def test_applications_leave_each_others_functions_alone(database_url: str) -> None:
    shop, mail = Code(), Code(app_id="mail")
    shop.function("a")(lambda ctx: None)
    mail.function("a")(lambda ctx: None)
    with shop.running(database_url) as harness:
        mail.sync(harness)
        assert Code(app_id="shop").sync(harness).retired == ("shop/a",)
        assert _enabled(harness) == {"mail/a": True, "shop/a": False}


def test_a_run_stays_on_the_version_it_started_on_and_new_code_goes_on_from_its_steps(database_url: str) -> None:
    executed: list[str] = []
    old, new = Code("1"), Code("2")

    @old.function(retries=1)
    def fn(ctx: StepContext) -> str:
        ctx.step.run("first", executed.append, "first")
        ctx.step.sleep("nap", 60)
        return "old"

    @new.function("fn", retries=2)
    def newer(ctx: StepContext) -> str:
        ctx.step.run("first", executed.append, "first again")
        ctx.step.sleep("nap", 60)
        ctx.step.run("second", executed.append, "second")
        return "new"

    with old.running(database_url) as harness:
        happen(harness)
        new.sync(harness)
        harness.registry.functions["shop/fn"] = newer
        harness.skip(60)
        assert output_of(harness) == "new"
        assert executed == ["first", "second"]
        assert harness.run()["version"] == 1


def test_a_users_document_cannot_name_a_function_as_an_action(database_url: str) -> None:
    code = Code()
    code.function()(lambda ctx: None)
    document = a_workflow().action("a", "function:shop/fn").path("$source", "a").document()
    with code.running(database_url) as harness:
        with pytest.raises(DefinitionError, match="unknown action kind"):
            harness.deploy(document)
        assert "function:shop/fn" not in harness.registry
        assert not [kind for kind in harness.registry.kinds() if kind.startswith("function:")]


def test_a_function_is_started_directly(database_url: str) -> None:
    code = Code()

    @code.function(triggers=[])
    def fn(ctx: StepContext) -> Any:
        return ctx.event["data"]

    with code.running(database_url) as harness:
        run_id = harness.runtime.invoking.invoke(Scope(ENVIRONMENT, "acme"), fn.id, {"n": 1})
        harness.drain()
        assert output_of(harness) == {"n": 1}
        assert (harness.run()["id"], harness.run()["tenant"]) == (run_id, "acme")


def test_what_cannot_be_started_directly_says_why(database_url: str) -> None:
    code = Code()
    code.function()(lambda ctx: None)
    with code.running(database_url) as harness:
        with pytest.raises(NotFound):
            harness.runtime.invoking.invoke(DEFAULT_SCOPE, "shop/other")
        harness.runtime.authoring.set_enabled(Scope(ENVIRONMENT, APP_TENANT), "shop/fn", False)
        with pytest.raises(Conflict):
            harness.runtime.invoking.invoke(DEFAULT_SCOPE, "shop/fn")
        assert harness.rows("SELECT * FROM events") == []


def test_data_that_a_workflow_does_not_take_is_refused_before_anything_is_stored(database_url: str) -> None:
    inputs = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").document() | {"inputs": inputs}, "typed")
        with pytest.raises(InvalidInput) as caught:
            harness.runtime.invoking.invoke(DEFAULT_SCOPE, "typed", {"n": "one"})
        assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("/data/n", "invalid-value")]
        assert "/data/n" in caught.value.message
        assert harness.rows("SELECT * FROM events") == []
        harness.runtime.invoking.invoke(DEFAULT_SCOPE, "typed", {"n": 1})
        harness.drain()
        assert harness.run()["status"] == "completed"


# --- fleets that are half rolled out


def _old_process(harness: Harness) -> Runtime:
    """Return a process whose code has no functions yet."""
    process = harness.new_process()
    process.registry = a_registry()
    return process


def test_workers_without_the_code_leave_a_step_to_others_and_cost_it_no_retry(database_url: str) -> None:
    code, attempts = Code(), []

    @code.function(retries=1)
    def fn(ctx: StepContext) -> str:
        attempts.append(ctx.attempt)
        if len(attempts) == 1:
            raise RuntimeError("once")
        return "done"

    with code.running(database_url) as harness:
        old = _old_process(harness)
        harness.send("test/happened")
        harness.deliver(old)
        for _ in range(6):  # more often than it has retries
            harness.clock.advance(seconds=700)
            old.relay.tick()
            assert harness.deliver(old)
        assert attempts == []
        harness.skip(1_300)
        harness.skip(60)
        assert output_of(harness) == "done"


def test_a_step_whose_code_never_comes_fails_after_a_day(database_url: str) -> None:
    code = Code()
    code.function()(lambda ctx: None)
    with code.running(database_url) as harness:
        old = _old_process(harness)
        harness.send("test/happened")
        harness.deliver(old)
        for _ in range(20):
            assert harness.run()["status"] != "failed"
            harness.clock.advance(seconds=7_200)
            old.relay.tick()
            while harness.deliver(old):
                pass
        assert harness.run()["status"] == "failed"
        assert "unknown-action" in harness.run()["error"]


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_process_that_dies_while_it_syncs_leaves_all_or_nothing(database_url: str, side: str, tmp_path: Path) -> None:
    code = Code("1")
    code.function("a")(lambda ctx: None)
    code.function("b")(lambda ctx: None)
    with a_runtime(database_url, code.registry) as harness:
        failpoints.arm(f"sync.{side}_commit:raise:1:{tmp_path / 'hits'}")
        try:
            with pytest.raises(failpoints.FailpointReached):
                code.sync(harness)
        finally:
            failpoints.arm("")
        assert len(_versions(harness)) == (0 if side == "before" else 2)
        assert code.sync(harness).status is (SyncStatus.SYNCED if side == "before" else SyncStatus.UNCHANGED)
        assert _versions(harness) == {"shop/a": 1, "shop/b": 1}


@pytest.mark.parametrize(("dies", "times"), [("before its record", 2), ("after its record", 1)])
def test_a_worker_that_dies_at_every_step_repeats_those_only_that_were_not_recorded(
    database_url: str, dies: str, times: int
) -> None:
    code = Code()
    executed: Counter[int] = Counter()
    died: set[int] = set()

    def effect(n: int) -> int:
        executed[n] += 1
        if dies == "before its record" and executed[n] == 1:
            harness.clock.advance(seconds=40)  # the lease ends while the worker is stopped
        return n

    @code.function()
    def fn(ctx: StepContext) -> int:
        total = 0
        for n in range(20):
            total += ctx.step.run(f"step-{n}", effect, n)
            if dies == "after its record" and n not in died:
                died.add(n)
                raise LeaseInterrupt
        return total

    with code.running(database_url) as harness:
        happen(harness)
        for _ in range(20):
            assert harness.run()["status"] == "running"
            harness.skip(40)
        assert output_of(harness) == sum(range(20))
        assert executed == dict.fromkeys(range(20), times)
