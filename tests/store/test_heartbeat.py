"""Leases are renewed while an action runs, and given up when they cannot be."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import services
from builders import a_workflow
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.clock import SystemClock
from workflowkit.base.errors import LeaseInterrupt
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.definition.model import SOURCE
from workflowkit.engine.interrupts import Guard
from workflowkit.runtime import performing
from workflowkit.runtime.leases import Heartbeat
from workflowkit.runtime.position import Claim
from workflowkit.store.statements import Sql


def _claim(harness: Harness) -> Claim:
    harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
    harness.send("test/happened")
    return harness.claim()


def test_a_lease_is_extended_while_it_is_held(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        claim = _claim(harness)
        heartbeat = Heartbeat(harness.runtime.database, lease_seconds=0.3)
        query = "SELECT due_at_ms FROM steps"
        first = harness.rows(query)[0]["due_at_ms"]
        harness.clock.advance(seconds=20)
        with heartbeat.keeping(claim.lease, Guard()):
            assert services.wait_until(lambda: harness.rows(query)[0]["due_at_ms"] != first, timeout_seconds=60)
        heartbeat.stop()


def test_a_lease_is_held_from_the_inputs_on(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = []
    with a_runtime(database_url) as harness:

        def resolve(*given: Any, **more: Any) -> Any:
            held.append(harness.runtime.heartbeat.held_count)
            return resolve_inputs(*given, **more)

        monkeypatch.setattr(performing, "resolve_inputs", resolve)
        harness.deploy(a_workflow().chain("a").trigger("test/happened").document())
        harness.send("test/happened")
        harness.drain()
        assert harness.run()["status"] == "completed"
        assert harness.runtime.heartbeat.held_count == 0
    assert held == [1]


def test_an_action_whose_lease_was_lost_over_its_inputs_does_not_start(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, started = a_registry(), []

    @registry.action("charge")
    def charge() -> None:
        started.append(1)

    with a_runtime(database_url, registry) as harness:

        def resolve(*given: Any, **more: Any) -> Any:
            (kept,) = harness.runtime.heartbeat._held
            kept.guard.interrupt(LeaseInterrupt)
            return resolve_inputs(*given, **more)

        monkeypatch.setattr(performing, "resolve_inputs", resolve)
        harness.deploy(a_workflow().action("a", "charge").path("$source", "a").trigger("test/happened").document())
        harness.send("test/happened")
        harness.deliver()
        assert harness.steps() == {"a": "running"}
    assert started == []


def test_an_action_whose_lease_is_gone_is_interrupted(database_url: str) -> None:
    registry = a_registry()
    was_interrupted = threading.Event()

    @registry.action("endless")
    def endless() -> None:
        try:
            while True:
                threading.Event().wait(0.01)
        except BaseException:
            was_interrupted.set()
            raise

    document = a_workflow().action("a", "endless").edge(SOURCE, "a").trigger("test/happened").document()
    with a_runtime(database_url, registry, lease_seconds=0.3) as harness:
        # A frozen clock would keep the lease for ever: this test lives in real time.
        harness.runtime.database.clock = SystemClock()
        harness.deploy(document)
        harness.send("test/happened")
        claim = harness.claim()
        thread = threading.Thread(target=harness.runtime.worker._go_on, args=(claim, None))
        thread.start()
        with harness.runtime.database.transaction("cancel") as tx:
            tx.run(Sql("UPDATE steps SET token = token + 1"))
        assert was_interrupted.wait(60)
        thread.join(60)
        assert harness.run()["status"] == "running"
        assert harness.journal("completed") == [("completed", SOURCE)]
