"""Runs that begin later: put off or brought forward as long as they have not begun."""

from __future__ import annotations

from workflowkit.base.errors import Conflict, InvalidInput, NotFound
from workflowkit.base.scope import Scope
from workflowkit.engine.states import RunStatus
from workflowkit.engine.waits import MAX_WAIT_SECONDS
from workflowkit.runtime.hints import Dispatcher, StepHint, hint
from workflowkit.store import lanes, runs, steps
from workflowkit.store.database import Database


class Scheduling:
    """Moves the beginning of runs of a tenant."""

    def __init__(self, database: Database, dispatcher: Dispatcher, *, grace_ms: int) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._grace_ms = grace_ms

    def reschedule(self, scope: Scope, run_id: str, at_ms: int) -> None:
        """Let a run that has not begun begin at another time, at once if that has passed.

        Raises ``NotFound``, ``Conflict`` if it has begun or ended, ``InvalidInput`` for a time of more than a
        year and a day ahead.
        """
        with self._database.transaction("reschedule") as tx:
            run = runs.lock_in_scope(tx, scope, run_id)
            if run is None:
                raise NotFound(f"no run {run_id}")
            if at_ms - tx.now_ms > MAX_WAIT_SECONDS * 1000:
                raise InvalidInput.at("/at", "out-of-range", "a run begins at most 366 days ahead")
            # SAFETY: I14 — a claim locks the run too: either it has begun, or the old time counts no more.
            if run.status is not RunStatus.SCHEDULED:
                raise Conflict(f"the run is not waiting for its time: it is {run.status.value}")
            is_due = at_ms <= tx.now_ms
            wake_at_ms = None if run.paused_at_ms is not None else max(at_ms, tx.now_ms + self._grace_ms * is_due)
            if run.flow is not None:
                # SAFETY: I14 I18 — where its time has come it queues for a limit; not any more, until it is due again.
                lanes.remove_run(tx, run_id)
            moved = steps.reschedule(tx, run_id, due_at_ms=at_ms, wake_at_ms=wake_at_ms)
        if is_due and run.paused_at_ms is None:
            hint(self._dispatcher, [StepHint(*row) for row in moved], ())
