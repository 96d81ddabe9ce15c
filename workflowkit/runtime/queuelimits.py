"""How many runs may wait in one queue: a workflow with the keys of an event, or an action of it that has a limit.

Events beyond that are skipped, be it that their runs would wait there at first or later.

A queue is counted no further than the limit. Unless that is a small one, what was found holds for a second, so that the
look costs next to nothing; in that second some more may join.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from workflowkit.base import forks
from workflowkit.base.limits import Limits
from workflowkit.definition.model import SOURCE, Workflow
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.actionlimits import has_action_limits, with_action_limits
from workflowkit.runtime.position import Schedule
from workflowkit.runtime.runflow import flow_of, lane_of
from workflowkit.runtime.starting import Candidate, frozen
from workflowkit.store import lanes
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

#: A smaller limit is looked at for every event.
SMALL_LIMIT = 1_000
KEPT_FOR_MS = 1_000
#: How many queues are remembered; then all are forgotten.
MOST_REMEMBERED = 1_000


class QueueLimits:
    """Tells whether queues are full, for one process. Thread-safe."""

    def __init__(self, schedule: Schedule, limits: Limits) -> None:
        self._schedule = schedule
        self._most = limits.queued_runs
        #: When each queue was looked at, and whether it was full.
        self._seen: dict[Hashable, tuple[int, bool]] = {}
        self._lock = forks.lock()

    def is_full(self, tx: Transaction, candidate: Candidate) -> bool:
        """Tell whether too many runs wait where the run of a candidate would have to."""
        place = candidate.place
        if not (place.flow.concurrency or place.flow.throttle is not None or self.may_wait(candidate.workflow)):
            return False
        queue = (place.scope, place.workflow_id, candidate.version, place.keys)
        with self._lock:
            seen_at_ms, was_full = self._seen.get(queue, (0, False))
        if tx.now_ms < seen_at_ms + KEPT_FOR_MS:
            return was_full
        most = self._most
        is_full = any(lanes.depth(tx, lane_id, limit=most) >= most for lane_id in self._lanes(tx, candidate))
        if most > SMALL_LIMIT:
            with self._lock:
                if len(self._seen) >= MOST_REMEMBERED:
                    self._seen.clear()
                self._seen[queue] = (tx.now_ms, is_full)
        return is_full

    def may_wait(self, workflow: Workflow) -> bool:
        """Tell whether runs of a workflow may wait for the limit of a single action."""
        return has_action_limits(workflow, self._schedule.registry)

    def _lanes(self, tx: Transaction, candidate: Candidate) -> set[str]:
        """Return the lanes that the first steps of the run would join, and those of its actions with limits."""
        record, place, workflow = candidate.record, candidate.place, candidate.workflow
        bare = RunRecord(
            id=candidate.run_id, scope=record.scope, workflow_id=place.workflow_id, version=candidate.version,
            event_id=record.id, status=RunStatus.QUEUED, revision=0, created_at_ms=tx.now_ms,
            flow=frozen(candidate, tx.now_ms).as_json(),
        )  # fmt: skip
        run = with_action_limits(bare, workflow, self._schedule.registry)
        flow = flow_of(run)
        assert flow is not None  # noqa: S101 - it has just been given one
        first = {edge.target for edge in workflow.outgoing[SOURCE]}
        begun = replace(run, started_at_ms=tx.now_ms)
        joined = [*((run, node_id) for node_id in first), *((begun, node_id) for node_id in flow.actions)]
        queue_of = self._schedule.queue_of
        return {lane_of(each, flow, queue_of(workflow, node_id), node_id).id for each, node_id in joined}
