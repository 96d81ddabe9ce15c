"""A workflow and an event become a finished run, on both databases, through the real repositories."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from builders import a_workflow
from runtimes import a_registry, a_runtime, at_once

from workflowkit.base import failpoints
from workflowkit.base.errors import LeaseInterrupt, LeaseLost, NonRetriableError
from workflowkit.base.scope import Scope
from workflowkit.definition.model import SOURCE
from workflowkit.engine.outcome import Succeeded, Suspended
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.position import Opening


def _committed(run: Callable[[], object]) -> list[str]:
    """Return the names of the transactions that ``run()`` commits."""
    names: list[str] = []
    stop = failpoints.listen(names.append)
    try:
        run()
    finally:
        stop()
    return [name.removesuffix(".after_commit") for name in names if name.endswith(".after_commit")]


def test_a_chain_runs_to_its_end_and_hands_outputs_on(database_url: str) -> None:
    document = (
        a_workflow()
        .action("a", inputs={"value": "!ref($.event.data.n)"})
        .action("b", inputs={"value": {"from_a": "!ref($.state.a)"}})
        .path(SOURCE, "a", "b")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        harness.send("test/happened", {"n": 7})
        harness.drain()
        run = harness.run()
        assert run["status"] == "completed"
        assert json.loads(run["output"]) == {"b": {"from_a": 7}}
        assert harness.steps() == {"a": "completed", "b": "completed"}


@pytest.mark.parametrize("length", [1, 3, 10])
def test_a_chain_of_n_steps_makes_at_most_n_plus_2_commits_after_intake_and_one_message(
    database_url: str, length: int
) -> None:
    names = [f"s{index}" for index in range(length)]
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain(*names).trigger("test/happened").document())
        harness.send("test/happened")
        committed = _committed(harness.drain)
        assert harness.run()["status"] == "completed"
        assert len(committed) <= length + 2
        assert harness.dispatcher.message_count == 1


def test_a_task_that_has_used_up_its_budget_hands_the_run_over_by_a_message(database_url: str) -> None:
    names = [f"s{index}" for index in range(6)]
    with a_runtime(database_url, inline_steps=2) as harness:
        harness.deploy(a_workflow().chain(*names).trigger("test/happened").document())
        harness.send("test/happened")
        assert harness.deliver()
        assert harness.steps() == {"s0": "completed", "s1": "completed", "s2": "ready"}
        harness.drain()
        assert harness.run()["status"] == "completed"
        assert harness.dispatcher.message_count == 3


def test_parallel_branches_are_hinted_and_joined_once(database_url: str) -> None:
    document = (
        a_workflow()
        .actions("a", "left", "right", "join")
        .path(SOURCE, "a", "left", "join")
        .path("a", "right", "join")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        harness.drain()
        assert harness.run()["status"] == "completed"
        assert [step for _, step in harness.journal("completed")].count("join") == 1
        assert harness.journal("completed")[-1] == ("completed", "join")


def test_two_processes_that_finish_branches_in_turn_see_each_other(database_url: str) -> None:
    document = (
        a_workflow()
        .actions("left", "right", "join")
        .path(SOURCE, "left", "join")
        .path(SOURCE, "right", "join")
        .trigger("test/happened")
        .document()
    )
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        first, second = harness.runtime, harness.new_process()
        matched = harness.match(first)
        assert matched.claim is not None
        (right,) = matched.openings
        other, _ = second.worker.advance.claim(Opening(right.hint))
        assert other is not None
        second.worker._work_off([], other)
        assert harness.run()["status"] == "running"
        first.worker._work_off([], matched.claim)
        assert harness.run()["status"] == "completed"


def test_a_failing_step_is_retried_by_the_backoff_table_and_then_fails_the_run(database_url: str) -> None:
    document = a_workflow().action("x", "boom", retries=2).edge(SOURCE, "x").trigger("test/happened").document()
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        harness.drain()
        assert harness.journal() == [("completed", SOURCE), ("attempt", "x"), ("retry", "x")]
        harness.skip(14)
        assert len(harness.journal("attempt")) == 1, "never early"
        harness.skip(2)
        assert len(harness.journal("attempt")) == 2
        harness.skip(31)
        assert len(harness.journal("attempt")) == 3
        run = harness.run()
        assert run["status"] == "failed"
        assert json.loads(run["error"])["message"] == "boom"
        harness.skip(3600)
        assert len(harness.journal("attempt")) == 3


def test_a_non_retriable_error_fails_at_once(database_url: str) -> None:
    registry = a_registry()

    @registry.action("refuse")
    def refuse() -> None:
        raise NonRetriableError("no")

    document = a_workflow().action("x", "refuse").edge(SOURCE, "x").trigger("test/happened").document()
    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        harness.drain()
        assert harness.run()["status"] == "failed"
        assert len(harness.journal("attempt")) == 1


def test_hints_delivered_twice_change_nothing(database_url: str) -> None:
    document = a_workflow().actions("a", "b").edge(SOURCE, "a").edge(SOURCE, "b").trigger("test/happened").document()
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        while harness.dispatcher.waiting:
            harness.dispatcher.waiting.append(harness.dispatcher.waiting[0])
            harness.deliver()
            harness.deliver()
            if len(harness.dispatcher.waiting) > 8:
                harness.dispatcher.waiting.clear()
        assert harness.run()["status"] == "completed"
        assert len(harness.journal("attempt")) == 2


def test_an_event_whose_hint_was_lost_is_found_by_the_relay(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened")
        harness.dispatcher.waiting.clear()
        harness.skip(1)
        assert harness.rows("SELECT * FROM runs") == []
        harness.skip(2)
        assert harness.run()["status"] == "completed"


def test_a_lost_worker_is_replaced_after_its_lease_and_cannot_record_afterwards(database_url: str) -> None:
    with a_runtime(database_url, lease_seconds=10.0) as harness:
        harness.deploy(a_workflow().chain("a", "b").trigger("test/happened").document())
        harness.send("test/happened")
        zombie = harness.runtime
        claim = harness.claim()
        harness.skip(9)
        assert len(harness.journal("attempt")) == 1, "its lease still holds"
        harness.skip(2)
        assert harness.run()["status"] == "completed"
        before = harness.journal()
        zombie.worker._work_off([], claim)
        assert harness.journal() == [*before[: -0 or None], ("ignored", "a")]


def test_a_zombie_past_its_lease_records_nothing_even_if_nobody_took_over(database_url: str) -> None:
    with a_runtime(database_url, lease_seconds=10.0) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened")
        claim = harness.claim()
        harness.clock.advance(seconds=11)
        harness.runtime.worker._work_off([], claim)
        assert ("completed", "a") not in harness.journal()
        assert harness.run()["status"] == "running"


def test_a_zombie_whose_step_somebody_else_is_at_records_nothing(database_url: str) -> None:
    with a_runtime(database_url, lease_seconds=10.0) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened")
        zombies = harness.claim()
        harness.clock.advance(seconds=11)
        hint = StepHint(zombies.lease.run_id, "a", "default")
        heirs, _ = harness.new_process().worker.advance.claim(Opening(hint))
        assert heirs is not None
        # The step runs, and its lease has not ended: only the token tells that it is another's.
        with pytest.raises(LeaseLost):
            harness.runtime.worker.advance.record(zombies, Succeeded("late"), retries=0)
        with pytest.raises(LeaseLost):
            harness.runtime.worker._suspending.suspend(zombies, Suspended())
        with pytest.raises(LeaseInterrupt):
            harness.runtime.worker.performer.stepping.recorder(zombies, lambda: True).completed("a/step", 1, "late", ())
        assert harness.journal("completed") == [("completed", SOURCE)]
        harness.runtimes[1].worker.advance.record(heirs, Succeeded("in time"), retries=0)
        (fact,) = harness.rows("SELECT data FROM journal WHERE step_key = 'a' AND kind = 'completed'")
        assert json.loads(fact["data"])["output"] == "in time"


def test_a_step_that_kills_its_workers_fails_in_the_end(database_url: str) -> None:
    with a_runtime(database_url, lease_seconds=10.0) as harness:
        harness.deploy(a_workflow().action("a", retries=0).edge(SOURCE, "a").trigger("test/happened").document())
        harness.send("test/happened")
        harness.match()
        run_id = harness.run()["id"]
        for _ in range(harness.runtime.settings.limits.lost_attempts):
            harness.clock.advance(seconds=11)
            claimed, _ = harness.runtime.worker.advance.claim(Opening(StepHint(run_id, "a", "default")))
            assert claimed is not None
        harness.skip(11)
        run = harness.run()
        assert run["status"] == "failed"
        assert json.loads(run["error"])["code"] == "worker-lost"


def test_an_event_of_one_tenant_never_starts_a_workflow_of_another(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), scope=Scope("default", "b"))
        harness.send("test/happened", scope=Scope("default", "a"))
        harness.send("test/happened", scope=Scope("staging", "b"))
        harness.drain()
        assert harness.rows("SELECT * FROM runs") == []


def test_the_same_event_id_starts_a_workflow_once_and_is_stored_each_time(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        for _ in range(3):
            harness.send("test/happened", id="order-1")
        harness.drain()
        assert harness.run()["status"] == "completed"
        assert len(harness.rows("SELECT * FROM events")) == 3
        harness.clock.advance(seconds=24 * 3600 + 1)
        harness.send("test/happened", id="order-1")
        harness.drain()
        assert len(harness.rows("SELECT * FROM runs")) == 2


def test_a_broken_condition_starts_nothing_and_does_not_block_others(database_url: str) -> None:
    chain = a_workflow().chain("a")
    with a_runtime(database_url) as harness:
        harness.deploy(chain.trigger("test/happened", "event.data.total > 100").document(), "picky")
        harness.deploy(a_workflow().chain("a").trigger("test/*").document(), "any")
        harness.send("test/happened", {"total": 1})
        harness.drain()
        assert harness.column("SELECT workflow_id FROM runs") == ["any"]
        (decision,) = harness.rows("SELECT workflow_id, reason FROM decisions")
        assert decision == {"workflow_id": "picky", "reason": "condition-false"}


def test_a_run_finishes_on_the_version_it_started_with(database_url: str) -> None:
    registry = a_registry()
    with a_runtime(database_url, registry) as harness:
        harness.deploy(a_workflow().action("x", "boom", retries=1).edge(SOURCE, "x").trigger("t/h").document())
        harness.send("t/h")
        harness.drain()
        harness.deploy(a_workflow().chain("other").trigger("t/h").document())
        harness.skip(60)
        assert harness.run()["status"] == "failed"
        assert {step for _, step in harness.journal()} == {SOURCE, "x"}


def test_events_sent_by_an_action_are_stored_with_its_result_and_stop_at_the_depth_limit(database_url: str) -> None:
    document = (
        a_workflow()
        .action("again", "emit_event", inputs={"name": "loop/turned", "data": {}})
        .edge(SOURCE, "again")
        .trigger("loop/turned")
        .document()
    )
    with a_runtime(database_url) as harness:
        harness.deploy(document)
        harness.send("loop/turned")
        harness.drain()
        depth = harness.runtime.settings.limits.emitted_event_depth
        assert len(harness.rows("SELECT * FROM runs")) == depth + 1
        (decision,) = harness.rows("SELECT reason FROM decisions")
        assert decision["reason"] == "depth-exceeded"


def test_cancelling_ends_the_run_and_a_late_result_is_ignored(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a", "b").trigger("test/happened").document())
        harness.send("test/happened")
        claim = harness.claim()
        run_id = harness.run()["id"]
        scope = claim.position.run.scope
        assert harness.runtime.control.cancel(scope, run_id) == "cancelled"
        assert harness.runtime.control.cancel(scope, run_id) == "cancelled"
        harness.runtime.worker._work_off([], claim)
        assert harness.run()["status"] == "cancelled"
        assert harness.journal("completed") == [("completed", SOURCE)]
        assert harness.journal("ignored") == [("ignored", "a")]
        harness.skip(3600)
        assert len(harness.journal("attempt")) == 1


def test_a_rerun_uses_the_same_event_and_version(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(
            a_workflow()
            .action("a", inputs={"value": "!ref($.event.data.n)"})
            .edge(SOURCE, "a")
            .trigger("test/happened")
            .document()
        )
        harness.send("test/happened", {"n": 5})
        harness.drain()
        first = harness.run()
        second_id = harness.runtime.rerunning.rerun(Scope("default", "default"), first["id"])
        harness.drain()
        (second,) = harness.rows("SELECT * FROM runs WHERE id = :id", id=second_id)
        assert second["rerun_of"] == first["id"]
        assert second["output"] == first["output"]


def test_facts_and_ended_runs_cannot_be_changed_even_by_hand(database_url: str) -> None:
    import sqlalchemy as sa

    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened")
        harness.drain()
        for statement in (
            "UPDATE journal SET kind = 'failed'",
            "DELETE FROM journal",
            "UPDATE events SET name = 'x'",
            "DELETE FROM workflow_versions",
            "UPDATE runs SET status = 'running'",
        ):
            with (
                pytest.raises(sa.exc.DBAPIError, match="refused"),
                harness.runtime.database.engine.begin() as connection,
            ):
                connection.execute(sa.text(statement))


def test_an_event_of_the_future_makes_a_run_that_starts_then_and_can_be_cancelled_before(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened", ts=harness.clock.now_ms() + 10_000)
        harness.send("test/happened", ts=harness.clock.now_ms() + 10_000)
        harness.drain()
        assert set(harness.column("SELECT status FROM runs")) == {"scheduled"}
        harness.skip(9.999)
        assert set(harness.column("SELECT status FROM runs")) == {"scheduled"}
        first, _ = harness.rows("SELECT id FROM runs ORDER BY id")
        harness.runtime.control.cancel(Scope("default", "default"), first["id"])
        harness.skip(0.001)
        rows = harness.rows("SELECT id, status FROM runs ORDER BY id")
        assert [row["status"] for row in rows] == ["cancelled", "completed"]


def test_fifty_senders_of_one_id_at_the_same_moment_store_fifty_events_and_start_one_run(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        outcomes = at_once(*[lambda: harness.send("test/happened", id="once")] * 50)
        assert [each for each in outcomes if isinstance(each, Exception)] == []
        harness.dispatcher.match(harness.column("SELECT id FROM pending_events"))
        harness.drain()
        (counted,) = harness.rows("SELECT count(*) AS n, count(duplicate_of) AS doubles FROM events")
        assert counted == {"n": 50, "doubles": 49}
        assert len(harness.rows("SELECT id FROM runs")) == 1
