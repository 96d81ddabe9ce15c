"""Events, what became of them, and what other settings would have made of them."""

from __future__ import annotations

from workflowkit.api.views.base import Shown
from workflowkit.api.views.runs import run
from workflowkit.base.clock import rfc3339
from workflowkit.flow.simulation import Fate, Outcome
from workflowkit.runtime.eventtypes import EventType
from workflowkit.runtime.simulating import Simulated, Tried
from workflowkit.runtime.stories import EventStory
from workflowkit.store.events import EventRecord
from workflowkit.store.queries import CollectionView, DecisionView, ResumedView


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


def resumed(record: ResumedView) -> Shown:
    """Show a run that waited for an event."""
    return {
        "run_id": record.run_id,
        "workflow_id": record.workflow_id,
        "status": record.status.value,
        "step": record.step,
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
        "resumed": [resumed(each) for each in told.resumed],
        "decisions": [decision(each) for each in told.decisions],
        "collections": [collection(each) for each in told.collections],
        "workflow_names": told.names,
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


def tried(found: Tried) -> Shown:
    """Show what a trigger would have made of the last events (``schemas.simulations.TriggerMatches``)."""
    return {
        "seen": found.seen,
        "matched": len(found.matched),
        "event_ids": list(found.matched),
        "detail": found.detail,
    }
