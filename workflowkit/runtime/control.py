"""What a user does to a run from outside: cancel it, run it again."""

from __future__ import annotations

from dataclasses import replace

from workflowkit.base.errors import DefinitionError, NotFound
from workflowkit.base.ids import new_id
from workflowkit.base.scope import Scope
from workflowkit.engine import planner
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.ending import Ended, Ending
from workflowkit.runtime.hints import Dispatcher, hint
from workflowkit.runtime.position import Batch, Schedule, load, start_run
from workflowkit.runtime.versions import Versions
from workflowkit.store import events, journal, runs
from workflowkit.store.database import Database, Transaction
from workflowkit.store.runs import RunRecord

CANCELLED_BY_USER = "cancelled-by-user"


class Control:
    """Cancels and reruns runs of a tenant."""

    def __init__(
        self, database: Database, versions: Versions, schedule: Schedule, dispatcher: Dispatcher, ending: Ending
    ) -> None:
        self._database = database
        self._versions = versions
        self._schedule = schedule
        self._dispatcher = dispatcher
        self._ending = ending

    def cancel(self, scope: Scope, run_id: str) -> RunStatus:
        """End a run; return its status. A run that has ended already stays as it is.

        A step whose action is running goes on to its end; its result is kept as ignored. Raises ``NotFound``.
        """
        with self._database.transaction("cancel") as tx:
            run = _locked(tx, scope, run_id)
            if run.status.is_terminal:
                return run.status
            ended = self._cancel(tx, run, CANCELLED_BY_USER)
        hint(self._dispatcher, ended.hints, ended.event_ids)
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
            told = self._ending.tell(tx, self._ending.told_of_new(tx, batch.runs[0], event))
        hint(self._dispatcher, [opening.hint for opening in openings], told)
        return run.id

    def _cancel(self, tx: Transaction, run: RunRecord, reason: str) -> Ended:
        try:
            position, _facts = load(tx, run, self._versions)
        except DefinitionError:
            return self._ending.abandon(tx, run, reason)
        decision = planner.cancel(position.progress, tx.now_ms, reason)
        journal.insert(tx, journal.rows_of(run.id, run.revision, decision.facts))
        return self._ending.finish(tx, position, decision, reason)


def _locked(tx: Transaction, scope: Scope, run_id: str) -> RunRecord:
    run = runs.lock_in_scope(tx, scope, run_id)
    if run is None:
        raise NotFound(f"no run {run_id}")
    return run
