"""What is known of a step, as SDKs expect it in the state of a call."""

from __future__ import annotations

from typing import Any

from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.waits import WaitKind
from workflowkit.inngest.events import shown_event

_INVOKE_TIMEOUT = "invoke-timeout"


def memoized(fact: Fact) -> Any:
    """Return the result of a step in the form that its kind has."""
    detail = fact.detail or {}
    kind, output = detail.get("kind"), fact.output
    if fact.error is not None:
        return {"error": _error(fact.error)}
    if kind == WaitKind.SLEEP or detail.get("timed_out"):
        return None
    if kind == WaitKind.EVENT:
        return None if output is None else shown_event(output)
    return {"data": output}


def _error(error: ErrorInfo) -> dict[str, Any]:
    if error.code == _INVOKE_TIMEOUT:
        message = "Timed out waiting for invoked function to complete"
        return {"name": "InngestInvokeTimeoutError", "message": message}
    return {"name": error.name, "message": error.message, "stack": error.message}
