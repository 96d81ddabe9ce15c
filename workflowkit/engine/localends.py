"""What cancels a run in memory, and what follows its end: what it did is undone, and then its end is handled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from workflowkit.base.limits import Limits
from workflowkit.definition.model import COMPENSATE, ON_CANCEL, ON_FAILURE, SOURCE, Workflow
from workflowkit.definition.patterns import covers
from workflowkit.engine.awaiting import is_awaited
from workflowkit.engine.ends import CANCELLED_BY_EVENT, FINISH_TIMEOUT, NAME_OF_STATUS, error_of, times_told
from workflowkit.engine.facts import Fact, FactKind
from workflowkit.engine.loops import Item, LoopPlan, OnItemError
from workflowkit.engine.memo import STEP_SEPARATOR
from workflowkit.engine.outside import Held, Outside
from workflowkit.engine.parts import ORDER, UndoesItself, part_of, to_undo
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.states import RunStatus
from workflowkit.engine.surroundings import Surroundings
from workflowkit.engine.waits import Wait, WaitKind
from workflowkit.registry.compensation import UNDO_PREFIX
from workflowkit.registry.functions import is_function_kind

if TYPE_CHECKING:
    from workflowkit.engine.localloops import ItemRun
    from workflowkit.engine.localresult import LocalResult


class Cut(NamedTuple):
    """When and why a run is cancelled. One that ``is_sudden`` comes in the middle of an attempt: no step begins from
    there on."""

    at_ms: int
    reason: str
    is_sudden: bool = False

    def comes_before(self, due_ms: int) -> bool:
        """Tell whether what is due then does not begin any more. What is due in the same moment was there first."""
        return self.at_ms <= due_ms if self.is_sudden else self.at_ms < due_ms


@dataclass(frozen=True, slots=True)
class Past:
    """A run in memory, or the run of an item, that is over."""

    run_id: str
    workflow: Workflow
    progress: Progress
    #: The nodes whose handlers have steps that something undoes.
    undone: frozenset[str]
    around: Surroundings
    facts: tuple[Fact, ...] = field(repr=False)
    items: dict[str, tuple[ItemRun, ...]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """The workflow that handles the end of a run, and the event which starts it."""

    workflow_id: str
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What followed the end of a run. ``told`` is set if another workflow handles it; ``handler`` is its run only if it
    is a function of the application."""

    compensations: LocalResult | None = None
    handler: LocalResult | None = None
    told: Told | None = None


class PartRunner(Protocol):
    """Executes a part of a run's document to its end."""

    def __call__(
        self, graph: Workflow, around: Surroundings, path: str, begins_ms: int, undoes: Past | None = None
    ) -> LocalResult: ...


class Watch:
    """What may cancel a run in memory, and the runs of its items with it.

    Unless ``is_armed``, nothing does: what follows an end goes on whatever comes. ``path`` is of that.
    """

    def __init__(
        self, workflow: Workflow, event: dict[str, Any], outside: Outside, begun_ms: int, limits: Limits, path: str,
        *, is_armed: bool,
    ) -> None:  # fmt: skip
        self._workflow, self._event, self._outside = workflow, event, outside
        self._begun_ms, self._limits, self._path, self._is_armed = begun_ms, limits, path, is_armed
        self._cut: Cut | None = None
        if not is_armed:
            return
        for at_ms, later in outside.coming(begun_ms):
            self._came(later, Cut(at_ms, CANCELLED_BY_EVENT))
        if (finish_ms := workflow.settings.timeouts.finish_ms) is not None:
            self._plan(Cut(begun_ms + finish_ms, FINISH_TIMEOUT))

    def step_ended(self, key: str, now_ms: int) -> None:
        """See whether an event comes now that a step has ended, and cancels the run."""
        for later in self._outside.coming_after(key, self._path, now_ms):
            if self._is_armed:
                self._came(later, Cut(now_ms, CANCELLED_BY_EVENT, is_sudden=True))

    def is_cut(self, now_ms: int) -> bool:
        """Tell whether the run is cancelled by something that has happened in the middle of an attempt."""
        return self._cut is not None and self._cut.is_sudden and self._cut.at_ms <= now_ms

    def cut_before(self, due_ms: int | None, held: Sequence[Held]) -> Cut | None:
        """Return what cancels the run before its next step is due, or since nothing else will happen.

        ``held`` is what keeps it from going on.
        """
        cut = self._cut
        if cut is None or any(each.wait is None for each in held):
            return None  # what nobody executes would have come first
        if held and cut.reason == FINISH_TIMEOUT:
            return None  # nobody knows whether it lasts as long
        return cut if due_ms is None or cut.comes_before(due_ms) else None

    def _came(self, later: dict[str, Any], cut: Cut) -> None:
        if is_cancelling(self._workflow, self._event, later, cut.at_ms, self._begun_ms, self._limits):
            self._plan(cut)

    def _plan(self, cut: Cut) -> None:
        self._cut = cut if self._cut is None else min(self._cut, cut)


def is_cancelling(
    workflow: Workflow, event: dict[str, Any], later: dict[str, Any], at_ms: int, begun_ms: int, limits: Limits
) -> bool:
    """Tell whether an event that comes then cancels the run which ``event`` began: a rule of ``cancel_on`` says so."""
    return any(
        covers(rule.event, later["name"])
        and (rule.timeout_ms is None or at_ms < begun_ms + rule.timeout_ms)
        and is_awaited(Wait("", WaitKind.EVENT, at_ms, later["name"], rule.condition), event, later, limits)
        for rule in workflow.settings.cancel_on
    )


def undo(
    past: Past, error: dict[str, Any], run: PartRunner, at_ms: int, undoes_itself: UndoesItself
) -> LocalResult | None:
    """Execute the compensations of a run that is over; return their run, ``None`` if there is nothing to undo."""
    order = to_undo(past.progress, undoes_itself, past.undone)
    if not order:
        return None
    graph = part_of(past.workflow, COMPENSATE, {ORDER: list(order)})
    return run(graph, around_end(past, error), COMPENSATE, at_ms, undoes=past)


def around_end(past: Past, error: dict[str, Any]) -> Surroundings:
    """Return what compensations and handlers see: what the run has left, and its error."""
    return past.around.inside(past.progress.outputs, {"error": error})


def items_to_undo(runs: Iterable[ItemRun], undoes_itself: UndoesItself) -> tuple[LoopPlan, dict[str, ItemRun]]:
    """Return the completed items of a loop as what is to be undone, the last to complete first; and their runs."""
    completed = [each for each in runs if each.result.status is RunStatus.COMPLETED]
    done = [each for each in completed if to_undo(each.past.progress, undoes_itself, each.past.undone)]
    done.sort(key=lambda each: (each.ended_ms, each.item.index), reverse=True)
    items = tuple(Item(index, each.item.key, None, {}) for index, each in enumerate(done))
    return LoopPlan(items, 1, OnItemError.CONTINUE, COMPENSATE), {each.item.key: each for each in done}


def compensated_steps(result: LocalResult) -> Iterator[str]:
    """Yield the ids of the actions that a run of compensations has undone, and of the steps of functions, in order."""
    kinds = {step.id: step.kind for step in result.steps}
    for fact in result.facts:
        node_id, is_inner, step_id = fact.step.partition(STEP_SEPARATOR)
        if fact.kind is not FactKind.COMPLETED or node_id == SOURCE:
            continue
        of_function = is_function_kind(kinds.get(node_id, "").removeprefix(UNDO_PREFIX))
        if is_inner and of_function:
            yield step_id
        elif not is_inner and node_id in result.items:
            for each in result.items[node_id]:
                yield from compensated_steps(each.result)
        elif not is_inner and not of_function:
            yield node_id


def handler_of(workflow: Workflow, status: RunStatus) -> tuple[str, Workflow | None, str | None]:
    """Return the path of what handles such an end of a run; and its graph, or the id of another workflow, if any."""
    settings = workflow.settings
    if status is RunStatus.CANCELLED:
        return ON_CANCEL, workflow.on_cancel, settings.on_cancel_workflow
    return ON_FAILURE, workflow.on_failure, settings.on_failure_workflow


def follow(
    past: Past, finish: Finish, event: dict[str, Any], run: PartRunner, at_ms: int, undoes_itself: UndoesItself,
    tell: Callable[[str, str, int], tuple[Told, LocalResult | None]] | None, limits: Limits,
) -> Aftermath:  # fmt: skip
    """Let follow what follows the end of a run that has failed or was cancelled at that time.

    ``tell`` starts another workflow that handles it: given the name of the event, the id of that, and when. Without it
    nothing handles this end: a part of a run has none of its own.
    """
    error = error_of(finish).as_dict()
    compensations = undo(past, error, run, at_ms, undoes_itself)
    if compensations is not None:
        at_ms = compensations.started_ms + compensations.skipped_ms
    if tell is None or (compensations is not None and compensations.held):
        return Aftermath(compensations)
    path, graph, target = handler_of(past.workflow, finish.status)
    if graph is not None:
        return Aftermath(compensations, run(graph, around_end(past, error), path, at_ms))
    name = NAME_OF_STATUS[finish.status]
    if target is None or times_told(event, name) >= limits.handler_depth:
        return Aftermath(compensations)
    told, handler = tell(name, target, at_ms)
    return Aftermath(compensations, handler, told)
