"""Loops of a run in memory: each item is executed when it begins, to its end, on a clock of its own.

Nothing that goes on beside it could change what an item comes to, so it need not wait for its turn among the others: it
only has to begin, and to end, at the right time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.definition.model import Node
from workflowkit.engine.failures import failed_by
from workflowkit.engine.loops import (
    LOOP_TIMEOUT,
    Item,
    ItemEnd,
    LoopPlan,
    OnItemError,
    items_key,
    loop_error,
    loop_output,
)
from workflowkit.engine.memo import Memo
from workflowkit.engine.outcome import Attempted, Failed, Succeeded, Suspended
from workflowkit.engine.outside import Ended
from workflowkit.engine.states import RunStatus
from workflowkit.engine.waits import MAX_WAIT_SECONDS, Wait, WaitKind

if TYPE_CHECKING:
    from workflowkit.engine.localends import Past
    from workflowkit.engine.localresult import LocalResult


@dataclass(frozen=True, slots=True)
class ItemRun:
    """The run of one item, when it ended, and what is known for undoing it."""

    item: Item
    result: LocalResult
    ended_ms: int
    past: Past


class LocalLoops:
    """The loops of one run. ``runs`` has those of the items that began, by the id of their loop, in order."""

    def __init__(self) -> None:
        self._ends: dict[str, Ended] = {}
        self.runs: dict[str, tuple[ItemRun, ...]] = {}

    def attempt(
        self, node: Node, memo: Memo, planned: Callable[[], LoopPlan], now_ms: int, run: Callable[[Item, int], ItemRun]
    ) -> Attempted:
        """Return what an attempt of a loop's step comes to; ``run`` executes an item from a point in time on."""
        key = items_key(node.id)
        if (ended := memo.results.get(key)) is not None:
            return Succeeded(ended.output) if ended.error is None else Failed(ended.error)
        try:
            plan = planned()
        except (InvalidInput, LimitExceeded) as error:
            return failed_by(error)
        if not plan.items:
            return Succeeded(loop_output(()))
        seconds = MAX_WAIT_SECONDS if node.timeout_seconds is None else node.timeout_seconds
        until_ms = now_ms + round(1000 * seconds)
        runs = self.runs[node.id] = _executed(plan, now_ms, run)
        if not any(each.result.held or each.result.status is RunStatus.CANCELLED for each in runs):
            self._ends[key] = _ended(plan, runs, until_ms)
        return Suspended((Wait(key, WaitKind.LOOP, until_ms, plan.on_item_error),))

    def end(self, wait: Wait) -> Ended | None:
        """Return what the wait for a loop's items comes to; ``None`` if one of them cannot go on, or is cancelled."""
        return self._ends.get(wait.key)


def _executed(plan: LoopPlan, now_ms: int, run: Callable[[Item, int], ItemRun]) -> tuple[ItemRun, ...]:
    """Execute the items, as many side by side as may go on at the same time; none once the loop has given up."""
    free = [now_ms] * plan.concurrency
    heapify(free)
    runs: list[ItemRun] = []
    for item in plan.items:
        begins_ms = heappop(free)
        over_ms = _over_ms(plan, runs)
        if over_ms is not None and begins_ms >= over_ms:
            break
        runs.append(run(item, begins_ms))
        heappush(free, runs[-1].ended_ms)
    return tuple(runs)


def _over_ms(plan: LoopPlan, runs: list[ItemRun]) -> int | None:
    """Return from when on no item begins: the loop has given up, or its run is cancelled."""
    cut = (each.ended_ms for each in runs if each.result.status is RunStatus.CANCELLED)
    return min((at_ms for at_ms in (_given_up_ms(plan, runs), *cut) if at_ms is not None), default=None)


def _given_up_ms(plan: LoopPlan, runs: list[ItemRun] | tuple[ItemRun, ...]) -> int | None:
    if plan.on_item_error is not OnItemError.FAIL:
        return None
    return min((each.ended_ms for each in runs if each.result.status is not RunStatus.COMPLETED), default=None)


def _ended(plan: LoopPlan, runs: tuple[ItemRun, ...], until_ms: int) -> Ended:
    given_up_ms = _given_up_ms(plan, runs)
    at_ms = max(each.ended_ms for each in runs) if given_up_ms is None else given_up_ms
    if at_ms > until_ms:
        return Ended(error=LOOP_TIMEOUT, at_ms=until_ms, timed_out=True)
    ends = [_item_end(each) for each in runs if given_up_ms is None or each.ended_ms <= given_up_ms]
    if given_up_ms is not None:
        return Ended(error=loop_error(ends), at_ms=at_ms)
    return Ended(loop_output(ends), at_ms=at_ms)


def _item_end(each: ItemRun) -> ItemEnd:
    result = each.result
    return ItemEnd(each.item.index, each.item.key, result.status, result.output, result.error)
