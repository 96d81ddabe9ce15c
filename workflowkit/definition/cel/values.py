"""What values are in the dialect: absence, truth, kinds, equality.

A value is plain JSON, or one of three things that JSON lacks: a timestamp (aware ``datetime`` in UTC), a duration
(``timedelta``), and ``MISSING``, the value of a path that leads nowhere. Everything dispatches on the exact type, so
no method of a foreign object can ever be reached (S1).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from workflowkit.definition.cel.budget import Frame

#: A value during evaluation; what goes in and what comes out is ``Json``.
Value = Any

MAX_INT64: Final = 2**63 - 1
MIN_INT64: Final = -(2**63)


class _Missing:
    __slots__ = ()


MISSING: Final = _Missing()

_KIND_NAMES: Final[dict[type, str]] = {
    type(None): "null_type",
    _Missing: "null_type",
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    list: "list",
    dict: "map",
    datetime: "timestamp",
    timedelta: "duration",
}
#: What ``type(x)`` can answer, and names that stand for themselves where no variable has them.
TYPE_NAMES: Final = frozenset({*_KIND_NAMES.values(), "uint"})
_NUMBERS: Final = (int, float)
_COMPARED_WHOLE: Final = (str, bool, datetime, timedelta)
_CONTAINERS: Final = (list, dict)


def kind_name(value: Value) -> str:
    """Return the name of the kind of ``value`` as CEL spells it; never anything of the value itself."""
    return _KIND_NAMES.get(type(value), "unknown")


def is_absent(value: Value) -> bool:
    """Return whether ``value`` is null or missing; nothing but ``has()`` tells the two apart."""
    return value is None or value is MISSING


def is_number(value: Value) -> bool:
    """Return whether ``value`` is an int or a double; unlike in Python, ``true`` is neither."""
    return type(value) in _NUMBERS


def is_true(value: Value) -> bool:
    """Return whether ``value`` counts as true, as in JavaScript: not null, ``false``, ``""``, 0."""
    kind = type(value)
    if kind is bool:
        return value is True
    if kind is str or kind in _NUMBERS:
        return bool(value)
    return not is_absent(value)


def equal(left: Value, right: Value, frame: Frame) -> bool:
    """Compare by value, numbers across their kinds; null equals missing. Values of unlike kinds are not equal.

    With a stack of its own, not by recursion: a list can be nested deeper than Python can recurse.
    """
    pending = [(left, right)]
    while pending:
        left, right = pending.pop()
        kind = type(left)
        if kind is not type(right) or kind not in _CONTAINERS:
            if not _equal_scalars(left, right):
                return False
            continue
        if len(left) != len(right):
            return False
        frame.spend(len(left))
        if kind is list:
            pending.extend(zip(left, right, strict=True))
        elif left.keys() == right.keys():
            pending.extend((item, right[key]) for key, item in left.items())
        else:
            return False
    return True


def _equal_scalars(left: Value, right: Value) -> bool:
    if is_absent(left) or is_absent(right):
        return is_absent(left) and is_absent(right)
    kind, other = type(left), type(right)
    if (kind in _NUMBERS and other in _NUMBERS) or (kind is other and kind in _COMPARED_WHOLE):
        return bool(left == right)
    return False


def is_member(item: Value, container: Value, frame: Frame) -> bool | None:
    """Return whether a list has an item equal to ``item``, or a map the key ``item``; ``None`` for other containers."""
    if type(container) is list:
        frame.spend(len(container))
        return any(equal(item, other, frame) for other in container)
    if type(container) is dict:
        return type(item) is str and item in container
    return None
