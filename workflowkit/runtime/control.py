"""What a user does to a run from outside: cancel it, run it again."""

from __future__ import annotations

from dataclasses import replace

from workflowkit.base.errors import DefinitionError, NotFound
from workflowkit.base.ids import new_id
from workflowkit.base.scope import Scope
from workflowkit.engine import planner
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.hints import Dispatcher
from workflowkit.runtime.position import Batch, Schedule, load, start_run, write_finish
from workflowkit.runtime.versions import Versions
from workflowkit.store import events, journal, runs, steps, waits
from workflowkit.store.database import Database, Transaction
from workflowkit.store.runs import RunRecord

CANCELLED_BY_USER = "cancelled-by-user"


class Control:
    """Cancels and reruns runs of a tenant."""

    def __init__(self, database: Database, versions: Versions, schedule: Schedule, dispatcher: Dispatcher) -> None:
        self._database = database
        self._versions = versions
        self._schedule = schedule
        self._dispatcher = dispatcher

    def cancel(self, scope: Scope, run_id: str) -> RunStatus:
        """End a run; return its status. A run that has ended already stays as it is.

        A step whose action is running goes on to its end; its result is kept as ignored. Raises ``NotFound``.
        """
        with self._database.transaction("cancel") as tx:
            run = _locked(tx, scope, run_id)
            if run.status.is_terminal:
                return run.status
            try:
                position, _facts = load(tx, run, self._versions)
            except DefinitionError:
                # Nothing is known of its steps, but those that are scheduled can be kept from running.
                steps.cancel_open(tx, run.id)
                waits.close(tx, run.id)
                runs.finish(tx, run.id, RunStatus.CANCELLED, output=None, error=None, handled_failures=0)
                return RunStatus.CANCELLED
            decision = planner.cancel(position.progress, tx.now_ms, CANCELLED_BY_USER)
            journal.insert(tx, journal.rows_of(run.id, run.revision, decision.facts))
            woken = write_finish(tx, position, decision, self._schedule.grace_ms)
        if woken:
            self._dispatcher.execute(woken)
        return RunStatus.CANCELLED

    def rerun(self, scope: Scope, run_id: str) -> str:
        """Start a new run from the event and the version of an earlier one; return its id. Raises ``NotFound``."""
        batch = Batch()
        with self._database.transaction("rerun") as tx:
            original = _locked(tx, scope, run_id)
            run = replace(
                original, id=new_id(tx.now_ms), status=RunStatus.QUEUED, revision=0, created_at_ms=tx.now_ms,
                rerun_of=original.id, started_at_ms=None,
            )  # fmt: skip
            workflow = self._versions.load(tx, scope, run.workflow_id, run.version)
            event = events.load(tx, run.event_id).as_json()
            _, openings = start_run(batch, run, workflow, event, self._schedule, now_ms=tx.now_ms, claim=False)
            batch.write(tx)
        self._dispatcher.execute([opening.hint for opening in openings])
        return run.id


def _locked(tx: Transaction, scope: Scope, run_id: str) -> RunRecord:
    run = runs.lock_in_scope(tx, scope, run_id)
    if run is None:
        raise NotFound(f"no run {run_id}")
    return run
