"""One thing that cannot be done must not keep others from being done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.definition.model import SOURCE
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.runtime.hints import StepHint
from workflowkit.store.database import Sql

OTHER = Scope("default", "other")


def _deliver_for_ever(harness: Harness) -> None:
    """Let workers fail and the relay repeat, as in production."""
    for _ in range(4):
        harness.clock.advance(seconds=3)
        harness.runtime.relay.tick()
        _merge_events(harness)
        while harness.dispatcher.waiting:
            try:
                harness.deliver()
            except Exception:  # a Celery task that failed: logged, and that was it
                continue


def _merge_events(harness: Harness) -> None:
    """Let the events that wait travel in one message, as the publisher does."""
    ids = sorted({item for message in harness.dispatcher.waiting for item in message if isinstance(item, str)})
    hints = [message for message in harness.dispatcher.waiting if isinstance(message[0], StepHint)]
    harness.dispatcher.waiting.clear()
    harness.dispatcher.waiting.extend([ids] if ids else [])
    harness.dispatcher.waiting.extend(hints)


def _completed(harness: Harness, tenant: str) -> int:
    return len(harness.rows("SELECT id FROM runs WHERE tenant = :tenant AND status = 'completed'", tenant=tenant))


def test_an_event_that_a_first_condition_cannot_be_evaluated_for_blocks_no_other_event(database_url: str) -> None:
    """Nine copies of half a megabyte are more characters than a condition may put together."""
    copies = "!ref($.event.data.text)" * 9
    document = a_workflow().action("a").edge_if(SOURCE, "a", copies).trigger("test/happened").document()
    with a_runtime(database_url) as harness:
        harness.deploy(document, "greedy")
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), scope=OTHER)
        harness.send("test/happened", {"text": "x" * 500_000})
        harness.send("test/happened", scope=OTHER)
        _merge_events(harness)
        _deliver_for_ever(harness)
        assert _completed(harness, "other") == 1
        assert harness.rows("SELECT id FROM pending_events") == []
        assert harness.rows("SELECT reason FROM decisions") != [] or harness.rows("SELECT id FROM runs") != []


def test_a_version_that_this_code_cannot_read_blocks_no_other_event(database_url: str) -> None:
    """After a deployment was rolled back, versions may be there that only the newer code understands."""
    newer = a_workflow().action("a").edge(SOURCE, "a", type="some-day", ref="!ref($.event.data.n)").document()
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), "newer")
        _publish_unchecked(harness, "newer", newer)
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), scope=OTHER)
        harness.send("test/happened")
        harness.send("test/happened", scope=OTHER)
        _merge_events(harness)
        _deliver_for_ever(harness)
        assert _completed(harness, "other") == 1


def test_a_run_whose_version_cannot_be_read_can_be_cancelled(database_url: str) -> None:
    newer = a_workflow().action("a").edge(SOURCE, "a", type="some-day", ref="!ref($.event.data.n)").document()
    with a_runtime(database_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document(), "newer")
        harness.send("test/happened")
        harness.match()
        _publish_unchecked(harness, "newer", newer)
        with harness.runtime.database.transaction("cancel") as tx:
            tx.run(Sql("UPDATE runs SET version = 2"))
        assert harness.new_process().control.cancel(DEFAULT_SCOPE, harness.run()["id"]) == "cancelled"


def _publish_unchecked(harness: Harness, workflow_id: str, document: dict[str, Any]) -> None:
    from workflowkit.store import workflows

    with harness.runtime.database.transaction("publish") as tx:
        workflows.insert_version(tx, DEFAULT_SCOPE, workflow_id, version=2, execution_hash="x", document=document)
        tx.run(Sql("UPDATE workflow_triggers SET version = 2 WHERE workflow_id = 'newer'"))


def test_an_event_time_that_no_database_can_hold_fails_the_step_at_once(database_url: str) -> None:
    registry, executed = a_registry(), []

    @registry.action("late")
    def late(ctx: Any) -> None:
        executed.append(ctx.attempt)
        ctx.send_event("test/told", {}, ts_ms=10**30)

    document = a_workflow().action("a", "late", retries=0).edge(SOURCE, "a").trigger("test/happened").document()
    with a_runtime(database_url, registry) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        for _ in range(3):
            try:
                harness.drain()
            except Exception:
                harness.clock.advance(seconds=31)
                harness.runtime.relay.tick()
        assert harness.run()["status"] == "failed"
        assert len(executed) == 1


def test_limits_of_the_installation_hold_in_its_workers(database_url: str) -> None:
    limits = Limits(output_bytes=100, events_per_step=1)
    document = a_workflow().action("a", inputs={"value": "x" * 1_000}).edge(SOURCE, "a").trigger("t/h").document()
    with a_runtime(database_url, limits=limits) as harness:
        harness.deploy(document)
        harness.send("t/h")
        harness.drain()
        assert json.loads(harness.run()["error"])["code"] == "output-too-large"


def test_a_worker_of_an_older_deployment_leaves_kinds_it_does_not_know_to_others(database_url: str) -> None:
    """F19: the kind is registered in the new process only; the old one serves the same queue."""
    old, new = Registry(), a_registry()
    load_builtin_actions(old)
    with a_runtime(database_url, new) as harness:
        harness.deploy(a_workflow().chain("a").trigger("t/h").document())
        event_id = harness.send("t/h")
        harness.registry = old
        outdated = harness.new_process()
        harness.dispatcher.waiting.clear()
        outdated.worker.match([event_id])
        for _ in range(20):
            harness.skip(30)
        assert harness.run()["status"] == "completed"


def test_a_fault_of_ours_in_one_start_stops_that_run_only(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from workflowkit.runtime import matching
    from workflowkit.runtime.position import start_run

    def faulty(batch: Any, run: Any, *arguments: Any, **options: Any) -> Any:
        if run.scope != OTHER:
            raise ZeroDivisionError
        return start_run(batch, run, *arguments, **options)

    monkeypatch.setattr(matching, "start_run", faulty)
    chain = a_workflow().chain("a").trigger("test/happened").document()
    with a_runtime(database_url) as harness:
        harness.deploy(chain)
        harness.deploy(chain, scope=OTHER)
        harness.send("test/happened")
        harness.send("test/happened", scope=OTHER)
        _merge_events(harness)
        harness.drain()
        assert _completed(harness, "other") == 1
        (decision,) = harness.rows("SELECT reason, detail FROM decisions")
        assert decision == {"reason": "start-failed", "detail": "ZeroDivisionError"}
