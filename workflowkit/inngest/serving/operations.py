"""The operations of an answer: what a step came to, what it waits for, that it is to be executed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import NonRetriableError
from workflowkit.engine.facts import ErrorInfo, Fact
from workflowkit.engine.waits import MAX_WAIT_SECONDS, Wait, WaitKind
from workflowkit.inngest.events import ENDS_HERE
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.serving.conditions import condition_of
from workflowkit.inngest.serving.names import Names
from workflowkit.inngest.serving.recollection import CODE, RETRYABLE, STEP

#: From here on nobody minds the fraction of a second.
_LONG_MS = 60_000
RUN, PLANNED, ERROR, FAILED, SLEEP = "StepRun", "StepPlanned", "StepError", "StepFailed", "Sleep"
_AT_ONCE = frozenset({RUN, PLANNED, FAILED})


@dataclass(frozen=True, slots=True)
class Answered:
    """The operations of an attempt. ``is_executed`` says that one tells what a step came to.

    ``is_final`` and ``retry_after_seconds`` are of a step that failed. ``past`` is what the steps of a function came
    to, if one of them says how it is undone.
    """

    items: tuple[dict[str, Any], ...] = ()
    is_executed: bool = False
    is_final: bool | None = None
    retry_after_seconds: float | None = None
    past: tuple[Fact, ...] = ()

    @property
    def only_planned(self) -> str | None:
        """The hash of the step, if all there is to say is that it is to be executed."""
        if len(self.items) == 1 and self.items[0]["op"] == PLANNED:
            return str(self.items[0]["id"])
        return None


def side_by_side(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return operations that are told together: where one waits, the others are not to be held up by it.

    Servers call again only when all steps of an answer have ended, unless these say that they race.
    """
    planned = [each["op"] == PLANNED for each in items]
    if not any(planned) or all(each["op"] in _AT_ONCE for each in items):
        return list(items)
    return [
        {**each, "opts": {"parallelMode": "race"}} if is_planned else each
        for each, is_planned in zip(items, planned, strict=True)
    ]


def operation(code: str, step_id: str, *, name: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return an operation of the step that its author calls ``step_id``."""
    return {
        "op": code, "id": hash_of(step_id), "name": step_id if name is None else name, "displayName": step_id,
        "userland": {"id": step_id, "index": None}, "opts": None, "data": None, **fields,
    }  # fmt: skip


def described(error: ErrorInfo) -> dict[str, Any]:
    """Return an error as the protocol has it. No stack: what is shown to people says nothing of the program."""
    step = {} if error.step is None else {STEP: error.step}
    return {"name": error.name, "message": error.message, "stack": f"{error.name}: {error.message}",
            "code": error.code, "data": {CODE: error.code, RETRYABLE: error.retryable, **step}}  # fmt: skip


def waiting(wait: Wait, step_id: str, now_ms: int, names: Names) -> dict[str, Any]:
    """Return the operation of a step that waits. Raises ``NonRetriableError`` for what no server knows."""
    timeout = _time(max(0, wait.until_ms - now_ms))
    match wait.kind:
        case WaitKind.SLEEP:
            return operation(SLEEP, step_id, name=rfc3339(wait.until_ms))
        case WaitKind.EVENT:
            options = {"timeout": timeout, "if": condition_of(wait)}
            given = {key: value for key, value in options.items() if value is not None}
            return operation("WaitForEvent", step_id, name=ENDS_HERE.get(wait.name, wait.name), opts=given)
        case WaitKind.SIGNAL:
            conflict = "replace" if wait.replaces else "fail"
            signal = {"signal": wait.name, "timeout": timeout, "conflict": conflict}
            return operation("WaitForSignal", step_id, name=wait.name, opts=signal)
        case WaitKind.RUN:
            longest = wait.until_ms - now_ms >= MAX_WAIT_SECONDS * 1000
            invoked = {
                "function_id": names.slug(wait.name), "payload": {"data": wait.data or {}},
                "timeout": None if longest else timeout,  # the server's own longest time
            }  # fmt: skip
            return operation("InvokeFunction", step_id, opts=invoked)
    raise unsupported(wait.kind.value)


def unsupported(kind: str) -> NonRetriableError:
    """Return the error of a step that is one of this engine alone."""
    return NonRetriableError(f"a step of the kind {kind} works on a server of Workflow Kit only")


def _time(duration_ms: int) -> str:
    """Return a duration as the protocol writes it; long ones in whole seconds."""
    return f"{duration_ms}ms" if duration_ms < _LONG_MS else f"{-(-duration_ms // 1000)}s"
