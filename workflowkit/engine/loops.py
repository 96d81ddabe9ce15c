"""Loops: which items a ``builtin:for_each`` has, how each is named, and what it gives. Pure.

The items are fixed when the loop begins; each is then a run of its own. So nothing that happens to the list afterwards
can repeat or lose one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from workflowkit.base.errors import ExpressionError, InvalidInput, LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.definition.cel import Expression, compile_expression
from workflowkit.definition.model import Json
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.memo import step_key
from workflowkit.engine.states import RunStatus

#: Why a loop fails whose time is over.
LOOP_TIMEOUT: Final = ErrorInfo("LoopTimeout", "the items have not ended in time", "loop-timeout", retryable=False)
#: The id, within a loop's step, of the wait for its items.
_ITEMS: Final = "$items"
#: Of a double key, an item is shown by no more than this.
_SHOWN_CHARS = 100


class OnItemError(StrEnum):
    """What the failure of an item does: the loop fails, and cancels what goes on; or it goes on, and notes it."""

    FAIL = "fail"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Item:
    """One item: ``index`` counts from 0, ``key`` is its name, unique in the loop. ``more`` is for the engine."""

    index: int
    key: str
    value: Json
    more: Mapping[str, Json] = field(default_factory=dict)

    def given(self) -> dict[str, Json]:
        """Return what the run of this item is given."""
        return {"item": self.value, "index": self.index, "key": self.key, **self.more}


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """The items of one execution of a loop, in order; up to ``concurrency`` go on at the same time.

    ``path`` is that of the part which each executes, if that is not the loop's body.
    """

    items: tuple[Item, ...]
    concurrency: int
    on_item_error: OnItemError
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ItemEnd:
    """What became of an item."""

    index: int
    key: str
    status: RunStatus
    output: Json = None
    error: ErrorInfo | None = None

    @property
    def reason(self) -> ErrorInfo:
        """Why it did not complete."""
        if self.status is RunStatus.CANCELLED:
            return ErrorInfo("ItemCancelled", f"item {self.key!r} was cancelled", "item-cancelled", retryable=False)
        return self.error or ErrorInfo("Error", "the item failed without an error", retryable=False)


def items_key(node_id: str) -> str:
    """Return the key of a loop's wait for its items."""
    return step_key(node_id, _ITEMS)


def plan_loop(inputs: Mapping[str, Any], limits: Limits) -> LoopPlan:
    """Return the items of a loop from its resolved inputs.

    Raises ``LimitExceeded`` (``loop_items``); ``InvalidInput`` for an item whose key is not to be had, is no text and
    no whole number, or is that of another item too.
    """
    values = inputs["items"]
    if len(values) > limits.loop_items:
        raise LimitExceeded("loop_items", limits.loop_items, len(values), pointer="/inputs/items")
    written = inputs.get("key")
    key_of = None if written is None else compile_expression(written, limits=limits)
    items: dict[str, Item] = {}
    for index, value in enumerate(values):
        key = str(index) if key_of is None else _key(key_of, index, value, limits)
        if (earlier := items.get(key)) is not None:
            raise _refused(f"items {earlier.index} and {index} have the same key {_shown(key)}", "duplicate-item-key")
        items[key] = Item(index, key, value)
    return LoopPlan(tuple(items.values()), inputs["concurrency"], OnItemError(inputs["on_item_error"]))


def loop_output(ends: Sequence[ItemEnd]) -> dict[str, Json]:
    """Return what a loop gives whose items have ended, in the order of its items whatever the order of their ends."""
    failed = [end for end in ends if end.status is not RunStatus.COMPLETED]
    return {
        "items": [end.output if end.status is RunStatus.COMPLETED else None for end in ends],
        "failed": [{"key": end.key, "index": end.index, "error": end.reason.as_dict()} for end in failed],
    }


def loop_error(ends: Sequence[ItemEnd]) -> ErrorInfo | None:
    """Return why a loop that gives up has failed: by the failed item that comes first in the list, if one has.

    An item that was cancelled counts only if none has failed: the loop's own end cancels those that go on.
    """
    failed = [end for end in ends if end.status is RunStatus.FAILED]
    first = next(iter(failed or [end for end in ends if end.status is RunStatus.CANCELLED]), None)
    if first is None:
        return None
    reason = first.reason
    message = f"item {_shown(first.key)} (index {first.index}): {reason.message}"
    return ErrorInfo(reason.name, message, "item-failed", retryable=False)


def _key(expression: Expression, index: int, value: Json, limits: Limits) -> str:
    try:
        found = expression.evaluate({"item": value, "index": index})
    except ExpressionError as error:
        raise _refused(f"item {index}: {error.message}", error.code) from error
    if type(found) is float and found.is_integer():
        found = int(found)
    key = str(found) if type(found) is int else found
    if type(key) is not str or not 0 < len(key) <= limits.step_id_chars:
        message = f"item {index}: a key is a whole number, or text of 1 to {limits.step_id_chars} characters"
        raise _refused(message, "invalid-item-key")
    return key


def _refused(message: str, code: str) -> InvalidInput:
    return InvalidInput.at("/inputs/key", code, message)


def _shown(key: str) -> str:
    return repr(key if len(key) <= _SHOWN_CHARS else key[:_SHOWN_CHARS] + "…")
