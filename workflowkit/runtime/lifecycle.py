"""What the end of a run is told by: ``workflow/run.failed``, ``workflow/run.cancelled`` and ``workflow/run.finished``.

Other workflows have them as triggers: to report a failure, or to clean up. The first two are always told. The third one
follows every run whatever became of it, so it is told only where somebody listens.
"""

from __future__ import annotations

from typing import Any

from workflowkit.base.ids import timed_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.engine.ends import NAME_OF_STATUS, RUN_FINISHED, times_told, told_of
from workflowkit.engine.progress import Finish
from workflowkit.engine.states import RunStatus
from workflowkit.store import subscriptions
from workflowkit.store.events import EventRecord
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction
from workflowkit.triggers import patterns_for

#: How long a process goes by what it found about listeners. A trigger that was published meanwhile misses runs that
#: complete in this time; those that fail or are cancelled it does not.
LISTENERS_KNOWN_MS = 1_000
#: Most tenants whose listeners a process remembers.
_KNOWN_SCOPES = 10_000


class Lifecycle:
    """Tells how runs ended. Thread-safe."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # By scope: whether anybody listens to ``RUN_FINISHED``, and until when that is taken for true.
        self._listeners: dict[Scope, tuple[bool, int]] = {}

    def is_told(self, tx: Transaction, run: RunRecord, status: RunStatus) -> bool:
        """Tell whether any event may follow from the end of a run. Reads the database once a second and tenant."""
        return run.path is None and (status in NAME_OF_STATUS or self._has_listeners(tx, run.scope))

    def records(
        self, tx: Transaction, run: RunRecord, event: dict[str, Any], finish: Finish, reason: str | None = None
    ) -> list[EventRecord]:
        """Return the events that tell of the end of a run, to be stored in the transaction that ends it.

        ``event`` is the one that started the run, ``reason`` why it was cancelled.
        """
        if run.path is not None:  # a part of a run is none to its author
            return []
        names = [NAME_OF_STATUS[finish.status]] if finish.status in NAME_OF_STATUS else []
        if self._has_listeners(tx, run.scope):
            names.append(RUN_FINISHED)
        names = [name for name in names if times_told(event, name) < self._limits.handler_depth]
        if not names:
            return []
        data = told_of(run.id, run.workflow_id, run.version, event, finish, reason, self._limits)
        return [
            EventRecord(
                # SAFETY: I7 — a run ends in one transaction, which is this one; receivers know a repeat by its id.
                id=timed_id(tx.now_ms, run.id, name), event_id=f"{run.id}.{name.rpartition('.')[2]}", scope=run.scope,
                name=name, data=data, ts_ms=tx.now_ms, received_at_ms=tx.now_ms, depth=run.depth + 1,
                source_run_id=run.id,
            )
            for name in names
        ]  # fmt: skip

    def addressed(
        self, run: RunRecord, event: dict[str, Any], finish: Finish, reason: str | None, target: str, now_ms: int
    ) -> list[EventRecord]:
        """Return the event that starts the workflow which handles the end of a run; none where that would not end."""
        name = NAME_OF_STATUS[finish.status]
        if times_told(event, name) >= self._limits.handler_depth:
            return []
        return [
            EventRecord(
                # SAFETY: I7 — the id follows from the run: its end is handled once.
                id=timed_id(now_ms, run.id, name, target), event_id=f"{run.id}.handler", scope=run.scope, name=name,
                data=told_of(run.id, run.workflow_id, run.version, event, finish, reason, self._limits),
                ts_ms=now_ms, received_at_ms=now_ms, depth=run.depth + 1,
                source_run_id=run.id, target=target,
            )
        ]  # fmt: skip

    def _has_listeners(self, tx: Transaction, scope: Scope) -> bool:
        known = self._listeners.get(scope)
        if known is not None and 0 <= known[1] - tx.now_ms <= LISTENERS_KNOWN_MS:
            return known[0]
        listening = subscriptions.load(tx, scope, patterns_for(RUN_FINISHED))
        has_any = bool(listening.in_force or listening.wait_paths)
        if len(self._listeners) >= _KNOWN_SCOPES:
            self._listeners.clear()
        self._listeners[scope] = (has_any, tx.now_ms + LISTENERS_KNOWN_MS)
        return has_any
