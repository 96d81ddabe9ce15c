"""Workflows: their drafts, versions, schedules, pauses and alert rules."""

from __future__ import annotations

from collections.abc import Sequence

from workflowkit.api.views.base import Shown
from workflowkit.base.clock import rfc3339
from workflowkit.base.scope import APP_TENANT
from workflowkit.definition.days import Days
from workflowkit.runtime.pausing import PauseState
from workflowkit.store.alerts import AlertRow
from workflowkit.store.pauses import Hold, PauseRow
from workflowkit.store.queries import RunView
from workflowkit.store.schedules import ScheduleRow
from workflowkit.store.workflows import DraftRecord, VersionRecord, WorkflowRecord


def workflow(record: WorkflowRecord) -> Shown:
    """Show a workflow without its documents."""
    return {
        "id": record.id,
        "name": record.name,
        "enabled": record.enabled,
        "published_version": record.published_version,
        "created_at": rfc3339(record.created_at_ms),
        "updated_at": rfc3339(record.updated_at_ms),
        "archived_at": rfc3339(record.archived_at_ms),
    }


def listed_workflow(record: WorkflowRecord, last_runs: Sequence[RunView]) -> Shown:
    """Show a workflow in a list."""
    shown = [{"id": run.id, "status": run.status.value, "created_at": rfc3339(run.created_at_ms)} for run in last_runs]
    return {**workflow(record), "last_runs": shown}


def draft(record: DraftRecord) -> Shown:
    """Show a draft."""
    return {
        "workflow_id": record.workflow_id,
        "revision": record.revision,
        "document": record.document,
        "updated_at": rfc3339(record.updated_at_ms),
    }


def version_summary(record: VersionRecord) -> Shown:
    """Show a version without its document."""
    return {
        "workflow_id": record.workflow_id,
        "version": record.version,
        "hash": record.hash,
        "created_at": rfc3339(record.created_at_ms),
        "published_by": record.published_by,
        "note": record.note,
    }


def version(record: VersionRecord) -> Shown:
    """Show a version with its document."""
    return {**version_summary(record), "document": record.document}


def schedule(record: ScheduleRow) -> Shown:
    """Show a schedule (``schemas.schedules.Schedule``)."""
    return {
        "workflow_id": record.workflow_id,
        "position": record.position,
        "cron": record.cron,
        "timezone": record.timezone,
        "jitter_ms": record.jitter_ms,
        "overlap": record.overlap,
        "catch_up": record.catch_up,
        "is_paused": record.is_paused,
        "pause_reason": ("archived" if record.is_archived else "disabled") if record.is_paused else None,
        **_days(record.days),
        "next_at": None if record.is_paused or record.is_over else rfc3339(record.next_due_at_ms),
        "last_slot": rfc3339(record.last_slot_ms),
        "queued": len(record.queued),
    }


def _days(days: Days) -> Shown:
    first, last = (None if day is None else str(day) for day in (days.first, days.last))
    return {"starts_on": first, "ends_on": last, "skip_dates": sorted(map(str, days.off))}


def pause(record: PauseRow) -> Shown:
    """Show a pause or drain (``schemas.pauses.Pause``)."""
    return {
        "hold": record.hold.value,
        "workflow_id": record.workflow_id or None,
        "is_for_everyone": record.scope.tenant == APP_TENANT,
        "running": record.running.value,
        "reason": record.text,
        "actor": record.actor,
        "at": rfc3339(record.at_ms),
    }


def pause_state(state: PauseState) -> Shown:
    """Show how a workflow is (``schemas.pauses.PauseState``)."""
    return {
        "is_paused": Hold.PAUSE in state.holds,
        "is_drained": Hold.DRAIN in state.holds,
        "open_runs": state.open_runs,
    }


def alert(rule: AlertRow) -> Shown:
    """Show a rule of alerts."""
    settings, standing = rule.settings, rule.standing
    return {
        "id": rule.id,
        "name": settings.name,
        "workflow_id": settings.workflow_id or None,
        "condition": settings.condition.as_json(),
        "window_seconds": settings.window_seconds,
        "quiet_seconds": settings.quiet_seconds,
        "enabled": settings.enabled,
        "state": standing.state.value,
        "since": rfc3339(standing.since_ms or rule.created_at_ms),
        "created_at": rfc3339(rule.created_at_ms),
        "updated_at": rfc3339(rule.updated_at_ms),
    }
