"""Events as SDKs see them: the engine's own under the names that SDKs know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.engine.ends import RUN_CANCELLED, RUN_FAILED, RUN_FINISHED
from workflowkit.engine.waitspecs import ENDPOINT_EVENT, FOLLOWING_EVENT, INVOKED_EVENT
from workflowkit.inngest.defers import DEFERRED_EVENT, is_deferred
from workflowkit.inngest.naming import slug_of
from workflowkit.runtime.schedules import EVENT_NAME as CRON_EVENT

#: Their names of the event of a run that was invoked, of one that a schedule began, and one that an app did.
INVOKED_THERE, CRON_THERE = "inngest/function.invoked", "inngest/scheduled.timer"
ENDPOINT_THERE = "inngest/http.request"
#: The names of the ends of runs: theirs, ours.
ENDS = {
    "inngest/function.failed": RUN_FAILED,
    "inngest/function.cancelled": RUN_CANCELLED,
    "inngest/function.finished": RUN_FINISHED,
}
ENDS_HERE = {ours: theirs for theirs, ours in ENDS.items()}
_STATUS = {RUN_FAILED: "Failed", RUN_CANCELLED: "Cancelled"}


def shown_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of ours as a function of an app gets it."""
    name, data = event["name"], event.get("data") or {}
    if name in (INVOKED_EVENT, FOLLOWING_EVENT):
        name = DEFERRED_EVENT if is_deferred(data) else INVOKED_THERE
    elif name == ENDPOINT_EVENT:
        name = ENDPOINT_THERE
    elif name == CRON_EVENT:
        name, data = CRON_THERE, {"cron": data["cron"], "scheduledAt": data["slot"]}
    elif name in ENDS_HERE:
        name, data = ENDS_HERE[name], _end(name, data)
    shown = {"id": event.get("id"), "name": name, "data": data, "ts": event.get("ts"), "user": event.get("user") or {}}
    return shown | {field: event[field] for field in ("v", "meta") if event.get(field) is not None}


def _end(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    original = shown_event(data["event"])
    told: dict[str, Any] = {
        "_inngest": {"status": _STATUS.get(name, str(data["status"]).capitalize())},
        "function_id": slug_of(data["workflow_id"]),
        "run_id": data["run_id"],
        "event": original,
        "events": [original],
    }
    if (error := data.get("error")) is not None and data["status"] == "failed":
        told["error"] = {
            "error": error["name"], "name": error["name"], "message": error["message"], "stack": error["message"],
        }  # fmt: skip
    return told | ({"result": data["output"]} if "output" in data else {})
