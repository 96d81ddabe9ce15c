"""What the handler of an action did and waits for, told from the facts under the action's key. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workflowkit.definition.model import Json
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.memo import STEP_SEPARATOR
from workflowkit.engine.states import StepStatus
from workflowkit.engine.waits import Wait, WaitKind

#: The type of a step that executes code; others have the word of their wait.
RUN_CODE = "code"


@dataclass(frozen=True, slots=True)
class InnerStep:
    """A step that a handler opened (``ctx.step``): code that it executed, or something that it waited for.

    ``type`` is ``code`` or a kind of wait, ``name`` the event, the signal or the workflow that is waited for.
    ``until_ms`` is when an open wait ends by itself, or a failed execution is repeated. When code began is not known:
    its result is the first that is written of it.
    """

    id: str
    type: str
    name: str
    condition: str | None
    status: StepStatus
    output: Json
    error: ErrorInfo | None
    started_at_ms: int | None
    finished_at_ms: int | None
    until_ms: int | None


def inner_steps(facts: Iterable[Fact]) -> dict[str, tuple[InnerStep, ...]]:
    """Return the steps that the handlers of a run have opened, by the id of the action, in order of beginning."""
    by_key: dict[str, list[Fact]] = {}
    for fact in facts:
        if STEP_SEPARATOR in fact.step:
            by_key.setdefault(fact.step, []).append(fact)
    found: dict[str, list[InnerStep]] = {}
    for key, own in by_key.items():
        found.setdefault(key.partition(STEP_SEPARATOR)[0], []).append(_inner_step(key, own))
    return {node_id: tuple(steps) for node_id, steps in found.items()}


def _inner_step(key: str, facts: list[Fact]) -> InnerStep:
    opened = next((fact for fact in facts if fact.kind is FactKind.OPENED and fact.detail is not None), None)
    wait = None if opened is None or opened.detail is None else Wait.from_detail(key, opened.detail)
    final = next((fact for fact in facts if fact.kind.is_final), None)
    last = facts[-1] if final is None else final
    return InnerStep(
        id=key,
        type=RUN_CODE if wait is None else wait.kind.value,
        name="" if wait is None else wait.name,
        condition=None if wait is None else wait.condition,
        status=_open_status(wait) if final is None else StepStatus(final.kind.value),
        output=last.output,
        error=last.error,
        started_at_ms=None if opened is None else opened.at_ms,
        finished_at_ms=None if final is None else final.at_ms,
        until_ms=None if final is not None else last.retry_at_ms if wait is None else wait.until_ms,
    )


def _open_status(wait: Wait | None) -> StepStatus:
    if wait is None:
        return StepStatus.READY
    return StepStatus.SLEEPING if wait.kind is WaitKind.SLEEP else StepStatus.WAITING
