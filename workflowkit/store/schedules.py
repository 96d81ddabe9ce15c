"""Schedules of published workflows: when each fires next, and how far it has come.

One timer per workflow (``store.timers``) fires all its schedules; whoever has taken it is the only one to change these
rows. Authors, who replace them, delete the timer first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope
from workflowkit.definition.days import EVERY_DAY, NEVER_MS, Days
from workflowkit.store.statements import InsertInto, Sql, whose
from workflowkit.store.transactions import Reading, Transaction


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One schedule of a workflow.

    ``cron`` is as the author wrote it, ``timezone`` the zone it is meant in. ``next_due_at_ms`` is when the slot
    ``next_slot_ms`` fires. ``last_slot_ms`` is the newest slot that fired or was decided not to, ``last_event_id`` the
    event of the last one that fired. ``queued`` are slots that wait for an earlier run to end. A paused schedule, whose
    workflow is switched off or archived, fires nothing; a list says whether it ``is_archived``.
    """

    workflow_id: str
    position: int
    cron: str
    timezone: str
    jitter_ms: int
    overlap: str
    catch_up: int
    next_slot_ms: int
    next_due_at_ms: int
    is_paused: bool = False
    last_slot_ms: int | None = None
    last_event_id: str | None = None
    queued: tuple[int, ...] = ()
    days: Days = EVERY_DAY
    is_archived: bool = False

    @property
    def is_over(self) -> bool:
        """Whether its last slot has been."""
        return self.next_slot_ms == NEVER_MS


_COLUMNS = (
    "workflow_id", "position", "cron", "timezone", "jitter_ms", "overlap", "catch_up", "next_slot_ms", "next_due_at_ms",
    "is_paused", "last_slot_ms", "last_event_id", "queued", "days",
)  # fmt: skip
_OWNED = "environment = :environment AND tenant = :tenant"
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM schedules WHERE {_OWNED}"  # noqa: S608 - names from our own code
_LOAD = Sql(f"{_SELECT} AND workflow_id = :workflow_id ORDER BY position")
_PAGE = Sql(
    f"""
    SELECT {", ".join(_COLUMNS)}, EXISTS (
        SELECT 1 FROM workflows w WHERE w.environment = schedules.environment AND w.tenant = schedules.tenant
            AND w.id = schedules.workflow_id AND w.archived_at_ms IS NOT NULL
    ) FROM schedules
    WHERE {_OWNED} AND (workflow_id > :workflow_id OR (workflow_id = :workflow_id AND position > :position))
    ORDER BY workflow_id, position LIMIT :limit
    """  # noqa: S608
)
_FIRING = Sql(
    f"SELECT DISTINCT workflow_id FROM schedules WHERE {_OWNED} AND NOT is_paused ORDER BY workflow_id"  # noqa: S608
)
_DELETE = Sql(f"DELETE FROM schedules WHERE {_OWNED} AND workflow_id = :workflow_id")  # noqa: S608
_INSERT = InsertInto("schedules", ("environment", "tenant", *_COLUMNS))
_ADVANCE = Sql(
    f"""
    UPDATE schedules SET next_slot_ms = :next_slot_ms, next_due_at_ms = :next_due_at_ms, last_slot_ms = :last_slot_ms,
        last_event_id = :last_event_id, queued = :queued
    WHERE {_OWNED} AND workflow_id = :workflow_id AND position = :position
    """  # noqa: S608
)
#: A run that repeats another one is somebody's wish, not the schedule's.
_ANY_OPEN = Sql(
    f"""
    SELECT 1 FROM runs WHERE {_OWNED} AND workflow_id = :workflow_id AND event_id {{in_ids}}
        AND rerun_of IS NULL AND status NOT IN ('completed', 'failed', 'cancelled')
    UNION ALL
    SELECT 1 FROM events JOIN pending_events ON pending_events.id = events.id
    WHERE {_OWNED} AND events.id {{in_ids}}
    LIMIT 1
    """  # noqa: S608
)
_FIRED = Sql(f"SELECT id FROM events WHERE {_OWNED} AND id {{in_ids}}")  # noqa: S608


def load(tx: Transaction, scope: Scope, workflow_id: str) -> list[ScheduleRow]:
    """Return a workflow's schedules in the order of its triggers."""
    return [_row(row) for row in tx.rows(_LOAD, **whose(scope), workflow_id=workflow_id)]


def find(
    tx: Transaction, scope: Scope, *, limit: int, after_workflow_id: str = "", after_position: int = 0
) -> list[ScheduleRow]:
    """Return up to ``limit`` schedules by workflow and position, those behind the named one."""
    rows = tx.rows(_PAGE, **whose(scope), workflow_id=after_workflow_id, position=after_position, limit=limit)
    return [dataclasses.replace(_row(row), is_archived=bool(row[-1])) for row in rows]


def firing(tx: Reading, scope: Scope) -> list[str]:
    """Return the workflows with a schedule that is not paused, by id."""
    return [str(row[0]) for row in tx.rows(_FIRING, **whose(scope))]


def replace(tx: Transaction, scope: Scope, workflow_id: str, schedules: Sequence[ScheduleRow]) -> None:
    """Make ``schedules`` those of a workflow."""
    tx.run(_DELETE, **whose(scope), workflow_id=workflow_id)
    tx.insert(_INSERT, [(scope.environment, scope.tenant, *_values(schedule)) for schedule in schedules])


def advance(tx: Transaction, scope: Scope, schedule: ScheduleRow) -> None:
    """Store how far a schedule has come."""
    tx.run(
        _ADVANCE,
        **whose(scope),
        workflow_id=schedule.workflow_id,
        position=schedule.position,
        next_slot_ms=schedule.next_slot_ms,
        next_due_at_ms=schedule.next_due_at_ms,
        last_slot_ms=schedule.last_slot_ms,
        last_event_id=schedule.last_event_id,
        queued=_queued_text(schedule),
    )


def any_open(tx: Transaction, scope: Scope, workflow_id: str, event_ids: Sequence[str]) -> bool:
    """Tell whether one of these events has not been matched yet, or a run of the workflow that it started goes on."""
    return tx.one(_ANY_OPEN, **whose(scope), workflow_id=workflow_id, ids=list(event_ids)) is not None


def fired(tx: Transaction, scope: Scope, event_ids: Sequence[str]) -> set[str]:
    """Return those of these events that exist: their slots have fired."""
    return {row[0] for row in tx.rows(_FIRED, **whose(scope), ids=list(event_ids))}


def _queued_text(schedule: ScheduleRow) -> str | None:
    return jsonvalue.dumps(list(schedule.queued)) if schedule.queued else None


def _values(schedule: ScheduleRow) -> tuple[Any, ...]:
    return (
        schedule.workflow_id, schedule.position, schedule.cron, schedule.timezone, schedule.jitter_ms, schedule.overlap,
        schedule.catch_up, schedule.next_slot_ms, schedule.next_due_at_ms, schedule.is_paused, schedule.last_slot_ms,
        schedule.last_event_id, _queued_text(schedule), _days_text(schedule.days),
    )  # fmt: skip


def _row(row: Any) -> ScheduleRow:
    return ScheduleRow(
        workflow_id=row[0], position=row[1], cron=row[2], timezone=row[3], jitter_ms=row[4], overlap=row[5],
        catch_up=row[6], next_slot_ms=row[7], next_due_at_ms=row[8],
        is_paused=bool(row[9]),  # SQLite has no booleans: it gives 0 or 1
        last_slot_ms=row[10], last_event_id=row[11], queued=tuple(jsonvalue.loads(row[12])) if row[12] else (),
        days=Days.read(*jsonvalue.loads(row[13])) if row[13] else EVERY_DAY,
    )  # fmt: skip


def _days_text(days: Days) -> str | None:
    first, last = (None if day is None else str(day) for day in (days.first, days.last))
    return None if days == EVERY_DAY else jsonvalue.dumps([first, last, sorted(map(str, days.off))])
