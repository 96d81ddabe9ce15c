"""Loops: their items begin together, each as a run of its own, and their ends wake the loop once.

Nobody goes through the items again and again. The loop's step begins all of them in the transaction in which it begins
to wait; each end gives one more its turn; the last end makes the step due; and its claim reads all of them once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workflowkit.base.errors import InvalidInput, LimitExceeded, WorkflowKitError
from workflowkit.base.ids import item_id
from workflowkit.base.limits import Limits
from workflowkit.definition.model import Node
from workflowkit.engine.facts import ErrorInfo, Fact, FactKind
from workflowkit.engine.failures import failed_by, stored_value, unstorable
from workflowkit.engine.loops import (
    ItemEnd,
    LoopPlan,
    OnItemError,
    items_key,
    loop_error,
    loop_output,
    plan_loop,
)
from workflowkit.engine.outcome import Attempted, Failed, Succeeded, Suspended
from workflowkit.engine.parts import path_in
from workflowkit.engine.states import RunStatus
from workflowkit.engine.surroundings import Surroundings, seen_from
from workflowkit.engine.waits import MAX_WAIT_SECONDS, Wait, WaitKind
from workflowkit.runtime.children import Started
from workflowkit.runtime.items import ENDS_LOOP
from workflowkit.runtime.position import Batch, Claim, Opening, Position, Schedule, start_run
from workflowkit.store import children, steps
from workflowkit.store.database import Database, Transaction
from workflowkit.store.runs import RunRecord


class Loops:
    """Executes loops. Thread-safe."""

    def __init__(self, database: Database, schedule: Schedule, limits: Limits) -> None:
        self._database = database
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
            plan = plan_loop(inputs, self._limits)
        except (InvalidInput, LimitExceeded) as error:
            return failed_by(error)
        if not plan.items:
            return Succeeded(loop_output(()))
        seconds = MAX_WAIT_SECONDS if node.timeout_seconds is None else node.timeout_seconds
        until_ms = self._database.now_ms() + round(1000 * seconds)
        return Suspended((Wait(key, WaitKind.LOOP, until_ms, plan.on_item_error, data=plan),))

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

    def begin(self, tx: Transaction, batch: Batch, parent: Position, node_id: str, wait: Wait) -> Started:
        """Add a run for each item to ``batch``: the first may start at once, the others when it is their turn.

        Joins the transaction that holds the locks of the run and of the loop's step.
        """
        plan: LoopPlan = wait.data
        around = parent.around.inside(seen_from(parent.workflow, parent.progress.outputs, node_id), None)
        openings: list[Opening] = []
        active = 0
        own = Batch()
        for number, item in enumerate(plan.items):
            child = _child(parent.run, node_id, wait, item.index, item.key, item.given(), tx.now_ms)
            may_start = active < plan.concurrency
            openings += self._begin(own, parent, child, around.inside({}, child.input), tx.now_ms, may_start=may_start)
            active += may_start and not own.runs[number].status.is_terminal
        batch.extend(own)
        return Started(parent.run.id, tuple(openings), _has_ended(own.runs, wait))

    def _begin(
        self, batch: Batch, parent: Position, child: RunRecord, around: Surroundings, now_ms: int, *, may_start: bool
    ) -> list[Opening]:
        body = parent.workflow.nodes[child.parent_step or ""].body
        assert body is not None  # noqa: S101 - it is a loop
        own = Batch()
        try:
            _, openings = start_run(
                own, child, body, parent.event, self._schedule,
                now_ms=now_ms, claim=False, due_at_ms=None if may_start else steps.NEVER, around=around,
            )  # fmt: skip
        except WorkflowKitError as error:  # a condition on the first edges met a limit
            failed = replace(child, status=RunStatus.FAILED, error=failed_by(error).error, finished_at_ms=now_ms)
            batch.runs.append(failed)
            return []
        batch.extend(own)
        return openings if may_start else []

    def end(self, tx: Transaction, run_id: str, node_id: str, wait: Wait) -> Fact | None:
        """Return the fact that ends the wait of a loop, if it is over. The caller has locked the row of its step."""
        detail = {"kind": wait.kind.value}
        if self.is_over(tx, run_id, node_id, wait):
            return Fact(FactKind.COMPLETED, wait.key, detail=detail, at_ms=tx.now_ms)
        if wait.until_ms > tx.now_ms:
            return None
        error = ErrorInfo("LoopTimeout", "the items have not ended in time", "loop-timeout", retryable=False)
        return Fact(FactKind.FAILED, wait.key, error=error, detail=detail, at_ms=tx.now_ms)

    def is_over(self, tx: Transaction, run_id: str, node_id: str, wait: Wait) -> bool:
        """Tell whether a loop has nothing more to wait for. The caller has locked the row of its step."""
        if wait.name == OnItemError.FAIL and children.any_lost(tx, run_id, node_id):
            return True
        return not children.any_open(tx, run_id, node_id)


def _child(
    parent: RunRecord, node_id: str, wait: Wait, index: int, key: str, given: dict[str, Any], now_ms: int
) -> RunRecord:
    return RunRecord(
        # SAFETY: I2 — the id follows from run, loop and key: an item cannot begin twice.
        id=item_id(parent.id, index, node_id, key), scope=parent.scope, workflow_id=parent.workflow_id,
        version=parent.version, event_id=parent.event_id, status=RunStatus.QUEUED, revision=0, created_at_ms=now_ms,
        depth=parent.depth, path=path_in(parent.path, node_id),
        input={**given, ENDS_LOOP: wait.name == OnItemError.FAIL}, parent_run_id=parent.id, parent_step=node_id,
        parent_wait=wait.key,
    )  # fmt: skip


def _has_ended(items: list[RunRecord], wait: Wait) -> bool:
    if wait.name == OnItemError.FAIL and any(item.status is RunStatus.FAILED for item in items):
        return True
    return all(item.status.is_terminal for item in items)
