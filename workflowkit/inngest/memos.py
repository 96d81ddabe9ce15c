"""What is known of a step, as SDKs expect it in the state of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.jsonvalue import check_json
from workflowkit.base.limits import Limits
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.waits import WaitKind
from workflowkit.flow.decision import SkipReason
from workflowkit.inngest.events import shown_event

#: What they call the error of a function that has not ended in time.
INVOKE_TIMEOUT_THERE = "InngestInvokeTimeoutError"
_INVOKE_TIMEOUT, _SIGNAL_TAKEN = "invoke-timeout", "signal-taken"
#: Why a function that is invoked begins no run, where SDKs have one word for it.
_RATE_LIMITED = (SkipReason.RATE_LIMITED.value, SkipReason.IDEMPOTENT.value)
#: What SDKs read of an error.
_TOLD = ("name", "message", "stack", "data", "cause")


def memoized(fact: Fact) -> Any:
    """Return the result of a step in the form that its kind has."""
    detail = fact.detail or {}
    kind, output = detail.get("kind"), fact.output
    if fact.error is not None:
        return {"error": output if isinstance(output, dict) else _error(fact.error, detail.get("run_id"))}
    if kind == WaitKind.SLEEP or detail.get("timed_out"):
        return None
    if kind == WaitKind.EVENT:
        return None if output is None else shown_event(output)
    if kind == WaitKind.SIGNAL:
        return {"data": {"signal": detail.get("name"), "data": output}}
    return {"data": output}


def told_error(error: Mapping[str, Any] | None, limits: Limits) -> dict[str, Any] | None:
    """Return what an SDK says of an error, to be kept for the function that catches it."""
    kept = {name: error[name] for name in _TOLD if error.get(name) is not None} if error else {}
    try:
        check_json(kept, max_depth=limits.json_depth, max_bytes=limits.told_output_bytes)
    except (InvalidInput, LimitExceeded):
        return None
    return kept if isinstance(kept.get("name"), str) and isinstance(kept.get("message"), str) else None


def _error(error: ErrorInfo, run_id: str | None) -> dict[str, Any]:
    if error.code == _INVOKE_TIMEOUT:
        message = "Timed out waiting for invoked function to complete"
        return {"name": INVOKE_TIMEOUT_THERE, "message": message}
    if error.code in _RATE_LIMITED:
        return {"name": "Error", "message": "invoked function is rate limited"}
    if error.code == _SIGNAL_TAKEN:
        return {"name": "Error", "message": "Signal conflict; signal wait already exists for another run"}
    message = error.message.removeprefix(f"run {run_id} failed: ")
    return {"name": error.name, "message": message, "stack": message}
