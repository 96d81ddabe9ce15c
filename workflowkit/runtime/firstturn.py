"""The first step of a new run under limits, started in the statement that begins the run. PostgreSQL only.

Everything is written as if the step had to wait; then a function in the database looks whether its turn has come
already, and starts it, or lets it join its lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.position import Batch, Claim, Opening, Position, Schedule
from workflowkit.runtime.runflow import flow_of, slot_state
from workflowkit.store import flowstates, turns
from workflowkit.store.database import Transaction
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.steps import Lease


@dataclass(frozen=True, slots=True)
class FirstTurn:
    """A step that queues in ``lane``, of a new run that stands at ``position`` and has no other step in a lane."""

    lane: Lane
    step: QueuedStep
    position: Position

    @classmethod
    def of(cls, batch: Batch, openings: Sequence[Opening], schedule: Schedule) -> FirstTurn | None:
        """Return the step of the only run of ``batch`` that queues for slots and nothing else, if this worker may
        start it."""
        position = openings[0].position if openings else None
        if position is None or len(batch.queued) != 1:
            return None
        ((lane,), (step,)) = batch.lanes.values(), batch.queued
        return cls(lane, step, position) if lane.throttle is None and schedule.serves(lane.queue) else None

    def begin(self, tx: Transaction, batch: Batch, schedule: Schedule) -> Claim | None:
        """Write a batch that has the step and start it, in one statement; no claim if its turn has not come."""
        lane, step, run = self.lane, self.step, self.position.run
        flow = flow_of(run)
        assert flow is not None  # noqa: S101 - or the step would not be in a lane
        batch.queued.remove(step)
        if not batch.queued:
            # Or it is locked with the others, in the order of all: the relay closes what stays empty.
            batch.lanes.clear()
        groups, run_groups = ([each.group for each in under] for under in (flow.while_at(step.step_key), flow.runs))
        call = turns.begin(tx, lane, step, groups, run_groups, schedule, wake_at_ms=batch.wake_at_ms)
        # SAFETY: I18 — the locks of all groups of its lane: nobody counts or takes a slot meanwhile.
        at_ms = batch.write_then(tx, flowstates.locking(tx, map(slot_state, lane.ceilings)), *call)
        if at_ms is None:
            return None
        attempt = Fact(FactKind.ATTEMPT, step.step_key, attempt=1, worker=schedule.worker, at_ms=at_ms)
        self.position.run = replace(run, revision=run.revision + 1, status=RunStatus.RUNNING, started_at_ms=at_ms)
        self.position.memos.absorb([attempt])
        return Claim(self.position, Lease(run.id, step.step_key, 1, 1, at_ms + schedule.lease_ms))

    def leaves(self, batch: Batch) -> bool:
        """Tell whether ``batch`` has queued something else that may start where this step has."""
        return any(batch.lanes[step.lane_id].place == self.lane.place for step in batch.queued)
