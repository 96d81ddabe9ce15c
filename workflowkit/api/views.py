"""Records as the API shows them. Pure; the shapes are described in ``schemas/``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import Problem
from workflowkit.base.scope import APP_TENANT
from workflowkit.definition.days import Days
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.flow.simulation import Fate, Outcome
from workflowkit.runtime.approvals import Approval
from workflowkit.runtime.deliveries import Source
from workflowkit.runtime.eventtypes import EventType
from workflowkit.runtime.history import Attempt, Step
from workflowkit.runtime.innersteps import InnerStep
from workflowkit.runtime.logs import LEVELS
from workflowkit.runtime.moving import Moved
from workflowkit.runtime.pausing import PauseState
from workflowkit.runtime.rerunning import Editable
from workflowkit.runtime.samples import Sample
from workflowkit.runtime.searching import Found
from workflowkit.runtime.simulating import Simulated, Tried
from workflowkit.runtime.stories import EventStory
from workflowkit.runtime.waitsfor import WaitsFor
from workflowkit.store.alerts import AlertRow
from workflowkit.store.apps import AppRecord, FunctionRecord
from workflowkit.store.appsyncs import SyncRow
from workflowkit.store.events import EventRecord
from workflowkit.store.gathered import Gathered
from workflowkit.store.jobs import JobRow
from workflowkit.store.keys import KeyRecord
from workflowkit.store.loglines import LogLine
from workflowkit.store.pauses import Hold, PauseRow
from workflowkit.store.queries import ChildView, CollectionView, DecisionView, RunView
from workflowkit.store.schedules import ScheduleRow
from workflowkit.store.secrets import SecretRecord
from workflowkit.store.webhookoutcomes import DeliveryOutcome
from workflowkit.store.webhooks import WebhookRecord
from workflowkit.store.workflows import DraftRecord, VersionRecord, WorkflowRecord
from workflowkit.webhooks.settings import preset_of

Shown = dict[str, Any]
_CAUSE = ("text", "actor", "event_id", "run_id")


def problems(found: Iterable[Problem]) -> list[dict[str, str]]:
    """Show problems."""
    return [problem.as_dict() for problem in found]


def event(record: EventRecord) -> Shown:
    """Show an event (``schemas.events.Event``)."""
    extra = record.extra or {}
    return {
        "id": record.id,
        "event_id": record.event_id,
        "name": record.name,
        "data": record.data,
        "ts": record.ts_ms,
        "v": extra.get("v"),
        "user": extra.get("user"),
        "meta": extra.get("meta"),
        "webhook": extra.get("webhook"),
        "received_at": rfc3339(record.received_at_ms),
        "duplicate_of": record.duplicate_of,
        "source_run_id": record.source_run_id,
    }


def decision(record: DecisionView) -> Shown:
    """Show why an event did not start a workflow."""
    return {
        "workflow_id": record.workflow_id,
        "reason": record.reason,
        "detail": record.detail,
        "other_id": record.other_id,
        "run_id": record.run_id,
        "at": rfc3339(record.at_ms),
    }


def collection(record: CollectionView) -> Shown:
    """Show a batch or window that an event is in."""
    return {
        "id": record.id,
        "workflow_id": record.workflow_id,
        "kind": record.kind,
        "events": record.event_count,
        "run_id": record.run_id,
        "reason": record.reason,
        "opened_at": rfc3339(record.opened_at_ms),
        "closed_at": rfc3339(record.closed_at_ms),
    }


def event_type(record: EventType) -> Shown:
    """Show the events of a name (``schemas.events.EventType``)."""
    return {
        "name": record.name,
        "count": record.count,
        "is_capped": record.is_capped,
        "last_at": rfc3339(record.last_at_ms),
        "counts": list(record.counts),
        "workflow_ids": list(record.workflow_ids),
    }


def event_detail(told: EventStory) -> Shown:
    """Show an event with what became of it (``schemas.runs.EventDetail``)."""
    return {
        **event(told.event),
        "is_pending": told.is_pending,
        "runs": [run(each) for each in told.runs],
        "decisions": [decision(each) for each in told.decisions],
        "collections": [collection(each) for each in told.collections],
    }


def simulation(found: Simulated) -> Shown:
    """Show what settings would have made of events (``schemas.simulations.Simulation``)."""
    outcomes = found.outcomes
    return {
        "runs": len({each.run for each in outcomes if each.run is not None}),
        "skipped": sum(each.fate is Fate.SKIPPED for each in outcomes),
        "run_seconds": found.run_ms / 1000,
        "measured_runs": found.measured_runs,
        "items": [outcome(each) for each in outcomes],
    }


def tried(found: Tried) -> Shown:
    """Show what a trigger would have made of the last events (``schemas.simulations.TriggerMatches``)."""
    return {
        "seen": found.seen,
        "matched": len(found.matched),
        "event_ids": list(found.matched),
        "detail": found.detail,
    }


def outcome(record: Outcome) -> Shown:
    """Show what settings would have made of an event."""
    return {
        "event_id": record.event_id,
        "at": rfc3339(record.at_ms),
        "fate": record.fate.value,
        "reason": record.reason,
        "run": record.run,
        "starts_at": rfc3339(record.starts_at_ms),
    }


def listed_run(record: RunView, found: Found) -> Shown:
    """Show a run of a list, with what its columns show (``schemas.runs.ListedRun``)."""
    name = found.names.get(record.workflow_id, record.workflow_id)
    return {**run(record), "workflow_name": name, "values": found.values.get(record.id)}


def looked(found: Found) -> Shown:
    """Show how far was looked for runs (``schemas.runs.Looked``)."""
    return {
        "runs": found.looked_through,
        "back_to": rfc3339(found.back_to_ms),
        "is_stopped": found.is_stopped,
        "unreadable": found.unreadable,
        "hint": found.hint,
    }


def run(record: RunView) -> Shown:
    """Show a run without its steps (``schemas.runs.Run``)."""
    return {
        "id": record.id,
        "workflow_id": record.workflow_id,
        "version": record.version,
        "event_id": record.event_id,
        "status": record.status.value,
        "handled_failures": record.handled_failures,
        "rerun_of": record.rerun_of,
        "rerun_by": record.rerun_by,
        "path": record.path,
        "parent_run_id": record.parent_run_id,
        "parent_step": record.parent_step,
        "error": _error(record.error),
        "reason": record.reason,
        "cause": None if record.cause is None else dict.fromkeys(_CAUSE) | record.cause,
        "created_at": rfc3339(record.created_at_ms),
        "started_at": rfc3339(record.started_at_ms),
        "finished_at": rfc3339(record.finished_at_ms),
    }


def gathered(record: Gathered | None) -> Shown | None:
    """Show the events that a run stands for (``schemas.runs.Gathered``)."""
    if record is None:
        return None
    return {"kind": record.kind, "events": record.events, "event_ids": list(record.event_ids)}


def child(record: ChildView) -> Shown:
    """Show a run that another one began."""
    return {**run(record.run), "key": record.key, "index": record.index}


def step(record: Step) -> Shown:
    """Show a step with its attempts."""
    return {
        "id": record.id,
        "kind": record.kind,
        "name": record.name,
        "status": record.status.value,
        "inputs": record.inputs,
        "output": record.output,
        "error": _error(record.error),
        "is_handled": record.is_handled,
        "reason": record.reason,
        "attempts": [_attempt(attempt) for attempt in record.attempts],
        "started_at": rfc3339(record.started_at_ms),
        "finished_at": rfc3339(record.finished_at_ms),
        "due_at": rfc3339(record.due_at_ms),
        "waits_for": _waits_for(record.waits_for),
        "inner": [_inner(inner) for inner in record.inner],
    }


def _waits_for(record: WaitsFor | None) -> Shown | None:
    if record is None:
        return None
    return {
        "control": record.control,
        "mode": record.mode,
        "key": record.key,
        "limit": record.limit,
        "held": record.held,
        "period_seconds": None if record.period_ms is None else record.period_ms / 1000,
        "ahead": record.ahead,
        "until": rfc3339(record.until_ms),
    }


def _inner(record: InnerStep) -> Shown:
    return {
        "id": record.id,
        "type": record.type,
        "name": record.name,
        "condition": record.condition,
        "status": record.status.value,
        "output": record.output,
        "error": _error(record.error),
        "started_at": rfc3339(record.started_at_ms),
        "finished_at": rfc3339(record.finished_at_ms),
        "until": rfc3339(record.until_ms),
    }


def _attempt(record: Attempt) -> Shown:
    return {
        "number": record.number,
        "outcome": None if record.outcome is None else record.outcome.value,
        "error": _error(record.error),
        "worker": record.worker,
        "started_at": rfc3339(record.started_at_ms),
        "finished_at": rfc3339(record.finished_at_ms),
        "retry_at": rfc3339(record.retry_at_ms),
    }


def log_line(line: LogLine) -> Shown:
    """Show a line that a handler has logged (``schemas.runs.LogLine``)."""
    level = next((name for name, least in reversed(LEVELS.items()) if line.level >= least), "debug")
    return {
        "id": line.id, "step": line.step_key, "attempt": line.attempt, "level": level, "message": line.message,
        "at": rfc3339(line.at_ms),
    }  # fmt: skip


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


def function(record: FunctionRecord) -> Shown:
    """Show a code function (``schemas.functions.Function``)."""
    document = record.document
    return {
        "id": record.id,
        "app_id": record.app_id,
        "app_version": document["metadata"].get("app_version"),
        "name": document["name"],
        "description": document.get("description"),
        "enabled": record.enabled,
        "version": record.version,
        "triggers": document["triggers"],
        "settings": document.get("settings", {}),
        "updated_at": rfc3339(record.updated_at_ms),
    }


def app(record: AppRecord, connection_counts: Mapping[str, int]) -> Shown:
    """Show an application (``schemas.apps.App``)."""
    origin, archived_at_ms = record.origin, record.archived_at_ms
    return {
        "id": record.id,
        "name": record.id if origin is None else origin.name,
        "url": None if origin is None else origin.url,
        "sdk": None if origin is None else origin.sdk,
        "method": "code" if origin is None else "connect" if origin.is_connected else "http",
        "connection_count": connection_counts.get(record.id, 0),
        "version": record.version,
        "function_count": len(record.function_ids),
        "synced_at": rfc3339(record.synced_at_ms),
        "is_archived": archived_at_ms is not None,
        "archived_at": rfc3339(archived_at_ms),
    }


def app_sync(row: SyncRow) -> Shown:
    """Show a sync of an application (``schemas.apps.AppSync``)."""
    return {
        "id": row.id or None,
        "app_id": row.app_id or None,
        "status": row.status if row.id else "unchanged",
        "error": row.error,
        "url": row.url,
        "sdk": row.sdk,
        "app_version": row.app_version,
        "function_count": row.function_count,
        "published": list(row.published),
        "retired": list(row.retired),
        "at": rfc3339(row.at_ms),
    }


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


def key(record: KeyRecord) -> Shown:
    """Show a key; its secret is not in the record."""
    return {
        "id": record.id,
        "name": record.name,
        "prefix": record.prefix,
        "environment": record.scope.environment,
        "tenant": record.scope.tenant,
        "permissions": sorted(record.permissions),
        "event_names": None if record.event_names is None else list(record.event_names),
        "created_at": rfc3339(record.created_at_ms),
        "last_used_at": rfc3339(record.last_used_at_ms),
        "revoked_at": rfc3339(record.revoked_at_ms),
        "created_by": record.created_by,
    }


def webhook(
    record: WebhookRecord,
    users: Mapping[str, Sequence[str]] | None = None,
    outcomes: Mapping[str, DeliveryOutcome] | None = None,
) -> Shown:
    """Show a webhook; its URL is not in the record, its secrets stay there.

    ``users`` are the workflows that webhooks start, ``outcomes`` what became of their last deliveries, by name.
    """
    last = (outcomes or {}).get(record.name)
    return {
        "name": record.name,
        "verification": record.verification,
        "has_secrets": record.secrets is not None,
        "transform": record.transform,
        "event_names": None if record.event_names is None else list(record.event_names),
        "cidrs": None if record.cidrs is None else list(record.cidrs),
        "enabled": record.enabled,
        "created_at": rfc3339(record.created_at_ms),
        "updated_at": rfc3339(record.updated_at_ms),
        "last_received_at": rfc3339(record.last_received_at_ms),
        "last_delivery": None if last is None else delivery_outcome(last),
        "used_by": None if users is None else list(users.get(record.name, ())),
    }


def own_webhook(
    source: Source, users: Mapping[str, Sequence[str]] | None, outcomes: Mapping[str, DeliveryOutcome]
) -> Shown:
    """Show a webhook of the application; nothing of what it makes of deliveries can be shown."""
    last = outcomes.get(source.name)
    return {
        "name": source.name,
        "preset": preset_of(source.verify.scheme),
        "event_names": None if source.event_names is None else list(source.event_names),
        "last_delivery": None if last is None else delivery_outcome(last),
        "used_by": None if users is None else list(users.get(source.name, ())),
    }


def delivery_outcome(outcome: DeliveryOutcome) -> Shown:
    """Show what became of a delivery."""
    return {
        "status": outcome.status,
        "at": rfc3339(outcome.at_ms),
        "reason": outcome.reason or None,
        "detail": outcome.detail or None,
        "events": [{"id": event_id, "name": name} for event_id, name in outcome.events],
        "is_last_of_its_kind": outcome.is_last_of_its_kind,
    }


def webhook_sample(sample: Sample) -> Shown:
    """Show the delivery that somebody waits for, or that was taken."""
    return {
        "wanted_until": rfc3339(sample.wanted_until_ms),
        "taken_at": rfc3339(sample.at_ms),
        "delivery": sample.delivery,
    }


def secret(record: SecretRecord, users: Mapping[str, Sequence[str]] | None = None) -> Shown:
    """Show a secret; its sealed value stays there. ``users`` are the workflows that use secrets, by name."""
    return {
        "name": record.name,
        "description": record.description,
        "created_at": rfc3339(record.created_at_ms),
        "created_by": record.created_by,
        "updated_at": rfc3339(record.updated_at_ms),
        "updated_by": record.updated_by,
        "used_by": None if users is None else list(users.get(record.name, ())),
    }


def own_secret(name: str, users: Mapping[str, Sequence[str]] | None = None) -> Shown:
    """Show a secret that the application keeps."""
    unknown = dict.fromkeys(("created_at", "created_by", "updated_at", "updated_by"))
    used_by = None if users is None else list(users.get(name, ()))
    return {"name": name, "description": "", **unknown, "used_by": used_by}


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


def _error(error: ErrorInfo | None) -> Shown | None:
    return None if error is None else error.as_dict()


def approval(shown: Approval) -> Shown:
    """Show an approval (``schemas.approvals.Approval``)."""
    record = shown.record
    request = record.request
    return {
        "id": record.id,
        "run_id": record.run_id,
        "workflow_id": record.workflow_id,
        "workflow_name": shown.workflow_name,
        "step": record.step_key,
        "title": request.title,
        "description": request.description,
        "form": request.form,
        "assignees": list(request.assignees),
        "needed": request.needed,
        "reject_on": request.reject_on.value,
        "status": shown.status.value,
        "created_at": rfc3339(record.created_at_ms),
        "expires_at": rfc3339(record.expires_at_ms),
        "closed_at": rfc3339(record.closed_at_ms),
        "decisions": [decision.as_dict() for decision in shown.decisions],
    }


def job(record: JobRow) -> Shown:
    """Show a job over many runs."""
    return {
        "id": record.id,
        "kind": record.kind.value,
        "state": record.state.value,
        "skipped": list(record.chosen.skipped),
        "matched_count": record.matched_count,
        "begun_count": record.begun_count,
        "done_count": record.done_count,
        "reason": record.options.get("reason"),
        "created_at": rfc3339(record.created_at_ms),
        "finished_at": rfc3339(record.finished_at_ms),
    }


def run_move(fact: Fact) -> Shown:
    """Show that a run was moved."""
    detail = fact.detail or {}
    return {"version": detail["version"], "actor": detail.get("actor"), "at": rfc3339(fact.at_ms)}


def editable(found: Editable, may: frozenset[str]) -> Shown:
    """Show what somebody lacks to edit something of a run that is repeated."""
    return {
        "version": found.version,
        "inputs_need": [need.permission for need in found.inputs if need.permission not in may],
        "data_need": [need.permission for need in found.data if need.permission not in may],
    }


def move(moved: Moved) -> Shown:
    """Show what moving a run came to."""
    return {
        "is_moved": moved.is_moved,
        "version": moved.version,
        "problems": problems(moved.problems),
        "removed_steps": list(moved.removed),
        "added_steps": list(moved.added),
    }
