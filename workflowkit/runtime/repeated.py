"""Which run an event starts; and events whose sender's id was there before: what they start all the same.

The first event with an id starts runs, and a later one starts nothing. But a debounce, and a batch, take every event
there is; and a workflow that was paused, drained, archived or disabled when the first one came has not had it: the next
one after that may start it. That is also how a job makes up for what was skipped: it lets such an event come again.
"""

from __future__ import annotations

from dataclasses import replace

from workflowkit.base.ids import started_run_id
from workflowkit.base.limits import Limits
from workflowkit.definition.settings.flow import FlowControl
from workflowkit.engine.waitspecs import INVOKED_EVENT, REQUESTED_EVENT
from workflowkit.flow.decision import SkipReason
from workflowkit.flow.keys import holds
from workflowkit.store import collections, decisions, runs
from workflowkit.store.events import EventRecord
from workflowkit.store.transactions import Transaction

#: Why a workflow has not had an event at all.
_NOT_HAD = (SkipReason.ARCHIVED, SkipReason.DISABLED, SkipReason.DRAINED, SkipReason.PAUSED)
#: Whoever has such an event sent is told the id of its run, or awaits it.
_ASKED_FOR = (INVOKED_EVENT, REQUESTED_EVENT)


def controls_of(record: EventRecord, flow: FlowControl) -> FlowControl:
    """Return those of a workflow's controls that an event passes: a run that was asked for begins by itself."""
    if record.target is None or record.name not in _ASKED_FOR:
        return flow
    return replace(flow, batch=None, debounce=None)


def run_id_of(record: EventRecord, workflow_id: str, flow: FlowControl) -> str:
    """Return the id of the run that an event starts under these controls.

    SAFETY: I1 I21 — it follows from the first event with the sender's id: of all with that id, one can start the run.
    """
    is_collected = flow.debounce is not None or flow.batch is not None
    first_id = record.id if record.duplicate_of is None or is_collected else record.duplicate_of
    return started_run_id(first_id, workflow_id)


def may_start(tx: Transaction, record: EventRecord, workflow_id: str, flow: FlowControl, limits: Limits) -> bool:
    """Tell whether a workflow takes an event, which it listens to, although its id may have been there before."""
    if record.duplicate_of is None or flow.debounce is not None:
        return True
    if flow.batch is not None:
        return holds(flow.batch.condition, record.as_json(), now_ms=tx.now_ms, limits=limits)
    reason = decisions.find_reason(tx, record.scope, record.duplicate_of, workflow_id)
    if (reason or collections.find_reason(tx, record.scope, record.duplicate_of, workflow_id)) not in _NOT_HAD:
        return False
    return runs.load_in_scope(tx, record.scope, run_id_of(record, workflow_id, flow)) is None
