"""The two transactions of a step: claiming it before its action starts, and recording what came of it.

``record`` also plans what follows and claims the next step for the same worker, so that a chain of steps costs one
commit each and no message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from workflowkit.base.errors import LeaseLost
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.outcome import EmittedEvent, Failed, Outcome, Succeeded
from workflowkit.engine.planner import Decision, settle
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.runtime.atonce import AtOnce
from workflowkit.runtime.claiming import Claiming
from workflowkit.runtime.dequeuing import Dequeuing
from workflowkit.runtime.emitting import Emitting
from workflowkit.runtime.ending import Ending, cancel_parts
from workflowkit.runtime.hints import StepHint
from workflowkit.runtime.nextturn import NextTurn
from workflowkit.runtime.position import (
    Batch,
    Claim,
    Entry,
    Jitter,
    Opening,
    Position,
    Recorded,
    Schedule,
    add_decision,
    attempt_fact,
    is_cancelled,
    refresh,
)
from workflowkit.runtime.runflow import RunFlow, flow_of, lane_of, limited_flow_of, queued
from workflowkit.runtime.slots import give_back
from workflowkit.store import journal, lanes, pauses, runs, slots, steps
from workflowkit.store.database import Database
from workflowkit.store.events import EventGone
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.runs import RunRecord
from workflowkit.store.steps import Lease
from workflowkit.store.transactions import Transaction


class NotTaken(Exception):
    """Nothing was recorded of a step that had only been looked at: it has to be claimed first, if it is still due."""


class _NothingToClaim(Exception):
    """Rolls a claim back: the step is done, not due, or somebody else's."""


class _Frozen(_NothingToClaim):
    """Rolls a claim back: the run is paused."""


class Advance:
    """Claims and records for one worker process. Thread-safe."""

    def __init__(
        self,
        database: Database,
        schedule: Schedule,
        jitter: Jitter,
        emitting: Emitting,
        claiming: Claiming,
        dequeuing: Dequeuing,
        ending: Ending,
        next_turn: NextTurn,
    ) -> None:
        self._database = database
        self._schedule = schedule
        self._jitter = jitter
        self._emitting = emitting
        self._claiming = claiming
        self._dequeuing = dequeuing
        self._ending = ending
        self._at_once = AtOnce(database, schedule, ending, next_turn)

    def claim(self, opening: Opening, *, may_defer: bool = False) -> tuple[Claim | None, Sequence[Opening]]:
        """Take a step that is due, or whose last worker fell silent; no claim if there is nothing to take.

        Of a run that is under limits it is the step whose turn it is there, perhaps of another run; others may look at
        the openings then. Locks the run, then the step. With ``may_defer``, a step that has only waited may be left for
        ``record`` to take.
        """
        hint = opening.hint
        if hint.is_place:
            return self._dequeue(hint.step_key)
        if self._database.is_postgresql:
            try:
                with self._database.statement("claim") as tx:
                    claimed = self._claiming.at_once(tx, opening, may_defer=may_defer)
            except EventGone:
                return None, self._give_up(hint.run_id)
            if claimed is not None:
                return claimed, ()
        return self._claim_locked(hint)

    def take(self, claim: Claim) -> tuple[Claim | None, Sequence[Opening]]:
        """Claim a step after all that was left for ``record`` to take, as ``claim`` does."""
        run_id, step_key = claim.lease.run_id, claim.lease.step_key
        queue = self._schedule.queue_of(claim.position.workflow, step_key)
        return self._claim_locked(StepHint(run_id, step_key, queue))

    def _claim_locked(self, hint: StepHint) -> tuple[Claim | None, Sequence[Opening]]:
        try:
            with self._database.transaction("claim") as tx:
                found = self._claim(tx, hint)
        except _Frozen:
            self._quiet(hint.run_id)
            return None, ()
        except _NothingToClaim:
            return None, ()
        except EventGone:
            return None, self._give_up(hint.run_id)
        return (found, ()) if isinstance(found, Claim) else self._dequeue(found)

    def _give_up(self, run_id: str) -> Sequence[Opening]:
        """End a run whose event is gone: it could not be claimed by anybody, ever."""
        with self._database.transaction("claim") as tx:
            run = runs.lock(tx, run_id)
            if run is None or run.status.is_terminal:
                return ()
            ended = self._ending.give_up(tx, run)
        return [Opening(hint) for hint in ended.hints]  # the events about it are the relay's

    def _dequeue(self, place: str) -> tuple[Claim | None, Sequence[Opening]]:
        found = self._dequeuing.claim(place)
        return found.claim, found.openings

    def record(
        self, claim: Claim, outcome: Outcome, *, retries: int, go_on: bool = True, also: StepHint | None = None,
        hand_over: bool = False,
    ) -> Recorded:  # fmt: skip
        """Record the outcome of an attempt and what follows from it, in one transaction.

        The next step for this worker is ``also``, a step of the same run that was hinted to it, if that is still to be
        had; otherwise, with ``go_on``, one that became ready just now; or, where the run ends, with ``hand_over`` that
        of another run which has waited for its slots. Raises ``LeaseLost`` where the attempt is no longer the step's,
        ``NotTaken`` where it has not become that: nothing is recorded then. After ``StoreUnavailable`` it may be called
        again with the same claim: if the first call had committed after all, what followed from that is found by
        reading it, but for another run's step, which is then taken when its lease has ended. Locks the run, then the
        step.
        """
        position, lease, is_first_call = claim.position, claim.lease, not claim.position.is_stale
        if (recorded := self._record_at_once(claim, outcome, go_on=go_on, also=also, hand_over=hand_over)) is not None:
            return recorded
        if claim.begun and is_first_call:
            raise NotTaken
        with self._database.transaction("record") as tx:
            locked = runs.lock(tx, lease.run_id)
            if locked is None:
                raise LeaseLost("the run is gone")
            # SAFETY: F8 I5 — decided by reading: what is recorded is not made again, nor left to run into its lease.
            if (known := self._recorded_before(tx, position, locked, lease)) is not None:
                return known
            if claim.begun:
                raise NotTaken
            if locked.status.is_terminal:
                _note_ignored(tx, locked, lease, outcome)
                return Recorded()
            refresh(tx, position, locked)
            position.is_stale = True
            memo = position.memos.of(lease.step_key)
            decision = settle(
                position.progress, lease.step_key, lease.attempt, outcome,
                # An attempt that was lost with its worker is not held against the step's own budget.
                retries=retries + lease.lost_attempts - memo.free_losses, free_attempts=memo.free_before(outcome),
                now_ms=tx.now_ms, jitter=self._jitter(),
            )  # fmt: skip
            _release(tx, lease, decision, is_frozen=locked.paused_at_ms is not None)
            if isinstance(outcome, Failed) and position.workflow.nodes[lease.step_key].body is not None:
                cancel_parts(tx, position.run.id, lease.step_key)  # a loop that gives up, with items that go on
            event_ids = self._emitting.emit(tx, position.run, _events_of(outcome, decision))
            recorded = self._write(tx, position, decision, event_ids, go_on=go_on, also=also)
            freed = self._pass_slots_on(tx, position, lease, recorded.next_claim)
        position.is_stale = False
        return replace(recorded, openings=(*recorded.openings, *(Opening(hint) for hint in freed)))

    def _record_at_once(
        self, claim: Claim, outcome: Outcome, *, go_on: bool, also: StepHint | None, hand_over: bool
    ) -> Recorded | None:  # fmt: skip
        try:
            return self._at_once.record(claim, outcome, go_on=go_on, also=also, hand_over=hand_over)
        except self._database.integrity_error:
            return None  # somebody waits for the singleton's lock, which is more than one statement can pass on

    def _recorded_before(self, tx: Transaction, position: Position, locked: RunRecord, lease: Lease) -> Recorded | None:
        """Return what followed from this very attempt, if an earlier call recorded it and its answer was lost."""
        if not position.is_stale:
            return None  # no call has failed since the position was last known
        taken = journal.follow_up(tx, lease.run_id, lease.step_key, lease.attempt, self._schedule.worker)
        if taken is None:
            return None
        refresh(tx, position, locked)
        position.is_stale = False
        leases = [found for key in taken if (found := steps.held_lease(tx, lease.run_id, key)) is not None]
        return Recorded(Claim(position, leases[0]) if leases else None)

    def _claim(self, tx: Transaction, hint: StepHint) -> Claim | str:
        """Return the claim, or the place at which the step waits for its turn."""
        run = runs.lock_and_start(tx, hint.run_id)
        if run is None or run.status.is_terminal:
            raise _NothingToClaim
        if run.paused_at_ms is not None:
            raise _Frozen
        if run.flow is not None:
            has_started = run.started_at_ms is not None
            if (flow := flow_of(run)) is not None and flow.holds_up(hint.step_key, has_started=has_started):
                return self._queue_up(tx, run, flow, hint.step_key)
            runs.start(tx, run.id)
            run = replace(run, status=RunStatus.RUNNING, started_at_ms=run.started_at_ms or tx.now_ms)
        lease = steps.claim(tx, run.id, hint.step_key, lease_ms=self._schedule.lease_ms)
        claim = None if lease is None else self._claiming.begin(tx, run, lease)
        if claim is None:
            raise _NothingToClaim
        return claim

    def _queue_up(self, tx: Transaction, run: RunRecord, flow: RunFlow, step_key: str) -> str:
        """Put a step that is due into its lane; return the place where its turn comes."""
        queue = steps.park(tx, run.id, step_key)
        if queue is None:
            raise _NothingToClaim
        slots.free(tx, run.id, step_key)  # an attempt whose lease has ended may have left one behind
        lane = lane_of(run, flow, queue, step_key)
        lanes.join(tx, lane, queued(run, flow, lane, step_key), wake_at_ms=tx.now_ms + self._schedule.grace_ms)
        return lane.place

    def _quiet(self, run_id: str) -> None:
        """Let the relay hint nothing of a frozen run; it does so again once the run is thawed."""
        with self._database.transaction("claim") as tx:
            run = runs.lock(tx, run_id)
            if run is not None and run.paused_at_ms is not None:
                pauses.quiet(tx, run_id)

    def _pass_slots_on(
        self, tx: Transaction, position: Position, lease: Lease, next_claim: Claim | None
    ) -> tuple[StepHint, ...]:
        """Let the next step of the run, if it starts here, keep the slots of the one before; or give them back."""
        flow = limited_flow_of(position.run)
        if flow is not None and flow.steps and not flow.actions and next_claim is not None:
            # SAFETY: I18 — the number of slots that are held stays the same, in one commit: no lock of the groups.
            slots.free(tx, lease.run_id, lease.step_key)
            slots.take(tx, next_claim.lease, [ceiling.group for ceiling in flow.steps])
            return ()
        queue = self._schedule.queue_of(position.workflow, lease.step_key)
        return give_back(tx, position.run, lease.step_key, queue)

    def _write(
        self, tx: Transaction, position: Position, decision: Decision, event_ids: tuple[str, ...], *,
        go_on: bool, also: StepHint | None,
    ) -> Recorded:  # fmt: skip
        claimed, facts = None, []
        go_on = go_on and position.run.paused_at_ms is None and not is_cancelled(tx, position)
        if go_on and also is not None and decision.finish is None:
            claimed = steps.claim(tx, also.run_id, also.step_key, lease_ms=self._schedule.lease_ms, only_ready=True)
            if claimed is not None:
                facts.append(attempt_fact(claimed, self._schedule.worker, tx.now_ms))
        batch = Batch()
        written = add_decision(
            batch, position.run, position.workflow, decision, self._schedule,
            now_ms=tx.now_ms, claim=go_on and claimed is None, extra_facts=facts,
            enters=partial(_enter, tx, position.run),
        )  # fmt: skip
        batch.write(tx)
        ended = self._ending.finish(tx, position, decision)
        return Recorded.of(position, claimed or written.claimed, written, event_ids, ended.hints, ended.event_ids)


def _enter(tx: Transaction, run: RunRecord, lane: Lane, place: QueuedStep, may_claim: bool) -> Entry:
    """Tell how a following step of a run enters: it keeps the slots of the one before, if no one else comes first."""
    # Where single actions have limits, the next one is under others.
    keeps = may_claim and "actions" not in (run.flow or {})
    if keeps and not lanes.any_before(tx, lane, place, by_ms=lanes.EARLIER_MS):
        return Entry.HAVE
    is_roomy = not may_claim and tx.is_postgresql and slots.has_room(tx, lane.ceilings)
    return Entry.TAKE if is_roomy else Entry.QUEUE


def _events_of(outcome: Outcome, decision: Decision) -> tuple[EmittedEvent, ...]:
    """Return what a step sends: nothing before it has completed, or failed for good."""
    ended = FactKind.COMPLETED if isinstance(outcome, Succeeded) else FactKind.FAILED
    return outcome.events if decision.facts and decision.facts[0].kind is ended else ()


def _release(tx: Transaction, lease: Lease, decision: Decision, *, is_frozen: bool) -> None:
    """Give the lease back, or raise ``LeaseLost``."""
    fact = next((fact for fact in decision.facts if fact.step == lease.step_key), None)
    if fact is None:
        held = False
    elif fact.kind is FactKind.RETRY and fact.retry_at_ms is not None:
        wake_at_ms = None if is_frozen else fact.retry_at_ms
        held = steps.release(tx, lease, StepStatus.READY, due_at_ms=fact.retry_at_ms, wake_at_ms=wake_at_ms)
    else:
        held = steps.release(tx, lease, StepStatus(fact.kind.value))
    if not held:
        raise LeaseLost(f"the lease of step {lease.step_key} has ended")


def _note_ignored(tx: Transaction, run: RunRecord, lease: Lease, outcome: Outcome) -> None:
    """Keep a result that came after the run had ended, as a note and never as a success."""
    output = outcome.output if isinstance(outcome, Succeeded) else None
    error = None if isinstance(outcome, Succeeded) else outcome.error
    # SAFETY: I11 — a late result changes nothing.
    fact = Fact(FactKind.IGNORED, lease.step_key, lease.attempt, output, error, at_ms=tx.now_ms)
    journal.insert(tx, journal.rows_of(run.id, run.revision, [fact]))
