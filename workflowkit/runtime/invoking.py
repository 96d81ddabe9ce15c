"""Starting one workflow or function directly, whatever its triggers."""

from __future__ import annotations

from typing import Any

from workflowkit.base.errors import Conflict, InvalidInput, NotFound, Problem
from workflowkit.base.ids import new_id, started_run_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition.output import refused_inputs
from workflowkit.engine.waitspecs import INVOKED_EVENT
from workflowkit.runtime.hints import Dispatcher
from workflowkit.runtime.incoming import parse_event
from workflowkit.runtime.versions import Versions
from workflowkit.store import events, pauses, subscriptions
from workflowkit.store.database import Database
from workflowkit.store.events import EventRecord
from workflowkit.typeschema import to_json


class Invoking:
    """Starts runs for a tenant."""

    def __init__(
        self, database: Database, versions: Versions, dispatcher: Dispatcher, limits: Limits, *, grace_ms: int
    ) -> None:
        self._database = database
        self._versions = versions
        self._dispatcher = dispatcher
        self._limits = limits
        self._grace_ms = grace_ms

    def invoke(self, scope: Scope, workflow_id: str, data: Any = None, *, at_ms: int | None = None) -> str:
        """Start a run of a workflow or function with ``data``, an object, as its event's; return the run's id.

        With ``at_ms`` it begins at that time. The run is there as soon as its event has been matched. Raises
        ``NotFound`` if there is no such published workflow, ``Conflict`` if it is switched off, paused or drained;
        ``InvalidInput`` or ``LimitExceeded`` for data that no event may carry, or that the workflow does not take.
        """
        value = {"name": INVOKED_EVENT, "data": to_json({} if data is None else data)}
        if at_ms is not None:
            value["ts"] = at_ms
        incoming = parse_event(value, self._limits, internal=True)
        with self._database.transaction("invoke") as tx:
            found = subscriptions.load_target(tx, scope, workflow_id)
            if found is None or found[0] is None:
                raise NotFound(f"there is no published workflow {workflow_id!r}")
            if not found[1]:
                raise Conflict(f"workflow {workflow_id!r} is switched off")
            if holds := pauses.holds_of(tx, scope, workflow_id):
                raise Conflict(f"workflow {workflow_id!r} starts no runs for now: {', '.join(sorted(holds))}")
            refused = refused_inputs(self._versions.load(tx, scope, workflow_id, found[0]), incoming.data)
            if refused is not None:
                raise InvalidInput([Problem("/data", "invalid-value", refused)])
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
        self._dispatcher.match([event.id])
        return started_run_id(event.id, workflow_id)
