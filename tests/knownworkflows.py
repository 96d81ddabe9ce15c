"""Other workflows that a run in memory runs: each at once, to its end, on a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workflowkit.base.clock import FakeClock
from workflowkit.base.ids import derived_id
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.model import Workflow
from workflowkit.definition.output import refused_inputs
from workflowkit.engine import local
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.localresult import LocalResult
from workflowkit.engine.outcome import Attempted, Failed, Succeeded
from workflowkit.engine.outside import Ended, Held, LocalAttempt, Outside, Unattended, timed_out
from workflowkit.engine.states import RunStatus
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.engine.waitspecs import INVOKED_EVENT


class KnownWorkflows:
    """An ``Outside`` that runs the workflows which ``find`` knows by their ids; for all else it asks ``outside``.

    ``runs`` has their results by the key of the step that waited for them, with what they ran themselves.
    """

    def __init__(
        self,
        find: Callable[[str], Workflow | None],
        actions: local.Actions,
        outside: Outside | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        depth: int = 0,
    ) -> None:
        self._find, self._actions, self._outside = find, actions, outside or Unattended()
        self._limits, self._depth = limits, depth
        self.runs: dict[str, LocalResult] = {}

    def attempt(self, attempt: LocalAttempt) -> Attempted | Held:
        return self._outside.attempt(attempt)

    def step(self, attempt: LocalAttempt, key: str) -> Succeeded | Failed | Held | None:
        return self._outside.step(attempt, key)

    def fetch(self, attempt: LocalAttempt, key: str, request: str) -> Held | None:
        return self._outside.fetch(attempt, key, request)

    def coming(self, started_ms: int) -> Sequence[tuple[int, dict[str, Any]]]:
        return self._outside.coming(started_ms)

    def coming_after(self, key: str, path: str, now_ms: int) -> Sequence[dict[str, Any]]:
        return self._outside.coming_after(key, path, now_ms)

    def wait(self, attempt: LocalAttempt, wait: Wait) -> Ended | Held:
        workflow = self._find(wait.name) if wait.kind is WaitKind.RUN else None
        if workflow is None:
            return self._outside.wait(attempt, wait)
        if self._depth >= self._limits.emitted_event_depth:
            most = self._limits.emitted_event_depth
            return _refused("depth-exceeded", f"limit emitted_event_depth exceeded: at most {most}", attempt)
        if (reason := refused_inputs(workflow, wait.data)) is not None:
            return _refused("invoke-input-invalid", reason, attempt)
        deeper = KnownWorkflows(
            self._find, self._actions, self._outside, limits=self._limits, depth=self._depth + 1
        )  # fmt: skip
        clock, context = FakeClock(attempt.now_ms), attempt.context
        options = local.LocalOptions(
            config=context.config, limits=self._limits, outside=deeper,
            run_id=derived_id(context.run.id, "run", wait.key),
        )  # fmt: skip
        event = {"name": INVOKED_EVENT, "data": wait.data}
        result = self.runs[wait.key] = local.run(workflow, event, self._actions, clock=clock, options=options)
        return _end(attempt, wait, result, clock.now_ms())


def _end(attempt: LocalAttempt, wait: Wait, result: LocalResult, at_ms: int) -> Ended | Held:
    if not result.status.is_terminal and result.held:
        blocking = result.held[0]
        return Held(attempt.node.id, blocking.kind, wait, f"workflow {wait.name!r}: {blocking.node_id}")
    if at_ms > wait.until_ms:
        return timed_out(wait)
    if result.status is RunStatus.COMPLETED:
        return Ended(result.output, at_ms=at_ms)
    cause = result.error or ErrorInfo("Error", "the run did not complete")
    message = f"the run of {wait.name!r} failed: {cause.message}"
    return Ended(error=ErrorInfo(cause.name, message, "invoked-run-failed", retryable=False), at_ms=at_ms)


def _refused(code: str, message: str, attempt: LocalAttempt) -> Ended:
    return Ended(error=ErrorInfo("InvokeRefused", message, code, retryable=False), at_ms=attempt.now_ms)
