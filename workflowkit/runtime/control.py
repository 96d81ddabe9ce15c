"""What a user does to a run from outside: cancel it."""

from __future__ import annotations

from workflowkit.base.errors import LimitExceeded, NotFound
from workflowkit.base.jsonvalue import check_json
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.cancelling import Cancelling
from workflowkit.runtime.cause import CANCELLED_BY_USER, Cause
from workflowkit.runtime.hints import Dispatcher, hint
from workflowkit.store import runs
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction


class Control:
    """Cancels runs of a tenant."""

    def __init__(self, database: Database, dispatcher: Dispatcher, cancelling: Cancelling, limits: Limits) -> None:
        self._database = database
        self._dispatcher = dispatcher
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


def _locked(tx: Transaction, scope: Scope, run_id: str) -> RunRecord:
    run = runs.lock_in_scope(tx, scope, run_id)
    if run is None:
        raise NotFound(f"no run {run_id}")
    return run
