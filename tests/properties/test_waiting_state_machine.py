"""Runs that sleep, wait, invoke and branch, in two processes, and everything that may go wrong meanwhile.

Each run follows a script in its event: a list of what its handler does next. Hypothesis makes up scripts and histories:
events and signals that come before, while or after somebody waits for them, hints that are lost and doubled, processes
that die around any commit, time that jumps, runs that are cancelled. After each step the invariants must hold over the
rows; at the end everything has ended, no step was executed without need, and nothing ended early.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from histories import CountingOs, Died, HistoryMachine, check_histories, failing, fresh_postgresql, fresh_sqlite
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from runtimes import Harness, a_registry

from workflowkit.base.errors import Conflict, NotFound, StepError
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.hints import StepHint

LEASE_SECONDS, GRACE_SECONDS = 30.0, 2.0
ENDED = ("completed", "failed", "cancelled")
FINAL = ("completed", "failed", "skipped", "cancelled")
#: Longer than anything waits here.
FOREVER_SECONDS = 3_000.0

names = st.sampled_from("xyz")
plain_ops = st.one_of(
    st.just(["run"]),
    st.just(["flaky"]),
    st.tuples(st.just("sleep"), st.sampled_from([1, 20, 500])).map(list),
    st.tuples(st.just("event"), names, st.sampled_from([10, 400])).map(list),
    st.tuples(st.just("event"), names, st.just(200), st.just(60)).map(list),
    st.tuples(st.just("signal"), names, st.sampled_from([10, 400])).map(list),
    st.tuples(st.just("send"), names).map(list),
    st.just(["invoke"]),
)
scripts = st.lists(
    st.one_of(plain_ops, st.lists(plain_ops, min_size=1, max_size=3).map(lambda ops: ["parallel", ops])),
    min_size=1,
    max_size=4,
)
whos, picks = st.integers(0, 1), st.integers(0, 63)
sides = st.sampled_from(["before_commit", "after_commit"])


class _NotYet(Exception):
    """The first attempt of a flaky step."""


class Script:
    """What one attempt of the handler does: the methods are the kinds of operations."""

    def __init__(self, ctx: StepContext, executed: Counter[tuple[str, str]]) -> None:
        self.ctx, self.step, self.executed = ctx, ctx.step, executed

    def follow(self, op: list[Any], key: str) -> Any:
        kind, *rest = op
        return getattr(self, kind)(key, *rest)

    def run(self, key: str) -> Any:
        return self.step.run(key, self._work, key)

    def flaky(self, key: str) -> Any:
        return self.step.run(key, self._work, key, fails_first=True)

    def sleep(self, key: str, seconds: int) -> Any:
        return self.step.sleep(key, seconds)

    def event(self, key: str, name: str, timeout: int, lookback: int | None = None) -> Any:
        found = self.step.wait_for_event(key, f"test/{name}", timeout=timeout, lookback=lookback)
        return found and found["id"]

    def signal(self, key: str, name: str, timeout: int) -> Any:
        try:
            return self.step.wait_for_signal(key, f"{self.ctx.run.id}-{name}", timeout=timeout)
        except StepError as error:
            return error.cause_code

    def send(self, key: str, name: str) -> Any:
        return self.step.send_event(key, {"name": f"test/{name}", "data": {}})

    def invoke(self, key: str) -> Any:
        try:
            return self.step.invoke(key, "child", {})
        except StepError as error:
            return error.cause_code

    def parallel(self, key: str, ops: list[Any]) -> Any:
        branches = [lambda n=n, op=op: self.follow(op, f"{key}.{n}") for n, op in enumerate(ops)]
        return list(self.ctx.group.parallel(branches))

    def _work(self, key: str, *, fails_first: bool = False) -> str:
        self.executed[self.ctx.run.id, key] += 1
        if fails_first and self.executed[self.ctx.run.id, key] == 1:
            raise _NotYet
        return key


def _registry(executed: Counter[tuple[str, str]]) -> Registry:
    registry = a_registry()

    @registry.action("script", retries=3)
    def script(ctx: StepContext, ops: list[Any]) -> list[Any]:
        follower = Script(ctx, executed)
        return [follower.follow(op, str(number)) for number, op in enumerate(ops)]

    return registry


class WaitingMachine(HistoryMachine):
    """Two processes that share hints, and a model of what their runs may come to."""

    def __init__(self) -> None:
        super().__init__()
        CountingOs.count = 0
        self.executed: Counter[tuple[str, str]] = Counter()
        self.deaths = 0
        self.harness = Harness(
            type(self).open_database(),
            _registry(self.executed),
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
        self.facts: dict[tuple[str, int, int], dict[str, Any]] = {}
        self.ended: dict[str, dict[str, Any]] = {}

    # -- what happens

    @rule(who=whos, ops=scripts)
    def begin(self, who: int, ops: list[Any]) -> None:
        event = {"name": "test/begun", "data": {"ops": ops}}
        self.processes[who].intake.send(DEFAULT_SCOPE, [event])

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

    def _run_ids(self) -> list[str]:
        return [row["id"] for row in self.harness.rows("SELECT id FROM runs ORDER BY id")]

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
        """I4: a run that has not ended has a step that the relay will find."""
        orphans = self.harness.rows(
            "SELECT id FROM runs r WHERE status NOT IN ('completed', 'failed', 'cancelled') AND NOT EXISTS"
            " (SELECT 1 FROM steps s WHERE s.run_id = r.id AND s.wake_at_ms IS NOT NULL)"
        )
        assert orphans == []

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
                assert final["at_ms"] >= detail["until_ms"] or detail["kind"] in ("signal", "run")

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
        """Let time pass without faults until nothing more happens."""
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
        assert "failed" not in statuses.values()
        completed = self._facts_by_step("completed")
        for (run_id, key), count in self.executed.items():
            # Once, once more where it was meant to fail, and once more for each death in between.
            retried = [row for row in self.facts.values() if row["kind"] == "retry" and row["step_key"] == f"s/{key}"]
            most = 1 + (1 if any(row["run_id"] == run_id for row in retried) else 0) + self.deaths
            assert count <= most, "a step was executed although it had a result"
            if statuses[run_id] == "completed":
                assert (run_id, f"s/{key}") in completed


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
@pytest.mark.usefixtures("no_chance")
def test_runs_that_wait_end_as_they_should_whatever_happens_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    check_histories(WaitingMachine, fresh_sqlite(sqlite_url, tmp_path), examples=40, steps=30)


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
@pytest.mark.usefixtures("no_chance")
def test_runs_that_wait_end_as_they_should_whatever_happens_on_postgresql(postgres_url: str) -> None:
    with fresh_postgresql(postgres_url) as open_database:
        check_histories(WaitingMachine, open_database, examples=8, steps=25)
