"""The end of a run, as others are told of it: the same from the database and in memory."""

from __future__ import annotations

from typing import Any, Final

from workflowkit.base.jsonvalue import size_bytes
from workflowkit.base.limits import Limits
from workflowkit.definition.model import Json
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.progress import Finish
from workflowkit.engine.states import RunStatus

RUN_FAILED, RUN_CANCELLED, RUN_FINISHED = "workflow/run.failed", "workflow/run.cancelled", "workflow/run.finished"
_NAMES = frozenset({RUN_FAILED, RUN_CANCELLED, RUN_FINISHED})
#: The event that tells of a run which did not complete.
NAME_OF_STATUS: Final = {RunStatus.FAILED: RUN_FAILED, RunStatus.CANCELLED: RUN_CANCELLED}
#: The error of every cancelled run: why it was is the reason, and what is shown to others stays the same.
CANCELLED_ERROR: Final = ErrorInfo("RunCancelled", "the run was cancelled", "run-cancelled", retryable=False)
#: Why a run is cancelled that nobody has cancelled by hand.
CANCELLED_BY_EVENT, FINISH_TIMEOUT = "cancelled-by-event", "finish-timeout"


def error_of(finish: Finish) -> ErrorInfo:
    """Return the error that what follows the end of a run is told."""
    return CANCELLED_ERROR if finish.status is not RunStatus.FAILED or finish.error is None else finish.error


def told_of(
    run_id: str, workflow_id: str, version: Json, event: dict[str, Any], finish: Finish, reason: str | None,
    limits: Limits,
) -> dict[str, Any]:  # fmt: skip
    """Return the data of an event that tells of the end of a run, which ``event`` began."""
    error = CANCELLED_ERROR if finish.status is RunStatus.CANCELLED else finish.error
    data = {
        "run_id": run_id, "workflow_id": workflow_id, "version": version, "status": finish.status.value,
        "error": None if error is None else error.as_dict(), "reason": reason,
    }  # fmt: skip
    if finish.output is not None and size_bytes(finish.output) <= limits.told_output_bytes:
        data["output"] = finish.output
    if size_bytes(event) > limits.event_bytes:
        event = {**event, "data": {}}
    return {**data, "event": event}


def times_told(event: Any, name: str) -> int:
    """Return how often an event of this name stands between a run and the event that began it all.

    SAFETY: I4 — what handles failures may fail itself: told of that once more each time, it would never end.
    """
    count = 0
    while isinstance(event, dict) and event.get("name") in _NAMES:
        count += event["name"] == name
        event = event["data"].get("event")
    return count
