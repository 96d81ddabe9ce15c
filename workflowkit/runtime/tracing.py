"""Everything there is to be told of a run, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflowkit.base.errors import NotFound
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Json, Workflow
from workflowkit.engine.again import changes_of
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.registry import Registry
from workflowkit.runtime import lockqueue
from workflowkit.runtime.flowstate import singleton_of
from workflowkit.runtime.history import History, tell
from workflowkit.runtime.runflow import flow_of
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.waitsfor import WaitsFor, waits_for, waits_for_lock
from workflowkit.store import queries, queued, runs
from workflowkit.store.events import EventRecord
from workflowkit.store.gathered import Gathered, find_gathered
from workflowkit.store.queries import ChildView, RunView
from workflowkit.store.runs import RunRecord
from workflowkit.store.steps import HELD_UP, PARKED
from workflowkit.store.transactions import Reading


@dataclass(frozen=True, slots=True)
class Trace:
    """A run with its event, what it executes (a document, or a part of one), its steps, and the runs it began.

    ``gathered`` are the events that it stands for, if they are several; ``moves`` the facts that it was moved to
    another version.
    """

    run: RunView
    event: EventRecord
    workflow: Workflow
    history: History
    children: list[ChildView]
    gathered: Gathered | None
    moves: list[Fact]


def trace(
    tx: Reading,
    scope: Scope,
    run_id: str,
    versions: Versions,
    registry: Registry,
    *,
    most_children: int = DEFAULT_LIMITS.page_size,
) -> Trace:
    """Return a run of this tenant as it stands. Raises ``NotFound``."""
    view = queries.get_run(tx, scope, run_id)
    record = runs.load(tx, run_id)
    if record is None:
        raise NotFound(f"there is no run {run_id!r}")
    event = queries.get_event(tx, scope, view.event_id)
    workflow = versions.load_run(tx, record)
    facts, schedule = queries.find_facts(tx, scope, run_id), queries.find_steps(tx, scope, run_id)
    around, edited = versions.around(tx, record), _edited(tx, record)
    waiting = _queued(tx, run_id) if any(row.due_at_ms == PARKED for row in schedule) else {}
    held_up = [row.step_key for row in schedule if row.due_at_ms == HELD_UP]
    if held_up and (told := _held_up(tx, record)) is not None:
        waiting |= dict.fromkeys(held_up, told)
    history = tell(workflow, event.as_json(), facts, schedule, registry, around, edited, waiting)
    children = queries.find_children(tx, scope, run_id, limit=most_children)
    gathered = find_gathered(tx, scope, view, limit=most_children)
    moves = [fact for fact in facts if fact.kind is FactKind.MOVED]
    return Trace(view, event, workflow, history, children, gathered, moves)


def _held_up(tx: Reading, run: RunRecord) -> WaitsFor | None:
    """Return what a run waits for that is run again and has not got the lock of its singleton yet."""
    flow = flow_of(run)
    if flow is None or flow.singleton is None:
        return None
    key = singleton_of(run.scope, run.workflow_id, flow.singleton)
    return waits_for_lock(flow.singleton, ahead=lockqueue.ahead_of(tx, key, run.id))


def _queued(tx: Reading, run_id: str) -> dict[str, WaitsFor]:
    """Return what the steps of a run wait for that queue."""
    found = {each.step_key: waits_for(each, now_ms=tx.now_ms) for each in queued.find(tx, run_id)}
    return {step_key: told for step_key, told in found.items() if told is not None}


def _edited(tx: Reading, record: RunRecord) -> Mapping[str, dict[str, Json]]:
    """Return the inputs that somebody gave to steps of a run that repeats another, by step: perhaps sealed."""
    edited: Mapping[str, dict[str, Json]] = changes_of(runs.given(tx.sealing, record)).get("inputs", {})
    return edited
