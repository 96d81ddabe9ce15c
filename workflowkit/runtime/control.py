"""What a user does to a run from outside: cancel it, run it again."""

from __future__ import annotations

from dataclasses import replace

from workflowkit.base.errors import LimitExceeded, NotFound
from workflowkit.base.ids import new_id
from workflowkit.base.jsonvalue import check_json
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.cancelling import Cancelling
from workflowkit.runtime.cause import CANCELLED_BY_USER, Cause
from workflowkit.runtime.ending import Ending
from workflowkit.runtime.hints import Dispatcher, hint
from workflowkit.runtime.position import Batch, Schedule, start_run
from workflowkit.runtime.versions import Versions
from workflowkit.store import events, runs
from workflowkit.store.database import Database, Transaction
from workflowkit.store.runs import RunRecord


class Control:
    """Cancels and reruns runs of a tenant."""

    def __init__(
        self,
        database: Database,
        versions: Versions,
        schedule: Schedule,
        dispatcher: Dispatcher,
        ending: Ending,
        cancelling: Cancelling,
        limits: Limits,
    ) -> None:
        self._database = database
        self._versions = versions
        self._schedule = schedule
        self._dispatcher = dispatcher
        self._ending = ending
        self._cancelling = cancelling
        self._limits = limits

    def cancel(self, scope: Scope, run_id: str, *, reason: str | None = None, actor: str | None = None) -> RunStatus:
        """End a run; return its status. A run that has ended already stays as it is.

        A step whose action is running goes on to its end; its result is kept as ignored. ``reason`` is for people, and
        kept with the run like ``actor``, who says it. Raises ``NotFound``, ``InvalidInput``, ``LimitExceeded``.
        """
        if reason is not None:
            check_json(reason)
            if len(reason) > self._limits.reason_chars:
                raise LimitExceeded("reason_chars", self._limits.reason_chars, len(reason), pointer="/reason")
        with self._database.transaction("cancel") as tx:
            run = _locked(tx, scope, run_id)
            if run.status.is_terminal:
                return run.status
            ended = self._cancelling.cancel(tx, run, Cause(CANCELLED_BY_USER, text=reason or None, actor=actor))
        hint(self._dispatcher, ended.hints, ended.event_ids)
        return RunStatus.CANCELLED

    def rerun(self, scope: Scope, run_id: str) -> str:
        """Start a new run from the event and the version of an earlier one; return its id. Raises ``NotFound``."""
        batch = Batch()
        with self._database.transaction("rerun") as tx:
            original = _locked(tx, scope, run_id)
            run = replace(
                original, id=new_id(tx.now_ms), status=RunStatus.QUEUED, revision=0, created_at_ms=tx.now_ms,
                rerun_of=original.id, started_at_ms=None, paused_at_ms=None,
                parent_run_id=None, parent_step=None, parent_wait=None,
            )  # fmt: skip
            workflow = self._versions.load(tx, scope, run.workflow_id, run.version)
            event = events.load(tx, run.event_id).as_json()
            _, openings = start_run(batch, run, workflow, event, self._schedule, now_ms=tx.now_ms, claim=False)
            batch.write(tx)
            told = self._ending.tell(tx, self._ending.told_of_new(tx, batch.runs[0], event))
        hint(self._dispatcher, [opening.hint for opening in openings], told)
        return run.id


def _locked(tx: Transaction, scope: Scope, run_id: str) -> RunRecord:
    run = runs.lock_in_scope(tx, scope, run_id)
    if run is None:
        raise NotFound(f"no run {run_id}")
    return run
