"""A run as a tree of spans: when each part of it began and ended, with waiting apart from execution. Pure.

Each step lasts from the moment at which it could have begun. Its time is shared out without gaps: in the queue, then
attempt by attempt, with what lies between them; so the parts of a step that has ended add up to the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from workflowkit.definition.model import SOURCE, Json
from workflowkit.engine.facts import ErrorInfo, FactKind
from workflowkit.engine.memo import STEP_SEPARATOR
from workflowkit.engine.states import EdgeState
from workflowkit.runtime.history import Attempt, Step
from workflowkit.runtime.innersteps import RUN_CODE, InnerStep
from workflowkit.runtime.tracing import Trace
from workflowkit.store.queries import ChildView


class SpanKind(StrEnum):
    """What a span is of. ``QUEUE``, ``ATTEMPT``, ``RETRY`` and ``WAIT`` are the parts of a step's time."""

    RUN = "run"
    STEP = "step"
    QUEUE = "queue"
    """From the moment at which a step could begin to its first attempt."""
    ATTEMPT = "attempt"
    RETRY = "retry"
    """From an attempt that failed, or was lost, to the next one."""
    WAIT = "wait"
    """From an attempt that began to wait to the next one."""
    INNER = "inner"
    """Something that a handler did or waited for (``ctx.step``)."""
    FINALIZATION = "finalization"
    """What a handler did after the last of these."""
    CHILD = "child"
    """A run that a step began."""


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of time. ``key`` is unique in the trace; ``ended_at_ms`` is ``None`` while it goes on."""

    key: str
    parent: str | None
    kind: SpanKind
    name: str
    started_at_ms: int
    ended_at_ms: int | None
    status: str
    error: ErrorInfo | None = None
    details: dict[str, Json] = field(default_factory=dict)


def spans_of(told: Trace) -> list[Span]:
    """Return the spans of a run, each before those inside of it. The key of the run's own is its id."""
    run = told.run
    details: dict[str, Json] = {"workflow_id": run.workflow_id, "version": run.version, "event_id": run.event_id}
    spans = [
        Span(
            run.id, None, SpanKind.RUN, told.workflow.name or run.workflow_id, run.created_at_ms, run.finished_at_ms,
            run.status.value, run.error, details,
        )
    ]  # fmt: skip
    for step in told.history.steps:
        if step.attempts or step.finished_at_ms is None:
            spans += _of_step(told, step)
    return spans


def _of_step(told: Trace, step: Step) -> Iterator[Span]:
    run_id, ready_at_ms = told.run.id, _ready_at_ms(told, step)
    yield Span(
        step.id, run_id, SpanKind.STEP, step.name, ready_at_ms, step.finished_at_ms, step.status.value, step.error,
        {"kind": step.kind, "attempts": len(step.attempts)},
    )  # fmt: skip
    begun = step.attempts[0].started_at_ms if step.attempts else step.finished_at_ms
    if begun is None or begun > ready_at_ms:
        yield Span(f"{step.id}#queue", step.id, SpanKind.QUEUE, "In the queue", ready_at_ms, begun, "")
    yield from _of_attempts(step)
    yield from (_of_inner(step, inner) for inner in step.inner)
    yield from _finalization(step)
    yield from (_of_child(step, child) for child in told.children if _began(step, child))


def _of_attempts(step: Step) -> Iterator[Span]:
    for attempt, following in pairwise([*step.attempts, None]):
        assert attempt is not None  # noqa: S101 - only the last one of the pairs is none
        outcome = "running" if attempt.outcome is None else attempt.outcome.value
        ended_at_ms = step.finished_at_ms if attempt.finished_at_ms is None else attempt.finished_at_ms
        yield Span(
            f"{step.id}#{attempt.number}", step.id, SpanKind.ATTEMPT, f"Attempt {attempt.number}",
            attempt.started_at_ms, ended_at_ms, outcome, attempt.error,
            {"number": attempt.number, "worker": attempt.worker},
        )  # fmt: skip
        yield from _pause(step, attempt, following)


def _pause(step: Step, attempt: Attempt, following: Attempt | None) -> Iterator[Span]:
    """Yield what lies between an attempt and the next one, or the end of the step."""
    if attempt.finished_at_ms is None or attempt.finished_at_ms == step.finished_at_ms:
        return
    is_wait = attempt.outcome is FactKind.SUSPENDED
    kind, name = (SpanKind.WAIT, "Waiting") if is_wait else (SpanKind.RETRY, "Until the next attempt")
    until_ms = step.finished_at_ms if following is None else following.started_at_ms
    key = f"{step.id}#{attempt.number}.{kind.value}"
    yield Span(
        key, step.id, kind, name, attempt.finished_at_ms, until_ms, "", None, {"retry_at_ms": attempt.retry_at_ms}
    )


def _of_inner(step: Step, inner: InnerStep) -> Span:
    begun = inner.started_at_ms or inner.finished_at_ms or step.started_at_ms or 0
    details: dict[str, Json] = {"type": inner.type, "name": inner.name, "condition": inner.condition,
                                "until_ms": inner.until_ms}  # fmt: skip
    if inner.type == RUN_CODE:
        # When code began is not known: its result is the first that is written of it.
        details = {"type": inner.type, "is_moment": True}
    name = inner.id.partition(STEP_SEPARATOR)[2]
    return Span(
        inner.id, step.id, SpanKind.INNER, name, begun, inner.finished_at_ms, inner.status.value, inner.error, details
    )  # fmt: skip


def _finalization(step: Step) -> Iterator[Span]:
    ends = [inner.finished_at_ms for inner in step.inner]
    if step.finished_at_ms is None or not ends or any(end is None for end in ends):
        return
    # The handler went on when it was entered for the last time, or when its last step was recorded.
    last = max(end for end in ends if end is not None)
    begun = max(last, step.attempts[-1].started_at_ms if step.attempts else last)
    if begun <= step.finished_at_ms:
        yield Span(
            f"{step.id}#finalization", step.id, SpanKind.FINALIZATION, "After the last step", begun,
            step.finished_at_ms, step.status.value,
        )  # fmt: skip


def _of_child(step: Step, child: ChildView) -> Span:
    run = child.run
    name = run.workflow_id if child.key is None else f"item {child.key}"
    return Span(
        f"run:{run.id}", run.parent_step or step.id, SpanKind.CHILD, name, run.created_at_ms, run.finished_at_ms,
        run.status.value, run.error, {"run_id": run.id, "workflow_id": run.workflow_id, "key": child.key},
    )  # fmt: skip


def _began(step: Step, child: ChildView) -> bool:
    return (child.run.parent_step or "").partition(STEP_SEPARATOR)[0] == step.id


def _ready_at_ms(told: Trace, step: Step) -> int:
    """Return when a step could have begun: when the last of those had ended that lead to it."""
    ended = {each.id: each.finished_at_ms for each in told.history.steps}
    before: Sequence[int | None] = [
        ended.get(edge.source)
        for edge in told.workflow.incoming[step.id]
        if edge.source != SOURCE and told.history.edges.get(edge.id) is EdgeState.TAKEN
    ]
    begun = step.attempts[0].started_at_ms if step.attempts else None
    ready_at_ms = max([told.run.created_at_ms, *(end for end in before if end is not None)])
    return ready_at_ms if begun is None else min(ready_at_ms, begun)
