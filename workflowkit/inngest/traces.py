"""Runs as trees of spans: the run, and in it the steps of its function."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import NotFound
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.engine.memo import step_id_of
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.engine.waits import WaitKind
from workflowkit.inngest.events import shown_event
from workflowkit.inngest.naming import hash_of
from workflowkit.inngest.notes import is_note
from workflowkit.inngest.parts import Stored
from workflowkit.inngest.views import output_of, shown_status
from workflowkit.runtime.innersteps import InnerStep, inner_steps
from workflowkit.runtime.position import events_of
from workflowkit.store import queries, runs
from workflowkit.store.events import EventGone
from workflowkit.store.queries import RunView
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

#: The operation that a kind of step is known by.
_OPERATIONS = {
    WaitKind.SLEEP: "SLEEP", WaitKind.EVENT: "WAIT_FOR_EVENT", WaitKind.RUN: "INVOKE",
    WaitKind.SIGNAL: "WAIT_FOR_SIGNAL",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Traced:
    """A run, the steps of its function in order of beginning, and the events that it is for."""

    run: RunView
    steps: tuple[InnerStep, ...]
    events: tuple[dict[str, Any], ...]

    @property
    def status(self) -> str:
        """The status of the run, as GraphQL and the second version of the REST API write it."""
        return shown_status(self.run.status).upper()

    @property
    def output(self) -> str | None:
        """What the run came to, as JSON text; ``None`` before."""
        return dumps(output_of(self.run)) if self.run.status.is_terminal else None

    def spans(self) -> list[dict[str, Any]]:
        """Return a span for each step."""
        seen: set[str] = set()
        return [_span(self.run, step, _name(step, seen)) for step in self.steps]

    def root(self) -> dict[str, Any]:
        """Return the span of the run, with those of its steps."""
        run = self.run
        return {
            "name": run.workflow_id.partition("/")[2], "runID": run.id, "spanID": run.id, "traceID": run.id,
            "parentSpanID": None, "isRoot": True, "stepID": None, "stepOp": None, "status": self.status,
            "attempts": None, "outputID": _output_id(run.id, ""), "queuedAt": rfc3339(run.created_at_ms),
            "startedAt": rfc3339(run.started_at_ms), "endedAt": rfc3339(run.finished_at_ms),
            "duration": _duration(run.started_at_ms, run.finished_at_ms), "metadata": [], "stepInfo": None,
            "childrenSpans": self.spans(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Traces:
    """The runs of the installation's own tenant. ``parts`` is asked for with each request."""

    parts: Callable[[], Stored]

    def of(self, run_id: str) -> Traced:
        """Return a run with its steps. Raises ``NotFound``."""
        parts = self.parts()
        with parts.database.read() as tx:
            run = queries.get_run(tx, parts.settings.scope, run_id)
            facts = queries.find_facts(tx, parts.settings.scope, run_id)
            record = runs.load_in_scope(tx, parts.settings.scope, run_id)
            event = queries.get_event(tx, parts.settings.scope, run.event_id).as_json()
            together = (() if record is None else _together(tx, record)) or (event,)
        found = inner_steps(facts).get(run.workflow_id.partition("/")[2], ())
        steps = tuple(step for step in found if not is_note(step_id_of(step.id)))
        return Traced(run, steps, tuple(shown_event(each) for each in together))

    def output(self, output_id: str) -> dict[str, Any]:
        """Return what a span came to, by the id that it tells: data as JSON text, or an error. Raises ``NotFound``."""
        run_id, key = _parsed(output_id)
        traced = self.of(run_id)
        if not key:
            error = traced.run.error
            return _output(output_of(traced.run) if error is None else None, error)
        for step in traced.steps:
            if step.id == key:
                return _output(step.output if step.error is None else None, step.error)
        raise NotFound("there is no such output")


def _output(data: Any, error: Any) -> dict[str, Any]:
    told = None if error is None else {"name": error.name, "message": error.message, "stack": None, "cause": None}
    return {"data": None if error is not None else dumps(data), "input": None, "error": told}


def _span(run: RunView, step: InnerStep, name: str) -> dict[str, Any]:
    operation = next((op for kind, op in _OPERATIONS.items() if kind.value == step.type), "RUN")
    return {
        "name": name, "runID": run.id, "spanID": step.id, "traceID": run.id, "parentSpanID": run.id, "isRoot": False,
        "stepID": hash_of(step_id_of(step.id)), "stepOp": operation, "status": _status(run.status, step.status),
        "attempts": None, "outputID": _output_id(run.id, step.id) if step.finished_at_ms is not None else None,
        "queuedAt": rfc3339(step.started_at_ms or step.finished_at_ms or run.created_at_ms),
        "startedAt": rfc3339(step.started_at_ms), "endedAt": rfc3339(step.finished_at_ms),
        "duration": _duration(step.started_at_ms, step.finished_at_ms), "metadata": [], "stepInfo": None,
        "childrenSpans": [],
    }  # fmt: skip


def _name(step: InnerStep, seen: set[str]) -> str:
    """Return what an author calls a step: a repeated name has a number here, and none there."""
    own = step_id_of(step.id)
    base, mark, number = own.rpartition(":")
    seen.add(own)
    return base if mark and number.isdecimal() and base in seen else own


def _together(tx: Transaction, run: RunRecord) -> tuple[dict[str, Any], ...]:
    """Return the events of a run's batch; none if it had but one, or they are gone."""
    try:
        return events_of(tx, run)
    except EventGone:
        return ()


def _status(run: RunStatus, step: StepStatus) -> str:
    if step is StepStatus.COMPLETED:
        return "COMPLETED"
    if step in (StepStatus.FAILED, StepStatus.CANCELLED):
        return step.value.upper()
    if run.is_terminal:
        return "CANCELLED"
    return "WAITING" if step in (StepStatus.WAITING, StepStatus.SLEEPING) else "RUNNING"


def _output_id(run_id: str, key: str) -> str:
    return base64.urlsafe_b64encode(dumps([run_id, key]).encode()).decode()


def _parsed(output_id: str) -> tuple[str, str]:
    try:
        run_id, key = loads(base64.urlsafe_b64decode(output_id))
    except (ValueError, TypeError, binascii.Error):
        raise NotFound("there is no such output") from None
    if not isinstance(run_id, str) or not isinstance(key, str):
        raise NotFound("there is no such output")
    return run_id, key


def _duration(began_at_ms: int | None, ended_at_ms: int | None) -> int | None:
    return None if began_at_ms is None or ended_at_ms is None else ended_at_ms - began_at_ms
