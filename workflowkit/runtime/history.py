"""A run's history, told step by step: what each action was given, what it returned, and how often it was tried.

Pure. Nothing here was stored in this form: attempts and results are facts of the journal, and inputs are computed again
from the pinned version and the recorded outputs, which gives what the action was given because both never change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from workflowkit.base.errors import ExpressionError, InvalidInput, LimitExceeded
from workflowkit.base.sealing import is_sealed
from workflowkit.definition import ActionCatalogue
from workflowkit.definition.inputs import check_inputs, resolve_inputs
from workflowkit.definition.jsonpath import child
from workflowkit.definition.model import Json, Node, Workflow
from workflowkit.definition.references import Reference, ReferenceScope, references_in
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.progress import Progress
from workflowkit.engine.states import EdgeState, StepStatus
from workflowkit.engine.surroundings import NO_SURROUNDINGS, Surroundings
from workflowkit.runtime.innersteps import InnerStep, inner_steps
from workflowkit.runtime.waitsfor import WaitsFor
from workflowkit.store.queries import StepView
from workflowkit.store.steps import HELD_UP, NEVER, PARKED

_NO_INPUTS: Final[Mapping[str, dict[str, Json]]] = MappingProxyType({})
#: What stands in a schedule where no time is known.
_NO_TIMES: Final = (NEVER, PARKED, HELD_UP)
_NOTHING: Final[Mapping[str, WaitsFor]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a step's action. ``outcome`` is ``None`` while it goes on."""

    number: int
    started_at_ms: int
    worker: str | None
    outcome: FactKind | None = None
    error: ErrorInfo | None = None
    finished_at_ms: int | None = None
    retry_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The execution of a node that was begun or decided.

    ``inputs`` is ``None`` for a step that never started, and where they cannot be computed: the action is not
    registered here, the inputs are what the step failed on, or they come from something that is encrypted here.
    ``due_at_ms`` is set until the step has ended, but for one that queues: what that ``waits_for`` is told instead.
    ``inner`` are the steps that its handler opened.
    """

    id: str
    kind: str
    name: str
    status: StepStatus
    inputs: dict[str, Json] | None
    output: Json
    error: ErrorInfo | None
    is_handled: bool
    reason: str | None
    attempts: tuple[Attempt, ...]
    started_at_ms: int | None
    finished_at_ms: int | None
    due_at_ms: int | None
    waits_for: WaitsFor | None = None
    inner: tuple[InnerStep, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """The steps of a run in the order of its workflow, and the state of each decided edge by the edge's id."""

    steps: tuple[Step, ...]
    edges: Mapping[str, EdgeState]


def tell(
    workflow: Workflow,
    event: Json,
    facts: Sequence[Fact],
    schedule: Iterable[StepView],
    actions: ActionCatalogue,
    around: Surroundings = NO_SURROUNDINGS,
    edited: Mapping[str, dict[str, Json]] = _NO_INPUTS,
    queued: Mapping[str, WaitsFor] = _NOTHING,
) -> History:
    """Return the history of a run of ``workflow`` from its facts (in order) and the rows of its schedule.

    ``edited`` are the inputs that somebody gave to steps of this run in place of the workflow's, by the step's id;
    ``queued`` tells what those wait for that queue.
    """
    progress = Progress.replay(workflow, event, facts, around)
    scope = progress.scope()
    by_step: dict[str, list[Fact]] = {}
    for fact in facts:
        by_step.setdefault(fact.step, []).append(fact)
    rows = {row.step_key: row for row in schedule}
    inner = inner_steps(facts)
    steps = tuple(
        replace(
            _step(node, by_step.get(node.id, []), rows.get(node.id), _Given(actions, scope, edited)),
            inner=inner.get(node.id, ()),
            waits_for=queued.get(node.id),
        )
        for node in workflow.nodes.values()
        if node.id in by_step or node.id in rows
    )
    return History(steps, dict(progress.edges))


def _step(node: Node, facts: Sequence[Fact], row: StepView | None, given: _Given) -> Step:
    attempts = _attempts(facts)
    final = next((fact for fact in facts if fact.kind.is_final), None)
    status = StepStatus.READY if row is None else row.status
    return Step(
        id=node.id,
        kind=node.kind,
        name=node.name,
        status=status if final is None else StepStatus(final.kind.value),
        inputs=given.to(node) if attempts else None,
        output=None if final is None else final.output,
        error=None if final is None else final.error,
        is_handled=final is not None and final.handled,
        reason=None if final is None else final.reason,
        attempts=attempts,
        started_at_ms=attempts[0].started_at_ms if attempts else None,
        finished_at_ms=None if final is None else final.at_ms,
        due_at_ms=None if final is not None or row is None or row.due_at_ms in _NO_TIMES else row.due_at_ms,
    )


def _attempts(facts: Sequence[Fact]) -> tuple[Attempt, ...]:
    begun = {fact.attempt: fact for fact in facts if fact.kind is FactKind.ATTEMPT}
    ended: dict[int, Fact] = {}
    for fact in facts:
        if fact.kind is not FactKind.ATTEMPT:
            ended.setdefault(fact.attempt, fact)
    return tuple(_attempt(number, start, ended.get(number)) for number, start in sorted(begun.items()))


def _attempt(number: int, start: Fact, end: Fact | None) -> Attempt:
    fields: dict[str, Any] = {}
    if end is not None:
        fields = {
            "outcome": end.kind,
            "error": end.error,
            "finished_at_ms": end.at_ms,
            "retry_at_ms": end.retry_at_ms,
        }
    return Attempt(number, start.at_ms, start.worker, **fields)


@dataclass(frozen=True, slots=True)
class _Given:
    """What the steps of a run are given."""

    actions: ActionCatalogue
    scope: ReferenceScope
    edited: Mapping[str, dict[str, Json]]

    def to(self, node: Node) -> dict[str, Json] | None:
        """Return the inputs of a step, with defaults; ``None`` where they are not known."""
        action, edited = self.actions.get(node.kind), self.edited.get(node.id)
        if action is None or is_sealed(edited):
            return None
        if edited is None and any(_looks_into_sealed(each, self.scope) for each in references_in(dict(node.inputs))):
            return None
        try:
            return resolve_inputs(node, action, self.scope) if edited is None else check_inputs(node, action, edited)
        except (InvalidInput, ExpressionError, LimitExceeded):
            return None


def _looks_into_sealed(reference: Reference, scope: ReferenceScope) -> bool:
    """Tell whether a reference leads into a value that is encrypted here: what the action was given is not known."""
    value = scope.event if reference.root == "event" else scope.roots.get(reference.root)
    if reference.action is not None:
        value = scope.state.get(reference.action)
    for key in reference.path.keys:
        if is_sealed(value):
            return True
        value = child(value, key)
    return bool(reference.path.rest) and is_sealed(value)
