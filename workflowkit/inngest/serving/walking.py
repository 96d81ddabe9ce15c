"""How far a run of a document is: which nodes are next, and how it ends. Found anew from what the server remembers.

Results of nodes are settled again in the order in which the server got them. An item of a loop is a graph of its own,
whose nodes are steps with the item's key in their ids; what undoes a run, and what follows its failure, are too. The
run ends once all of that has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Any

from workflowkit.base.errors import WorkflowKitError
from workflowkit.base.limits import Limits
from workflowkit.definition.inputs import resolve_inputs
from workflowkit.definition.model import COMPENSATE, ON_FAILURE, Node, Workflow
from workflowkit.engine.ends import CANCELLED_ERROR
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import failed_by
from workflowkit.engine.loops import Item, LoopPlan, plan_loop
from workflowkit.engine.memo import STEP_SEPARATOR
from workflowkit.engine.outcome import Outcome, Succeeded
from workflowkit.engine.parts import ORDER, part_of, to_undo, undoes_items
from workflowkit.engine.planner import begin, settle
from workflowkit.engine.progress import Finish, Progress
from workflowkit.engine.states import RunStatus
from workflowkit.engine.surroundings import NO_SURROUNDINGS, Surroundings, seen_from
from workflowkit.inngest.serving.loops import Begun, over
from workflowkit.inngest.serving.memory import Memory
from workflowkit.inngest.serving.places import Found, Place, clock_id, escaped
from workflowkit.registry import Registry


@dataclass(frozen=True, slots=True)
class _Undone:
    """A graph whose nodes are undone by another one, and why."""

    found: Found
    error: ErrorInfo


class Walker:
    """Walks through one run of a document for one call."""

    def __init__(
        self, events: Sequence[Mapping[str, Any]], memory: Memory, registry: Registry, limits: Limits, now_ms: int
    ) -> None:
        self._events, self._memory, self._registry = events, memory, registry
        self._limits, self._now_ms = limits, now_ms
        self._loops: dict[str, tuple[LoopPlan, list[tuple[Item, Found]]]] = {}

    def walk(self, document: Workflow, given: Mapping[str, Any] | None = None) -> Found:
        """Return how far the run is; ``given`` is what it sees besides its event.

        Raises ``WorkflowKitError`` for a condition that cannot be evaluated at its beginning.
        """
        is_batched = document.settings.flow.batch is not None
        around = NO_SURROUNDINGS.with_events([dict(each) for each in self._events] if is_batched else ())
        around = around.inside({}, given)
        found = self._graph(document, around, "")
        rest = [*self._lost_items(found, is_over=found.finish is not None)]
        finish = found.finish
        if finish is not None and finish.status is RunStatus.FAILED:
            rest += self._following(found, finish.error or CANCELLED_ERROR, rest)
        if rest:
            found.finish = None
            found.next += rest
        return found

    def _following(self, found: Found, error: ErrorInfo, before: list[Place]) -> list[Place]:
        """Return what is next after a failure: what undoes it, and then what follows it."""
        undoing = self._undo(found, error)
        handler = found.graph.on_failure
        if undoing or before or handler is None:
            return undoing
        around = found.around.inside(found.progress.outputs, {"error": error.as_dict()})
        handling = self._graph(handler, around, f"{ON_FAILURE}{STEP_SEPARATOR}")
        return [*handling.next, *self._lost_items(handling, is_over=handling.finish is not None)]

    # --- one graph

    def _graph(self, graph: Workflow, around: Surroundings, prefix: str, undone: _Undone | None = None) -> Found:
        progress, decision = begin(graph, dict(self._events[0]), self._now_ms, around)
        found = Found(graph, around, prefix, progress)
        known: list[tuple[int, int, str]] = []  # (place among all results, rank, node id)
        outcomes: dict[str, Outcome] = {}
        waiting: dict[str, list[Place]] = {}
        while True:
            for node_id in decision.ready:
                node = graph.nodes[node_id]
                at, outcome = self._memory.outcome(prefix + node_id)
                places = [] if outcome is not None else self._places(found, node, undone)
                if outcome is None and places:
                    waiting[node_id] = places
                    continue
                # Without an outcome it is a loop of which nothing is left to be undone.
                outcomes[node_id] = self._marked(node, outcome or Succeeded(None))
                heappush(known, (at, node.rank, node_id))
            found.finish = decision.finish
            if not known or found.finish is not None:
                break
            at, _, node_id = heappop(known)
            found.last = max(found.last, at)
            outcome = outcomes[node_id]
            decision = settle(progress, node_id, 1, outcome, retries=0, now_ms=self._now_ms, jitter=0.0)
        if found.finish is None:
            in_order = sorted(waiting, key=lambda node_id: graph.nodes[node_id].rank)
            found.next = [place for node_id in in_order for place in waiting[node_id]]
        return found

    def _marked(self, node: Node, outcome: Outcome) -> Outcome:
        """Return an outcome that says whether the action has something that undoes it."""
        if isinstance(outcome, Succeeded) and node.body is None and self._registry.undoes_itself(node.kind):
            return replace(outcome, has_compensation=True)
        return outcome

    def _places(self, found: Found, node: Node, undone: _Undone | None) -> list[Place]:
        if node.body is None:
            return [Place(node, found)]
        return self._loop(found, node) if undone is None else self._undo_items(undone, node)

    # --- loops

    def _loop(self, found: Found, node: Node) -> list[Place]:
        own = found.prefix + node.id
        try:
            plan, items = self._items(found, node)
        except WorkflowKitError as error:
            return [Place(node, found, failed_by(error))]
        begun = [Begun(item, each.finish) for item, each in items]
        outcome = over(plan, begun, is_late=self._memory.has(clock_id(own)), limits=self._limits)
        if outcome is not None:
            return [Place(node, found, outcome)]
        clock = []
        if node.timeout_seconds is not None:
            clock.append(Place(node, found, clock_ms=round(1000 * node.timeout_seconds)))
        return clock + [place for _, each in items if each.finish is None for place in each.next]

    def _items(self, found: Found, node: Node) -> tuple[LoopPlan, list[tuple[Item, Found]]]:
        """Return the plan of a loop, and its items that have begun. Raises ``WorkflowKitError`` for what is no plan.

        The first items have begun, and one more for each that has ended: who else has is not remembered.
        """
        own = found.prefix + node.id
        if (earlier := self._loops.get(own)) is not None:
            return earlier
        spec = self._registry.executable(node.kind)
        inputs = {} if spec is None else resolve_inputs(node, spec, found.progress.scope(), limits=self._limits)
        plan = plan_loop(inputs, self._limits)
        seen = found.around.inside(seen_from(found.graph, found.progress.outputs, node.id), None)
        items: list[tuple[Item, Found]] = []
        active = 0
        for item in plan.items:
            if active == plan.concurrency:
                break
            each = self._item(node, seen.inside({}, item.given()), f"{own}[{escaped(item.key)}]{STEP_SEPARATOR}")
            active += each.finish is None
            items.append((item, each))
        self._loops[own] = plan, items
        return plan, items

    def _item(self, node: Node, around: Surroundings, prefix: str) -> Found:
        assert node.body is not None  # noqa: S101 - it is a loop
        try:
            return self._graph(node.body, around, prefix)
        except WorkflowKitError as error:  # it cannot even begin
            progress = Progress(node.body, dict(self._events[0]), around)
            finish = Finish(RunStatus.FAILED, error=failed_by(error).error)
            return Found(node.body, around, prefix, progress, finish=finish)

    # --- undoing

    def _undo(self, found: Found, error: ErrorInfo) -> list[Place]:
        """Return what is next of the compensations of a graph; nothing if there is nothing left."""
        order = to_undo(found.progress, self._registry.undoes_itself)
        if not order:
            return []
        chain = part_of(found.graph, COMPENSATE, {ORDER: order})
        around = found.around.inside(found.progress.outputs, {"error": error.as_dict()})
        prefix = f"{found.prefix}{COMPENSATE}{STEP_SEPARATOR}"
        return self._graph(chain, around, prefix, _Undone(found, error)).next

    def _undo_items(self, undone: _Undone, node: Node) -> list[Place]:
        """Return what is next where the completed items of a loop are undone, the last to complete first."""
        completed = [each for each in self._begun(undone.found, node.id) if _status(each) is RunStatus.COMPLETED]
        for each in sorted(completed, key=lambda each: each.last, reverse=True):
            if places := self._undo(each, undone.error):
                return places
        return []

    def _lost_items(self, found: Found, *, is_over: bool) -> Iterator[Place]:
        """Yield what is next of undoing the items that failed, and those that go on though their loop is over."""
        for node in found.graph.nodes.values():
            if node.body is None or node.id not in found.progress.status:
                continue
            if not undoes_items(node.body, self._registry.undoes_itself):
                continue
            is_loop_over = is_over or found.progress.is_settled(node.id)
            for each in self._begun(found, node.id):
                if each.finish is None and is_loop_over:
                    yield from self._undo(each, CANCELLED_ERROR)
                elif each.finish is not None and each.finish.status is RunStatus.FAILED:
                    yield from self._undo(each, each.finish.error or CANCELLED_ERROR)
                yield from self._lost_items(each, is_over=is_loop_over or each.finish is not None)

    def _begun(self, found: Found, node_id: str) -> list[Found]:
        try:
            return [each for _, each in self._items(found, found.graph.nodes[node_id])[1]]
        except WorkflowKitError:  # it had no items
            return []


def _status(found: Found) -> RunStatus | None:
    return None if found.finish is None else found.finish.status
