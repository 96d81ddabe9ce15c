"""Recording a result in one statement, PostgreSQL's, where nothing but the run's own rows is concerned.

And the slots of its limits, and the lock of a singleton: those are passed on, or given back, in the same statement.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.outcome import Outcome, Succeeded
from workflowkit.engine.planner import Decision, settle
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.flow.singleton import Lock
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.flowstate import lock_state, singleton_of
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.nextturn import NextTurn, Taken
from workflowkit.runtime.position import (
    Batch,
    Claim,
    Entry,
    Opening,
    Recorded,
    Schedule,
    add_decision,
    cancels,
    is_all_known,
)
from workflowkit.runtime.runflow import RunFlow, flow_of, lane_of
from workflowkit.store import journal, singles, turns
from workflowkit.store.database import Database
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.transactions import Transaction

_log = logging.getLogger(__name__)

#: The ordinal of the attempt that is claimed with a record (``singles.record``): what came earlier comes before it.
_BEFORE = -1


class AtOnce:
    """Records in one statement, for one worker process on PostgreSQL. Thread-safe.

    Everything here says ``None`` where that does not do, and nothing is written then.
    """

    def __init__(self, database: Database, schedule: Schedule, ending: Ending, next_turn: NextTurn) -> None:
        self._database = database
        self._schedule = schedule
        self._ending = ending
        self._next_turn = next_turn

    def record(
        self, claim: Claim, outcome: Outcome, *, go_on: bool, also: StepHint | None, hand_over: bool
    ) -> Recorded | None:  # fmt: skip
        """Record a success; ``None`` also if the run has moved, or somebody waits for a slot that it would keep."""
        position, lease, schedule = claim.position, claim.lease, self._schedule
        flow = flow_of(position.run)
        if not self._may_record(claim, outcome, flow, go_on=go_on):
            return None
        position.is_stale = True
        with self._database.statement("record") as tx:
            decision = settle(
                position.progress, lease.step_key, lease.attempt, outcome, retries=0, now_ms=tx.now_ms, jitter=0.0
            )
            finish = decision.finish
            if not decision.facts or cancels(decision) or (finish is not None and also is not None):
                return None
            if finish is not None and not self._ending.is_plain(tx, position, finish):
                return None
            run, batch, keeping = replace(position.run, revision=position.run.revision + 1), Batch(), _Keeping()
            written = add_decision(
                batch, run, position.workflow, decision, schedule, now_ms=tx.now_ms, claim=go_on and also is None,
                enters=keeping.note,
            )  # fmt: skip
            if batch.lanes:
                return None  # a step is to queue
            passing = singles.Take() if claim.begun else self._passing(
                tx, claim, flow, keeping, is_over=finish is not None, hand_over=hand_over
            )  # fmt: skip
            done = self._write(
                tx, claim, decision, batch, also=None if also is None else also.step_key, passing=passing
            )
            if done is None:
                return None
            tx.followers += batch.followers
            heir = None if done.passed is None else self._next_turn.place(tx, done.passed)
        position.run, position.is_stale = run, False
        recorded = Recorded.of(position, done.claimed or written.claimed, written)
        if heir is not None:
            return replace(recorded, next_claim=_given(heir))
        is_noticed = keeping.place is not None or done.has_room
        freed = () if is_noticed else self._freed(claim, flow, is_over=finish is not None)
        return replace(recorded, openings=(*recorded.openings, *freed))

    def _write(
        self, tx: Transaction, claim: Claim, decision: Decision, batch: Batch, *, also: str | None,
        passing: singles.Passing | None,
    ) -> singles.Done | None:  # fmt: skip
        position, schedule, finish = claim.position, self._schedule, decision.finish
        revision = position.run.revision + 1
        begun = journal.rows_of(position.run.id, revision, claim.begun, first=_BEFORE - len(claim.begun))
        return singles.record(
            tx, position.run, claim.lease, StepStatus(decision.facts[0].kind.value),
            new_steps=batch.steps, facts=[*begun, *batch.journal],
            run_status=RunStatus.RUNNING if finish is None else finish.status,
            output=None if finish is None else finish.output, error=None if finish is None else finish.error,
            handled_failures=0 if finish is None else len(position.progress.handled_failures),
            also=also, lease_ms=schedule.lease_ms,
            also_attempt=Fact(FactKind.ATTEMPT, also or "", worker=schedule.worker, at_ms=tx.now_ms),
            passing=passing,
        )  # fmt: skip

    def _may_record(self, claim: Claim, outcome: Outcome, flow: RunFlow | None, *, go_on: bool) -> bool:
        """Tell whether one statement may do: a success without events, in a run whose present state is known."""
        position, step_key = claim.position, claim.lease.step_key
        is_success = isinstance(outcome, Succeeded) and not outcome.events
        if not (self._database.is_postgresql and is_success and is_all_known(position)):
            return False
        if flow is None or not (following := position.workflow.outgoing[step_key]):
            return True
        held = flow.while_at(step_key)
        under = [flow.while_at(edge.target) for edge in following]
        if not any(under):
            return True
        # Only one of the steps that follow can keep the slots, under the same limits; the others have to queue.
        return go_on and under == [held]

    def _passing(
        self, tx: Transaction, claim: Claim, flow: RunFlow | None, keeping: _Keeping, *, is_over: bool, hand_over: bool
    ) -> singles.Passing | None:  # fmt: skip
        """Return what becomes of the slots of a step that ends, and of its run's if that ends with it."""
        if flow is None:
            return None
        if keeping.place is not None:
            return singles.Keep(*keeping.place)
        run, step_key = claim.position.run, claim.lease.step_key
        if is_over and flow.singleton is not None:
            return singles.Unlock(singleton_of(run.scope, run.workflow_id, flow.singleton), lock_state(Lock(run.id)))
        if not (under := flow.held_at(step_key, is_over=is_over)):
            return None
        # To look where nobody waits costs more than it saves.
        if not (is_over and hand_over and claim.position.others_wait and flow.throttle is None):
            return singles.Free(is_over, under)
        lane = lane_of(
            replace(run, started_at_ms=None), flow, self._schedule.queue_of(claim.position.workflow, step_key), step_key
        )
        return singles.HandOver(turns.handing_over(tx, run, lane, self._schedule))

    def _freed(self, claim: Claim, flow: RunFlow | None, *, is_over: bool) -> Sequence[Opening]:
        """Return where others may start now."""
        if flow is None:
            return ()
        queue = self._schedule.queue_of(claim.position.workflow, claim.lease.step_key)
        return [Opening(place_hint(group, queue)) for group in flow.held_at(claim.lease.step_key, is_over=is_over)]


class _Keeping:
    """The place in line of the step that keeps the slots of the one before it."""

    def __init__(self) -> None:
        self.place: tuple[Lane, QueuedStep] | None = None

    def note(self, lane: Lane, step: QueuedStep, may_claim: bool) -> Entry:
        if not may_claim:
            return Entry.QUEUE
        self.place = (lane, step)
        return Entry.HAVE


def _given(heir: Taken) -> Claim | None:
    """Return the claim of a step that has been given slots; none if it cannot be read here."""
    if heir.error is not None:
        # Whoever can read it claims it when its lease has ended.
        _log.warning("a step that was next is left to others: %s", heir.error)
    return heir.claim
