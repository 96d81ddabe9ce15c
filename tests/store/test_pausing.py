"""Pausing and draining: no run begins, those there are stop between steps or run to their end, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime, at_once

from workflowkit.base.errors import Conflict, LimitExceeded, NotFound
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import APP_TENANT, DEFAULT_SCOPE, Scope
from workflowkit.composition import Runtime
from workflowkit.engine.context import StepContext
from workflowkit.engine.outcome import Succeeded
from workflowkit.registry import Registry
from workflowkit.runtime.auditing import By
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.rerunning import Again
from workflowkit.store.pauses import Hold, Running

TEST = Target(DEFAULT_SCOPE, "test")
EVERYTHING = Target(DEFAULT_SCOPE)
DAY = 86_400


def _registry(**handlers: Any) -> Registry:
    registry = a_registry()
    for kind, handler in handlers.items():
        registry.action(kind)(handler)
    return registry


def _document(*kinds: str, event: str = "test/happened", **settings: Any) -> dict[str, Any]:
    workflow = a_workflow().trigger(event)
    for kind in kinds:
        workflow.action(kind, kind=kind)
    return workflow.path("$source", *kinds).document() | {"settings": settings}


def _nap(ctx: StepContext) -> None:
    ctx.step.sleep("nap", "2h")


def _statuses(harness: Harness, workflow_id: str = "test") -> list[str]:
    rows = harness.rows("SELECT status FROM runs WHERE workflow_id = :id ORDER BY id", id=workflow_id)
    return [row["status"] for row in rows]


def _decisions(harness: Harness) -> list[tuple[str, str]]:
    rows = harness.rows("SELECT workflow_id, reason FROM decisions ORDER BY at_ms, workflow_id")
    return [(row["workflow_id"], row["reason"]) for row in rows]


def _start(harness: Harness, *kinds: str, **settings: Any) -> None:
    harness.deploy(_document(*kinds, **settings))
    harness.send("test/happened")
    harness.drain()


# --- events


def test_events_that_come_during_a_pause_start_nothing_then_or_later_and_say_why(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document("noop"))
        harness.deploy(_document("noop"), "other")
        harness.runtime.pausing.pause(TEST)
        harness.send("test/happened")
        harness.drain()
        assert _decisions(harness) == [("test", "paused")]
        assert (_statuses(harness), _statuses(harness, "other")) == ([], ["completed"])
        assert harness.runtime.pausing.resume(TEST)
        assert not harness.runtime.pausing.resume(TEST)
        harness.skip(1)
        assert _statuses(harness) == []
        harness.send("test/happened")
        harness.drain()
        assert _statuses(harness) == ["completed"]


def test_an_event_addressed_to_a_paused_workflow_starts_nothing_and_an_invocation_is_refused(
    database_url: str,
) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document("noop"))
        run_id = harness.runtime.invoking.invoke(DEFAULT_SCOPE, "test")
        harness.runtime.pausing.pause(TEST)
        harness.drain()
        assert _decisions(harness) == [("test", "paused")]
        assert harness.rows("SELECT id FROM runs WHERE id = :id", id=run_id) == []
        with pytest.raises(Conflict, match="pause"):
            harness.runtime.invoking.invoke(DEFAULT_SCOPE, "test")


@pytest.mark.parametrize(
    ("target", "held"),
    [
        (Target(DEFAULT_SCOPE, "test"), {"default/test"}),
        (Target(DEFAULT_SCOPE), {"default/test", "default/shop/hello"}),
        (Target(Scope("default", APP_TENANT), "shop/hello"), {"default/shop/hello", "acme/shop/hello"}),
        (Target(DEFAULT_SCOPE, "shop/hello"), {"default/shop/hello"}),
        (
            Target(Scope("default", APP_TENANT)),
            {"default/test", "acme/test", "default/shop/hello", "acme/shop/hello"},
        ),
        (Target(Scope("elsewhere", APP_TENANT)), set()),
    ],
)
def test_a_pause_is_of_a_workflow_a_function_a_tenant_or_an_environment(
    database_url: str, target: Target, held: set[str]
) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        acme = Scope("default", "acme")
        for scope in (DEFAULT_SCOPE, acme):
            harness.deploy(_document("nap"), scope=scope)
        with harness.runtime.database.transaction("publish") as tx:
            everyone = Scope("default", APP_TENANT)
            harness.runtime.authoring.put(tx, everyone, "shop/hello", _document("nap"), harness.registry)
        for scope in (DEFAULT_SCOPE, acme):
            harness.send("test/happened", scope=scope)
        harness.drain()
        harness.runtime.pausing.pause(target)
        harness.skip(0)
        frozen = harness.rows("SELECT tenant, workflow_id FROM runs WHERE paused_at_ms IS NOT NULL")
        assert {f"{row['tenant']}/{row['workflow_id']}" for row in frozen} == held
        for scope in (DEFAULT_SCOPE, acme):
            harness.send("test/happened", scope=scope)
        harness.drain()
        skipped = harness.rows("SELECT tenant, workflow_id, reason FROM decisions")
        assert {f"{row['tenant']}/{row['workflow_id']}" for row in skipped} == held
        assert {row["reason"] for row in skipped} <= {"paused"}


def test_only_what_exists_can_be_paused_by_name(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        for workflow_id in ("none", "shop/none"):
            with pytest.raises(NotFound):
                harness.runtime.pausing.pause(Target(DEFAULT_SCOPE, workflow_id))
        with pytest.raises(LimitExceeded):
            harness.runtime.pausing.pause(EVERYTHING, reason="x" * 501)


# --- frozen runs


def test_a_sleep_that_ends_during_a_pause_goes_on_promptly_after_it(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        _start(harness, "nap", "noop")
        harness.runtime.pausing.pause(TEST)
        harness.skip(3 * 3600)
        harness.skip(61)
        assert _statuses(harness) == ["waiting"]
        messages = harness.dispatcher.message_count
        for _ in range(10):
            harness.skip(60)
        assert harness.dispatcher.message_count == messages, "a frozen run is not hinted"
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert _statuses(harness) == ["completed"]


def test_a_sleep_that_is_not_over_goes_on_after_the_pause(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        _start(harness, "nap")
        harness.runtime.pausing.pause(TEST)
        harness.skip(60)
        harness.runtime.pausing.resume(TEST)
        harness.skip(60)
        assert _statuses(harness) == ["waiting"]
        harness.skip(2 * 3600 - 121)
        assert _statuses(harness) == ["waiting"]
        harness.skip(1)
        assert _statuses(harness) == ["completed"]


def test_a_run_that_is_to_start_later_does_not_during_a_pause(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document("noop"))
        harness.send("test/happened", ts=harness.clock.now_ms() + 10_000)
        harness.drain()
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        harness.skip(20)
        assert _statuses(harness) == ["scheduled"]
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert _statuses(harness) == ["completed"]


def test_a_step_that_runs_when_the_pause_begins_is_recorded_and_the_next_does_not_start(database_url: str) -> None:
    with a_runtime(database_url) as harness:

        @harness.registry.action("slow")
        def slow() -> str:
            harness.runtime.pausing.pause(TEST)
            harness.runtime.timers.fire_due()
            return "done"

        _start(harness, "slow", "noop")
        assert harness.journal("completed") == [("completed", "$source"), ("completed", "slow")]
        assert harness.steps() == {"slow": "completed", "noop": "ready"}
        harness.skip(120)
        assert harness.steps()["noop"] == "ready"
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert _statuses(harness) == ["completed"]


@pytest.mark.parametrize("form", ["sync", "async"])
def test_a_handler_stops_after_the_step_that_it_is_in(database_url: str, form: str) -> None:
    calls: list[str] = []

    def pause() -> int:
        calls.append("pause")
        harness.runtime.pausing.pause(TEST)
        harness.runtime.timers.fire_due()
        return 7

    def go_on() -> int:
        calls.append("next")
        return 8

    def handler(ctx: StepContext) -> list[int]:
        return [ctx.step.run("pause", pause), ctx.step.run("next", go_on)]

    async def async_handler(ctx: Any) -> list[int]:
        return [await ctx.step.run("pause", pause), await ctx.step.run("next", go_on)]

    with a_runtime(database_url, _registry(durable=handler if form == "sync" else async_handler)) as harness:
        _start(harness, "durable")
        harness.skip(61)
        assert (calls, harness.steps()) == (["pause"], {"durable": "ready"})
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert calls == ["pause", "next"]
        assert loads(harness.run()["output"]) == {"durable": [7, 8]}


def test_a_step_that_fails_during_a_pause_is_tried_again_after_it(database_url: str) -> None:
    attempts: list[int] = []

    def fails(ctx: StepContext) -> None:
        attempts.append(ctx.attempt)
        if len(attempts) == 1:
            harness.runtime.pausing.pause(TEST)
            harness.runtime.timers.fire_due()
            raise RuntimeError("not now")

    with a_runtime(database_url, _registry(fails=fails)) as harness:
        _start(harness, "fails")
        harness.skip(3600)
        assert attempts == [0]
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert (attempts, _statuses(harness)) == ([0, 1], ["completed"])


def test_what_a_frozen_run_waits_for_may_come_and_is_there_after_the_pause(database_url: str) -> None:
    def handler(ctx: StepContext) -> Any:
        return (ctx.step.wait_for_event("paid", "order/paid", timeout="1d") or {}).get("data")

    with a_runtime(database_url, _registry(durable=handler)) as harness:
        _start(harness, "durable")
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        harness.send("order/paid", {"n": 1})
        harness.drain()
        harness.skip(10)
        assert _statuses(harness) == ["waiting"]
        assert harness.rows("SELECT step_key FROM steps WHERE wake_at_ms IS NOT NULL") == []
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert loads(harness.run()["output"]) == {"durable": {"n": 1}}


def test_a_worker_that_dies_in_a_frozen_run_is_made_up_for_after_the_pause(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document("noop"))
        harness.send("test/happened")
        harness.claim()  # by a worker that is never heard of again
        harness.runtime.pausing.pause(TEST)
        for _ in range(70):
            harness.skip(1)
        messages = harness.dispatcher.message_count
        harness.skip(60)
        assert harness.dispatcher.message_count == messages
        assert _statuses(harness) == ["running"]
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert _statuses(harness) == ["completed"]
        assert harness.journal("lost") == [("lost", "noop")]


def test_a_run_that_a_paused_workflow_is_invoked_by_waits_with_it(database_url: str) -> None:
    def outer(ctx: StepContext) -> Any:
        return ctx.step.invoke("inner", "inner")

    with a_runtime(database_url, _registry(outer=outer)) as harness:
        harness.deploy(_document("noop", event="never/sent"), "inner")
        harness.runtime.pausing.pause(Target(DEFAULT_SCOPE, "inner"))
        harness.skip(0)
        _start(harness, "outer")
        harness.skip(120)
        assert (_statuses(harness), _statuses(harness, "inner")) == (["waiting"], ["queued"])
        harness.runtime.pausing.resume(Target(DEFAULT_SCOPE, "inner"))
        harness.skip(0)
        assert (_statuses(harness), _statuses(harness, "inner")) == (["completed"], ["completed"])


def test_a_rerun_of_a_paused_workflow_begins_frozen(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        _start(harness, "noop")
        harness.runtime.pausing.pause(TEST)
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, harness.run()["id"])
        harness.drain()
        harness.skip(61)
        assert sorted(_statuses(harness)) == ["completed", "queued"]
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert _statuses(harness) == ["completed", "completed"]


def test_a_run_stays_frozen_until_the_last_pause_that_concerns_it_is_lifted(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        _start(harness, "nap")
        harness.runtime.pausing.pause(TEST)
        harness.runtime.pausing.pause(EVERYTHING)
        harness.skip(3 * 3600)
        harness.runtime.pausing.resume(TEST)
        harness.skip(1)
        assert _statuses(harness) == ["waiting"]
        harness.runtime.pausing.resume(EVERYTHING)
        harness.skip(1)
        assert _statuses(harness) == ["completed"]


def test_many_runs_are_frozen_and_thawed_in_small_transactions(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap"))
        for _ in range(5):
            harness.runtime.intake.send(DEFAULT_SCOPE, [{"name": "test/happened", "data": {}}] * 90)
        harness.drain()
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        assert harness.rows("SELECT count(*) AS n FROM runs WHERE paused_at_ms IS NOT NULL") == [{"n": 450}]
        assert harness.rows("SELECT count(*) AS n FROM steps WHERE wake_at_ms IS NOT NULL") == [{"n": 0}]
        harness.clock.advance(seconds=7200)
        harness.runtime.pausing.resume(TEST)
        harness.skip(0)
        assert harness.rows("SELECT status, count(*) AS n FROM runs GROUP BY status") == [
            {"status": "completed", "n": 450}
        ]


def test_a_run_that_is_made_while_a_pause_begins_is_found_by_a_later_look(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document("noop"))
        harness.runtime.pausing.pause(TEST)
        harness.runtime.timers.fire_due()
        # As by a transaction that had asked for pauses just before this one was committed.
        with harness.runtime.database.transaction("pause") as tx:
            from workflowkit.store import pauses

            pauses.delete(tx, DEFAULT_SCOPE, "test", Hold.PAUSE)
        harness.send("test/happened")
        harness.match()
        with harness.runtime.database.transaction("pause") as tx:
            row = pauses.PauseRow(DEFAULT_SCOPE, "test", Hold.PAUSE, Running.FREEZE, None, None, tx.now_ms)
            pauses.put(tx, DEFAULT_SCOPE, row)
        assert harness.run()["paused_at_ms"] is None
        harness.clock.advance(seconds=1)
        harness.runtime.timers.fire_due()
        assert harness.run()["paused_at_ms"] is not None


def test_what_is_frozen_for_seven_days_is_cancelled(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        _start(harness, "nap")
        harness.runtime.pausing.pause(TEST)
        for _ in range(70):
            harness.skip(1)
        harness.skip(7 * DAY - 71)
        assert _statuses(harness) == ["waiting"]
        harness.skip(3600)
        harness.skip(3600)
        run = harness.run()
        assert (run["status"], run["reason"]) == ("cancelled", "paused-too-long")


def test_what_goes_on_in_time_is_not_cancelled(database_url: str) -> None:
    def handler(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "30d")

    with a_runtime(database_url, _registry(durable=handler)) as harness:
        _start(harness, "durable")
        harness.runtime.pausing.pause(TEST)
        harness.skip(6 * DAY)
        harness.runtime.pausing.resume(TEST)
        harness.skip(60)
        harness.runtime.pausing.pause(TEST)
        for _ in range(4):
            harness.skip(DAY)
        assert _statuses(harness) == ["waiting"]


def test_a_frozen_run_can_be_cancelled_and_keeps_to_its_time_limit(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        _start(harness, "nap", timeouts={"finish": "1m"})
        harness.send("test/happened")
        harness.drain()
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        first, _ = harness.rows("SELECT id FROM runs ORDER BY id")
        harness.runtime.control.cancel(DEFAULT_SCOPE, first["id"])
        harness.skip(60)
        reasons = harness.rows("SELECT reason FROM runs ORDER BY reason")
        assert [row["reason"] for row in reasons] == ["cancelled-by-user", "finish-timeout"]


# --- a pause that cancels


def test_a_pause_that_cancels_ends_the_runs_there_are(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("noop", event="workflow/run.cancelled"), "cleanup")
        _start(harness, "nap")
        harness.send("test/happened")
        harness.drain()
        harness.runtime.pausing.pause(TEST, reason="wrong prices")
        harness.skip(0)
        harness.runtime.pausing.pause(TEST, running=Running.CANCEL, reason="very wrong prices", by=By("key:ops"))
        harness.skip(0)
        harness.skip(1)
        rows = harness.rows("SELECT status, reason, reason_detail FROM runs WHERE workflow_id = 'test'")
        assert [(row["status"], row["reason"]) for row in rows] == [("cancelled", "cancelled-by-pause")] * 2
        assert loads(rows[0]["reason_detail"]) == {"text": "very wrong prices", "actor": "key:ops"}
        assert _statuses(harness, "cleanup") == ["completed", "completed"]


# --- drain


def test_a_drained_workflow_starts_nothing_and_its_runs_end(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        harness.deploy(_document("nap"))
        for _ in range(10):
            harness.send("test/happened")
        harness.drain()
        harness.runtime.pausing.drain(TEST)
        for _ in range(5):
            harness.send("test/happened")
        harness.drain()
        assert _decisions(harness) == [("test", "drained")] * 5
        assert harness.runtime.pausing.count_open(TEST) == 10
        harness.skip(2 * 3600)
        assert (_statuses(harness), harness.runtime.pausing.count_open(TEST)) == (["completed"] * 10, 0)
        assert harness.runtime.pausing.undrain(TEST)
        harness.send("test/happened")
        harness.drain()
        assert len(_statuses(harness)) == 11


@pytest.mark.parametrize("target", [TEST, EVERYTHING])
def test_a_run_of_what_is_drained_is_not_repeated(database_url: str, target: Target) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document("noop"))
        harness.send("test/happened")
        harness.drain()
        run_id = harness.run()["id"]
        harness.runtime.pausing.drain(target)
        for _ in range(2):
            with pytest.raises(Conflict, match="starts no runs for now: drain"):
                harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id)
            with pytest.raises(Conflict, match="starts no runs for now: drain"):
                harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id, Again(data={"n": 2}))
            harness.runtime.pausing.pause(TEST)
        assert harness.run()["id"] == run_id
        assert len(harness.rows("SELECT 1 FROM events WHERE name = 'test/happened'")) == 1
        harness.runtime.pausing.undrain(target)
        harness.runtime.rerunning.rerun(DEFAULT_SCOPE, run_id)
        assert sorted(_statuses(harness)) == ["completed", "queued"], "it begins frozen"


def test_of_a_pause_and_a_drain_the_pause_is_the_reason_and_lifting_it_leaves_the_drain(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(_document("noop"))
        harness.runtime.pausing.drain(EVERYTHING)
        harness.runtime.pausing.pause(TEST)
        harness.send("test/happened")
        harness.drain()
        harness.clock.advance(seconds=1)
        harness.runtime.pausing.resume(TEST)
        harness.send("test/happened")
        harness.drain()
        assert _decisions(harness) == [("test", "paused"), ("test", "drained")]
        (row,) = harness.runtime.pausing.find(DEFAULT_SCOPE)
        assert (row.hold, row.workflow_id) == (Hold.DRAIN, "")


def test_frozen_runs_count_as_open(database_url: str) -> None:
    with a_runtime(database_url, _registry(nap=_nap)) as harness:
        _start(harness, "nap")
        harness.runtime.pausing.pause(TEST)
        harness.skip(0)
        assert harness.runtime.pausing.count_open(EVERYTHING) == 1


# --- handing over


def test_a_long_chain_of_steps_is_handed_over_when_the_budget_of_its_task_is_used_up(database_url: str) -> None:
    entered: list[int] = []

    def handler(ctx: StepContext) -> int:
        entered.append(1)
        return sum(ctx.step.run(f"step-{number}", lambda n=number: n) for number in range(10))

    with a_runtime(database_url, _registry(durable=handler), inline_steps=4) as harness:
        _start(harness, "durable")
        assert loads(harness.run()["output"]) == {"durable": 45}
        assert len(entered) == 3
        assert harness.journal("suspended") == [("suspended", "durable")] * 2


def test_a_worker_that_is_about_to_end_begins_no_step(database_url: str) -> None:
    calls: list[str] = []
    with a_runtime(database_url, _registry(durable=lambda: calls.append("called"))) as harness:
        harness.deploy(_document("durable"))
        harness.send("test/happened")
        harness.runtime.worker.drain()
        for _ in ("the event", "the step"):
            harness.deliver()
            assert (calls, harness.steps()) == ([], {"durable": "ready"})
        other = harness.new_process()
        while harness.deliver(other):
            pass
        assert (calls, _statuses(harness)) == (["called"], ["completed"])


def test_a_worker_that_is_about_to_end_hands_a_chain_over_after_the_step_it_is_in(database_url: str) -> None:
    calls: list[str] = []

    def first() -> None:
        calls.append("first")
        harness.runtime.worker.drain()

    def handler(ctx: StepContext) -> None:
        ctx.step.run("first", first)
        ctx.step.run("second", lambda: calls.append("second"))

    with a_runtime(database_url, _registry(durable=handler)) as harness:
        harness.deploy(_document("durable"))
        harness.send("test/happened")
        harness.deliver()
        assert (calls, harness.steps()) == (["first"], {"durable": "ready"})
        other = harness.new_process()
        while harness.deliver(other):
            pass
        assert (calls, _statuses(harness)) == (["first", "second"], ["completed"])


# --- races


@pytest.mark.parametrize("turn", range(4))
def test_a_result_and_a_pause_at_the_same_moment_lose_nothing(database_url: str, turn: int) -> None:
    with a_runtime(database_url) as harness:
        other = harness.new_process()
        harness.deploy(_document("noop", "boom"))
        harness.send("test/happened")
        claim = harness.claim()
        harness.runtime.pausing.pause(TEST)
        outcomes = at_once(
            lambda: harness.runtime.worker.advance.record(claim, Succeeded(1), retries=0, go_on=False),
            lambda: other.timers.fire_due(),
        )
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)], outcomes
        harness.drain()
        for _ in range(3):
            harness.skip(1)
        assert harness.run()["paused_at_ms"] is not None
        assert harness.journal("completed") == [("completed", "$source"), ("completed", "noop")]
        harness.runtime.pausing.resume(TEST)
        for _ in range(2):
            harness.skip(1)
        assert ("attempt", "boom") in harness.journal("attempt")


class Storm:
    """Processes that work on runs, pause, resume and cancel them, all at the same moment."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.processes = [harness.new_process() for _ in range(4)]

    def work(self, runtime: Runtime, event_ids: list[str]) -> None:
        runtime.worker.match(event_ids)
        for _ in range(15):
            runtime.relay.tick()
            while self.harness.deliver(runtime):
                pass

    def disturb(self, runtime: Runtime) -> None:
        for _ in range(4):
            for target in (TEST, EVERYTHING):
                runtime.pausing.pause(target)
            for target in (EVERYTHING, TEST):
                runtime.pausing.resume(target)

    def cancel(self, runtime: Runtime) -> None:
        for row in self.harness.rows("SELECT id FROM runs ORDER BY id LIMIT 4"):
            runtime.control.cancel(DEFAULT_SCOPE, row["id"])

    def rage(self, event_ids: list[str]) -> list[Any]:
        first, second, third, fourth = self.processes
        return at_once(
            lambda: self.work(first, event_ids),
            lambda: self.work(second, event_ids),
            lambda: self.disturb(third),
            lambda: self.cancel(fourth),
        )


@pytest.mark.parametrize("turn", range(4))
def test_pauses_cancels_resumes_and_work_at_the_same_moment_leave_no_run_behind(database_url: str, turn: int) -> None:
    def outer(ctx: StepContext) -> Any:
        return ctx.step.invoke("inner", "inner")

    with a_runtime(database_url, _registry(outer=outer)) as harness:
        two = a_workflow().actions("a", "b").path("$source", "a", "b").trigger("never/sent")
        harness.deploy(two.document(), "inner")
        harness.deploy(_document("outer"))
        outcomes = Storm(harness).rage([harness.send("test/happened") for _ in range(12)])
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)], outcomes
        for _ in range(70):
            harness.skip(1)
        rows = harness.rows("SELECT status, paused_at_ms FROM runs")
        assert {row["status"] for row in rows} <= {"completed", "cancelled"}
        assert not any(row["paused_at_ms"] for row in rows)
        assert harness.rows("SELECT id FROM timers WHERE kind LIKE 'run.%' OR kind = 'pause.apply'") == []
