"""Two schedulers, one schedule, and everything that may go wrong between them, in any order.

Hypothesis makes up histories: time jumps, schedulers look, die around their commits and lose their hints, workers start
runs and leave them lying, authors publish other policies. Every slot must come to exactly one event, in time, and every
event to one run or one decision.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

import pytest
from builders import a_workflow
from histories import HistoryMachine, check_histories, fresh_postgresql, fresh_sqlite
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from runtimes import Harness, a_registry

from workflowkit import Cron
from workflowkit.base import failpoints, jsonvalue
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.store import schedules

MINUTE_MS = 60_000
GRACE_SECONDS = 2.0
Overlap = Literal["allow", "skip", "queue"]
overlaps: st.SearchStrategy[Overlap] = st.sampled_from(["allow", "skip", "queue"])


class _Killed(BaseException):
    """Ends a scheduler as SIGKILL would: no handler for errors runs."""


class ScheduleMachine(HistoryMachine):
    """A workflow of every minute, all of whose slots are made up for."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = Harness(type(self).open_database(), a_registry(), hint_grace_seconds=GRACE_SECONDS)
        self.processes = [self.harness.runtime, self.harness.new_process()]
        self.overlaps: set[Overlap] = set()
        self.first_slot_ms = 0

    @initialize(overlap=overlaps, jitter=st.sampled_from([None, "1s", "90s", "5m"]))
    def begin(self, overlap: Overlap, jitter: str | None) -> None:
        self.jitter = jitter
        self.first_slot_ms = (self.harness.clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS
        self.publish(overlap, 0)

    @rule(overlap=overlaps, who=st.integers(0, 1))
    def publish(self, overlap: Overlap, who: int) -> None:
        self.overlaps.add(overlap)
        cron = Cron("* * * * *", jitter=self.jitter, overlap=overlap, catch_up=1_000)
        document = a_workflow().chain("a").document() | {"triggers": [cron.as_dict()]}
        self.processes[who].authoring.deploy(DEFAULT_SCOPE, "test", document)

    @rule(pause=st.sampled_from([0.5, 1.0, 10.0, 59.0, 60.0, 61.0, 200.0, 3_600.0]))
    def wait(self, pause: float) -> None:
        self.harness.clock.advance(seconds=pause)

    @rule(who=st.integers(0, 1), dies=st.sampled_from([None, None, None, "before_commit", "after_commit"]))
    def look(self, who: int, dies: str | None) -> None:
        def die(name: str) -> None:
            if name == f"timer.{dies}":
                raise _Killed

        stop = failpoints.listen(die)
        try:
            self.processes[who].relay.tick()
        except _Killed:
            pass
        finally:
            stop()

    @rule(loses=st.booleans())
    def start_runs(self, loses: bool) -> None:
        """Match events and execute nothing, or lose all hints."""
        while self.harness.dispatcher.waiting and not loses:
            self.harness.match()
        self.harness.dispatcher.waiting.clear()

    @rule(who=st.integers(0, 1))
    def work(self, who: int) -> None:
        while self.harness.deliver(self.processes[who]):
            pass

    @invariant()
    def each_slot_fires_once_and_in_time(self) -> None:
        found = self.harness.rows("SELECT data, received_at_ms, ts_ms FROM events ORDER BY id")
        slots = [row["ts_ms"] for row in found]
        assert slots == sorted(set(slots)), "I16: a slot fired twice"
        assert slots == [slot for slot in slots if slot >= self.first_slot_ms and slot % MINUTE_MS == 0]
        for row in found:
            assert jsonvalue.loads(row["data"])["late_by_ms"] >= 0, "I14: a slot fired before its time"
            assert row["received_at_ms"] >= row["ts_ms"]

    @invariant()
    def an_event_comes_to_one_run_or_one_decision(self) -> None:
        came_to = Counter(self.harness.column("SELECT event_id FROM runs"))
        came_to += Counter(self.harness.column("SELECT event_id FROM decisions"))
        assert set(came_to.values()) <= {1}

    @invariant()
    def runs_overlap_only_where_they_may(self) -> None:
        assert "allow" in self.overlaps or len(self._open_work()) <= 1

    def _open_work(self) -> list[str]:
        """Return the events that are not matched yet and the runs that have not completed."""
        rows = self.harness.rows(
            "SELECT id FROM pending_events UNION ALL SELECT id FROM runs WHERE status <> 'completed'"
        )
        return [row["id"] for row in rows]

    def teardown(self) -> None:
        try:
            if self.first_slot_ms:
                self._come_to_rest()
        finally:
            self.harness.close()

    def _come_to_rest(self) -> None:
        """Without further faults every slot up to now has fired, and nothing waits."""
        self.harness.clock.advance(seconds=3 * GRACE_SECONDS)
        for _ in range(1_000):
            self.harness.skip(1)
            with self.harness.runtime.database.read() as tx:
                (schedule,) = schedules.load(tx, DEFAULT_SCOPE, "test")
            if not schedule.queued and not self._open_work():
                break
        slots = self.harness.column("SELECT ts_ms FROM events ORDER BY id")
        assert slots == list(range(self.first_slot_ms, schedule.next_slot_ms, MINUTE_MS))
        assert schedule.next_due_at_ms > self.harness.clock.now_ms()
        assert self._open_work() == []


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
def test_whatever_happens_each_slot_of_a_schedule_fires_once_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    check_histories(ScheduleMachine, fresh_sqlite(sqlite_url, tmp_path), examples=40, steps=30)


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
def test_whatever_happens_each_slot_of_a_schedule_fires_once_on_postgresql(postgres_url: str) -> None:
    with fresh_postgresql(postgres_url) as open_database:
        check_histories(ScheduleMachine, open_database, examples=6, steps=20)
