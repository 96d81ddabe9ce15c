"""Waits that somebody ends before their time: a sleep is over, an event or a signal has not come."""

from __future__ import annotations

from dataclasses import replace

from workflowkit.base.errors import Conflict, NotFound
from workflowkit.base.scope import Scope
from workflowkit.engine.states import StepStatus
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.runtime.hints import Dispatcher, StepHint, hint
from workflowkit.runtime.position import load
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.waiting import timed_out
from workflowkit.store import journal, runs, steps, waits
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction
from workflowkit.store.waits import State

#: What can be ended so: of other runs, items and people somebody else decides.
_SKIPPED = frozenset({WaitKind.SLEEP, WaitKind.EVENT, WaitKind.SIGNAL})


class Skipping:
    """Ends waits of a tenant's runs."""

    def __init__(self, database: Database, versions: Versions, dispatcher: Dispatcher, *, grace_ms: int) -> None:
        self._database = database
        self._versions = versions
        self._dispatcher = dispatcher
        self._grace_ms = grace_ms

    def skip(self, scope: Scope, run_id: str, step: str, *, actor: str | None = None) -> None:
        """End a wait now, as if its time had come; ``actor``, who says so, is kept with its result.

        ``step`` is the wait's own key, or the id of the action that waits if it waits for one thing. Raises
        ``NotFound``; ``Conflict`` for a run that has ended or is paused, for a step that is at work just now, for one
        that waits for several things, and for what cannot be skipped: other runs, loops, approvals, callbacks.
        """
        with self._database.transaction("skip") as tx:
            run = _waiting(tx, scope, run_id)
            position, _facts = load(tx, run, self._versions)
            node_id = step.partition("/")[0]
            if (locked := steps.lock(tx, run.id, node_id)) is None:
                raise NotFound(f"run {run_id} has no step {step!r} yet")
            wait = _chosen(position.memos.of(node_id).open, step)
            if locked.status is StepStatus.RUNNING:
                raise Conflict(f"step {node_id!r} is at work just now: try again when it waits")
            # SAFETY: I17 — under the lock of the step's row: what it waited for has come, or its time is over.
            row = waits.of_step(tx, run.id, node_id).get(wait.key)
            if row is not None and row.state is not State.OPEN:
                raise Conflict(f"step {step!r} waits no more: it has {row.state.value}")
            waits.expire(tx, [] if row is None else [row.id])
            fact = timed_out(wait, tx.now_ms)
            skipped = {"skipped": True, **({} if actor is None else {"actor": actor})}
            fact = replace(fact, detail={**(fact.detail or {}), **skipped})
            journal.insert(tx, journal.rows_of(run.id, run.revision, [fact]))
            queue = steps.make_due(tx, run.id, node_id, wake_at_ms=tx.now_ms + self._grace_ms)
        if queue is not None:
            hint(self._dispatcher, [StepHint(run_id, node_id, queue)], ())


def _waiting(tx: Transaction, scope: Scope, run_id: str) -> RunRecord:
    run = runs.lock_in_scope(tx, scope, run_id)
    if run is None:
        raise NotFound(f"no run {run_id}")
    if run.status.is_terminal:
        raise Conflict(f"the run has ended: it is {run.status.value}")
    if run.paused_at_ms is not None:
        raise Conflict("the run is paused: nothing of it goes on before that is lifted")
    return run


def _chosen(open_waits: dict[str, Wait], step: str) -> Wait:
    """Return the wait that is meant."""
    found = [wait for key, wait in open_waits.items() if step in (key, key.partition("/")[0])]
    if not found:
        raise NotFound(f"step {step!r} waits for nothing")
    if len(found) > 1:
        raise Conflict(f"step {step!r} waits for several things: name one of {', '.join(sorted(open_waits))}")
    if found[0].kind not in _SKIPPED:
        raise Conflict(f"a wait of the kind {found[0].kind.value} cannot be skipped")
    return found[0]
