"""A run as JSON that is the same each time: no id that was made up, and times as seconds since its start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflowkit.definition.model import SOURCE
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.localresult import LocalResult
from workflowkit.engine.memo import RUN_STEP, STEP_SEPARATOR


def trace_of(result: LocalResult) -> dict[str, Any]:
    """Return the trace of a run: how it ended, and what happened in order."""
    inputs = {step.id: step.inputs for step in result.steps}
    shown: dict[str, Any] = {
        "status": result.status.value,
        "output": result.output,
        "slept_seconds": _seconds(result.skipped_ms),
        "trace": [_line(fact, result, inputs) for fact in result.facts if fact.step != SOURCE],
    }
    if result.error is not None:
        shown["error"] = _error(result.error)
    if result.reason is not None:
        shown["reason"] = result.reason
    if result.events:
        shown["events"] = [{"name": event["name"], "data": event["data"]} for event in result.events]
    if result.items:
        shown["items"] = {
            loop_id: [{"key": each.item.key} | trace_of(each.result) for each in runs]
            for loop_id, runs in result.items.items()
        }
    if result.compensations is not None:
        shown["compensations"] = trace_of(result.compensations)
    if result.handler is not None:
        shown["handler"] = trace_of(result.handler)
    if result.told is not None:
        shown["told"] = result.told.workflow_id
    return shown


def opened_steps(result: LocalResult) -> Iterator[tuple[Fact, str]]:
    """Yield the final facts of the steps that handlers opened, and what kind of step each is."""
    for fact in result.facts:
        if STEP_SEPARATOR in fact.step and fact.kind.is_final:
            yield fact, (fact.detail or {}).get("kind", RUN_STEP)


def _line(fact: Fact, result: LocalResult, inputs: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "at": _seconds(fact.at_ms - result.started_ms),
        "step": fact.step,
        "is": fact.kind.value,
    }
    if fact.kind is FactKind.OPENED:
        return line | _wait(dict(fact.detail or {}), result.started_ms)
    if fact.step in inputs and fact.kind in (FactKind.COMPLETED, FactKind.FAILED):
        line["inputs"] = inputs[fact.step]
    if fact.kind is FactKind.COMPLETED or fact.handled:
        line["output"] = fact.output
    if fact.error is not None:
        line["error"] = _error(fact.error)
    if fact.retry_at_ms is not None:
        line["again_at"] = _seconds(fact.retry_at_ms - result.started_ms)
    if (fact.detail or {}).get("timed_out"):
        line["timed_out"] = True
    return line if fact.reason is None else line | {"reason": fact.reason}


def _wait(detail: dict[str, Any], started_ms: int) -> dict[str, Any]:
    until_ms = detail.pop("until_ms")
    return {"waits": detail, "until": _seconds(until_ms - started_ms)}


def _seconds(milliseconds: int) -> float | int:
    seconds, rest = divmod(milliseconds, 1000)
    return seconds if not rest else milliseconds / 1000


def _error(error: ErrorInfo) -> dict[str, Any]:
    return {"name": error.name, "message": error.message, "code": error.code}
