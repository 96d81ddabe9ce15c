"""A step is claimed by a look without a lock and one statement: what happens between the two (PostgreSQL only)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from asked import statements_from_now_on
from builders import a_workflow
from functions import Code, happen, output_of
from histories import failing
from runtimes import Harness, a_runtime, at_once

from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.middleware import Middleware
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.position import Opening
from workflowkit.store import singles

ROUNDS = 10

Between = Callable[[Callable[[], object]], None]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Return what lets something happen once, after a look and before what follows from it."""

    def arrange(happens: Callable[[], object]) -> None:
        look = singles.look

        def first(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(singles, "look", look)
            seen = look(*args, **kwargs)
            happens()
            return seen

        monkeypatch.setattr(singles, "look", first)

    return arrange


def _sleeping(harness: Harness) -> None:
    """Let a run sleep for a minute before its only step."""
    wait = a_workflow().action("nap", "builtin:wait", {"duration": "1m"}).path("$source", "nap")
    harness.deploy(wait.trigger("test/happened").document())
    happen(harness)


def test_a_sleep_that_is_over_costs_one_look_and_one_statement(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_runtime(postgres_url) as harness:
        _sleeping(harness)
        advance = harness.runtime.worker.advance
        monkeypatch.setattr(advance, "_claim", lambda *_: pytest.fail("the long way was gone"))
        harness.skip(60)
        assert harness.run()["status"] == "completed"
        kinds = [kind for kind, step in harness.journal() if step in ("nap", "nap/wait")]
        assert kinds == ["attempt", "opened", "suspended", "attempt", "completed", "completed"]


def _waking(harness: Harness) -> list[StepHint]:
    """Let runs sleep, and that be over; return their steps, which are due."""
    _sleeping(harness)
    for _ in range(ROUNDS - 1):
        happen(harness)
    harness.clock.advance(seconds=60)
    return [StepHint(row["id"], "nap", "default") for row in harness.rows("SELECT id FROM runs")]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the statements that go to PostgreSQL from now on."""
    return statements_from_now_on(monkeypatch)


def _awaiting(harness: Harness) -> StepHint:
    """Let a run wait for an event, and that come; return its step, which is due."""
    awaited = a_workflow().action("wait", "builtin:wait_for_event", {"event": "test/replied", "timeout": "1d"})
    harness.deploy(awaited.action("then").path("$source", "wait", "then").trigger("test/happened").document())
    happen(harness)
    harness.runtime.worker._matching.match([harness.send("test/replied", {"n": 7})])
    return StepHint(harness.run()["id"], "wait", "default")


def test_a_wait_that_is_over_is_taken_and_recorded_in_one_statement(postgres_url: str, statements: list[str]) -> None:
    with a_runtime(postgres_url) as harness:
        hint, before = _awaiting(harness), len(harness.journal())
        statements.clear()
        harness.runtime.worker.execute([hint])
        # A look at everything, the wait together with the claim of what follows, then that; and before it, once in a
        # while, whether somebody listens to the ends of runs.
        assert ["WITH locked" in each for each in statements] == [False, True, False, True]
        assert harness.run()["status"] == "completed"
        assert harness.journal()[before:] == [
            ("attempt", "wait"),
            ("completed", "wait/event"),
            ("completed", "wait"),
            ("attempt", "then"),
            ("completed", "then"),
        ]
        (row,) = harness.rows("SELECT attempt, token, status FROM steps WHERE step_key = 'wait'")
        assert row == {"attempt": 2, "token": 2, "status": "completed"}


def test_a_look_reads_no_events_that_are_on_record(postgres_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> None:
        for name in ("first", "second"):
            ctx.step.wait_for_event(name, f"test/{name}", timeout="1d")

    with code.running(postgres_url) as harness:
        happen(harness)
        happen(harness, name="test/first")
        event_id = harness.send("test/second")
        harness.runtime.worker._matching.match([event_id])
        (row,) = harness.rows("SELECT run_id, step_key FROM steps")
        with harness.runtime.database.transaction("claim") as tx:
            seen = singles.look(tx, row["run_id"], row["step_key"], lease_ms=1_000)
        assert seen is not None
        assert [wait.name for wait in seen.waits.values()] == ["test/second"]
        assert list(seen.came) == [event_id]


@pytest.mark.parametrize("side", ["before_commit", "after_commit"])
def test_a_record_that_takes_its_step_is_repeated_or_found(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    """F8: whether it was committed or not, the run goes on at once, and nothing has happened twice."""
    monkeypatch.setattr("workflowkit.runtime.worker.RECORD_PAUSES_SECONDS", (0.0, 0.0))
    with a_runtime(postgres_url) as harness:
        hint = _awaiting(harness)
        with failing(f"record.{side}", StoreUnavailable("no answer")):
            harness.runtime.worker.execute([hint])
        assert harness.run()["status"] == "completed"
        assert harness.journal("attempt") == [("attempt", "wait"), ("attempt", "wait"), ("attempt", "then")]
        assert harness.journal("ignored") == harness.journal("lost") == []


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_middleware_hears_of_no_attempt_before_it_has_begun(
    postgres_url: str, between: Between, *, is_cancelled: bool
) -> None:
    heard: list[bool] = []

    class Listening(Middleware):
        def before_execution(self) -> None:
            heard.append(harness.journal("attempt")[-1] == ("attempt", self.ctx.step.key))

    extensions = Extensions()
    extensions.use(Listening)
    with a_runtime(postgres_url, extensions=extensions) as harness:
        hint = _awaiting(harness)
        heard.clear()
        if is_cancelled:
            between(lambda: harness.runtime.control.cancel(DEFAULT_SCOPE, hint.run_id))
        harness.runtime.worker.execute([hint])
        assert heard == ([] if is_cancelled else [True, True])  # of the wait, and of what follows


def test_an_event_that_comes_between_look_and_claim_is_not_missed(postgres_url: str, between: Between) -> None:
    """I17: the attempt begins without it, and finds it when the step is about to wait again."""
    code, seen = Code(), []

    @code.function()
    def fn(ctx: StepContext) -> Any:
        def nap() -> None:
            ctx.step.sleep("nap", 60)

        def reply() -> Any:
            return ctx.step.wait_for_event("reply", "user/replied", timeout="1d")

        seen.append(ctx.attempt)
        return ctx.group.parallel([nap, reply])[1]["data"]["n"]

    with code.running(postgres_url) as harness:
        happen(harness)

        def reply() -> None:
            event_id = harness.send("user/replied", {"n": 7})
            harness.runtime.worker._matching.match([event_id])

        harness.clock.advance(seconds=60)
        between(reply)
        harness.skip(0)
        assert output_of(harness) == 7
        assert len(seen) == 3  # to begin with, at the end of the nap, and for the event


def test_a_run_that_is_cancelled_between_look_and_claim_starts_nothing(postgres_url: str, between: Between) -> None:
    with a_runtime(postgres_url) as harness:
        _sleeping(harness)
        run_id = harness.run()["id"]
        harness.clock.advance(seconds=60)
        between(lambda: harness.runtime.control.cancel(DEFAULT_SCOPE, run_id))
        harness.skip(0)
        assert harness.run()["status"] == "cancelled"
        assert harness.journal("attempt") == [("attempt", "nap")]


def test_a_run_that_is_frozen_between_look_and_record_stays_where_it_is(postgres_url: str, between: Between) -> None:
    with a_runtime(postgres_url) as harness:
        hint, target = _awaiting(harness), Target(DEFAULT_SCOPE, "test")

        def freeze() -> None:
            harness.runtime.pausing.pause(target)
            harness.new_process().relay.tick()

        between(freeze)
        harness.runtime.worker.execute([hint])
        assert harness.steps() == {"wait": "waiting"}
        harness.runtime.pausing.resume(target)
        harness.skip(1)
        assert harness.run()["status"] == "completed"


def test_what_another_branch_records_between_look_and_claim_is_known_afterwards(
    postgres_url: str, between: Between
) -> None:
    """I10: without the comparison of revisions the claim would succeed, and the join never hear of the other branch."""
    with a_runtime(postgres_url) as harness:
        fork = a_workflow().action("join", join="all")
        for name in ("a", "b"):
            fork.action(name, "builtin:wait", {"duration": "1m"}).path("$source", name, "join")
        harness.deploy(fork.trigger("test/happened").document())
        happen(harness)
        run_id, other = harness.run()["id"], harness.new_process()
        harness.clock.advance(seconds=60)
        between(lambda: other.worker.execute([StepHint(run_id, "a", "default")]))
        harness.runtime.worker.execute([StepHint(run_id, "b", "default")])
        harness.drain()
        assert harness.steps() == {"a": "completed", "b": "completed", "join": "completed"}
        assert harness.run()["status"] == "completed"


def test_of_workers_that_look_at_the_same_moment_one_claims(postgres_url: str) -> None:
    with a_runtime(postgres_url) as harness:
        processes = [harness.new_process() for _ in range(4)]
        for hint in _waking(harness):
            claims = at_once(*(partial(process.worker.advance.claim, Opening(hint)) for process in processes))
            assert [claim is not None for claim, _ in claims].count(True) == 1
        assert harness.rows("SELECT count(*) AS n FROM journal WHERE kind = 'attempt'") == [{"n": 2 * ROUNDS}]


def test_of_workers_that_record_what_they_looked_at_at_the_same_moment_one_does(postgres_url: str) -> None:
    """I2: each has run the wait in memory; the step is done once, and so is what follows."""
    with a_runtime(postgres_url) as harness:
        processes = [harness.new_process() for _ in range(4)]
        for hint in _waking(harness):
            assert at_once(*(partial(process.worker.execute, [hint]) for process in processes)) == [None] * 4
        finals = harness.rows("SELECT count(*) AS n FROM journal WHERE kind = 'completed' AND step_key = 'nap'")
        assert finals == [{"n": ROUNDS}]
        assert harness.rows("SELECT DISTINCT status FROM runs") == [{"status": "completed"}]
