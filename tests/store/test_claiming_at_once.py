"""A step is claimed by a look without a lock and one statement: what happens between the two (PostgreSQL only)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from builders import a_workflow
from functions import Code, happen, output_of
from runtimes import Harness, a_runtime, at_once

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.position import Opening
from workflowkit.store import singles

ROUNDS = 10


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return what lets something happen once, after a look and before the claim that follows."""

    def arrange(happens: Callable[[], object]) -> None:
        claim = singles.claim

        def first(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(singles, "claim", claim)
            happens()
            return claim(*args, **kwargs)

        monkeypatch.setattr(singles, "claim", first)

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


def test_an_event_that_comes_between_look_and_claim_is_not_missed(
    postgres_url: str, between: Callable[[Callable[[], object]], None]
) -> None:
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


def test_a_run_that_is_cancelled_between_look_and_claim_starts_nothing(
    postgres_url: str, between: Callable[[Callable[[], object]], None]
) -> None:
    with a_runtime(postgres_url) as harness:
        _sleeping(harness)
        run_id = harness.run()["id"]
        harness.clock.advance(seconds=60)
        between(lambda: harness.runtime.control.cancel(DEFAULT_SCOPE, run_id))
        harness.skip(0)
        assert harness.run()["status"] == "cancelled"
        assert harness.journal("attempt") == [("attempt", "nap")]


def test_what_another_branch_records_between_look_and_claim_is_known_afterwards(
    postgres_url: str, between: Callable[[Callable[[], object]], None]
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
        _sleeping(harness)
        processes = [harness.new_process() for _ in range(4)]
        for _ in range(ROUNDS - 1):
            happen(harness)
        harness.clock.advance(seconds=60)
        for row in harness.rows("SELECT id FROM runs"):
            hint = StepHint(row["id"], "nap", "default")
            claims = at_once(*(partial(process.worker.advance.claim, Opening(hint)) for process in processes))
            assert [claim is not None for claim, _ in claims].count(True) == 1
        assert harness.rows("SELECT count(*) AS n FROM journal WHERE kind = 'attempt'") == [{"n": 2 * ROUNDS}]
