"""Loops: their items begin together, each as a run of its own, and their ends wake the loop once.

Nobody goes through the items again and again. The loop's step begins all of them in the transaction in which it begins
to wait; each end gives one more its turn; the last end makes the step due; and its claim reads all of them once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.ids import item_id
from workflowkit.base.limits import Limits
from workflowkit.definition.model import COMPENSATE, Node, Workflow
from workflowkit.engine.again import changes_of
from workflowkit.engine.facts import KEPT, ErrorInfo, Fact, FactKind
from workflowkit.engine.failures import failed_by, stored_value, unstorable
from workflowkit.engine.loops import (
    LOOP_TIMEOUT,
    Item,
    ItemEnd,
    LoopPlan,
    OnItemError,
    items_key,
    loop_error,
    loop_output,
    plan_loop,
)
from workflowkit.engine.outcome import Attempted, Failed, Succeeded, Suspended
from workflowkit.engine.parts import OF_RUN, ORDER, is_undoing, path_in, path_undone, undone_order
from workflowkit.engine.states import RunStatus
from workflowkit.engine.surroundings import Surroundings, seen_from
from workflowkit.engine.waits import MAX_WAIT_SECONDS, Wait, WaitKind
from workflowkit.runtime.children import Started
from workflowkit.runtime.items import ENDS_LOOP
from workflowkit.runtime.parts import begin_part, part_record
from workflowkit.runtime.position import Batch, Claim, Opening, Position, Schedule
from workflowkit.runtime.versions import Versions
from workflowkit.store import children, journal, runs
from workflowkit.store.children import ChildEnd
from workflowkit.store.database import Database
from workflowkit.store.runs import RunRecord
from workflowkit.store.transactions import Transaction

#: Why a loop fails of which some items were to be repeated, and the others kept.
ITEMS_GONE: Final = ErrorInfo(
    "ItemsGone", "the items which were not to be repeated are gone", "items-gone", retryable=False
)


class Loops:
    """Executes loops. Thread-safe."""

    def __init__(self, database: Database, versions: Versions, schedule: Schedule, limits: Limits) -> None:
        self._database = database
        self._versions = versions
        self._schedule = schedule
        self._limits = limits

    def attempt(self, claim: Claim, node: Node, inputs: Mapping[str, Any]) -> Attempted:
        """Return what an attempt of a loop's step comes to: its items begin, or have ended."""
        key, position = items_key(node.id), claim.position
        memo = position.memos.of(node.id)
        if (ended := memo.results.get(key)) is not None:
            return self._collect(position.run.id, node.id) if ended.error is None else Failed(ended.error)
        if key in memo.open:
            return Suspended()
        try:
            plan = self._undoing(position, node) if is_undoing(position.run.path) else plan_loop(inputs, self._limits)
        except (InvalidInput, LimitExceeded) as error:
            return failed_by(error)
        if not plan.items:
            return Succeeded(loop_output(()))
        seconds = MAX_WAIT_SECONDS if node.timeout_seconds is None else node.timeout_seconds
        until_ms = self._database.now_ms() + round(1000 * seconds)
        return Suspended((Wait(key, WaitKind.LOOP, until_ms, plan.on_item_error, data=plan),))

    def _undoing(self, position: Position, node: Node) -> LoopPlan:
        """Return the items of a loop that undoes another one: what completed of that, the last one first."""
        run = position.run
        of_run = str(run.input.get(OF_RUN) or run.parent_run_id)
        path = path_in(path_undone(run.path), node.id)
        with self._database.read() as tx:
            done = children.to_undo(tx, of_run, node.id, undone_by=path_in(path, COMPENSATE))
            completed = journal.load_final(tx, [child.run_id for child in done])
        assert node.body is not None  # noqa: S101 - it is a loop
        items: list[Item] = []
        undoes_itself = self._schedule.registry.undoes_itself
        for child in done:
            if order := undone_order(node.body, completed[child.run_id], undoes_itself):
                given = {OF_RUN: child.run_id, ORDER: list(order), "error": run.input.get("error")}
                items.append(Item(len(items), child.given["key"], None, given))
        return LoopPlan(tuple(items), 1, OnItemError.CONTINUE, path_in(path, COMPENSATE))

    def _collect(self, run_id: str, node_id: str) -> Attempted:
        with self._database.read() as tx:
            found = list(children.ends(tx, run_id, node_id))
        ends = [
            ItemEnd(child.given["index"], child.given["key"], child.status, child.output, child.error)
            for child in found
        ]
        if found[0].given[ENDS_LOOP] and (error := loop_error(ends)) is not None:
            return Failed(error)
        try:
            return Succeeded(stored_value(loop_output(ends), self._limits))
        except (InvalidInput, LimitExceeded) as error:
            return unstorable(error)

    def begin(self, tx: Transaction, batch: Batch, parent: Position, node_id: str, wait: Wait) -> Started | ErrorInfo:
        """Add a run for each item to ``batch``: the first may start at once, the others when it is their turn.

        Or say why there can be none: items that are not to be repeated are gone.

        Joins the transaction that holds the locks of the run and of the loop's step.
        """
        plan: LoopPlan = wait.data
        openings: list[Opening] = []
        active = 0
        own, kept = Batch(), _kept_items(tx, parent.run, node_id)
        if kept is None:
            return ITEMS_GONE
        for item, (child, graph, around) in zip(plan.items, self._children(tx, parent, node_id, plan), strict=True):
            if item.key in kept:
                own.runs.append(_as_before(child, kept[item.key], tx.now_ms))
                continue
            may_start = active < plan.concurrency
            openings += begin_part(
                own, child, graph, parent.event, self._schedule, now_ms=tx.now_ms, around=around, may_start=may_start
            )
            active += may_start and not own.runs[item.index].status.is_terminal
        batch.extend(own)
        return Started(parent.run.id, tuple(openings), _has_ended(own.runs, wait))

    def _children(
        self, tx: Transaction, parent: Position, node_id: str, plan: LoopPlan
    ) -> Iterator[tuple[RunRecord, Workflow, Surroundings]]:
        """Yield the run of each item, what it executes, and what that sees."""
        body = parent.workflow.nodes[node_id].body
        assert body is not None  # noqa: S101 - it is a loop
        outer = parent.around.inside(seen_from(parent.workflow, parent.progress.outputs, node_id), None)
        ends_loop = {ENDS_LOOP: plan.on_item_error is OnItemError.FAIL}
        for item in plan.items:
            # SAFETY: I2 — the id follows from run, loop and key: an item cannot begin twice.
            child_id = item_id(parent.run.id, item.index, node_id, item.key)
            path = plan.path or path_in(parent.run.path, node_id)
            record = part_record(parent.run, child_id, path, {**item.given(), **ends_loop}, now_ms=tx.now_ms)
            child = replace(record, parent_step=node_id, parent_wait=items_key(node_id))
            if plan.path is None:
                yield child, body, outer.inside({}, child.input)
            else:
                yield child, self._versions.load_run(tx, child), self._versions.around(tx, child)

    def end(self, tx: Transaction, run_id: str, node_id: str, wait: Wait) -> Fact | None:
        """Return the fact that ends the wait of a loop, if it is over. The caller has locked the row of its step."""
        detail = {"kind": wait.kind.value}
        if self.is_over(tx, run_id, node_id, wait):
            return Fact(FactKind.COMPLETED, wait.key, detail=detail, at_ms=tx.now_ms)
        if wait.until_ms > tx.now_ms:
            return None
        return Fact(FactKind.FAILED, wait.key, error=LOOP_TIMEOUT, detail=detail, at_ms=tx.now_ms)

    def is_over(self, tx: Transaction, run_id: str, node_id: str, wait: Wait) -> bool:
        """Tell whether a loop has nothing more to wait for. The caller has locked the row of its step."""
        if wait.name == OnItemError.FAIL and children.any_lost(tx, run_id, node_id):
            return True
        return not children.any_open(tx, run_id, node_id)


def has_items(facts: Iterable[Fact], node_id: str, given: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the items of a loop are all there, of a run with these ``facts``; ``given`` is what those that are
    there were given. A loop that never began has none; one that was kept itself has them elsewhere."""
    if any(fact.step == node_id and fact.reason == KEPT for fact in facts):
        return False
    has_begun = any(fact.step == items_key(node_id) and fact.kind is FactKind.OPENED for fact in facts)
    return bool(given) == has_begun and [each["index"] for each in given] == list(range(len(given)))


def _kept_items(tx: Transaction, run: RunRecord, node_id: str) -> dict[str, ChildEnd] | None:
    """Return the items by key whose results are those of the run that this one repeats: all that completed there, where
    only some are to be repeated. ``None`` if they are gone."""
    again = changes_of(run.input).get("items", {}).get(node_id)
    if again is None or run.rerun_of is None:
        return {}
    # SAFETY: I2 — what is gone may have completed there.
    ends = list(children.ends(tx, run.rerun_of, node_id))
    if runs.load(tx, run.rerun_of) is None or not has_items(
        journal.load(tx, run.rerun_of), node_id, [end.given for end in ends]
    ):
        return None
    return {
        end.given["key"]: end for end in ends if end.status is RunStatus.COMPLETED and end.given["key"] not in again
    }


def _as_before(child: RunRecord, end: ChildEnd, now_ms: int) -> RunRecord:
    return replace(
        child, status=RunStatus.COMPLETED, output=end.output, rerun_of=end.run_id, started_at_ms=now_ms,
        finished_at_ms=now_ms,
    )  # fmt: skip


def _has_ended(items: list[RunRecord], wait: Wait) -> bool:
    if wait.name == OnItemError.FAIL and any(item.status is RunStatus.FAILED for item in items):
        return True
    return all(item.status.is_terminal for item in items)
