"""Functions that are invoked by a run in memory: each runs in memory too, to its end."""

from __future__ import annotations

from dataclasses import replace

from workflowkit.base.clock import FakeClock
from workflowkit.base.scope import FUNCTION_SEPARATOR
from workflowkit.definition import build
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.local import LocalOptions, LocalResult, run
from workflowkit.engine.outside import Ended, Held, LocalAttempt, Unattended, timed_out
from workflowkit.engine.states import RunStatus
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.engine.waitspecs import INVOKED_EVENT
from workflowkit.registry import Registry


class WithFunctions(Unattended):
    """Actions are executed, functions of the registry run when they are invoked, and nothing else ends a wait but its
    time."""

    def __init__(self, registry: Registry, options: LocalOptions, depth: int = 0) -> None:
        self._registry, self._options, self._depth = registry, options, depth

    def wait(self, attempt: LocalAttempt, wait: Wait) -> Ended | Held:
        if wait.kind is not WaitKind.RUN:
            return super().wait(attempt, wait)
        if FUNCTION_SEPARATOR not in wait.name:
            message = f"there is no published workflow {wait.name!r}: in memory, functions of the application are run"
            return _refused("invoke-target-missing", message, attempt)
        function = self._registry.functions.get(wait.name)
        if function is None:
            return _refused("invoke-target-missing", f"there is no function {wait.name!r}", attempt)
        most = self._options.limits.emitted_event_depth
        if self._depth >= most:
            return _refused("depth-exceeded", f"limit emitted_event_depth exceeded: at most {most}", attempt)
        clock = FakeClock(attempt.now_ms)
        deeper = WithFunctions(self._registry, self._options, self._depth + 1)
        result = run(
            build(function.document), {"name": INVOKED_EVENT, "data": wait.data or {}}, self._registry, clock=clock,
            options=replace(self._options, outside=deeper, on_step=None),
        )  # fmt: skip
        if clock.now_ms() > wait.until_ms:
            return timed_out(wait)
        return _ended(wait, result, clock.now_ms())


def _ended(wait: Wait, result: LocalResult, at_ms: int) -> Ended:
    if result.status is RunStatus.COMPLETED:
        return Ended(result.output, at_ms=at_ms)
    if result.status is RunStatus.CANCELLED:
        message = f"the run of {wait.name} was cancelled"
        return Ended(
            error=ErrorInfo("InvokedRunCancelled", message, "invoked-run-cancelled", retryable=False), at_ms=at_ms
        )
    cause = result.error or ErrorInfo("Error", "the run did not complete")
    message = f"the run of {wait.name} failed: {cause.message}"
    return Ended(error=ErrorInfo(cause.name, message, "invoked-run-failed", retryable=False), at_ms=at_ms)


def _refused(code: str, message: str, attempt: LocalAttempt) -> Ended:
    return Ended(error=ErrorInfo("InvokeRefused", message, code, retryable=False), at_ms=attempt.now_ms)
