"""Recording a result in one statement, PostgreSQL's, where nothing but the run's own rows is concerned.

And the slots of its limits, and the lock of a singleton: those are passed on, or given back, in the same statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.outcome import Outcome, Succeeded
from workflowkit.engine.planner import settle
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.flow.singleton import Lock
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.flowstate import lock_state, singleton_of
from workflowkit.runtime.hints import StepHint, place_hint
from workflowkit.runtime.position import (
    Batch,
    Claim,
    Opening,
    Position,
    Recorded,
    Schedule,
    add_decision,
    cancels,
    may_be_cancelled,
)
from workflowkit.runtime.runflow import RunFlow, flow_of
from workflowkit.store import journal, singles
from workflowkit.store.database import Database
from workflowkit.store.lanes import Lane, QueuedStep

#: The ordinal of the attempt that is claimed with a record (``singles.record``): what came earlier comes before it.
_BEFORE = -1


class AtOnce:
    """Records in one statement, for one worker process on PostgreSQL. Thread-safe.

    Everything here says ``None`` where that does not do, and nothing is written then.
    """

    def __init__(self, database: Database, schedule: Schedule, ending: Ending) -> None:
        self._database = database
        self._schedule = schedule
        self._ending = ending

    def record(self, claim: Claim, outcome: Outcome, *, go_on: bool, also: StepHint | None) -> Recorded | None:
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
                carries=keeping.note,
            )  # fmt: skip
            if batch.lanes:
                return None  # a step is to queue
            also_key = None if also is None else also.step_key
            begun = journal.rows_of(run.id, run.revision, claim.begun, first=_BEFORE - len(claim.begun))
            is_recorded, claimed = singles.record(
                tx, position.run, lease, StepStatus(decision.facts[0].kind.value),
                new_steps=batch.steps, facts=[*begun, *batch.journal],
                run_status=RunStatus.RUNNING if finish is None else finish.status,
                output=None if finish is None else finish.output, error=None if finish is None else finish.error,
                handled_failures=0 if finish is None else len(position.progress.handled_failures),
                also=also_key, lease_ms=schedule.lease_ms,
                also_attempt=Fact(FactKind.ATTEMPT, also_key or "", worker=schedule.worker, at_ms=tx.now_ms),
                passing=singles.Take() if begun else _passing(claim, flow, keeping, is_over=finish is not None),
            )  # fmt: skip
            if is_recorded:
                tx.followers += batch.followers
        if not is_recorded:
            return None
        position.run, position.is_stale = run, False
        freed = () if keeping.place is not None else self._freed(claim, flow, is_over=finish is not None)
        recorded = Recorded.of(position, claimed or written.claimed, written)
        return replace(recorded, openings=(*recorded.openings, *freed))

    def _may_record(self, claim: Claim, outcome: Outcome, flow: RunFlow | None, *, go_on: bool) -> bool:
        """Tell whether one statement may do: a success without events, in a run whose present state is known."""
        position, step_key = claim.position, claim.lease.step_key
        is_success = isinstance(outcome, Succeeded) and not outcome.events
        if not (self._database.is_postgresql and is_success and _is_all_known(position)):
            return False
        if flow is None or not (following := position.workflow.outgoing[step_key]):
            return True
        held = flow.while_at(step_key)
        under = [flow.while_at(edge.target) for edge in following]
        if not any(under):
            return True
        # Only one of the steps that follow can keep the slots, under the same limits; the others have to queue.
        return go_on and under == [held]

    def _freed(self, claim: Claim, flow: RunFlow | None, *, is_over: bool) -> Sequence[Opening]:
        """Return where others may start now."""
        if flow is None:
            return ()
        queue = self._schedule.queue_of(claim.position.workflow, claim.lease.step_key)
        given_back = (*flow.while_at(claim.lease.step_key), *(flow.runs if is_over else ()))
        return [Opening(place_hint(ceiling.group, queue)) for ceiling in given_back]


class _Keeping:
    """The place in line of the step that keeps the slots of the one before it."""

    def __init__(self) -> None:
        self.place: tuple[Lane, QueuedStep] | None = None

    def note(self, lane: Lane, step: QueuedStep) -> bool:
        self.place = (lane, step)
        return True


def _is_all_known(position: Position) -> bool:
    """Tell whether nothing but the run's own rows has to be looked at before a step of it starts."""
    return not (position.is_stale or may_be_cancelled(position))


def _passing(
    claim: Claim, flow: RunFlow | None, keeping: _Keeping, *, is_over: bool
) -> singles.Keep | singles.Free | None:
    """Return what becomes of the slots of a step that ends, and of its run's if that ends with it."""
    if flow is None:
        return None
    if keeping.place is not None:
        return singles.Keep(*keeping.place)
    run, lock = claim.position.run, None
    if is_over and flow.singleton is not None:
        lock = singleton_of(run.scope, run.workflow_id, flow.singleton), lock_state(Lock(run.id))
    gives_back = flow.while_at(claim.lease.step_key) or lock or (is_over and flow.runs)
    return singles.Free(is_over, lock) if gives_back else None
