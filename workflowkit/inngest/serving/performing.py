"""One attempt of a handler for a server's call, and a whole function by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workflowkit.base.errors import NotFound
from workflowkit.base.ids import derived_id, idempotency_key, started_run_id
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Node, Workflow
from workflowkit.engine.context import ActionConfig, RunInfo, StepInfo, context_for
from workflowkit.engine.executor import execute
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import failed_by
from workflowkit.engine.outcome import Attempted, EmittedEvent, Failed, Succeeded
from workflowkit.engine.recorder import Undone
from workflowkit.engine.retry import backoff_of, may_retry, restricted
from workflowkit.inngest.serving.names import Names
from workflowkit.inngest.serving.operations import Answered, described
from workflowkit.inngest.serving.outputs import KeptOutputs
from workflowkit.inngest.serving.recorder import Outlet
from workflowkit.inngest.serving.requests import Call
from workflowkit.inngest.serving.served import Served, retries_of
from workflowkit.inngest.serving.session import ServedSession, Terms
from workflowkit.registry import Registry

DONE, OPERATIONS, FAILED = 200, 206, 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call is answered with. ``no_retry`` and ``retry_after_seconds`` are of what failed."""

    status: int
    value: Any
    no_retry: bool | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What handlers are performed with."""

    names: Names
    registry: Registry
    extensions: Extensions
    config: ActionConfig
    limits: Limits
    scope: Scope
    outlet: Outlet
    now_ms: Callable[[], int]
    outputs: KeptOutputs


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a node of a workflow. ``events`` are as handlers know them.

    ``graph`` is the one that the node stands in, if that is a part of the workflow, and ``prefix`` begins the ids of
    its steps; ``None`` for a function. ``is_free`` and ``plans_only`` say which of its steps are executed (``Terms``).
    ``undone`` is what the steps of a function came to that is undone now.
    """

    means: Means
    served: Served
    call: Call
    events: Sequence[Mapping[str, Any]]
    node: Node
    target: str | None = None
    graph: Workflow | None = None
    prefix: str | None = None
    is_free: bool = False
    plans_only: bool = False
    undone: Undone | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)

    @property
    def workflow(self) -> Workflow:
        return self.served.workflow

    @property
    def step_key(self) -> str:
        """What the node is called to the server."""
        return (self.prefix or "") + self.node.id

    @property
    def retries(self) -> int:
        """How often this node, or a step of it, may be tried again; the server may allow less."""
        own = retries_of(self.node, self.means.registry)
        return min(own, max(0, self.call.max_attempts - 1))

    def make(self) -> tuple[Attempted, Answered]:
        """Call the handler; return what that came to, and what its steps have to tell."""
        means, node, call = self.means, self.node, self.call
        spec = means.registry.executable(node.kind)
        if spec is None:
            return failed_by(NotFound(f"no action of kind {node.kind!r} is registered")), Answered()
        backoff = None if node.backoff is None else backoff_of(node.backoff)
        terms = Terms(
            call, means.names, self.target, means.outlet, means.now_ms, means.limits, self.prefix, self.is_free,
            self.plans_only, backoff, self.undone,
        )  # fmt: skip
        hooks = means.extensions.hooks(spec, self.will_retry)
        session = ServedSession(node.id, terms, retries=self.retries, hooks=hooks)
        context = context_for(
            spec.is_async,
            event=self.events[0],
            events=self.events,
            run=RunInfo(call.run_id, self.served.id, "served", means.scope.environment, means.scope.tenant),
            step=StepInfo(self.step_key, node.id, node.kind, node.name),
            attempt=call.attempt,
            idempotency_key=idempotency_key(call.run_id, self.step_key),
            state=self.state,
            workflow=(self.graph or self.workflow).document,
            config=means.config,
            limits=means.limits,
            session=session,
        )
        seconds = spec.timeout_seconds if node.timeout_seconds is None else node.timeout_seconds
        outcome = execute(spec, context, self.inputs, deadline_seconds=seconds, limits=means.limits)
        return outcome, session.answered

    def will_retry(self, failed: Failed) -> bool:
        """Tell whether an attempt that failed is followed by another."""
        return may_retry(self.call.attempt + 1, restricted(failed, self.node.retry_on), retries=self.retries)

    def let_out(self, outcome: Succeeded) -> Succeeded:
        """Send what the handler wants sent with its result, and start the runs that it wants started.

        The ids of events follow from the run: twice is once. Those of runs are the server's, so they take the place of
        ours in the result, which is returned. Raises ``ActionError``, ``NotFound`` for what is to be run.
        """
        try:
            ids, started = self._sent(outcome.events)
        except BaseException as error:
            if outcome.on_sent is not None:
                outcome.on_sent([], error)
            raise
        if outcome.on_sent is not None:
            outcome.on_sent(ids, None)
        return replace(outcome, output=_with_ids(outcome.output, started)) if started else outcome

    def _sent(self, events: Sequence[EmittedEvent]) -> tuple[list[str], dict[str, str]]:
        """Return the ids of events that were sent; and those of runs that were started, by ours."""
        outlet, names = self.means.outlet, self.means.names
        sent = [
            replace(each, id=each.id or derived_id(self.call.run_id, self.step_key, str(index)))
            for index, each in enumerate(events)
            if each.target is None
        ]
        ids = outlet.send(sent) if sent else []
        started = {
            started_run_id(each.own_id or "", each.target): outlet.start(*names.parts(each.target), each.data)
            for each in events
            if each.target is not None
        }
        return ids, started


def _with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    """Return a value in which ids that stand by themselves are replaced."""
    if isinstance(value, dict):
        return {name: _with_ids(each, ids) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_ids(each, ids) for each in value]
    return ids.get(value, value) if isinstance(value, str) else value


def told(answered: Answered) -> Reply:
    """Return operations as an answer."""
    return Reply(OPERATIONS, list(answered.items), answered.is_final, answered.retry_after_seconds)


def failure(error: ErrorInfo, *, is_final: bool, retry_after_seconds: float | None = None) -> Reply:
    """Return an error as an answer."""
    return Reply(FAILED, described(error), is_final, retry_after_seconds)
