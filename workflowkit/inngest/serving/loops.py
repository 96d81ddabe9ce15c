"""When a loop is over whose items are parts of the same run, and what it comes to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.engine.failures import stored_value, unstorable
from workflowkit.engine.loops import (
    LOOP_TIMEOUT,
    Item,
    ItemEnd,
    LoopPlan,
    OnItemError,
    loop_error,
    loop_output,
)
from workflowkit.engine.outcome import Failed, Outcome, Succeeded
from workflowkit.engine.result import Finish


@dataclass(frozen=True, slots=True)
class Begun:
    """An item that has begun, and how it ended if it has."""

    item: Item
    finish: Finish | None


def over(plan: LoopPlan, begun: Sequence[Begun], *, is_late: bool, limits: Limits) -> Outcome | None:
    """Return what a loop comes to; ``None`` while items go on. ``is_late``: its time is over."""
    ends = [_end(each.item, each.finish) for each in begun if each.finish is not None]
    if plan.on_item_error is OnItemError.FAIL and (error := loop_error(ends)) is not None:
        return Failed(error)
    if len(ends) < len(plan.items):
        return Failed(LOOP_TIMEOUT) if is_late else None
    try:
        return Succeeded(stored_value(loop_output(ends), limits))
    except (InvalidInput, LimitExceeded) as error:
        return unstorable(error)


def _end(item: Item, finish: Finish) -> ItemEnd:
    return ItemEnd(item.index, item.key, finish.status, finish.output, finish.error)
