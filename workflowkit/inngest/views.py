"""Runs as clients of Inngest's REST API see them."""

from __future__ import annotations

from typing import Any

from workflowkit.base.clock import rfc3339
from workflowkit.engine.states import RunStatus
from workflowkit.store.queries import RunView

_STATUS = {
    RunStatus.COMPLETED: "Completed",
    RunStatus.FAILED: "Failed",
    RunStatus.CANCELLED: "Cancelled",
    RunStatus.RUNNING: "Running",
    RunStatus.WAITING: "Running",
}


def shown_run(run: RunView) -> dict[str, Any]:
    """Return a run; one that has not begun is queued."""
    shown = {
        "run_id": run.id,
        "run_started_at": rfc3339(run.created_at_ms if run.started_at_ms is None else run.started_at_ms),
        "function_id": run.workflow_id,
        "function_version": run.version,
        "event_id": run.event_id,
        "status": _STATUS.get(run.status, "Queued"),
        "ended_at": None if run.finished_at_ms is None else rfc3339(run.finished_at_ms),
        "original_run_id": run.rerun_of,
    }
    output = run.output if run.error is None else {"name": run.error.name, "message": run.error.message}
    return shown | ({} if run.finished_at_ms is None else {"output": output})
