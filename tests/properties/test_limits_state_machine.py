"""Limits over the real store: whatever hints, workers, schedulers and users do, never too many steps at once.

Workers claim a step and stand still with it for as long as Hypothesis likes; they record late, or die and leave their
slots behind. After each rule no limit may be exceeded by leases that hold (I18), nobody holds a second valid lease of a
step (I13), and each run is still on the version on which it started (I10), whatever was published meanwhile. In the end
everything has run, and no slot, lane or place in a queue is left (I4, I20).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from histories import HistoryMachine, check_histories, fresh_postgresql, fresh_sqlite
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from runtimes import Harness, a_registry

from workflowkit.base.errors import LeaseLost
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.outcome import Succeeded
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.position import Claim, Opening

LEASE_SECONDS, GRACE_SECONDS = 30.0, 2.0
#: How many steps of a workflow may execute at once, and whether that is for each value of ``event.data.k``. Of ten, the
#: first are had without counting on PostgreSQL.
LIMITS = {"two": (2, False), "keyed": (1, True), "ten": (10, False)}

whos, picks, keys = st.integers(0, 1), st.integers(0, 63), st.integers(0, 1)
workflows = st.sampled_from(sorted(LIMITS))


@dataclass
class Held:
    """A claim that a worker of a process stands still with."""

    who: int
    claim: Claim


class LimitsMachine(HistoryMachine):
    """Two processes, and workers that hold what they have claimed."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = Harness(
            type(self).open_database(), a_registry(), lease_seconds=LEASE_SECONDS, hint_grace_seconds=GRACE_SECONDS,
            limits=Limits(lost_attempts=1_000),
        )  # fmt: skip
        self.processes = [self.harness.runtime, self.harness.new_process()]
        self.held: list[Held] = []
        self.tokens: set[tuple[str, str, int]] = set()
        self.versions: dict[str, int] = {}
        #: How many steps each version of a workflow has.
        self.lengths: dict[tuple[str, int], int] = {}

    @property
    def waiting(self) -> Any:
        return self.harness.dispatcher.waiting

    # -- what happens

    @initialize()
    def begin(self) -> None:
        for workflow_id in LIMITS:
            self.publish(0, workflow_id, 2)
            self.send(0, workflow_id, 0)
            self.send(0, workflow_id, 0)

    @rule(who=whos, workflow_id=workflows, length=st.integers(1, 3))
    def publish(self, who: int, workflow_id: str, length: int) -> None:
        limit, has_key = LIMITS[workflow_id]
        concurrency = {"limit": limit, **({"key": "event.data.k"} if has_key else {})}
        document = a_workflow(workflow_id).trigger(f"test/{workflow_id}")
        ids = [f"n{number}" for number in range(length)]
        for node_id in ids:
            document.action(node_id, "noop", {})
        written = document.path("$source", *ids).document() | {"settings": {"concurrency": concurrency}}
        published = self.processes[who].authoring.deploy(DEFAULT_SCOPE, workflow_id, written)
        self.lengths[workflow_id, published.version.version] = length

    @rule(who=whos, workflow_id=workflows, k=keys)
    def send(self, who: int, workflow_id: str, k: int) -> None:
        event = {"name": f"test/{workflow_id}", "data": {"k": k}}
        (sent,) = self.processes[who].intake.send(DEFAULT_SCOPE, [event])
        self.harness.dispatcher.match([sent.id])

    @precondition(lambda self: self.waiting)
    @rule(who=whos, pick=picks)
    def claim_and_hold(self, who: int, pick: int) -> None:
        self._hold(who, self._take(pick))

    @precondition(lambda self: self.waiting)
    @rule(who=whos, pick=picks, how=st.sampled_from(["deliver", "double", "drop"]))
    def carry_a_message(self, who: int, pick: int, how: str) -> None:
        message = self._take(pick)
        for each in {"deliver": (who,), "double": (who, 1 - who), "drop": ()}[how]:
            self.waiting.appendleft(message)
            self.harness.deliver(self.processes[each])

    @precondition(lambda self: self.held)
    @rule(pick=picks, go_on=st.booleans(), hand_over=st.booleans())
    def record(self, pick: int, go_on: bool, hand_over: bool) -> None:
        """A worker records what it did, however late, and may go on with the next step, or the next run."""
        held = self.held.pop(pick % len(self.held))
        try:
            recorded = self.processes[held.who].worker.advance.record(
                held.claim, Succeeded(None), retries=0, go_on=go_on, also=None, hand_over=hand_over
            )
        except LeaseLost:
            return
        self._note(held.who, recorded.next_claim)
        self.harness.dispatcher.execute([opening.hint for opening in recorded.openings])
        if recorded.event_ids:
            self.harness.dispatcher.match(recorded.event_ids)

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def die(self, pick: int) -> None:
        self.held.pop(pick % len(self.held))

    @rule(who=whos, seconds=st.sampled_from([0.5, 2.5, 20.0, 31.0]), ticks=st.booleans())
    def let_time_pass(self, who: int, seconds: float, ticks: bool) -> None:
        self.harness.clock.advance(seconds=seconds)
        if ticks:
            self.processes[who].relay.tick()

    @rule(who=whos, pick=picks)
    def cancel(self, who: int, pick: int) -> None:
        if runs := self.harness.rows("SELECT id FROM runs ORDER BY id"):
            self.processes[who].control.cancel(DEFAULT_SCOPE, runs[pick % len(runs)]["id"])

    @rule(who=whos, workflow_id=workflows, resumes=st.booleans())
    def pause_or_resume(self, who: int, workflow_id: str, resumes: bool) -> None:
        pausing = self.processes[who].pausing
        (pausing.resume if resumes else pausing.pause)(Target(DEFAULT_SCOPE, workflow_id))

    def _take(self, pick: int) -> Any:
        self.waiting.rotate(-(pick % len(self.waiting)))
        return self.waiting.popleft()

    def _hold(self, who: int, message: Any) -> None:
        worker = self.processes[who].worker
        if isinstance(message[0], StepHint):
            claim, openings = worker.advance.claim(Opening(message[0]))
        else:
            matched = worker._matching.match(message)
            claim, openings = matched.claim, matched.openings
        self._note(who, claim)
        self.harness.dispatcher.execute([opening.hint for opening in openings])

    def _note(self, who: int, claim: Claim | None) -> None:
        if claim is not None:
            token = (claim.lease.run_id, claim.lease.step_key, claim.lease.token)
            assert token not in self.tokens, "I13: a token was given twice"
            self.tokens.add(token)
            self.held.append(Held(who, claim))

    # -- what must hold at any time

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        """I18: by leases that hold."""
        executing: Counter[tuple[str, Any]] = Counter()
        for row in self._leases():
            limit, has_key = LIMITS[row["workflow_id"]]
            group = (row["workflow_id"], row["data"] if has_key else None)
            executing[group] += 1
            assert executing[group] <= limit, f"I18: {executing[group]} at once of {group}"

    @invariant()
    def a_step_has_one_result_and_one_valid_lease(self) -> None:
        """I2, I13."""
        rows = self.harness.rows("SELECT run_id, step_key, kind FROM journal")
        ends = ("completed", "failed", "skipped", "cancelled")
        finals = Counter((row["run_id"], row["step_key"]) for row in rows if row["kind"] in ends)
        assert all(count == 1 for count in finals.values())
        valid = {(row["run_id"], row["step_key"], row["token"]) for row in self._leases()}
        claims = Counter(
            (held.claim.lease.run_id, held.claim.lease.step_key)
            for held in self.held
            if (held.claim.lease.run_id, held.claim.lease.step_key, held.claim.lease.token) in valid
        )
        assert all(count == 1 for count in claims.values())

    @invariant()
    def runs_stay_on_their_version(self) -> None:
        """I10."""
        now = {row["id"]: row["version"] for row in self.harness.rows("SELECT id, version FROM runs")}
        assert self.versions.items() <= now.items()
        self.versions = now

    def _leases(self) -> list[dict[str, Any]]:
        return self.harness.rows(
            "SELECT s.run_id, s.step_key, s.token, r.workflow_id, e.data FROM steps s JOIN runs r ON r.id = s.run_id"
            " JOIN events e ON e.id = r.event_id WHERE s.status = 'running' AND s.due_at_ms > :now_ms",
            now_ms=self.harness.clock.now_ms(),
        )

    # -- what must come of it

    def teardown(self) -> None:
        try:
            self._come_to_rest()
        finally:
            self.harness.close()

    def _come_to_rest(self) -> None:
        """Without faults and pauses everything ends, and nothing is left of any limit."""
        self.waiting.clear()
        for workflow_id in LIMITS:
            self.processes[0].pausing.resume(Target(DEFAULT_SCOPE, workflow_id))
        for _ in range(60):
            self.harness.clock.advance(seconds=LEASE_SECONDS + 1)
            for process in self.processes:
                process.relay.tick()
            self.harness.drain()
            self.no_limit_is_exceeded()
            if not self._open():
                break
        assert self._open() == [], "I4: a run never ends"
        for table in ("slots", "queued_steps", "pending_events"):
            assert self.harness.rows(f"SELECT * FROM {table}") == []
        for run in self.harness.rows("SELECT id, workflow_id, version, status FROM runs WHERE status = 'completed'"):
            (written,) = self.harness.rows(
                "SELECT count(*) AS n FROM journal WHERE run_id = :id AND kind = 'completed' AND step_key <> '$source'",
                id=run["id"],
            )
            assert written["n"] == self.lengths[run["workflow_id"], run["version"]], (
                "I10: other steps than its version's"
            )

    def _open(self) -> list[dict[str, Any]]:
        return self.harness.rows("SELECT id FROM runs WHERE status NOT IN ('completed', 'failed', 'cancelled')")


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
@pytest.mark.usefixtures("no_chance")
def test_whatever_happens_no_limit_is_exceeded_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    check_histories(LimitsMachine, fresh_sqlite(sqlite_url, tmp_path), examples=30, steps=30)


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
@pytest.mark.usefixtures("no_chance")
def test_whatever_happens_no_limit_is_exceeded_on_postgresql(postgres_url: str) -> None:
    with fresh_postgresql(postgres_url) as open_database:
        check_histories(LimitsMachine, open_database, examples=8, steps=25)
