"""Two processes, one database, and everything that may go wrong between them, in any order.

Hypothesis makes up histories: workflows are published, events sent, hints delivered, lost, doubled and reordered,
processes die at any failpoint or stand still for as long as they like, time jumps, users cancel and rerun. After each
step of a history the invariants of docs/guarantees.md must hold over the rows, and once the faults stop every run
must end as ``engine.local`` ends it in memory, where nothing can go wrong.

The repositories are the real ones. Hints are held by the test, and the clock moves when told.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from histories import Died, HistoryMachine, check_histories, failing, fresh_postgresql, fresh_sqlite
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from runtimes import Harness, a_registry

from workflowkit.base.clock import FakeClock
from workflowkit.base.errors import LeaseLost, NonRetriableError, StoreUnavailable
from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.definition import build
from workflowkit.definition.model import SOURCE, Workflow
from workflowkit.engine import local
from workflowkit.engine.outcome import Outcome, Suspended
from workflowkit.registry import Registry
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.performing import retries_after
from workflowkit.runtime.position import Claim, Opening
from workflowkit.store import steps as step_rows

LEASE_SECONDS, GRACE_SECONDS = 30.0, 2.0
RETRIES = 2
FINAL = ("completed", "failed", "skipped", "cancelled")
ENDED = ("completed", "failed", "cancelled")

whos = st.integers(0, 1)
picks = st.integers(0, 63)
sides = st.sampled_from(["before_commit", "after_commit"])


# --- what is published ------------------------------------------------------------------------------------------------

#: Kinds whose steps are never tried again once a worker may have begun them.
AT_MOST_ONCE = "charge"


def _chain() -> dict[str, Any]:
    return (
        a_workflow("chain")
        .action("a", "echo", {"value": "!ref($.event.data.n)"})
        .action("b", "flaky", {"failures": RETRIES, "value": {"from_a": "!ref($.state.a)"}}, retries=RETRIES)
        .action("c", "echo", {"value": "!ref($.state.b.from_a)"})
        .path(SOURCE, "a", "b", "c")
        .trigger("shop/ordered")
        .document()
    )


def _fan() -> dict[str, Any]:
    branches = ("left", "right")
    inputs = {"value": {name: f"!ref($.state.{name})" for name in branches}}
    builder = a_workflow("fan").action("join", "echo", inputs, join="all")
    for name in branches:
        builder.action(name, "echo", {"value": name}).path(SOURCE, name, "join")
    builder.action("tail", "echo", {"value": 1}).edge_if("join", "tail", "!ref($.event.data.n)")
    builder.action("other", "echo", {"value": 2}).edge_else("join", "other", "!ref($.event.data.n)")
    return builder.trigger("shop/*").document()


def _errors() -> dict[str, Any]:
    return (
        a_workflow("errors")
        .action("split", "echo", {"value": 0})
        .action("tries", "boom", {}, retries=RETRIES, on_error="branch")
        .action("rescue", "echo", {"value": "!ref($.state.tries.error.message)"})
        .action("unused", "echo", {"value": "never"})
        .action("fatal", "refuse", {}, on_error="fallback", fallback={"value": 7})
        .action("open", "refuse", {})
        .action("after", "echo", {"value": "never"})
        .action("join", "echo", {"value": "!ref($.state.fatal.value)"}, join={"n_of": 2})
        .path(SOURCE, "split", "tries")
        .path("split", "fatal", "join")
        .path("split", "open", "after")
        .edge_error("tries", "rescue")
        .edge("tries", "unused")
        .edge("rescue", "join")
        .edge("after", "join")
        .trigger("shop/returned")
        .trigger("shop/ordered", "event.data.n > 1")
        .document()
    )


def _sends() -> dict[str, Any]:
    return (
        a_workflow("sends")
        .action("first", "tell", {"id": None})
        .action("second", "tell", {"id": "told-once"})
        .path(SOURCE, "first", "second")
        .trigger("shop/returned")
        .document()
    )


def _charges() -> dict[str, Any]:
    return (
        a_workflow("charges")
        .action("before", "echo", {"value": 1})
        .action("pay", AT_MOST_ONCE, {})
        .action("after", "echo", {"value": "!ref($.state.pay)"})
        .path(SOURCE, "before", "pay", "after")
        .trigger("shop/ordered")
        .trigger("shop/told")
        .document()
    )


def _stops() -> dict[str, Any]:
    return (
        a_workflow("stops")
        .actions("slow", "late")
        .action("halt", "stop", {"output": "enough"})
        .path(SOURCE, "slow", "late")
        .edge(SOURCE, "halt")
        .trigger("shop/told")
        .document()
    )


SHAPES: tuple[Callable[[], dict[str, Any]], ...] = (_chain, _fan, _errors, _sends, _charges, _stops)
EVENT_NAMES = ("shop/ordered", "shop/returned", "shop/told")


def _registry(executed: Counter[tuple[str, str, int]]) -> Registry:
    """Return the actions of the shapes; those with a run of their own count what was executed."""
    registry = a_registry()

    def note(ctx: Any) -> None:
        executed[ctx.run.id, ctx.step.key, ctx.attempt + 1] += 1

    @registry.action("echo")
    def echo(ctx: Any, value: Any = None) -> Any:
        note(ctx)
        return value

    @registry.action("flaky")
    def flaky(ctx: Any, failures: int, value: Any = None) -> Any:
        before = sum(1 for run, step, _ in executed if (run, step) == (ctx.run.id, ctx.step.key))
        note(ctx)
        if before < failures:
            raise RuntimeError("not yet")
        return value

    @registry.action("refuse")
    def refuse(ctx: Any) -> None:
        note(ctx)
        raise NonRetriableError("no")

    @registry.action("tell")
    def tell(ctx: Any, id: str | None = None) -> str:
        note(ctx)
        ctx.send_event("shop/told", {"n": 1}, id=id)
        return "told"

    @registry.action(AT_MOST_ONCE, at_most_once=True)
    def charge(ctx: Any) -> str:
        note(ctx)
        return "charged"

    return registry


# --- faults -----------------------------------------------------------------------------------------------------------


@dataclass
class Thread:
    """A thread of a worker process that goes from one transaction to the next only when told to.

    It has claimed a step, or performed its action and not recorded the ``outcome`` yet, or is about to claim the next
    of its ``openings``.
    """

    who: int
    claim: Claim | None = None
    outcome: Outcome | None = None
    openings: deque[Opening] = field(default_factory=deque)


# --- the machine ------------------------------------------------------------------------------------------------------


class RuntimeMachine(HistoryMachine):
    """Two processes and the threads of their workers."""

    def __init__(self) -> None:
        super().__init__()
        self.executed: Counter[tuple[str, str, int]] = Counter()
        self.harness = Harness(
            type(self).open_database(),
            _registry(self.executed),
            lease_seconds=LEASE_SECONDS,
            hint_grace_seconds=GRACE_SECONDS,
            event_dedup_seconds=5_000.0,
            limits=Limits(lost_attempts=1_000),
        )
        self.processes = [self.harness.runtime, self.harness.new_process()]
        self.threads: list[Thread] = []
        self.documents: dict[tuple[str, int], Workflow] = {}
        self.published: dict[str, int] = {}
        #: By our event id: the versions that were published when the event was sent, by workflow.
        self.sent: dict[str, dict[str, int]] = {}
        #: By the sender's id: our id of the event that had it first, and when.
        self.first_sent: dict[str, tuple[str, int]] = {}
        self.dedup_ms = int(self.harness.runtime.settings.event_dedup_seconds * 1000)
        self.facts: dict[tuple[str, int, int], dict[str, Any]] = {}
        self.ended: dict[str, dict[str, Any]] = {}
        self.tokens: set[tuple[str, str, int]] = set()

    # -- helpers

    @property
    def waiting(self) -> Any:
        return self.harness.dispatcher.waiting

    def _hint(self, pick: int) -> list[str] | list[StepHint]:
        """Take the waiting message that ``pick`` says out of its place."""
        self.waiting.rotate(-(pick % len(self.waiting)))
        message: list[str] | list[StepHint] = self.waiting.popleft()
        return message

    def _handle(self, who: int, message: list[str] | list[StepHint]) -> None:
        self.waiting.appendleft(message)
        self.harness.deliver(self.processes[who])

    def _run_ids(self) -> list[str]:
        return self.harness.column("SELECT id FROM runs ORDER BY id")

    def _note_claim(self, claim: Claim | None) -> None:
        if claim is not None:
            token = (claim.lease.run_id, claim.lease.step_key, claim.lease.token)
            assert token not in self.tokens, "I13: a token was given twice"
            self.tokens.add(token)

    def _holds(self, claim: Claim) -> bool:
        """Tell whether the claim's lease is still good, by the rows."""
        lease = claim.lease
        rows = self.harness.rows(
            """
            SELECT 1 AS held FROM steps JOIN runs ON runs.id = steps.run_id
            WHERE run_id = :run_id AND step_key = :step_key AND token = :token AND steps.status = 'running'
                AND due_at_ms > :now_ms AND runs.status NOT IN ('completed', 'failed', 'cancelled')
            """,
            run_id=lease.run_id,
            step_key=lease.step_key,
            token=lease.token,
            now_ms=self.harness.clock.now_ms(),
        )
        return bool(rows)

    def _count_facts(self) -> int:
        return int(self.harness.rows("SELECT count(*) AS facts FROM journal")[0]["facts"])

    def _final_facts(self) -> set[tuple[str, str, str]]:
        rows = self.harness.rows("SELECT run_id, step_key, kind FROM journal")
        return {(row["run_id"], row["step_key"], row["kind"]) for row in rows if row["kind"] in FINAL}

    # -- what authors and users do

    @initialize(
        shapes=st.lists(st.integers(0, len(SHAPES) - 1), min_size=2, max_size=3, unique=True),
        names=st.lists(st.sampled_from(EVENT_NAMES), min_size=1, max_size=3),
    )
    def begin(self, shapes: list[int], names: list[str]) -> None:
        for shape in shapes:
            self._publish(0, shape)
        for name in names:
            self._send(0, name)

    @rule(
        who=whos,
        wish=st.sampled_from(["publish", "send", "send", "send again", "send into silence", "cancel", "rerun"]),
        pick=picks,
    )
    def wish(self, who: int, wish: str, pick: int) -> None:
        """What people and applications ask for."""
        if wish == "publish":
            self._publish(who, pick % len(SHAPES))
        elif wish == "send":
            self._send(who, EVENT_NAMES[pick % len(EVENT_NAMES)], n=pick % 4)
        elif wish == "send again":
            self._send_with_id(who, f"order-{pick % 2}", copies=1 + pick % 3)
        elif wish == "send into silence":
            self._send_into_silence(who, f"order-{pick % 2}", side="before_commit" if pick % 4 < 2 else "after_commit")
        elif wish == "cancel":
            self._cancel(who, pick)
        else:
            self._rerun(who, pick)

    def _publish(self, who: int, shape: int) -> None:
        """Publish a shape, or a further edition of it."""
        document = SHAPES[shape]()
        workflow_id = document["name"]
        document["description"] = f"edition {self.published.get(workflow_id, 0) + 1}"
        published = self.processes[who].authoring.deploy(DEFAULT_SCOPE, workflow_id, document)
        self.published[workflow_id] = published.version.version
        self.documents[workflow_id, published.version.version] = build(document)

    def _send(self, who: int, name: str, *, n: int = 1) -> None:
        (accepted,) = self.processes[who].intake.send(DEFAULT_SCOPE, [{"name": name, "data": {"n": n}}])
        self.sent[accepted.id] = self._listeners(name, n)

    def _send_with_id(self, who: int, event_id: str, *, copies: int) -> None:
        """Send events whose id may have been sent before, and is more than once in this very request."""
        event = {"name": "shop/ordered", "data": {"n": 1}, "id": event_id}
        accepted = self.processes[who].intake.send(DEFAULT_SCOPE, [event] * copies)
        fresh = [each.id for each in accepted if each.duplicate_of is None]
        now_ms, first = self.harness.clock.now_ms(), self.first_sent.get(event_id)
        is_known = first is not None and now_ms < first[1] + self.dedup_ms
        if is_known and first is not None:
            assert not fresh
            assert {each.duplicate_of for each in accepted} == {first[0]}
        elif fresh:
            self.first_sent[event_id] = fresh[0], now_ms
        for accepted_id in fresh:
            self.sent[accepted_id] = self._listeners("shop/ordered", 1)

    def _send_into_silence(self, who: int, event_id: str, *, side: str) -> None:
        """I21: the sender gets no answer, sends again elsewhere, and there is one event."""
        event = {"name": "shop/ordered", "data": {"n": 1}, "id": event_id}
        before = set(self.harness.column("SELECT id FROM events"))
        with failing(f"intake.{side}", StoreUnavailable("gone")), pytest.raises(StoreUnavailable):
            self.processes[who].intake.send(DEFAULT_SCOPE, [event])
        for row in self.harness.rows("SELECT id, duplicate_of FROM events"):
            if row["id"] not in before and row["duplicate_of"] is None:
                assert side == "after_commit"
                self.first_sent[event_id] = row["id"], self.harness.clock.now_ms()
                self.sent[row["id"]] = self._listeners("shop/ordered", 1)
        self._send_with_id(1 - who, event_id, copies=1)

    def _cancel(self, who: int, pick: int) -> None:
        if run_ids := self._run_ids():
            run_id = run_ids[pick % len(run_ids)]
            status = self.processes[who].control.cancel(DEFAULT_SCOPE, run_id)
            (row,) = self.harness.rows("SELECT status FROM runs WHERE id = :id", id=run_id)
            assert row["status"] == status
            assert status in ENDED

    def _rerun(self, who: int, pick: int) -> None:
        run_ids = self._run_ids()
        if run_ids and len(run_ids) < 12:
            self.processes[who].rerunning.rerun(DEFAULT_SCOPE, run_ids[pick % len(run_ids)])

    def _listeners(self, name: str, n: int) -> dict[str, int]:
        wanted = {
            "shop/ordered": {"chain", "fan", "charges", *(["errors"] if n > 1 else [])},
            "shop/returned": {"fan", "errors", "sends"},
            "shop/told": {"fan", "charges", "stops"},
        }[name]
        return {workflow_id: version for workflow_id, version in self.published.items() if workflow_id in wanted}

    # -- what the broker does

    @precondition(lambda self: self.waiting)
    @rule(who=whos, pick=picks, how=st.sampled_from(["deliver", "deliver together", "drop", "double", "flush"]))
    def carry_a_message(self, who: int, pick: int, how: str) -> None:
        """Deliver a message to a worker that goes on as far as it can, or do to it what brokers do."""
        message = self._hint(pick)
        if how == "deliver":
            self._handle(who, message)
        elif how == "deliver together":
            # Several hints in one message: the worker goes on with one of them where it can.
            hints = [hint for each in (message, *self.waiting) for hint in each if isinstance(hint, StepHint)]
            self.processes[who].worker.execute(hints)
        elif how == "double":
            self.waiting.extend([message, message])
        elif how == "flush":
            self.waiting.clear()

    # -- what time does

    @rule(
        who=whos,
        seconds=st.sampled_from([0.5, GRACE_SECONDS, 16.0, LEASE_SECONDS - 1, LEASE_SECONDS, 61.0, 3_600.0]),
        ticks=st.booleans(),
    )
    def let_time_pass(self, who: int, seconds: float, ticks: bool) -> None:
        self.harness.clock.advance(seconds=seconds)
        if ticks:
            self.processes[who].relay.tick()

    # -- what processes and databases do

    @rule(who=whos, pick=picks, spills=st.booleans())
    def start_a_thread(self, who: int, pick: int, spills: bool) -> None:
        """A worker takes a message and gets as far as its first claim. It may leave other openings to others."""
        if not self.waiting:
            self._send(who, EVENT_NAMES[pick % len(EVENT_NAMES)])
        message, thread = self._hint(pick), Thread(who)
        if isinstance(message[0], StepHint):
            thread.openings.extend(Opening(hint) for hint in message if isinstance(hint, StepHint))
            self._claim_next(thread)
        else:
            ids = [event_id for event_id in message if isinstance(event_id, str)]
            matched = self.processes[who].worker._matching.match(ids)
            self._note_claim(matched.claim)
            thread.claim = matched.claim
            thread.openings.extend(matched.openings)
        if spills:
            self._spill(thread)
        self._keep(thread)

    @precondition(lambda self: self.threads)
    @rule(pick=picks, fault=st.sampled_from(["", "", "", "before_commit", "after_commit"]))
    def step_a_thread(self, pick: int, fault: str) -> None:
        """A thread goes on by one transaction or one action, however long it stood still."""
        thread = self.threads.pop(pick % len(self.threads))
        with failing("record." + fault, StoreUnavailable("gone")):
            if thread.claim is None:
                self._claim_next(thread)
            elif thread.outcome is None:
                thread.outcome = self._perform(thread.who, thread.claim)
            else:
                self._record(thread, thread.claim, thread.outcome)
        self._keep(thread)

    @precondition(lambda self: self.threads)
    @rule(pick=picks, fault=st.sampled_from(["", "", "before_commit", "after_commit"]))
    def finish_a_step_in_a_thread(self, pick: int, fault: str) -> None:
        thread = self.threads.pop(pick % len(self.threads))
        if thread.claim is not None:
            outcome = thread.outcome or self._perform(thread.who, thread.claim)
            with failing("record." + fault, StoreUnavailable("gone")):
                self._record(thread, thread.claim, outcome)
        self._keep(thread)

    @precondition(lambda self: self.threads)
    @rule(pick=picks, late=st.booleans())
    def take_over(self, pick: int, late: bool) -> None:
        """The other process tries to claim the step that a thread holds, within its lease or after it."""
        thread = self.threads[pick % len(self.threads)]
        if thread.claim is not None:
            if late:
                self.harness.clock.advance(seconds=LEASE_SECONDS)
            holds, lease = self._holds(thread.claim), thread.claim.lease
            heir = self._start_on(1 - thread.who, lease.run_id, lease.step_key)
            assert not (holds and heir.claim is not None), "I13: two valid tokens"

    @precondition(lambda self: self.threads)
    @rule(pick=picks)
    def work_beside(self, pick: int) -> None:
        """The other process claims another step of the run that a thread is at."""
        thread = self.threads[pick % len(self.threads)]
        if thread.claim is not None:
            query = "SELECT step_key FROM steps WHERE run_id = :run_id AND status = 'ready' ORDER BY step_key"
            for row in self.harness.rows(query, run_id=thread.claim.lease.run_id)[:1]:
                self._start_on(1 - thread.who, thread.claim.lease.run_id, row["step_key"])

    def _start_on(self, who: int, run_id: str, step_key: str) -> Thread:
        thread = Thread(who, openings=deque([Opening(StepHint(run_id, step_key, "default"))]))
        self._claim_next(thread)
        self._keep(thread)
        return thread

    @precondition(lambda self: self.threads)
    @rule(pick=picks, how=st.sampled_from(["renew", "spill", "die"]))
    def touch_a_thread(self, pick: int, how: str) -> None:
        """Its lease is renewed, or it is slow and leaves the rest to others, or it dies."""
        thread = self.threads.pop(pick % len(self.threads))
        if how == "renew" and thread.claim is not None:
            holds, lease_ms = self._holds(thread.claim), int(LEASE_SECONDS * 1000)
            with self.processes[thread.who].database.transaction("renew") as tx:
                ends_at_ms = step_rows.renew(tx, thread.claim.lease, lease_ms=lease_ms)
            assert (ends_at_ms is not None) == holds
        elif how == "spill":
            self._spill(thread)
        if how != "die":
            self._keep(thread)

    def _spill(self, thread: Thread) -> None:
        self.harness.dispatcher.execute([opening.hint for opening in thread.openings])
        thread.openings.clear()

    def _keep(self, thread: Thread) -> None:
        if thread.claim is not None or thread.openings:
            self.threads.append(thread)

    def _claim_next(self, thread: Thread) -> None:
        if thread.openings:
            thread.claim = self.processes[thread.who].worker.advance.claim(thread.openings.popleft())[0]
            self._note_claim(thread.claim)

    def _perform(self, who: int, claim: Claim) -> Outcome:
        node = claim.position.workflow.nodes[claim.lease.step_key]
        outcome = self.processes[who].worker.performer.outcome(
            claim, node, self.harness.registry.get(node.kind), lambda: True
        )
        assert not isinstance(outcome, Suspended)
        return outcome

    def _record(self, thread: Thread, claim: Claim, outcome: Outcome) -> None:
        """Record once, and again if the database fell silent. Only a lease that holds lets it (I13)."""
        thread.claim = thread.outcome = None
        holds, before, facts_before = self._holds(claim), self._final_facts(), self._count_facts()
        also = None
        if thread.openings and thread.openings[0].hint.run_id == claim.lease.run_id:
            also = thread.openings.popleft().hint
        node = claim.position.workflow.nodes[claim.lease.step_key]
        retries = retries_after(outcome, node, self.harness.registry.get(node.kind))
        advance = self.processes[thread.who].worker.advance
        try:
            try:
                recorded = advance.record(claim, outcome, retries=retries, also=also)
            except StoreUnavailable:
                recorded = advance.record(claim, outcome, retries=retries, also=also)
        except LeaseLost:
            # With a lease that held: the first try had been committed, and the answer was lost.
            assert holds == (self._count_facts() > facts_before)
            return
        if not holds:
            assert self._final_facts() == before, "I11: a late result counts as nothing"
            assert recorded.next_claim is None
            return
        if recorded.event_ids:
            self.harness.dispatcher.match(recorded.event_ids)
        self._note_claim(recorded.next_claim)
        thread.claim = recorded.next_claim
        thread.openings.extend(recorded.openings)

    @precondition(lambda self: self.waiting)
    @rule(who=whos, pick=picks, name=st.sampled_from(["match", "claim", "record"]), side=sides, dies=st.booleans())
    def deliver_to_trouble(self, who: int, pick: int, name: str, side: str, dies: bool) -> None:
        """The process dies at a failpoint, or the database falls silent there.

        Silence ``after_commit`` is the ambiguous one: committed, but the process was not told (F8).
        """
        message = self._hint(pick)
        with failing(f"{name}.{side}", Died() if dies else StoreUnavailable("gone")):
            try:
                self._handle(who, message)
            except StoreUnavailable:
                assert name in ("match", "claim")
            except Died:
                self._reboot(who)

    @rule(who=whos, name=st.sampled_from(["relay", "cancel", "rerun"]), pick=picks, side=sides)
    def die_in_a_short_transaction(self, who: int, name: str, pick: int, side: str) -> None:
        with failing(f"{name}.{side}", Died()):
            try:
                if name == "relay":
                    self.processes[who].relay.tick()
                elif name == "cancel":
                    self._cancel(who, pick)
                else:
                    self._rerun(who, pick)
            except Died:
                self._reboot(who)

    def _reboot(self, who: int) -> None:
        """Start a dead process again: what it knew is gone."""
        self.processes[who].close()
        self.harness.runtimes.remove(self.processes[who])
        self.processes[who] = self.harness.new_process()
        self.harness.runtime = self.processes[0]
        self.threads = [thread for thread in self.threads if thread.who != who]

    # -- what must hold at any time

    @invariant()
    def facts_never_change(self) -> None:
        """I2, I3, I5."""
        rows = self.harness.rows("SELECT * FROM journal")
        facts = {(row["run_id"], row["revision"], row["ordinal"]): row for row in rows}
        assert self.facts.items() <= facts.items(), "I3: a fact was changed or removed"
        self.facts = facts
        finals = Counter((row["run_id"], row["step_key"]) for row in rows if row["kind"] in FINAL)
        assert all(count == 1 for count in finals.values()), "I2: a step has two final facts"
        attempts = {(row["run_id"], row["step_key"], row["attempt"]) for row in rows if row["kind"] == "attempt"}
        assert self.executed.keys() <= attempts, "I5: an attempt is not on record"
        assert max(self.executed.values(), default=0) <= 1, "I5: one attempt was executed twice"

    @invariant()
    def no_run_is_an_orphan(self) -> None:
        """I4: whatever has not ended has a cause to move that the relay will find."""
        assert not self.harness.rows(
            """
            SELECT id FROM runs WHERE status NOT IN ('completed', 'failed', 'cancelled') AND NOT EXISTS (
                SELECT 1 FROM steps WHERE run_id = runs.id AND status IN ('ready', 'running') AND wake_at_ms IS NOT NULL
            )
            """
        )
        assert not self.harness.rows(
            "SELECT * FROM steps WHERE (status IN ('ready', 'running')) <> (wake_at_ms IS NOT NULL)"
        )
        assert not self.harness.rows(
            """
            SELECT run_id FROM steps JOIN runs ON runs.id = steps.run_id
            WHERE steps.status IN ('ready', 'running') AND runs.status IN ('completed', 'failed', 'cancelled')
            """
        ), "a run has ended and one of its steps has not"

    @invariant()
    def ended_runs_stay_as_they_are(self) -> None:
        """I12."""
        rows = self.harness.rows("SELECT id, status, output, error, finished_at_ms FROM runs")
        ended = {row["id"]: row for row in rows if row["status"] in ENDED}
        assert self.ended.items() <= ended.items()
        self.ended = ended

    @invariant()
    def steps_agree_with_their_facts(self) -> None:
        """The schedule and the journal tell one story, and nobody holds a token that was never given (I13)."""
        steps = self.harness.rows("SELECT * FROM steps")
        finals = {(row["run_id"], row["step_key"]): row["kind"] for row in self.facts.values() if row["kind"] in FINAL}
        attempts = Counter((row["run_id"], row["step_key"]) for row in self.facts.values() if row["kind"] == "attempt")
        for step in steps:
            key = (step["run_id"], step["step_key"])
            assert step["attempt"] == attempts[key]
            assert (step["status"] in FINAL) == (key in finals)
            assert key not in finals or finals[key] == step["status"]

    @invariant()
    def events_are_waiting_or_accounted_for(self) -> None:
        """I1: an event that no longer waits has started each workflow that listened when it was sent, once."""
        pending = set(self.harness.column("SELECT id FROM pending_events"))
        runs = self.harness.rows("SELECT event_id, workflow_id, version FROM runs WHERE rerun_of IS NULL")
        started = {(row["event_id"], row["workflow_id"]): row["version"] for row in runs}
        assert len(started) == len(runs), "an event started a workflow twice"
        for event_id, listeners in self.sent.items():
            for workflow_id, version in listeners.items():
                assert event_id in pending or started[event_id, workflow_id] >= version

    @invariant()
    def events_of_actions_are_sent_once(self) -> None:
        """I7."""
        told = self.harness.rows(
            "SELECT run_id FROM journal WHERE kind = 'completed' AND step_key IN ('first', 'second')"
        )
        events = self.harness.rows(
            "SELECT source_run_id FROM events WHERE source_run_id IS NOT NULL AND name NOT LIKE 'workflow/%'"
        )
        assert Counter(row["source_run_id"] for row in events) == Counter(row["run_id"] for row in told)

    @invariant()
    def ends_that_others_may_hear_of_are_told_once(self) -> None:
        """I7."""
        ended = self.harness.rows("SELECT id FROM runs WHERE status IN ('failed', 'cancelled')")
        events = self.harness.rows("SELECT source_run_id FROM events WHERE name LIKE 'workflow/%'")
        assert Counter(row["source_run_id"] for row in events) == Counter(row["id"] for row in ended)

    # -- what must come of it

    def teardown(self) -> None:
        try:
            self._heal()
            self._check_ends()
        finally:
            self.harness.close()

    def _heal(self) -> None:
        """Stop all faults and let the system come to rest."""
        self.waiting.clear()
        for _ in range(40):
            if not self._is_busy():
                return
            self.harness.clock.advance(seconds=LEASE_SECONDS + 1)
            self.processes[0].relay.tick()
            while self.harness.deliver(self.processes[len(self.waiting) % 2]):
                pass
        raise AssertionError(f"these never came to an end: {self._is_busy()}")

    def _is_busy(self) -> list[dict[str, Any]]:
        return self.harness.rows(
            """
            SELECT id, status FROM runs WHERE status NOT IN ('completed', 'failed', 'cancelled')
            UNION ALL SELECT id, 'pending' FROM pending_events
            """
        )

    def _check_ends(self) -> None:
        self.facts_never_change()
        self.no_run_is_an_orphan()
        self.ended_runs_stay_as_they_are()
        self.steps_agree_with_their_facts()
        self.events_are_waiting_or_accounted_for()
        lost = {row["run_id"] for row in self.facts.values() if row["kind"] == "lost" and row["step_key"] == "pay"}
        events = {row["id"]: row for row in self.harness.rows("SELECT * FROM events")}
        for run in self.harness.rows("SELECT * FROM runs"):
            if run["status"] == "cancelled":
                continue
            if run["id"] in lost:
                assert json.loads(run["error"])["code"] == "worker-lost"
                continue
            self._check_end(run, events[run["event_id"]])
        charged = Counter(run_id for run_id, step, _ in self.executed if step == "pay")
        assert max(charged.values(), default=0) <= 1, "at most once"

    def _check_end(self, run: dict[str, Any], event: dict[str, Any]) -> None:
        """Hold a run against what becomes of the same version and event in memory."""
        shown = {"id": event["event_id"] or event["id"], "name": event["name"], "ts": event["ts_ms"]}
        expected = local.run(
            self.documents[run["workflow_id"], run["version"]],
            shown | {"data": json.loads(event["data"])},
            _registry(Counter()),
            clock=FakeClock(),
        )
        assert run["status"] == expected.status
        assert (run["output"] and json.loads(run["output"])) == expected.output
        assert (run["error"] and json.loads(run["error"])) == (expected.error and expected.error.as_dict())
        if run["workflow_id"] == "stops":
            return  # which steps a stop still finds open depends on who is faster
        finals = {
            row["step_key"]: (row["kind"], json.loads(row["data"] or "{}"))
            for row in self.facts.values()
            if row["run_id"] == run["id"] and row["kind"] in FINAL and row["step_key"] != SOURCE
        }
        retries = Counter(
            row["step_key"] for row in self.facts.values() if row["run_id"] == run["id"] and row["kind"] == "retry"
        )
        assert retries["tries"] == (RETRIES if "tries" in finals else 0), "a lost attempt was held against the step"
        assert {step: (kind, data.get("output"), data.get("reason")) for step, (kind, data) in finals.items()} == {
            step.id: (step.status.value, step.output, step.reason) for step in expected.steps
        }


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
@pytest.mark.usefixtures("no_chance")
def test_whatever_happens_runs_end_as_they_do_in_memory_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    check_histories(RuntimeMachine, fresh_sqlite(sqlite_url, tmp_path), examples=50, steps=30)


@pytest.mark.timeout(600)  # when it fails: Hypothesis then looks for the shortest history
@pytest.mark.usefixtures("no_chance")
def test_whatever_happens_runs_end_as_they_do_in_memory_on_postgresql(postgres_url: str) -> None:
    with fresh_postgresql(postgres_url) as open_database:
        check_histories(RuntimeMachine, open_database, examples=12, steps=25)
