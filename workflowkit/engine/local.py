"""Run a workflow here and now, in memory: no database, no broker, and waiting time is skipped.

The same planner and executor as in production, one step at a time: of the steps that are due, the first by rank. For
tests, scripts and ``workflowkit run``. Nothing is stored, and events that actions send start no further runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from workflowkit.base.clock import FakeClock, SystemClock
from workflowkit.base.errors import InvalidInput, NotFound, Problem, WorkflowKitError
from workflowkit.base.ids import derived_id, idempotency_key, new_id
from workflowkit.base.jsonvalue import check_json, dumps, loads
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.definition.model import SOURCE, Json, Node, Workflow
from workflowkit.engine.context import ActionConfig, RunInfo, StepInfo, context_for
from workflowkit.engine.executor import execute
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.failures import failed_by
from workflowkit.engine.memo import Memo, Memos
from workflowkit.engine.outcome import Attempted, EmittedEvent, Succeeded, Suspended
from workflowkit.engine.planner import Decision, begin, settle
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.retry import backoff_of
from workflowkit.engine.session import StepSession
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.registry import Registry

#: Stands for the version where there is none: the document was never published.
LOCAL_VERSION = "local"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What became of one step.

    ``inputs`` are those of the last attempt, resolved; ``None`` if there was none or they could not be. ``output`` is
    what later steps saw: also that of a failure which ``on_error`` handled. ``reason`` says why a step was skipped or
    cancelled.
    """

    id: str
    kind: str
    name: str
    status: StepStatus
    inputs: dict[str, Any] | None
    output: Json
    error: ErrorInfo | None
    attempts: int
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        shown = {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "status": self.status.value,
            "inputs": self.inputs,
            "output": self.output,
            "error": self.error and self.error.as_dict(),
            "attempts": self.attempts,
        }
        return shown if self.reason is None else shown | {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class LocalResult:
    """How a run ended. ``steps`` has every step by rank, ``order`` the ids of executed ones as they ended.

    ``events`` are those that actions sent, as JSON.
    """

    status: RunStatus
    output: Json
    error: ErrorInfo | None
    steps: tuple[StepRecord, ...]
    order: tuple[str, ...]
    events: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status.value,
            "output": self.output,
            "error": self.error and self.error.as_dict(),
            "steps": [step.as_dict() for step in self.steps],
            "order": list(self.order),
            "events": list(self.events),
        }


def run(
    workflow: Workflow,
    event: Mapping[str, Any],
    registry: Registry,
    *,
    clock: FakeClock | None = None,
    config: ActionConfig | None = None,
    on_step: Callable[[StepRecord], None] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> LocalResult:
    """Run a workflow for an event ``{"name", "data", ...}``, whose ``id`` and ``ts`` are made up if they are missing.

    ``clock`` (default: one that starts now) jumps to the next retry, so nothing waits but the actions themselves.
    ``on_step`` is called with each step as soon as it is settled. Raises ``InvalidInput`` if the event is no JSON
    object.
    """
    clock = clock or FakeClock(SystemClock().now_ms())
    return _LocalRun(
        workflow, _complete(event, clock), registry, clock, config or ActionConfig(), on_step, limits
    ).run()


class _LocalRun:
    """One run on its way."""

    def __init__(
        self,
        workflow: Workflow,
        event: dict[str, Any],
        registry: Registry,
        clock: FakeClock,
        config: ActionConfig,
        on_step: Callable[[StepRecord], None] | None,
        limits: Limits,
    ) -> None:
        self._id = new_id(clock.now_ms())
        self._workflow, self._event, self._registry = workflow, event, registry
        self._clock, self._config, self._on_step, self._limits = clock, config, on_step, limits
        self._due: list[tuple[int, int, str]] = []  # (due at ms, rank, node id)
        self._attempts: dict[str, int] = {}
        self._inputs: dict[str, dict[str, Any]] = {}
        self._records: dict[str, StepRecord] = {}
        self._order: list[str] = []
        self._events: list[dict[str, Any]] = []
        self._memos = Memos()

    def run(self) -> LocalResult:
        progress, decision = begin(self._workflow, self._event, self._clock.now_ms())
        self._follow(decision)
        while (finish := decision.finish) is None:
            due_ms, _, node_id = heappop(self._due)
            self._clock.advance_to(due_ms)
            decision = self._step(progress, self._workflow.nodes[node_id])
            self._follow(decision)
        return self._result(finish)

    def _step(self, progress: Progress, node: Node) -> Decision:
        """Make one attempt at a step and decide what follows from it."""
        attempt = self._attempts[node.id] = self._attempts.get(node.id, 0) + 1
        memo = self._memos.of(node.id)
        memo.attempt = attempt
        for fact in self._ended(memo):
            memo.absorb(fact)
        outcome = self._perform(progress, node, attempt - memo.free_attempts)
        if isinstance(outcome, Suspended):
            self._suspend(node, attempt, outcome)
            return Decision()
        decision = settle(
            progress,
            node.id,
            attempt,
            outcome,
            retries=self._retries(node),
            free_attempts=memo.free_attempts,
            now_ms=self._clock.now_ms(),
            jitter=0.0,
        )
        if isinstance(outcome, Succeeded) and decision.facts[0].kind is FactKind.COMPLETED:
            self.send(node.id, outcome.events)
        return decision

    def _retries(self, node: Node) -> int:
        if node.retries is not None:
            return node.retries
        spec = self._registry.executable(node.kind)
        return 0 if spec is None else spec.retries

    def _suspend(self, node: Node, attempt: int, suspended: Suspended) -> None:
        """Let a handler wait, and enter it again when the first of its waits is over."""
        memo, now_ms = self._memos.of(node.id), self._clock.now_ms()
        for wait in suspended.waits:
            memo.open[wait.key] = wait
        memo.absorb(Fact(FactKind.SUSPENDED, node.id, attempt))
        due_ms = [due for due in (memo.next_due_ms(), suspended.resume_at_ms) if due is not None]
        self._enqueue(node.id, max(now_ms, min(due_ms, default=now_ms)))

    def _ended(self, memo: Memo) -> list[Fact]:
        """Return what the waits of a handler have come to: here nothing ends one but its time."""
        now_ms = self._clock.now_ms()
        return [self._end_of(wait, now_ms) for wait in memo.open.values() if wait.until_ms <= now_ms]

    def _end_of(self, wait: Wait, now_ms: int) -> Fact:
        detail = {"kind": wait.kind.value}
        if wait.kind is not WaitKind.RUN:
            return Fact(FactKind.COMPLETED, wait.key, detail=detail, at_ms=now_ms)
        error = ErrorInfo("InvokeTimeout", "the run has not ended in time", "invoke-timeout", retryable=False)
        return Fact(FactKind.FAILED, wait.key, error=error, detail=detail, at_ms=now_ms)

    def _perform(self, progress: Progress, node: Node, attempt: int) -> Attempted:
        spec = self._registry.executable(node.kind)
        if spec is None:
            return failed_by(NotFound(f"no action of kind {node.kind!r} is registered"))
        self._inputs.pop(node.id, None)
        try:
            inputs = resolve_inputs(node, spec, progress.scope())
        except WorkflowKitError as error:
            return failed_by(error)
        self._inputs[node.id] = loads(dumps(inputs))  # the handler may change what it is given
        session = StepSession(
            node.id, self._memos.of(node.id), _LocalRecorder(self, node.id), self._clock.now_ms, lambda: 0.0,
            retries=self._retries(node), backoff=backoff_of(node.backoff), run_id=self._id, limits=self._limits,
        )  # fmt: skip
        context = context_for(
            spec.is_async,
            event=self._event,
            run=RunInfo(self._id, self._workflow.name, LOCAL_VERSION, DEFAULT_SCOPE.environment, DEFAULT_SCOPE.tenant),
            step=StepInfo(node.id, node.id, node.kind, node.name),
            attempt=attempt - 1,
            idempotency_key=idempotency_key(self._id, node.id),
            state=progress.state,
            workflow=self._workflow.document,
            config=self._config,
            limits=self._limits,
            session=session,
        )
        timeout_seconds = spec.timeout_seconds if node.timeout_seconds is None else node.timeout_seconds
        return execute(spec, context, inputs, deadline_seconds=timeout_seconds, limits=self._limits)

    def _follow(self, decision: Decision) -> None:
        for fact in decision.facts:
            if fact.kind is FactKind.RETRY and fact.retry_at_ms is not None:
                self._enqueue(fact.step, fact.retry_at_ms)
            elif fact.step != SOURCE:
                self._record(fact)
        for node_id in decision.ready:
            self._enqueue(node_id, self._clock.now_ms())

    def _enqueue(self, node_id: str, due_ms: int) -> None:
        heappush(self._due, (due_ms, self._workflow.nodes[node_id].rank, node_id))

    def _record(self, fact: Fact) -> None:
        node = self._workflow.nodes[fact.step]
        attempts = self._attempts.get(node.id, 0)
        record = self._records[node.id] = StepRecord(
            id=node.id,
            kind=node.kind,
            name=node.name,
            status=StepStatus(fact.kind.value),
            inputs=self._inputs.get(node.id),
            output=fact.output,
            error=fact.error,
            attempts=attempts,
            reason=fact.reason,
        )
        if fact.kind in (FactKind.COMPLETED, FactKind.FAILED):
            self._order.append(node.id)
        if self._on_step is not None:
            self._on_step(record)

    def send(self, key: str, emitted: tuple[EmittedEvent, ...]) -> None:
        """Keep the events of a step for the result."""
        for index, event in enumerate(emitted):
            event_id = event.id or derived_id(self._id, key, str(index))
            ts_ms = self._clock.now_ms() if event.ts_ms is None else event.ts_ms
            self._events.append({"id": event_id, "name": event.name, "data": event.data, "ts": ts_ms})

    def _result(self, finish: Finish) -> LocalResult:
        return LocalResult(
            status=finish.status,
            output=finish.output,
            error=finish.error,
            steps=tuple(self._records[node_id] for node_id in self._workflow.nodes),
            order=tuple(self._order),
            events=tuple(self._events),
        )


class _LocalRecorder:
    """The ``Recorder`` of a run in memory: facts are durable as soon as they are made."""

    def __init__(self, run: _LocalRun, node_id: str) -> None:
        self._run, self._node_id = run, node_id

    def completed(self, key: str, attempt: int, output: Json, events: tuple[EmittedEvent, ...]) -> Fact:
        self._run.send(key, events)
        return Fact(FactKind.COMPLETED, key, attempt, output)

    def failed(self, key: str, attempt: int, error: ErrorInfo) -> Fact:
        return Fact(FactKind.FAILED, key, attempt, error=error)

    def retry(self, key: str, attempt: int, error: ErrorInfo, retry_at_ms: int) -> Fact:
        return Fact(FactKind.RETRY, key, attempt, error=error, retry_at_ms=retry_at_ms)

    def opened(self, wait: Wait) -> None:
        """Nothing can happen meanwhile, so nothing needs to be known of it."""


def _complete(event: Mapping[str, Any], clock: FakeClock) -> dict[str, Any]:
    """Return a copy of the event with the fields that intake would have added."""
    if not isinstance(event, Mapping):
        raise InvalidInput([Problem("", "wrong-type", "an event must be a JSON object")])
    complete = dict(event)
    check_json(complete)
    now_ms = clock.now_ms()
    given = {key: value for key, value in complete.items() if value is not None}
    return complete | {"id": given.get("id", new_id(now_ms)), "ts": given.get("ts", now_ms)}
