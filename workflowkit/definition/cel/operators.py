"""The binary operators as functions of (left, right, frame), each total over values: an answer or ``ExpressionError``.

Ordering and adding with a missing side follow Inngest's dialect: a missing left side is less than anything and never
greater, mirrored on the right; null counts as the zero of the other side; ``+`` of unlike kinds makes text. Other
arithmetic with null or missing is missing, so that ``event.data.net * 1.2 > 100`` is false where there is no ``net``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from workflowkit.base.errors import ExpressionError
from workflowkit.definition.cel.budget import Frame
from workflowkit.definition.cel.export import text_of
from workflowkit.definition.cel.values import (
    MAX_INT64,
    MIN_INT64,
    MISSING,
    Value,
    equal,
    is_absent,
    is_member,
    is_number,
    kind_name,
)

Operator = Callable[[Value, Value, Frame], Value]
_Time = TypeVar("_Time")

_ZEROS: Final[dict[type, Value]] = {int: 0, float: 0, str: "", bool: False}
_ORDERED: Final = (str, bool, datetime, timedelta)


def _not_equal(left: Value, right: Value, frame: Frame) -> bool:
    return not equal(left, right, frame)


def _in(item: Value, container: Value, frame: Frame) -> bool:
    if is_absent(container):
        return False
    found = is_member(item, container, frame)
    if found is None:
        raise ExpressionError(f"'in' needs a list or a map on its right, not {kind_name(container)}")
    return found


def _ordering(symbol: str, compare: Callable[[Any, Any], bool]) -> Operator:
    missing_left = symbol in ("<", "<=")

    def ordered(left: Value, right: Value, frame: Frame) -> bool:
        if left is MISSING:
            return missing_left
        if right is MISSING:
            return not missing_left
        if left is None:
            left = _ZEROS.get(type(right), 0)
        if right is None:
            right = _ZEROS.get(type(left), 0)
        if (is_number(left) and is_number(right)) or (type(left) is type(right) and type(left) in _ORDERED):
            return compare(left, right)
        raise ExpressionError(f"cannot order {kind_name(left)} and {kind_name(right)} with '{symbol}'")

    return ordered


def _add(left: Value, right: Value, frame: Frame) -> Value:
    if is_absent(left) or is_absent(right):
        # Not null: a key made only of absent parts is "do not apply", which false says.
        return (False if is_absent(right) else right) if is_absent(left) else left
    kind, other = type(left), type(right)
    if is_number(left) and is_number(right):
        return _add_numbers(left, right, frame)
    if kind in (datetime, timedelta) and other in (datetime, timedelta) and (kind, other) != (datetime, datetime):
        return in_time_range(lambda: left + right)
    if kind is list and other is list:
        frame.spend(len(left) + len(right))
        return left + right
    if kind is other and kind is not str:
        raise ExpressionError(f"cannot add {kind_name(left)} and {kind_name(right)}")
    left_text, right_text = text_of(left, frame), text_of(right, frame)
    frame.admit_text(len(left_text) + len(right_text))
    return left_text + right_text


def _subtract(left: Value, right: Value, frame: Frame) -> Value:
    if (type(left), type(right)) in ((datetime, datetime), (datetime, timedelta), (timedelta, timedelta)):
        return in_time_range(lambda: left - right)
    return _subtract_numbers(left, right, frame)


def in_time_range(compute: Callable[[], _Time]) -> _Time:
    """Return what ``compute`` does with times; ``ExpressionError`` if it leaves the years 1 to 9999."""
    try:
        return compute()
    except OverflowError:
        raise ExpressionError("the result is out of the range of dates") from None


def _divide_numbers(left: float, right: float) -> float:
    if right == 0:
        raise ExpressionError("division by zero")
    if type(left) is int and type(right) is int:
        # CEL truncates toward zero; Python's // rounds down.
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def _remainder(left: float, right: float) -> float:
    if right == 0:
        raise ExpressionError("division by zero")
    if type(left) is int and type(right) is int:
        remainder = abs(left) % abs(right)
        return -remainder if left < 0 else remainder
    return math.fmod(left, right)


def in_range(number: float) -> float:
    """Return ``number`` if it is a finite float or a 64-bit integer; else raise ``ExpressionError``."""
    if not (MIN_INT64 <= number <= MAX_INT64 if type(number) is int else math.isfinite(number)):
        raise ExpressionError("a number is out of range")
    return number


def _arithmetic(symbol: str, compute: Callable[[Any, Any], float]) -> Operator:
    def computed(left: Value, right: Value, frame: Frame) -> Value:
        if not (is_number(left) and is_number(right)):
            if is_absent(left) or is_absent(right):
                return MISSING
            raise ExpressionError(f"'{symbol}' needs numbers, not {kind_name(left)} and {kind_name(right)}")
        # Operands too: data may hold integers so long that the operation itself would take seconds.
        return in_range(compute(in_range(left), in_range(right)))

    return computed


_add_numbers = _arithmetic("+", operator.add)
_subtract_numbers = _arithmetic("-", operator.sub)

OPERATORS: Final[dict[str, Operator]] = {
    "==": equal,
    "!=": _not_equal,
    "<": _ordering("<", operator.lt),
    "<=": _ordering("<=", operator.le),
    ">": _ordering(">", operator.gt),
    ">=": _ordering(">=", operator.ge),
    "in": _in,
    "+": _add,
    "-": _subtract,
    "*": _arithmetic("*", operator.mul),
    "/": _arithmetic("/", _divide_numbers),
    "%": _arithmetic("%", _remainder),
}


def negate(value: Value) -> Value:
    """Return ``-value`` of a number or a duration; missing of null. Raises ``ExpressionError`` for anything else."""
    if is_number(value):
        return in_range(-in_range(value))
    if type(value) is timedelta:
        return in_time_range(lambda: -value)
    if is_absent(value):
        return MISSING
    raise ExpressionError(f"'-' needs a number, not {kind_name(value)}")
