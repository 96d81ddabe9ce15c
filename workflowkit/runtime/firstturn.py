"""The first step of a new run under limits, started in the statement that begins the run. PostgreSQL only.

Everything else is written; then a function in the database starts the step, if it may, or lets it join its lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.position import Batch, Claim, Opening, Position, Schedule
from workflowkit.runtime.runflow import flow_of
from workflowkit.store import turns
from workflowkit.store.lanes import Lane, QueuedStep
from workflowkit.store.steps import Lease
from workflowkit.store.transactions import Transaction


@dataclass(slots=True)
class FirstTurn:
    """A step that queues in ``lane``, of a new run that stands at ``position`` and has no other step in a lane.

    ``is_near``: it is known that the slots of a limit are all but taken.
    """

    lane: Lane
    step: QueuedStep
    position: Position
    is_near: bool = False

    @classmethod
    def of(cls, batch: Batch, openings: Sequence[Opening], schedule: Schedule) -> FirstTurn | None:
        """Return the step of the only run of ``batch`` that queues, if this worker may start it."""
        position = openings[0].position if openings else None
        if position is None or len(batch.queued) != 1:
            return None
        ((lane,), (step,)) = batch.lanes.values(), batch.queued
        return cls(lane, step, position) if schedule.serves(lane.queue) else None

    def begin(self, tx: Transaction, batch: Batch, schedule: Schedule) -> Claim | None:
        """Write a batch that has the step and start it, in one statement; no claim if its turn has not come."""
        lane, step, run = self.lane, self.step, self.position.run
        flow = flow_of(run)
        assert flow is not None  # noqa: S101 - or the step would not be in a lane
        batch.queued.remove(step)
        batch.steps = [row for row in batch.steps if (row.run_id, row.step_key) != (step.run_id, step.step_key)]
        if not batch.queued:
            # Or it is locked with the others, in the order of all: the relay closes what stays empty.
            batch.lanes.clear()
        wanted = flow.wanted(step.step_key, lane, has_started=False)
        turn = turns.begin(tx, lane, step, wanted, schedule, wake_at_ms=batch.wake_at_ms)
        at_ms, self.is_near = batch.begin_turn(tx, turn, wanted.entering(tx, is_near=self.is_near))
        if at_ms is None:
            return None
        attempt = Fact(FactKind.ATTEMPT, step.step_key, attempt=1, worker=schedule.worker, at_ms=at_ms)
        self.position.run = replace(run, revision=run.revision + 1, status=RunStatus.RUNNING, started_at_ms=at_ms)
        self.position.memos.absorb([attempt])
        return Claim(self.position, Lease(run.id, step.step_key, 1, 1, at_ms + schedule.lease_ms))

    def leaves(self, batch: Batch) -> bool:
        """Tell whether ``batch`` has queued something else that may start where this step has."""
        return any(batch.lanes[step.lane_id].place == self.lane.place for step in batch.queued)
