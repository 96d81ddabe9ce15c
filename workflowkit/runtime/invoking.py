"""Starting one workflow or function directly, whatever its triggers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import Conflict, InvalidData, NotFound, WorkflowArchived
from workflowkit.base.ids import new_id, started_run_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Workflow
from workflowkit.definition.writtenschema import schema_problems
from workflowkit.engine.waitspecs import INVOKED_EVENT
from workflowkit.runtime.hints import Dispatcher
from workflowkit.runtime.incoming import parse_event
from workflowkit.runtime.requestkeys import RequestKey
from workflowkit.runtime.versions import Versions
from workflowkit.store import events, pauses, subscriptions
from workflowkit.store.database import Database
from workflowkit.store.events import EventRecord
from workflowkit.store.subscriptions import Target
from workflowkit.store.transactions import Transaction
from workflowkit.typeschema import to_json

#: Refuses a workflow by raising.
Admit = Callable[[Workflow], None]


@dataclass(frozen=True, slots=True)
class Started:
    """A run that is about to begin, the event that it begins with, and what it executes."""

    run_id: str
    event_id: str
    workflow: Workflow


class Invoking:
    """Starts runs for a tenant."""

    def __init__(
        self, database: Database, versions: Versions, dispatcher: Dispatcher, limits: Limits, *, grace_ms: int,
        key_window_ms: int,
    ) -> None:  # fmt: skip
        self._database = database
        self._versions = versions
        self._dispatcher = dispatcher
        self._limits = limits
        self._grace_ms = grace_ms
        self._key_window_ms = key_window_ms

    def invoke(self, scope: Scope, workflow_id: str, data: Any = None, *, at_ms: int | None = None) -> str:
        """Start a run of a workflow or function with ``data``, an object, as its event's; return the run's id.

        With ``at_ms`` it begins at that time. The run is there as soon as its event has been matched. Raises
        ``NotFound`` if there is no such published workflow, ``Conflict`` if it is switched off, paused or drained;
        ``InvalidInput`` or ``LimitExceeded`` for data that no event may carry, ``InvalidData`` for what the workflow
        does not take.
        """
        return self.begin(scope, workflow_id, data, at_ms=at_ms).run_id

    def begin(self, scope: Scope, workflow_id: str, data: Any = None, *, at_ms: int | None = None) -> Started:
        """Do what ``invoke`` does; return the event that the run begins with, too."""
        started = self.start(scope, workflow_id, data, at_ms=at_ms)
        self._dispatcher.match([started.event_id])
        return started

    def start(
        self,
        scope: Scope,
        workflow_id: str,
        data: Any = None,
        *,
        name: str = INVOKED_EVENT,
        at_ms: int | None = None,
        admit: Admit = lambda workflow: None,
        key: RequestKey | None = None,
    ) -> Started:
        """Store the event that starts a run, and hint nobody: that is the caller's to do, or to make superfluous.

        With a ``key`` that was there before, return what it has started. Raises what ``invoke`` and ``admit`` raise,
        and ``KeyReused``.
        """
        value = {"name": name, "data": to_json({} if data is None else data)}
        if at_ms is not None:
            value["ts"] = at_ms
        incoming = parse_event(value, self._limits, internal=True)
        with self._database.transaction("invoke") as tx:
            workflow, found = self._target(tx, scope, workflow_id)
            first = None if key is None else key.first_answer(tx, scope, window_ms=self._key_window_ms)
            if first is not None:
                run_id, event_id = first
                return Started(run_id, event_id, workflow)
            admit(workflow)
            _check_starts(tx, scope, workflow_id, found)
            schema = workflow.inputs_schema
            if schema is not None and (problems := schema_problems(schema, incoming.data, "/data")):
                raise InvalidData(problems)
            event = EventRecord(
                new_id(tx.now_ms),
                scope,
                incoming.name,
                None,
                incoming.data,
                incoming.ts_ms or tx.now_ms,
                tx.now_ms,
                target=workflow_id,
            )
            events.insert(tx, scope, [event], wake_at_ms=tx.now_ms + self._grace_ms)
            started = Started(started_run_id(event.id, workflow_id), event.id, workflow)
            if key is not None:
                key.keep(tx, scope, [started.run_id, started.event_id])
        return started

    def _target(self, tx: Transaction, scope: Scope, workflow_id: str) -> tuple[Workflow, Target]:
        """Return the published version of what is to be started. Raises ``NotFound``."""
        found = subscriptions.load_target(tx, scope, workflow_id)
        if found is None or found.version is None:
            raise NotFound(f"there is no published workflow {workflow_id!r}")
        return self._versions.load(tx, scope, workflow_id, found.version), found


def _check_starts(tx: Transaction, scope: Scope, workflow_id: str, found: Target) -> None:
    """Raise ``Conflict`` if a workflow starts no runs now."""
    if found.is_archived:
        raise WorkflowArchived(workflow_id)
    if not found.is_enabled:
        raise Conflict(f"workflow {workflow_id!r} is switched off")
    if holds := pauses.holds_of(tx, scope, workflow_id):
        raise Conflict(f"workflow {workflow_id!r} starts no runs for now: {', '.join(sorted(holds))}")
