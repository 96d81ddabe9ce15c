"""Runs that sleep, wait, invoke, branch and loop, in two processes, and everything that may go wrong meanwhile.

Each run follows a script in its event: a list of what its handler does next. Hypothesis makes up scripts and histories:
events and signals that come before, while or after somebody waits for them, hints that are lost and doubled, processes
that die around any commit, time that jumps, runs that are cancelled and repeated one by one or by jobs, pauses and
drains of single workflows and of all. After each step the invariants must hold over the
rows; at the end everything has ended, no step was executed without need, and nothing ended early.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from histories import (
    Died,
    HistoryMachine,
    check_histories,
    failing,
    fresh_postgresql,
    fresh_sqlite,
    meanwhile,
)
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from runtimes import Harness
from scripted import a_scripted_registry, items, names, scripts

from workflowkit.base.errors import Conflict, InvalidInput, NotFound
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.jobs import NewJob
from workflowkit.runtime.pausing import Target
from workflowkit.runtime.rerunning import Again
from workflowkit.store import waits
from workflowkit.store.jobs import JobKind
from workflowkit.store.pauses import EVERYTHING
from workflowkit.store.steps import NEVER

LEASE_SECONDS, GRACE_SECONDS = 30.0, 2.0
ENDED = ("completed", "failed", "cancelled")
FINAL = ("completed", "failed", "skipped", "cancelled")
#: Longer than anything waits here.
FOREVER_SECONDS = 3_000.0

#: Replays double runs: more jobs than this make histories long, and no others.
MOST_JOBS = 2

whos, picks = st.integers(0, 1), st.integers(0, 63)
sides = st.sampled_from(["before_commit", "after_commit"])
targets = st.sampled_from(["script", "loop", "child", EVERYTHING]).map(lambda id: Target(DEFAULT_SCOPE, id))
places = st.sampled_from([None, None, "s", "s/0", "s/1", "each", "each[0]", "each[1]"])
#: What a job is about: open runs are cancelled, ended ones replayed.
new_jobs = st.sampled_from(
    [
        NewJob(JobKind.CANCEL, workflow_id="loop"),
        NewJob(JobKind.CANCEL, (RunStatus.WAITING,)),
        NewJob(JobKind.REPLAY),
        NewJob(JobKind.REPLAY, (RunStatus.COMPLETED, RunStatus.CANCELLED), rate_per_second=0.5),
    ]
)


class WaitingMachine(HistoryMachine):
    """Two processes that share hints, and a model of what their runs may come to."""

    def __init__(self) -> None:
        super().__init__()
        self.executed: Counter[tuple[str, str]] = Counter()
        self.deaths = 0
        self.harness = Harness(
            type(self).open_database(),
            a_scripted_registry(self.executed),
            lease_seconds=LEASE_SECONDS,
            hint_grace_seconds=GRACE_SECONDS,
            limits=Limits(lost_attempts=1_000),
        )
        self.processes = [self.harness.runtime, self.harness.new_process()]
        inputs = {"ops": "!ref($.event.data.ops)"}
        document = a_workflow("script").action("s", "script", inputs).path("$source", "s").trigger("test/begun")
        self.harness.deploy(document.document(), "script")
        child = a_workflow("child").action("n", "noop", {"value": 7}).path("$source", "n").document()
        self.harness.deploy(child, "child")
        self.harness.deploy(_loop_document(), "loop")
        self.facts: dict[tuple[str, int, int], dict[str, Any]] = {}
        self.ended: dict[str, dict[str, Any]] = {}
        #: What frozen runs had done when they were seen first: by id and the time at which they were frozen.
        self.frozen: dict[tuple[str, int], tuple[int, int]] = {}
        self.reruns = self.jobs = 0

    # -- what happens

    @rule(who=whos, ops=scripts)
    def begin(self, who: int, ops: list[Any]) -> None:
        event = {"name": "test/begun", "data": {"ops": ops}}
        self.processes[who].intake.send(DEFAULT_SCOPE, [event])

    @rule(who=whos, ops=items, concurrency=st.integers(1, 2), on_item_error=st.sampled_from(["continue", "fail"]))
    def begin_a_loop(self, who: int, ops: list[list[Any]], concurrency: int, on_item_error: str) -> None:
        data = {"items": ops, "concurrency": concurrency, "on_item_error": on_item_error}
        self.processes[who].intake.send(DEFAULT_SCOPE, [{"name": "test/looped", "data": data}])

    @rule(who=whos, name=names)
    def send(self, who: int, name: str) -> None:
        self.processes[who].intake.send(DEFAULT_SCOPE, [{"name": f"test/{name}", "data": {}}])

    @rule(who=whos, name=names, pick=picks, copies=st.integers(1, 2))
    def signal(self, who: int, name: str, pick: int, copies: int) -> None:
        runs = self._run_ids()
        for _ in range(copies if runs else 0):
            try:
                self.processes[who].waking.signal(DEFAULT_SCOPE, f"{runs[pick % len(runs)]}-{name}", pick)
            except (NotFound, Conflict):
                continue

    @rule(who=whos, pick=picks)
    def come_too_late(self, who: int, pick: int) -> None:
        """I17: whoever has read that a wait is open, and resolves it once it has ended, changes nothing."""
        over = self.harness.rows("SELECT id, run_id, wait_key FROM waits WHERE state <> 'open' ORDER BY id")
        if not over:
            return
        late = over[pick % len(over)]
        with self.processes[who].database.transaction("signal") as tx:
            before = waits.get(tx, late["run_id"], late["wait_key"])
            assert waits.receive(tx, [late["id"]], "too late") == []
            assert waits.get(tx, late["run_id"], late["wait_key"]) == before

    @precondition(lambda self: self.harness.dispatcher.waiting)
    @rule(who=whos, pick=picks, how=st.sampled_from(["deliver", "deliver", "deliver", "double", "drop"]))
    def carry_a_message(self, who: int, pick: int, how: str) -> None:
        message = self._take(pick)
        if how != "drop":
            self._handle(who, message)
        if how == "double":
            self._handle(1 - who, message)

    @precondition(lambda self: self.harness.dispatcher.waiting)
    @rule(
        who=whos,
        pick=picks,
        name=st.sampled_from(["match", "claim", "record", "step", "suspend"]),
        side=sides,
        nth=st.integers(1, 3),
    )
    def die_at_work(self, who: int, pick: int, name: str, side: str, nth: int) -> None:
        message = self._take(pick)
        with failing(f"{name}.{side}", Died(), nth=nth):
            try:
                self._handle(who, message)
            except Died:
                self._reboot(who)

    @precondition(lambda self: self.harness.dispatcher.waiting)
    @rule(who=whos, pick=picks, name=st.sampled_from(["claim", "step", "suspend"]), nth=st.integers(1, 3))
    def fall_behind(self, who: int, pick: int, name: str, nth: int) -> None:
        """Be stopped for longer than a lease just after a commit, and go on as if nothing had been."""
        message = self._take(pick)
        with meanwhile(f"{name}.after_commit", lambda: self._overtake(1 - who), nth=nth):
            self._handle(who, message)

    @rule(who=whos, name=st.sampled_from(["relay", "timer"]), side=sides)
    def die_in_the_relay(self, who: int, name: str, side: str) -> None:
        with failing(f"{name}.{side}", Died()):
            try:
                self.processes[who].relay.tick()
            except Died:
                self._reboot(who)

    @rule(who=whos, seconds=st.sampled_from([0.5, 2.5, 15.0, 45.0, 500.0]), ticks=st.booleans())
    def let_time_pass(self, who: int, seconds: float, ticks: bool) -> None:
        self.harness.clock.advance(seconds=seconds)
        if ticks:
            self.processes[who].relay.tick()

    @rule(who=whos, pick=picks)
    def cancel(self, who: int, pick: int) -> None:
        if runs := self._run_ids():
            self.processes[who].control.cancel(DEFAULT_SCOPE, runs[pick % len(runs)])

    @rule(who=whos, what=targets, drains=st.booleans())
    def hold(self, who: int, what: Target, drains: bool) -> None:
        pausing = self.processes[who].pausing
        (pausing.drain if drains else pausing.pause)(what)

    @rule(who=whos, what=targets, drains=st.booleans())
    def let_go(self, who: int, what: Target, drains: bool) -> None:
        pausing = self.processes[who].pausing
        (pausing.undrain if drains else pausing.resume)(what)

    @rule(who=whos, pick=picks, place=places)
    def repeat(self, who: int, pick: int, place: str | None) -> None:
        runs = self._run_ids()
        try:
            if runs:
                self.processes[who].rerunning.rerun(DEFAULT_SCOPE, runs[pick % len(runs)], Again(from_step=place))
                self.reruns += 1
        except (Conflict, InvalidInput):
            return  # a part of a run, or a step that it never came to

    @precondition(lambda self: self.jobs < MOST_JOBS)
    @rule(who=whos, wanted=new_jobs)
    def begin_a_job(self, who: int, wanted: NewJob) -> None:
        self.processes[who].jobs.create(DEFAULT_SCOPE, wanted)
        self.jobs += 1

    def _run_ids(self) -> list[str]:
        return self.harness.column("SELECT id FROM runs ORDER BY id")

    def _take(self, pick: int) -> Any:
        waiting = self.harness.dispatcher.waiting
        waiting.rotate(-(pick % len(waiting)))
        return waiting.popleft()

    def _handle(self, who: int, message: Any) -> None:
        worker = self.processes[who].worker
        if message and isinstance(message[0], StepHint):
            worker.execute(message)
        else:
            worker.match(message)

    def _overtake(self, who: int) -> None:
        """Let a process take up what there is once every lease has ended, and die with a lease that still holds."""
        self.deaths += 1
        self.harness.clock.advance(seconds=LEASE_SECONDS + 1)
        self.processes[who].relay.tick()
        with failing("claim.after_commit", Died()):
            try:
                while self.harness.dispatcher.waiting:
                    self._handle(who, self._take(0))
            except Died:
                self._reboot(who)

    def _reboot(self, who: int) -> None:
        self.deaths += 1
        self.processes[who].close()
        self.harness.runtimes.remove(self.processes[who])
        self.processes[who] = self.harness.new_process()
        self.harness.runtime = self.processes[0]

    # -- what must hold at any time

    @invariant()
    def facts_never_change_and_each_step_has_one_result(self) -> None:
        """I2, I3."""
        rows = self.harness.rows("SELECT * FROM journal")
        facts = {(row["run_id"], row["revision"], row["ordinal"]): row for row in rows}
        assert all(facts.get(key) == row for key, row in self.facts.items())
        self.facts = facts
        finals = Counter((row["run_id"], row["step_key"]) for row in rows if row["kind"] in FINAL)
        assert all(count == 1 for count in finals.values())

    @invariant()
    def no_run_is_an_orphan(self) -> None:
        """I4: a run that has not ended has a step that the relay will find, unless it is frozen, or an item of a loop
        whose turn comes by the end of another, or that ends with its loop."""
        orphans = self.harness.rows(
            "SELECT id FROM runs r WHERE status NOT IN ('completed', 'failed', 'cancelled') AND paused_at_ms IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.run_id = r.id AND s.wake_at_ms IS NOT NULL)"
            " AND NOT EXISTS (SELECT 1 FROM timers t WHERE t.kind = 'run.cancel' AND t.subject = r.id)"
            " AND NOT EXISTS (SELECT 1 FROM steps s JOIN runs l ON l.id = r.parent_run_id WHERE s.run_id = r.id"
            f" AND s.due_at_ms = {NEVER} AND l.status NOT IN ('completed', 'failed', 'cancelled'))"
        )
        assert orphans == []

    @invariant()
    def whoever_is_frozen_will_be_found(self) -> None:
        """I4: a run is frozen by a pause that is there, or there is a timer that will let it go on."""
        forgotten = self.harness.rows(
            "SELECT id FROM runs r WHERE paused_at_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pauses p"
            " WHERE p.hold = 'pause' AND p.workflow_id IN ('', r.workflow_id))"
            " AND NOT EXISTS (SELECT 1 FROM timers t WHERE t.kind = 'pause.apply' AND t.subject IN ('', r.workflow_id))"
        )
        assert forgotten == []

    @invariant()
    def frozen_runs_begin_nothing(self) -> None:
        """I11: no attempt, no step inside of one, no item."""
        attempts = Counter(row["run_id"] for row in self.facts.values() if row["kind"] == "attempt")
        work: Counter[str] = Counter()
        for (run_id, _), count in self.executed.items():
            work[run_id] += count
        rows = self.harness.rows("SELECT id, paused_at_ms FROM runs WHERE paused_at_ms IS NOT NULL")
        now = {(row["id"], row["paused_at_ms"]): (attempts[row["id"]], work[row["id"]]) for row in rows}
        assert all(self.frozen.get(run, done) == done for run, done in now.items())
        self.frozen = now

    @invariant()
    def ended_runs_stay_as_they_are_and_wait_for_nothing(self) -> None:
        """I11, I12."""
        rows = self.harness.rows("SELECT * FROM runs WHERE status IN ('completed', 'failed', 'cancelled')")
        now = {row["id"]: row | {"revision": 0} for row in rows}
        assert all(now.get(run_id) == row for run_id, row in self.ended.items())
        self.ended = now
        open_waits = self.harness.rows("SELECT run_id FROM waits WHERE state = 'open'")
        assert not {row["run_id"] for row in open_waits} & now.keys()

    @invariant()
    def nothing_ends_before_its_time(self) -> None:
        """I14: a wait that was not resolved by something ends when it was to end, or later."""
        opened, ended = self._facts_by_step("opened"), self._facts_by_step("completed")
        for key, fact in opened.items():
            detail = json.loads(fact["data"])["detail"]
            final = ended.get(key)
            if final is not None and "output" not in json.loads(final["data"]):
                assert final["at_ms"] >= detail["until_ms"] or detail["kind"] in ("signal", "run", "loop")

    @invariant()
    def a_wait_and_its_step_agree(self) -> None:
        """I17: what was received is what the step came to, and what timed out gives nothing."""
        finals = self._facts_by_step("completed")
        for wait in self.harness.rows("SELECT * FROM waits WHERE kind = 'event'"):
            fact = finals.get((wait["run_id"], wait["wait_key"]))
            if fact is None:
                continue
            output = json.loads(fact["data"]).get("output")
            assert (output is None) == (wait["state"] == "expired"), (wait, fact)
            if output is not None:
                (event,) = self.harness.rows("SELECT * FROM events WHERE id = :id", id=json.loads(wait["result"]))
                assert output["id"] == (event["event_id"] or event["id"])

    def _facts_by_step(self, kind: str) -> dict[tuple[str, str], dict[str, Any]]:
        return {(row["run_id"], row["step_key"]): row for row in self.facts.values() if row["kind"] == kind}

    # -- what must come of it

    def teardown(self) -> None:
        try:
            self._heal()
            self._check_ends()
        finally:
            self.harness.close()

    def _heal(self) -> None:
        """Let time pass without faults and pauses until nothing more happens."""
        for workflow_id in ("script", "loop", "child", EVERYTHING):
            self.processes[0].pausing.resume(Target(DEFAULT_SCOPE, workflow_id))
            self.processes[0].pausing.undrain(Target(DEFAULT_SCOPE, workflow_id))
        for _ in range(60):
            self.harness.clock.advance(seconds=FOREVER_SECONDS / 40)
            for process in self.processes:
                process.relay.tick()
            self.harness.drain()
        unfinished = self.harness.rows("SELECT * FROM runs WHERE status NOT IN ('completed', 'failed', 'cancelled')")
        assert unfinished == [], "a run never ends"

    def _check_ends(self) -> None:
        self.facts_never_change_and_each_step_has_one_result()
        self.nothing_ends_before_its_time()
        self.a_wait_and_its_step_agree()
        assert self.harness.rows("SELECT * FROM pending_events") == []
        assert self.harness.rows("SELECT * FROM waits WHERE state = 'open'") == []
        statuses = {row["id"]: row["status"] for row in self.harness.rows("SELECT id, status FROM runs")}
        self._check_failures()
        self._check_beginnings()
        completed = self._facts_by_step("completed")
        for (run_id, key), count in self.executed.items():
            # Once, once more where it was meant to fail, and once more for each death in between.
            retried = [row for row in self.facts.values() if row["kind"] == "retry" and row["step_key"] == f"s/{key}"]
            most = 1 + (1 if any(row["run_id"] == run_id for row in retried) else 0) + self.deaths
            assert count <= most, "a step was executed although it had a result"
            if statuses[run_id] == "completed":
                assert (run_id, f"s/{key}") in completed

    def _check_failures(self) -> None:
        """Only items with something bad in them fail, and loops that end with an item that was lost."""
        for row in self.harness.rows("SELECT * FROM runs WHERE status = 'failed'"):
            error = json.loads(row["error"])
            if row["path"] is not None:
                assert error["message"] == "a bad item"
            else:
                assert (row["workflow_id"], error["code"]) == ("loop", "item-failed")

    def _check_beginnings(self) -> None:
        """I1, I19: each event began a run or was held up on record, and each repetition began one."""
        unaccounted = self.harness.rows(
            "SELECT id FROM events e WHERE name IN ('test/begun', 'test/looped') AND NOT EXISTS"
            " (SELECT 1 FROM runs r WHERE r.event_id = e.id) AND NOT EXISTS"
            " (SELECT 1 FROM decisions d WHERE d.event_id = e.id AND d.reason IN ('paused', 'drained'))"
        )
        assert unaccounted == []
        jobs = self.harness.rows("SELECT * FROM jobs")
        assert all(job["state"] == "done" and job["done_count"] == job["begun_count"] for job in jobs)
        replayed = sum(job["begun_count"] for job in jobs if job["kind"] == "replay")
        (row,) = self.harness.rows(
            "SELECT count(*) AS n FROM runs WHERE rerun_of IS NOT NULL AND parent_run_id IS NULL"
        )
        assert row["n"] == self.reruns + replayed


def _loop_document() -> dict[str, Any]:
    """Return a workflow that executes the script of each of its items."""
    given = {name: f"!ref($.event.data.{name})" for name in ("items", "concurrency", "on_item_error")}
    document = a_workflow("loop").action("each", "builtin:for_each", given).path("$source", "each")
    written = document.trigger("test/looped").document()
    body = a_workflow("body").action("s", "script", {"ops": "!ref($.item)"}).path("$source", "s").document()
    written["actions"][0]["body"] = {"actions": body["actions"], "edges": body["edges"]}
    return written


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
@pytest.mark.usefixtures("no_chance")
def test_runs_that_wait_end_as_they_should_whatever_happens_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    check_histories(WaitingMachine, fresh_sqlite(sqlite_url, tmp_path), examples=25, steps=30)


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
@pytest.mark.usefixtures("no_chance")
def test_runs_that_wait_end_as_they_should_whatever_happens_on_postgresql(postgres_url: str) -> None:
    with fresh_postgresql(postgres_url) as open_database:
        check_histories(WaitingMachine, open_database, examples=6, steps=25)
