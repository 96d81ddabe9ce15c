"""What a server remembers, as the engine has it: results of steps as facts, its events under our names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.base.errors import NonRetriableError
from workflowkit.engine.compensations import COMPENSATION_STEP
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.failures import ERROR_MESSAGE_CHARS, ERROR_NAME_CHARS, storable
from workflowkit.engine.memo import RUN_STEP
from workflowkit.engine.waits import WaitKind
from workflowkit.engine.waitspecs import INVOKED_EVENT
from workflowkit.inngest.events import CRON_THERE, ENDS, INVOKED_THERE
from workflowkit.inngest.memos import INVOKE_TIMEOUT_THERE
from workflowkit.inngest.serving.names import Names
from workflowkit.runtime.schedules import EVENT_NAME as CRON_EVENT

_INTERNAL = "_inngest"
_WRAPPED = frozenset({RUN_STEP, WaitKind.RUN.value, COMPENSATION_STEP})
#: Under which an error keeps our code for it, and whether it is worth another try, where servers keep what it carries.
CODE, RETRYABLE, STEP = "code", "retryable", "step"


def recalled(key: str, step_id: str, kind: str, value: Any, names: Names) -> Fact | None:
    """Return what a step came to; ``None`` if it has not been executed.

    Raises ``NonRetriableError`` if it was a step of another kind.
    """
    detail: dict[str, Any] = {"kind": kind}
    if kind in _WRAPPED:
        if not isinstance(value, dict) or not value.keys() & {"data", "error", "input"}:
            raise _other_kind(step_id, kind)
        if value.get("error") is not None:
            return Fact(FactKind.FAILED, key, 1, error=error_info(value["error"]), detail=detail)
        return Fact(FactKind.COMPLETED, key, 1, value["data"], detail=detail) if "data" in value else None
    if value is None:
        return Fact(FactKind.COMPLETED, key, 1, None, detail=detail | {"timed_out": kind != WaitKind.SLEEP.value})
    if kind == WaitKind.SIGNAL.value and isinstance(value, dict) and isinstance(value.get("data"), dict):
        return Fact(FactKind.COMPLETED, key, 1, value["data"].get("data"), detail=detail)
    if kind == WaitKind.EVENT.value and isinstance(value, dict) and "name" in value:
        return Fact(FactKind.COMPLETED, key, 1, own_event(value, names), detail=detail)
    raise _other_kind(step_id, kind)


def error_info(value: Any) -> ErrorInfo:
    """Return an error as a server keeps it, as one of ours."""
    given = value if isinstance(value, dict) else {"message": value}
    name, message, carried = str(given.get("name") or "Error"), given.get("message"), given.get("data")
    code, step = (carried.get(CODE), carried.get(STEP)) if isinstance(carried, dict) else (None, None)
    if name == INVOKE_TIMEOUT_THERE:
        name, code = "InvokeTimeout", "invoke-timeout"
    return ErrorInfo(
        storable(name, ERROR_NAME_CHARS),
        storable("" if message is None else str(message), ERROR_MESSAGE_CHARS),
        code if isinstance(code, str) else "action-failed",
        # What may be tried again has been: this says only what kind of error it was.
        retryable=isinstance(carried, dict) and carried.get(RETRYABLE) is True,
        step=storable(step, ERROR_NAME_CHARS) if isinstance(step, str) else None,
    )


def own_event(event: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return an event of a server as handlers know it: the server's own under our names, without its marks."""
    name, data = event.get("name"), event.get("data")
    fields = {key: value for key, value in data.items() if key != _INTERNAL} if isinstance(data, dict) else {}
    if name == INVOKED_THERE:
        name = INVOKED_EVENT
    elif name == CRON_THERE:
        name, fields = CRON_EVENT, {"cron": fields.get("cron"), "slot": fields.get("scheduledAt")}
    elif name in ENDS:
        name, fields = ENDS[name], _end(name, fields, names)
    shown = {"id": event.get("id"), "name": name, "data": fields, "ts": event.get("ts")}
    return shown | {key: event[key] for key in ("user", "v") if event.get(key)}


def _end(name: str, fields: Mapping[str, Any], names: Names) -> dict[str, Any]:
    status = name.rpartition(".")[2]
    original, slug, error = fields.get("event"), str(fields.get("function_id") or ""), fields.get("error")
    if status == "finished":
        status = "completed" if error is None else "failed"
    return {
        "run_id": fields.get("run_id"),
        "workflow_id": names.own_id(slug),
        "version": None,
        "status": status,
        "error": None if error is None else error_info(error).as_dict(),
        "reason": None,
        "output": fields.get("result") if status == "completed" else None,
        "event": own_event(original if isinstance(original, dict) else {}, names),
    }


def _other_kind(step_id: str, kind: str) -> NonRetriableError:
    return NonRetriableError(
        f"non-deterministic handler: step {step_id!r} is a {kind} now, and what is remembered of it is none. Give a "
        "changed step a new id."
    )
