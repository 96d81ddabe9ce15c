"""What a run under test came to, and what it did on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workflowkit.definition.model import COMPENSATE, Workflow
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.localends import Told, handler_of
from workflowkit.engine.localresult import LocalResult, StepRecord
from workflowkit.engine.memo import RUN_STEP
from workflowkit.engine.states import EdgeState, RunStatus
from workflowkit.testing.outside import Call
from workflowkit.testing.stubs import NODE
from workflowkit.testing.trace import opened_steps, trace_of


@dataclass(frozen=True, slots=True)
class OpenedStep:
    """What a step came to that a handler opened: ``kind`` is ``step``, or that of the wait.

    ``attempts`` is how often it was executed, or its stub asked.
    """

    key: str
    kind: str
    output: Any
    error: ErrorInfo | None
    timed_out: bool
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run that was tested.

    ``local`` is all that the engine tells of it, ``all_calls`` every attempt at an action, ``unused_stubs`` the keys of
    stubs that nothing asked for. ``part`` is empty, or what followed the end of a run: ``$compensate``, ``$on_failure``
    or ``$on_cancel``.
    """

    workflow: Workflow = field(repr=False)
    local: LocalResult
    all_calls: tuple[Call, ...]
    unused_stubs: tuple[str, ...] = ()
    part: str = ""

    @property
    def status(self) -> RunStatus:
        """``completed``, ``failed`` or ``cancelled``; ``running`` if it was told to stop before its end."""
        return self.local.status

    @property
    def output(self) -> Any:
        return self.local.output

    @property
    def error(self) -> ErrorInfo | None:
        return self.local.error

    @property
    def reason(self) -> str | None:
        """Why the run was cancelled: ``cancelled-by-event`` or ``finish-timeout``."""
        return self.local.reason

    @property
    def compensations(self) -> RunResult | None:
        """The run that has undone what this one did, after it failed or was cancelled."""
        return self._part(self.local.compensations, COMPENSATE)

    @property
    def compensated(self) -> tuple[str, ...]:
        """The ids of the actions, and of the steps of functions, that were undone, in this order; those of items of
        loops that failed, and were undone by themselves, are in the results of the items."""
        return self.local.compensated

    @property
    def handler(self) -> RunResult | None:
        """The run of what handles the end of this one: ``on_failure`` or ``on_cancel``."""
        path, graph, _ = handler_of(self.workflow, self.status)
        return self._part(self.local.handler, path, graph)

    @property
    def told(self) -> Told | None:
        """Which other workflow handles the end of this run (``workflow_id``), and by which ``event`` it is started."""
        return self.local.told

    def _part(self, result: LocalResult | None, path: str, graph: Workflow | None = None) -> RunResult | None:
        return None if result is None else RunResult(graph or self.workflow, result, self.all_calls, part=path)

    @property
    def path(self) -> tuple[str, ...]:
        """The ids of the executed actions, in the order in which they ended."""
        return self.local.order

    @property
    def skipped(self) -> tuple[str, ...]:
        """The ids of the actions that were skipped or cancelled, by their place in the document."""
        return tuple(step.id for step in self.local.steps if step.status in ("skipped", "cancelled"))

    @property
    def steps(self) -> tuple[StepRecord, ...]:
        return self.local.steps

    @property
    def edges(self) -> dict[str, EdgeState]:
        """The state of each decided edge, by its id."""
        return dict(self.local.edges)

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """The events that actions sent."""
        return self.local.events

    @property
    def messages(self) -> tuple[dict[str, Any], ...]:
        """The messages that were published, in order: ``{"channel", "topic", "data"}`` each."""
        return self.local.messages

    @property
    def slept_seconds(self) -> float:
        """How long the run would have waited, from its start to its end."""
        return self.local.skipped_ms / 1000

    @property
    def passes(self) -> int:
        """How often a handler was called: once for each attempt, and once more each time that it had waited."""
        return self.local.passes

    def step(self, node_id: str) -> StepRecord:
        """Return what became of an action: its resolved ``inputs``, ``output``, ``status``, ``attempts`` and so on."""
        found = next((step for step in self.local.steps if step.id == node_id), None)
        if found is None:
            raise KeyError(f"no action {node_id!r} was reached; there are {', '.join(s.id for s in self.local.steps)}")
        return found

    def opened(self, key: str) -> OpenedStep:
        """Return what a step that a handler opened came to: by ``<action id>/<step id>``, or the step id alone."""
        for fact, kind in opened_steps(self.local):
            if key in (fact.step, fact.step.partition("/")[2]):
                timed_out = bool((fact.detail or {}).get("timed_out"))
                attempts = fact.attempt if kind == RUN_STEP else 1
                return OpenedStep(fact.step, kind, fact.output, fact.error, timed_out, attempts)
        raise KeyError(f"no step {key!r} was opened that has ended")

    def calls(self, what: str) -> tuple[Call, ...]:
        """Return the attempts at the actions of a kind, or with ``node:<id>`` at one action, in order."""
        node_id = what.removeprefix(NODE) if what.startswith(NODE) else None
        return tuple(
            call for call in self.all_calls
            if what == call.kind or (node_id == call.node_id and call.path == self.part)
        )  # fmt: skip

    def items(self, loop_id: str) -> tuple[RunResult, ...]:
        """Return the runs of the items of a loop that began, in the order of its list."""
        body = self.workflow.nodes[loop_id].body
        assert body is not None, f"{loop_id!r} is no loop"  # noqa: S101 - of whoever wrote the test
        runs = self.local.items.get(loop_id, ())
        return tuple(RunResult(body, each.result, self.all_calls, part=self.part) for each in runs)

    def trace(self) -> dict[str, Any]:
        """Return the whole run as JSON without ids of runs and without dates: the same each time it is run."""
        return trace_of(self.local)
