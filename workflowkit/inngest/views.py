"""Runs, events and functions as clients of Inngest's REST API see them."""

from __future__ import annotations

from typing import Any

from workflowkit.base.clock import rfc3339
from workflowkit.engine.states import RunStatus
from workflowkit.inngest.events import shown_event
from workflowkit.store.apps import FunctionRecord
from workflowkit.store.events import EventRecord
from workflowkit.store.queries import RunView, StepView
from workflowkit.store.steps import HELD_UP, PARKED

#: The account and environment that SDKs know of a server that has only one.
ACCOUNT_ID, ENVIRONMENT_ID = "00000000-0000-4000-a000-000000000000", "00000000-0000-4000-b000-000000000000"

_STATUS = {
    RunStatus.COMPLETED: "Completed",
    RunStatus.FAILED: "Failed",
    RunStatus.CANCELLED: "Cancelled",
    RunStatus.RUNNING: "Running",
    RunStatus.WAITING: "Running",
}


def shown_status(status: RunStatus) -> str:
    """Return the status of a run; one that has not begun is queued."""
    return _STATUS.get(status, "Queued")


def output_of(run: RunView) -> Any:
    """Return what a run came to, once it has ended: its output, or its error."""
    return run.output if run.error is None else {"name": run.error.name, "message": run.error.message}


def shown_run(run: RunView) -> dict[str, Any]:
    """Return a run."""
    shown = {
        "run_id": run.id,
        "run_started_at": rfc3339(run.created_at_ms if run.started_at_ms is None else run.started_at_ms),
        "function_id": run.workflow_id,
        "function_version": run.version,
        "environment_id": ENVIRONMENT_ID,
        "event_id": run.event_id,
        "status": shown_status(run.status),
        "ended_at": rfc3339(run.finished_at_ms),
        "original_run_id": run.rerun_of,
    }
    return shown | ({} if run.finished_at_ms is None else {"output": output_of(run)})


def shown_record(record: EventRecord) -> dict[str, Any]:
    """Return an event as a list of events has it."""
    return {
        "internal_id": record.id,
        "account_id": ACCOUNT_ID,
        "environment_id": ENVIRONMENT_ID,
        "source": "",
        "source_id": None,
        "received_at": rfc3339(record.received_at_ms),
        **shown_event(record.as_json()),
    }


def shown_job(run_id: str, step: StepView) -> dict[str, Any]:
    """Return what is due of a run."""
    return {
        "run_id": run_id, "step_id": step.step_key, "status": step.status.value, "attempt": step.attempt,
        "at": None if step.due_at_ms in (PARKED, HELD_UP) else rfc3339(step.due_at_ms),
    }  # fmt: skip


def shown_function(record: FunctionRecord) -> dict[str, Any]:
    """Return a function of an app."""
    document = record.document
    metadata = document["metadata"]
    retries = document.get("settings", {}).get("retries")
    step = {"id": "step", "name": "step", "uri": metadata["url"]} | ({} if retries is None else {"retries": retries})
    return {
        "id": record.id, "slug": metadata["slug"], "name": document["name"], "fv": record.version,
        "url": metadata["url"], "triggers": document.get("triggers", []), "steps": [step],
        "app": metadata["app"],
    }  # fmt: skip
