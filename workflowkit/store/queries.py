"""What people look at: lists and details of runs and events, and why an event started nothing. Reads only.

Lists are newest first and paged by the id of the last row seen: ids never change and only grow, so a page is the same
whatever is inserted meanwhile. Cold paths, hence SQLAlchemy Core instead of prepared text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from workflowkit.base import jsonvalue
from workflowkit.base.errors import NotFound
from workflowkit.base.ids import started_run_id
from workflowkit.base.scope import Scope
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.store import journal, schema
from workflowkit.store.events import EventRecord, opened
from workflowkit.store.runs import output_place
from workflowkit.store.schema.base import owned
from workflowkit.store.sealed import open_text
from workflowkit.store.transactions import Reading


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; a field left alone admits all. Times are of creation: from ``after`` to just before.

    Runs of parts of a document, such as the items of a loop, are among those of their parent only.
    """

    statuses: Sequence[RunStatus] = ()
    workflow_id: str | None = None
    event_id: str | None = None
    parent_run_id: str | None = None
    created_after_ms: int | None = None
    created_before_ms: int | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list. ``event_id`` is the sender's id; times are of receipt: from ``after`` to just before.

    ``name`` is that of the events, or a pattern that covers it.
    """

    name: str | None = None
    event_id: str | None = None
    received_after_ms: int | None = None
    received_before_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it stands. ``output`` is only set by ``get_run``: a list would carry megabytes.

    ``path`` names the part of the document that it executes, ``parent_step`` the step of the parent that began it.
    ``reason`` is why it was cancelled, ``cause`` by whom or what (``runtime.cause``); ``rerun_by`` who has repeated
    ``rerun_of`` by it.
    """

    id: str
    workflow_id: str
    version: int
    event_id: str
    status: RunStatus
    handled_failures: int
    rerun_of: str | None
    error: ErrorInfo | None
    created_at_ms: int
    started_at_ms: int | None
    finished_at_ms: int | None
    path: str | None
    parent_run_id: str | None
    parent_step: str | None
    output: Any = None
    reason: str | None = None
    cause: dict[str, str] | None = None
    rerun_by: str | None = None


@dataclass(frozen=True, slots=True)
class ChildView:
    """A run that another one began. ``key`` and ``index`` are those of a loop's item."""

    run: RunView
    key: str | None
    index: int | None


@dataclass(frozen=True, slots=True)
class StepView:
    """A row of the schedule: what a step that has no final fact is doing. ``due_at_ms`` is the end of a running step's
    lease, or when a ready one may start."""

    step_key: str
    status: StepStatus
    queue: str
    attempt: int
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class DecisionView:
    """Why an event did not start a workflow. ``workflow_id`` is ``None`` where no workflow was concerned."""

    workflow_id: str | None
    reason: str
    detail: str | None
    at_ms: int
    other_id: str | None = None
    run_id: str | None = None
    """The run of the workflow that is there instead, be it that ``other_id`` names it or its event; or that the event
    started later, once the workflow was no longer held."""


@dataclass(frozen=True, slots=True)
class ResumedView:
    """A run that waited for an event, and in which of its steps: the key of the wait."""

    run_id: str
    workflow_id: str
    status: RunStatus
    step: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class CollectionView:
    """The batch or window that an event is in, or its place behind a singleton's run. ``event_count`` is of all its
    events; ``run_id`` and ``reason`` are ``None`` while it is open."""

    id: str
    workflow_id: str
    kind: str
    event_count: int
    opened_at_ms: int
    closed_at_ms: int | None
    run_id: str | None
    reason: str | None


#: SQLite takes 500.
_SELECTS_PER_STATEMENT = 100

_run = schema.runs.c
_event = schema.events.c
_RUN_COLUMNS = (
    _run.id, _run.workflow_id, _run.version, _run.event_id, _run.status, _run.handled_failures, _run.rerun_of,
    _run.error, _run.created_at_ms, _run.started_at_ms, _run.finished_at_ms,
    _run.reason, _run.reason_detail, _run.path, _run.parent_run_id, _run.parent_step,
    _run.rerun_by,
)  # fmt: skip


def find_runs(tx: Reading, scope: Scope, where: RunFilter, *, limit: int, before: str | None = None) -> list[RunView]:
    """Return up to ``limit`` runs, newest first, those before the run with the id ``before``."""
    query = sa.select(*_RUN_COLUMNS).where(*owned(schema.runs, scope)).order_by(_run.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_run.id < before)
    if where.statuses:
        query = query.where(_run.status.in_([status.value for status in where.statuses]))
    if where.workflow_id is not None:
        query = query.where(_run.workflow_id == where.workflow_id)
    if where.event_id is not None:
        together = _runs_of_batches(tx, scope, where.event_id)
        query = query.where(sa.or_(_run.event_id == where.event_id, _run.id.in_(together)))
    if where.parent_run_id is None:
        query = query.where(_run.path.is_(None))
    else:
        query = query.where(_run.parent_run_id == where.parent_run_id)
    query = query.where(*_between(_run.created_at_ms, where.created_after_ms, where.created_before_ms))
    return [_to_run(row) for row in tx.connection.execute(query)]


def _runs_of_batches(tx: Reading, scope: Scope, event_id: str) -> Sequence[str]:
    """Return the ids of the runs that an event started together with others, be it their first or not."""
    one, member = schema.collections.c, schema.collected_events.c
    query = (
        sa.select(one.run_id)
        .join_from(schema.collections, schema.collected_events, member.collection_id == one.id)
        .where(*owned(schema.collections, scope), member.event_id == event_id)
        .where(one.kind == "batch", one.run_id.is_not(None))
    )
    return tx.connection.execute(query).scalars().all()


def find_runs_by_id(tx: Reading, scope: Scope, ids: Sequence[str]) -> list[RunView]:
    """Return those of these runs that there are, newest first."""
    query = sa.select(*_RUN_COLUMNS).where(*owned(schema.runs, scope), _run.id.in_(ids)).order_by(_run.id.desc())
    return [_to_run(row) for row in tx.connection.execute(query)]


def workflow_names(tx: Reading, scope: Scope, ids: Iterable[str]) -> dict[str, str]:
    """Return what workflows are called now, by id, with one statement; those that are gone are left out."""
    workflow = schema.workflows.c
    query = sa.select(workflow.id, workflow.name).where(*owned(schema.workflows, scope), workflow.id.in_(set(ids)))
    return {row.id: row.name for row in tx.connection.execute(query)}


def last_runs(tx: Reading, scope: Scope, workflow_ids: Sequence[str], *, limit: int) -> dict[str, list[RunView]]:
    """Return up to ``limit`` runs of each of these workflows, newest first; no runs of parts of them."""
    found: dict[str, list[RunView]] = {workflow_id: [] for workflow_id in workflow_ids}
    for start in range(0, len(workflow_ids), _SELECTS_PER_STATEMENT):
        each = [
            sa.select(*_RUN_COLUMNS)
            .where(*owned(schema.runs, scope), _run.workflow_id == workflow_id, _run.path.is_(None))
            .order_by(_run.id.desc())
            .limit(limit)
            .subquery()
            for workflow_id in workflow_ids[start : start + _SELECTS_PER_STATEMENT]
        ]
        union = sa.union_all(*(sa.select(newest) for newest in each)).order_by(sa.desc("id"))
        for row in tx.connection.execute(union):
            found[row.workflow_id].append(_to_run(row))
    return found


def get_run(tx: Reading, scope: Scope, run_id: str) -> RunView:
    """Return a run with its output. Raises ``NotFound``."""
    query = sa.select(*_RUN_COLUMNS, _run.output).where(*owned(schema.runs, scope), _run.id == run_id)
    row = tx.connection.execute(query).first()
    if row is None:
        raise NotFound(f"there is no run {run_id!r}")
    return _to_run(row, output=open_text(tx.sealing, row.output, output_place(run_id)))


def find_children(tx: Reading, scope: Scope, run_id: str, *, limit: int) -> list[ChildView]:
    """Return up to ``limit`` of the runs that a run began, by step and in order of a loop's items."""
    query = (
        sa.select(*_RUN_COLUMNS, _run.input)
        .where(*owned(schema.runs, scope), _run.parent_run_id == run_id)
        .order_by(_run.parent_step, _run.created_at_ms, _run.id)
        .limit(limit)
    )
    found = []
    for row in tx.connection.execute(query):
        given = {} if row.path is None or row.input is None else jsonvalue.loads(row.input)
        found.append(ChildView(_to_run(row), given.get("key"), given.get("index")))
    return found


def find_steps(tx: Reading, scope: Scope, run_id: str) -> list[StepView]:
    """Return the schedule of a run, in no order."""
    step = schema.steps.c
    query = (
        sa.select(step.step_key, step.status, step.queue, step.attempt, step.due_at_ms)
        .join_from(schema.steps, schema.runs, step.run_id == _run.id)
        .where(*owned(schema.runs, scope), _run.id == run_id)
    )
    return [
        StepView(row.step_key, StepStatus(row.status), row.queue, row.attempt, row.due_at_ms)
        for row in tx.connection.execute(query)
    ]


def find_facts(tx: Reading, scope: Scope, run_id: str) -> list[Fact]:
    """Return the history of a run in order. Raises ``NotFound`` if there is no such run."""
    query = sa.select(_run.id).where(*owned(schema.runs, scope), _run.id == run_id)
    if tx.connection.execute(query).first() is None:
        raise NotFound(f"there is no run {run_id!r}")
    return journal.load(tx, run_id)


def find_events(
    tx: Reading, scope: Scope, where: EventFilter, *, limit: int, before: str | None = None
) -> list[EventRecord]:
    """Return up to ``limit`` events, newest first, those before the event with our id ``before``."""
    query = sa.select(schema.events).where(*owned(schema.events, scope)).order_by(_event.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_event.id < before)
    if where.name is not None:
        query = query.where(_names(where.name))
    if where.event_id is not None:
        query = query.where(_event.event_id == where.event_id)
    query = query.where(*_between(_event.received_at_ms, where.received_after_ms, where.received_before_ms))
    return [opened(tx, _to_event(row, scope)) for row in tx.connection.execute(query)]


def get_event(tx: Reading, scope: Scope, event_id: str) -> EventRecord:
    """Return the event with our id ``event_id``. Raises ``NotFound``."""
    query = sa.select(schema.events).where(*owned(schema.events, scope), _event.id == event_id)
    row = tx.connection.execute(query).first()
    if row is None:
        raise NotFound(f"there is no event {event_id!r}")
    return opened(tx, _to_event(row, scope))


def find_decisions(tx: Reading, scope: Scope, event_id: str) -> list[DecisionView]:
    """Return why an event did not start workflows, in order of their ids."""
    decision = schema.decisions.c
    instead = (
        sa.select(sa.func.min(_run.id))
        .where(*owned(schema.runs, scope), _run.workflow_id == decision.workflow_id)
        .where(sa.or_(_run.id == decision.other_id, _run.event_id == decision.other_id))
        .scalar_subquery()
    )
    query = (
        sa.select(decision.workflow_id, decision.reason, decision.detail, decision.at_ms, decision.other_id, instead)
        .where(*owned(schema.decisions, scope), decision.event_id == event_id)
        .order_by(decision.workflow_id)
    )
    found = [DecisionView(row[0] or None, *row[1:]) for row in tx.connection.execute(query)]
    # What a workflow has not had at all may have come again since: the run is the one that the first would have been.
    later = {started_run_id(event_id, each.workflow_id): each for each in found if each.workflow_id and not each.run_id}
    there = sa.select(_run.id).where(*owned(schema.runs, scope), _run.id.in_(later))
    begun = {later[row[0]].workflow_id: row[0] for row in tx.connection.execute(there)} if later else {}
    return [replace(each, run_id=begun.get(each.workflow_id, each.run_id)) for each in found]


def find_resumed(tx: Reading, scope: Scope, event_id: str, *, limit: int) -> list[ResumedView]:
    """Return up to so many of the runs that waited for an event, in order of their ids."""
    wait = schema.waits.c
    query = (
        sa.select(_run.id, _run.workflow_id, _run.status, wait.wait_key, wait.resolved_at_ms)
        .join_from(schema.waits, schema.runs, wait.run_id == _run.id)
        .where(*owned(schema.waits, scope), wait.event_id == event_id)
        .order_by(_run.id, wait.wait_key)
        .limit(limit)
    )
    return [ResumedView(row[0], row[1], RunStatus(row[2]), *row[3:]) for row in tx.connection.execute(query)]


def find_collections(tx: Reading, scope: Scope, event_id: str) -> list[CollectionView]:
    """Return the batches and windows that an event is in, in order of their workflows."""
    one, member, other = schema.collections.c, schema.collected_events.c, schema.collected_events.alias()
    count = sa.select(sa.func.count()).where(other.c.collection_id == one.id).scalar_subquery()
    query = (
        sa.select(one.id, one.workflow_id, one.kind, count, one.opened_at_ms, one.closed_at_ms, one.run_id, one.reason)
        .join_from(schema.collections, schema.collected_events, member.collection_id == one.id)
        .where(*owned(schema.collections, scope), member.event_id == event_id)
        .order_by(one.workflow_id)
    )
    return [CollectionView(*row) for row in tx.connection.execute(query)]


def is_pending(tx: Reading, scope: Scope, event_id: str) -> bool:
    """Return whether an event still waits to be matched."""
    pending = schema.pending_events.c
    query = (
        sa.select(pending.id)
        .join_from(schema.pending_events, schema.events, pending.id == _event.id)
        .where(*owned(schema.events, scope), _event.id == event_id)
    )
    return tx.connection.execute(query).first() is not None


def _names(name: str) -> sa.ColumnElement[bool]:
    if name.endswith("*"):
        # Not LIKE, to which small and capital letters are the same on SQLite.
        return sa.func.substr(_event.name, 1, len(name) - 1) == name[:-1]
    return _event.name == name


def _between(column: sa.Column[int], after_ms: int | None, before_ms: int | None) -> list[sa.ColumnElement[bool]]:
    bounds = []
    if after_ms is not None:
        bounds.append(column >= after_ms)
    if before_ms is not None:
        bounds.append(column < before_ms)
    return bounds


def _to_run(row: Any, output: Any = None) -> RunView:
    return RunView(
        id=row.id,
        workflow_id=row.workflow_id,
        version=row.version,
        event_id=row.event_id,
        status=RunStatus(row.status),
        handled_failures=row.handled_failures,
        rerun_of=row.rerun_of,
        error=None if row.error is None else ErrorInfo.from_dict(jsonvalue.loads(row.error)),
        created_at_ms=row.created_at_ms,
        started_at_ms=row.started_at_ms,
        finished_at_ms=row.finished_at_ms,
        path=row.path,
        parent_run_id=row.parent_run_id,
        parent_step=row.parent_step,
        output=output,
        reason=row.reason,
        cause=None if row.reason_detail is None else jsonvalue.loads(row.reason_detail),
        rerun_by=row.rerun_by,
    )


def _to_event(row: sa.Row[Any], scope: Scope) -> EventRecord:
    return EventRecord(
        id=row.id,
        scope=scope,
        name=row.name,
        event_id=row.event_id,
        data=jsonvalue.loads(row.data),
        ts_ms=row.ts_ms,
        received_at_ms=row.received_at_ms,
        extra=None if row.extra is None else jsonvalue.loads(row.extra),
        depth=row.depth,
        source_run_id=row.source_run_id,
        duplicate_of=row.duplicate_of,
        target=row.target,
    )
