"""Runs with their steps, and jobs over many runs."""

from __future__ import annotations

from workflowkit.api.views.base import Shown, problems
from workflowkit.base.clock import rfc3339
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.runtime.history import Attempt, Step
from workflowkit.runtime.innersteps import InnerStep
from workflowkit.runtime.logs import LEVELS
from workflowkit.runtime.moving import Moved
from workflowkit.runtime.rerunning import Editable
from workflowkit.runtime.searching import Found
from workflowkit.runtime.waitsfor import WaitsFor
from workflowkit.store.gathered import Gathered
from workflowkit.store.jobs import JobRow
from workflowkit.store.loglines import LogLine
from workflowkit.store.queries import ChildView, RunView

_CAUSE = ("text", "actor", "event_id", "run_id")


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


def _error(error: ErrorInfo | None) -> Shown | None:
    return None if error is None else error.as_dict()


def log_line(line: LogLine) -> Shown:
    """Show a line that a handler has logged (``schemas.runs.LogLine``)."""
    level = next((name for name, least in reversed(LEVELS.items()) if line.level >= least), "debug")
    return {
        "id": line.id, "step": line.step_key, "attempt": line.attempt, "level": level, "message": line.message,
        "at": rfc3339(line.at_ms),
    }  # fmt: skip


def run_move(fact: Fact) -> Shown:
    """Show that a run was moved."""
    detail = fact.detail or {}
    return {"version": detail["version"], "actor": detail.get("actor"), "at": rfc3339(fact.at_ms)}


def move(moved: Moved) -> Shown:
    """Show what moving a run came to."""
    return {
        "is_moved": moved.is_moved,
        "version": moved.version,
        "problems": problems(moved.problems),
        "removed_steps": list(moved.removed),
        "added_steps": list(moved.added),
    }


def editable(found: Editable, may: frozenset[str]) -> Shown:
    """Show what somebody lacks to edit something of a run that is repeated."""
    return {
        "version": found.version,
        "inputs_need": [need.permission for need in found.inputs if need.permission not in may],
        "data_need": [need.permission for need in found.data if need.permission not in may],
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
