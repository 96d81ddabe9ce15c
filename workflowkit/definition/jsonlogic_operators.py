"""JSON Logic's operators that take their operands as values, and the budget they run under."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from workflowkit.base.errors import ExpressionError
from workflowkit.base.limits import Limits
from workflowkit.definition.jsvalues import (
    CHARS_PER_VALUE,
    MISSING,
    Json,
    deep_equal,
    js_truthy,
    less,
    loose_equal,
    normal,
    parse_float,
    to_number,
    to_text,
    unpaid,
    weight,
)

#: How many values of a list, object or text may be walked over at the price of one operation.
_VALUES_PER_STEP = 16


class Meter:
    """What one evaluation may still cost. Raises ``ExpressionError`` when that is used up."""

    __slots__ = ("_left", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.expression_steps * _VALUES_PER_STEP

    def spend(self, steps: int) -> None:
        """Pay for operations."""
        self.scan(steps * _VALUES_PER_STEP)

    def scan(self, values: int) -> None:
        """Pay for walking over values."""
        self._left -= values
        if self._left < 0:
            raise ExpressionError(f"the rule takes more than {self._limits.expression_steps} steps (expression_steps)")

    def keep(self, text: str) -> str:
        """Pay for a text that was put together, and hold it against the limit."""
        self.scan(len(text) // CHARS_PER_VALUE)
        if len(text) > self._limits.expression_output_chars:
            most = self._limits.expression_output_chars
            raise ExpressionError(f"the rule makes a text of more than {most} characters (expression_output_chars)")
        return text


Apply = Callable[[list[Json], Meter], Json]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator and how many operands it takes; ``most`` is ``None`` for any number."""

    apply: Apply
    least: int
    most: int | None


def lookup(data: Json, path: Json, meter: Meter) -> Json:
    """Return what stands in ``data`` under a dotted path (a text or an index), or ``MISSING``."""
    if path is None or path is MISSING or path == "":
        return data
    for name in to_text(path, meter.scan).split("."):
        if isinstance(data, dict):
            data = data.get(name, MISSING)
        elif isinstance(data, list) and name.isascii() and name.isdigit() and len(name) < 10:
            data = data[int(name)] if int(name) < len(data) else MISSING
        else:
            return MISSING
    return data


# --- comparing


def _equal(operands: list[Json], meter: Meter) -> bool:
    left, right = operands
    weight(left, meter.scan)
    return loose_equal(left, right, meter.scan)


def _strictly_equal(operands: list[Json], meter: Meter) -> bool:
    left, right = operands
    weight(left, meter.scan)
    return deep_equal(left, right, unpaid)


def _different(operands: list[Json], meter: Meter) -> bool:
    return not _equal(operands, meter)


def _strictly_different(operands: list[Json], meter: Meter) -> bool:
    return not _strictly_equal(operands, meter)


def _ascending(operands: list[Json], meter: Meter, *, or_equal: bool) -> bool:
    return all(less(left, right, meter.scan, or_equal=or_equal) for left, right in pairwise(operands))


def _descending(operands: list[Json], meter: Meter, *, or_equal: bool) -> bool:
    return _ascending(operands[::-1], meter, or_equal=or_equal)


def _in(operands: list[Json], meter: Meter) -> bool:
    needle, haystack = operands
    if isinstance(haystack, str):
        meter.scan(len(haystack) // CHARS_PER_VALUE)
        return to_text(needle, meter.scan) in haystack
    if not isinstance(haystack, list):
        return False
    meter.scan(len(haystack) * weight(needle, meter.scan))
    return any(deep_equal(needle, element, unpaid) for element in haystack)


# --- truth


def _truth(operands: list[Json], _meter: Meter) -> bool:
    return operands[0] != [] and js_truthy(operands[0])


def _not(operands: list[Json], meter: Meter) -> bool:
    return not _truth(operands, meter)


# --- numbers


def _plus(operands: list[Json], meter: Meter) -> Json:
    total: float = 0
    for operand in operands:
        total = normal(total + parse_float(operand, meter.scan))
    return total


def _times(operands: list[Json], meter: Meter) -> Json:
    product: float = 1
    for operand in operands:
        product = normal(product * parse_float(operand, meter.scan))
    return product


def _minus(operands: list[Json], meter: Meter) -> Json:
    numbers = [to_number(operand, meter.scan) for operand in operands]
    return normal(-numbers[0] if len(numbers) == 1 else numbers[0] - numbers[1])


def _divide(operands: list[Json], meter: Meter) -> Json:
    dividend, divisor = (to_number(operand, meter.scan) for operand in operands)
    if divisor == 0:
        return math.nan if dividend == 0 or math.isnan(dividend) else math.copysign(math.inf, dividend)
    return normal(dividend / divisor)


def _modulo(operands: list[Json], meter: Meter) -> Json:
    dividend, divisor = (to_number(operand, meter.scan) for operand in operands)
    if divisor == 0 or math.isinf(dividend):
        return math.nan
    return normal(math.fmod(dividend, divisor))


def _extreme(operands: list[Json], meter: Meter, *, choose: Callable[[list[float]], float]) -> Json:
    numbers = [to_number(operand, meter.scan) for operand in operands]
    return math.nan if any(math.isnan(number) for number in numbers) else choose(numbers)


# --- texts and lists


def _cat(operands: list[Json], meter: Meter) -> Json:
    text = ""
    for operand in operands:
        text = meter.keep(text + ("" if operand is None else to_text(operand, meter.scan)))
    return text


def _substr(operands: list[Json], meter: Meter) -> Json:
    source, start, *length = operands
    text = to_text(source, meter.scan)
    rest = text[max(_whole(start, meter), -len(text)) :]
    if not length or length[0] is None:
        return meter.keep(rest)
    count = _whole(length[0], meter)
    return meter.keep(rest[:count] if count >= 0 else rest[: max(len(rest) + count, 0)])


def _whole(value: Json, meter: Meter) -> int:
    """Return a number as a place in a text: without its fraction, NaN as 0, infinities as very far."""
    number = to_number(value, meter.scan)
    if math.isnan(number):
        return 0
    return int(max(min(number, 2**53), -(2**53)))


def _merge(operands: list[Json], meter: Meter) -> Json:
    merged: list[Json] = []
    for operand in operands:
        added = operand if isinstance(operand, list) else [operand]
        meter.spend(len(added))  # not scan(): a merge inside reduce doubles what it is given
        merged += added
    return merged


EAGER: dict[str, Operator] = {
    "==": Operator(_equal, 2, 2),
    "===": Operator(_strictly_equal, 2, 2),
    "!=": Operator(_different, 2, 2),
    "!==": Operator(_strictly_different, 2, 2),
    "<": Operator(partial(_ascending, or_equal=False), 2, 3),
    "<=": Operator(partial(_ascending, or_equal=True), 2, 3),
    ">": Operator(partial(_descending, or_equal=False), 2, 3),
    ">=": Operator(partial(_descending, or_equal=True), 2, 3),
    "!": Operator(_not, 1, 1),
    "!!": Operator(_truth, 1, 1),
    "+": Operator(_plus, 0, None),
    "-": Operator(_minus, 1, 2),
    "*": Operator(_times, 1, None),
    "/": Operator(_divide, 2, 2),
    "%": Operator(_modulo, 2, 2),
    "max": Operator(partial(_extreme, choose=max), 1, None),
    "min": Operator(partial(_extreme, choose=min), 1, None),
    "in": Operator(_in, 2, 2),
    "cat": Operator(_cat, 0, None),
    "substr": Operator(_substr, 2, 3),
    "merge": Operator(_merge, 0, None),
}
