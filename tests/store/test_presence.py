"""Processes that report themselves, and what waits for them."""

from __future__ import annotations

import threading

import pytest
from builders import a_workflow
from runtimes import Harness, a_runtime

from workflowkit.definition.model import SOURCE
from workflowkit.runtime.presence import FORGOTTEN_MS, REPORT_SECONDS, SILENT_MS, Presence, Serving, is_silent
from workflowkit.runtime.relay import RelayThread
from workflowkit.store.backlog import QueueDepth
from workflowkit.store.workers import Role

WORKER = Serving(Role.WORKER, "worker@shop", ("default", "reports"), 8)


def a_presence(harness: Harness, serving: Serving = WORKER, busy: int = 0) -> Presence:
    return Presence(harness.runtime.database, serving, lambda: busy)


def test_a_process_reports_itself_and_takes_itself_off_the_list(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        presence = a_presence(harness, busy=3)
        presence.leave()  # it was never there
        presence.tell()
        (worker,), now_ms = harness.runtime.oversight.workers()
        assert (worker.role, worker.name, worker.queues) == (Role.WORKER, "worker@shop", ("default", "reports"))
        assert (worker.busy_count, worker.concurrency) == (3, 8)
        assert worker.started_at_ms == worker.seen_at_ms == now_ms
        assert not is_silent(worker, now_ms)
        presence.leave()
        assert harness.runtime.oversight.workers()[0] == []


def test_it_does_so_only_every_few_seconds(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 0.0
    monkeypatch.setattr("workflowkit.runtime.presence.monotonic_seconds", lambda: seconds)
    with a_runtime(sqlite_url) as harness:
        presence = a_presence(harness)
        presence.tell()
        started = harness.clock.now_ms()
        harness.clock.advance(seconds=100)
        seconds = REPORT_SECONDS - 0.1
        presence.tell()
        assert harness.runtime.oversight.workers()[0][0].seen_at_ms == started
        seconds = REPORT_SECONDS
        presence.tell()
        (worker,), now_ms = harness.runtime.oversight.workers()
        assert (worker.started_at_ms, worker.seen_at_ms) == (started, now_ms)


def test_one_that_was_killed_falls_silent_and_is_forgotten_by_the_others(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        a_presence(harness, Serving(Role.WORKER, "killed")).tell()
        harness.clock.advance(seconds=SILENT_MS / 1000 + 1)
        a_presence(harness, Serving(Role.SCHEDULER, "alive")).tell()
        found, now_ms = harness.runtime.oversight.workers()
        assert [(worker.name, is_silent(worker, now_ms)) for worker in found] == [("killed", True), ("alive", False)]
        harness.clock.advance(seconds=FORGOTTEN_MS / 1000 - 1)
        a_presence(harness, Serving(Role.SCHEDULER, "third")).tell()
        assert [worker.name for worker in harness.runtime.oversight.workers()[0]] == ["alive", "third"]


def test_the_relays_thread_reports_its_process_and_takes_it_off_at_the_end(sqlite_url: str) -> None:
    with a_runtime(sqlite_url) as harness:
        told = threading.Event()

        class Telling(Presence):
            def tell(self) -> None:
                super().tell()
                told.set()

        presence = Telling(harness.runtime.database, WORKER, lambda: 0)
        thread = RelayThread(harness.runtime.relay, interval_seconds=0.001, presence=presence)
        thread.start()
        assert told.wait(60)
        assert len(harness.runtime.oversight.workers()[0]) == 1
        thread.stop()
        assert harness.runtime.oversight.workers()[0] == []


def test_what_waits_is_counted_with_its_age(database_url: str) -> None:
    document = a_workflow().action("a").action("b").edge(SOURCE, "a").edge(SOURCE, "b").trigger("test/happened")
    with a_runtime(database_url) as harness:
        oversight = harness.runtime.oversight
        harness.deploy(document.document())
        standing = oversight.look()
        assert (standing.backlog.queues, standing.relay_lag_ms, standing.broker.trouble) == ((), 0, None)
        assert standing.revision == standing.head
        harness.send("test/happened")
        assert oversight.look().backlog.event_count == 1
        harness.match()  # it has claimed one of the two steps
        since_ms = harness.clock.now_ms()
        assert oversight.look().backlog.queues == (QueueDepth("default", 1, since_ms),)
        harness.clock.advance(seconds=2)
        assert oversight.look().backlog.queues == (QueueDepth("default", 1, since_ms),)
        harness.clock.advance(seconds=30)
        standing = oversight.look()
        assert standing.backlog.event_count == 0
        assert 0 < standing.relay_lag_ms < 32_000
        harness.skip(60)
        assert oversight.look().backlog.queues == ()


def test_steps_that_wait_for_a_limit_are_counted_with_their_lanes(database_url: str) -> None:
    document = a_workflow().action("a").edge(SOURCE, "a").trigger("test/happened").document()
    with a_runtime(database_url) as harness:
        harness.deploy(document | {"settings": {"concurrency": {"limit": 1}}})
        for _ in range(3):
            harness.send("test/happened")
        for _ in range(3):
            harness.match()
        backlog = harness.runtime.oversight.look().backlog
        # One of them was begun as it was matched.
        assert (backlog.lane_count, backlog.queued_count, backlog.queues) == (1, 2, ())
