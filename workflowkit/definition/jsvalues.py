"""How JavaScript sees JSON values: truth, equality, and conversion to numbers and text.

Documents made for the TypeScript Workflow Kit rely on it (edge conditions, JSON Logic), and Python's own ``bool()``,
``==`` and ``str()`` differ. ``MISSING`` is JavaScript's ``undefined``: where a reference leads nowhere. Source of the
rules: ECMA-262, section 7.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import orjson

Json = Any


class _Missing(Enum):
    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


#: What a reference gives that leads nowhere: distinct from null.
MISSING: Final = _Missing.MISSING

#: Called with the size of the work about to be done; raises when there is no budget left.
Spend = Callable[[int], None]

_CONTAINERS, _NUMBERS = (dict, list), (int, float)
_FLOAT_PREFIX = re.compile(r"\s*([+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))")
_NUMBER = re.compile(r"[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\Z")
_RADIX = re.compile(r"0[xX][0-9a-fA-F]+\Z|0[bB][01]+\Z|0[oO][0-7]+\Z")
_WIDEST_NUMBER_CHARS = 400
_EXACT_INTEGER = 2**53
_MAX_DEPTH = 128
#: How many characters of a text cost as much as one value.
CHARS_PER_VALUE = 16


def js_truthy(value: Json) -> bool:
    """Return JavaScript's truth of a value: empty lists and objects are true, so are ``"0"`` and ``"false"``."""
    if value is None or value is MISSING or value is False:
        return False
    if type(value) is str:
        return value != ""
    if type(value) is int or type(value) is float:
        return value != 0 and value == value
    return True


def unpaid(_size: int) -> None:
    """Let work pass that something else bounds: the size of a document, or what was paid before."""


def deep_equal(left: Json, right: Json, spend: Spend) -> bool:
    """Compare two values by content: ``True`` is not ``1``, ``1`` is ``1.0``, the order of keys does not count.

    What is inside lists and objects is paid for before it is looked at, and so are long texts.
    """
    if isinstance(left, dict):
        if not isinstance(right, dict) or len(left) != len(right):
            return False
        spend(len(left))
        return all(key in right and deep_equal(value, right[key], spend) for key, value in left.items())
    if isinstance(left, list):
        if not isinstance(right, list) or len(left) != len(right):
            return False
        spend(len(left))
        return all(deep_equal(one, other, spend) for one, other in zip(left, right, strict=True))
    if isinstance(left, str):
        if not isinstance(right, str) or len(left) != len(right):
            return False
        spend(len(left) // CHARS_PER_VALUE)
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, _NUMBERS):
        return isinstance(right, _NUMBERS) and left == right
    return type(left) is type(right) and bool(left == right)


def loose_equal(left: Json, right: Json, spend: Spend) -> bool:
    """Return JavaScript's ``==``, except that two lists, or two objects, are compared by content.

    In JavaScript they would be compared by identity, which values that came through JSON never share.
    """
    if left is None or right is None:
        return left is right
    if type(left) is type(right) or (is_number(left) and is_number(right)):
        return deep_equal(left, right, spend)
    if isinstance(left, _CONTAINERS) and isinstance(right, _CONTAINERS):
        return False
    left, right = to_primitive(left, spend), to_primitive(right, spend)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return to_number(left, spend) == to_number(right, spend)


def less(left: Json, right: Json, spend: Spend, *, or_equal: bool = False) -> bool:
    """Return JavaScript's ``<`` (or ``<=``): two texts by their characters, anything else as numbers."""
    left, right = to_primitive(left, spend), to_primitive(right, spend)
    if isinstance(left, str) and isinstance(right, str):
        spend(min(len(left), len(right)) // CHARS_PER_VALUE)
    else:
        left, right = to_number(left, spend), to_number(right, spend)
    return bool(left <= right) if or_equal else bool(left < right)


def is_number(value: Json) -> bool:
    """Return whether a value is a JSON number; Python counts ``True`` as one."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def to_primitive(value: Json, spend: Spend) -> Json:
    """Return the text of a list or an object, and anything else as it is."""
    return to_text(value, spend) if isinstance(value, _CONTAINERS) else value


def to_number(value: Json, spend: Spend) -> int | float:
    """Return JavaScript's ``Number(value)``; NaN where there is none."""
    if value is None or value is False:
        return 0
    if value is True:
        return 1
    if isinstance(value, _NUMBERS):
        return value
    text = to_text(value, spend).strip()
    if text == "":
        return 0
    if len(text) > _WIDEST_NUMBER_CHARS:
        return math.nan
    if _RADIX.match(text):
        return normal(int(text, 0))
    return normal(float(text)) if _NUMBER.match(text) else math.nan


def parse_float(value: Json, spend: Spend) -> int | float:
    """Return JavaScript's ``parseFloat(value)``: the number that the text of a value begins with, else NaN."""
    if is_number(value):
        return value  # type: ignore[no-any-return]  # is_number has just said so
    match = _FLOAT_PREFIX.match(to_text(value, spend)[:_WIDEST_NUMBER_CHARS])
    return normal(float(match[1])) if match else math.nan


def normal(number: float) -> int | float:
    """Return a number as JSON writes it: whole ones without a fraction, as long as that is exact.

    Whole numbers past 2^53 become floats, as every number is in JavaScript; this also bounds what arithmetic can cost.
    """
    if isinstance(number, float):
        return int(number) if abs(number) <= _EXACT_INTEGER and number.is_integer() else number
    if abs(number) <= _EXACT_INTEGER:
        return number
    return float(number) if number.bit_length() < 1024 else math.copysign(math.inf, number)


def to_text(value: Json, spend: Spend) -> str:
    """Return JavaScript's ``String(value)``, except that an object is shown as JSON and not as ``[object Object]``."""
    if isinstance(value, str):
        spend(len(value) // CHARS_PER_VALUE)
        return value
    if isinstance(value, list):
        spend(1 + len(value))
        texts = ["" if item is None else to_text(item, spend) for item in value]
        spend(sum(map(len, texts)) // CHARS_PER_VALUE)
        return ",".join(texts)
    if isinstance(value, dict):
        return _object_text(value, spend)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    return "null" if value is None else str(value)


def embedded_text(value: Json) -> str:
    """Return what a reference inside a longer text becomes.

    Texts as they are, objects, lists and numbers as JSON, ``true`` and ``false``, nothing for null and missing.
    """
    if type(value) is str:
        return value
    if value is None or value is MISSING:
        return ""
    return orjson.dumps(value).decode()


def _object_text(value: dict[str, Json], spend: Spend) -> str:
    weight(value, spend)
    return orjson.dumps(value).decode()


def weight(value: Json, spend: Spend, depth: int = 0) -> int:
    """Return how many values a value consists of, long texts counting for several; pay for them on the way.

    A value that a rule built may share its parts and be exponentially larger than its memory; hence the payment before
    the walk goes on. Raises ``RecursionError`` for a value that is nested too deeply to be compared or written.
    """
    if depth > _MAX_DEPTH:
        raise RecursionError
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = 1 + (len(value) // CHARS_PER_VALUE if isinstance(value, str) else 0)
    spend(own)
    return own + sum(weight(each, spend, depth + 1) for each in inner)


def _float_text(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return str(normal(number))
