"""``all``, ``exists``, ``exists_one``, ``filter`` and ``map``: the only loops there are, each paid for item by item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel.budget import BudgetExceededError, Frame
from workflowkit.definition.cel.values import Value, is_absent, is_true, kind_name

Evaluate = Callable[[Frame], Value]


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of a macro, compiled. The item is put into the frame's slot ``slot`` before ``body`` is evaluated."""

    name: str
    target: Evaluate
    slot: int
    steps_per_item: int
    condition: Evaluate | None
    body: Evaluate
    position: int

    def items(self, frame: Frame) -> list[Value] | None:
        """Return the items of the list, or the keys of the map, to look at; ``None`` when it is absent."""
        target = self.target(frame)
        if type(target) is list:
            return target
        if type(target) is dict:
            return list(target)
        if is_absent(target):
            return None
        raise ExpressionError(f"{self.name}() needs a list or a map, not {kind_name(target)}", position=self.position)

    def results(self, frame: Frame, items: list[Value]) -> Iterator[Value]:
        """Evaluate the body for each item that passes the condition; pay before each."""
        for item in items:
            frame.spend(self.steps_per_item)
            frame.items[self.slot] = item
            if self.condition is None or is_true(self.condition(frame)):
                yield self.body(frame)


def _search(macro: Body, *, deciding: bool) -> Evaluate:
    """Stop at the first item whose result is ``deciding``; as with ``||``, an error counts only if no item decides."""
    body, slot, steps = macro.body, macro.slot, macro.steps_per_item

    def search(frame: Frame) -> bool:
        items = macro.items(frame)
        if items is None:
            return False
        failure: ExpressionError | None = None
        for item in items:
            frame.spend(steps)
            frame.items[slot] = item
            try:
                if is_true(body(frame)) is deciding:
                    return deciding
            except BudgetExceededError:
                raise
            except ExpressionError as error:
                failure = error
        if failure is not None:
            raise failure
        return not deciding

    return search


def _exists(macro: Body) -> Evaluate:
    return _search(macro, deciding=True)


def _all(macro: Body) -> Evaluate:
    return _search(macro, deciding=False)


def _exists_one(macro: Body) -> Evaluate:
    def exists_one(frame: Frame) -> bool:
        items = macro.items(frame)
        return items is not None and sum(map(is_true, macro.results(frame, items))) == 1

    return exists_one


def _filter(macro: Body) -> Evaluate:
    def keep(frame: Frame) -> list[Value]:
        items = macro.items(frame) or []
        return [item for item, result in zip(items, macro.results(frame, items), strict=True) if is_true(result)]

    return keep


def _map(macro: Body) -> Evaluate:
    def change(frame: Frame) -> list[Value]:
        return list(macro.results(frame, macro.items(frame) or []))

    return change


MACRO_MAKERS: dict[str, Callable[[Body], Evaluate]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
}
