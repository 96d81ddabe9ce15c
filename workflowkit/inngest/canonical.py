"""JSON in the one spelling that signatures are made over (RFC 8785): keys sorted as UTF-16, numbers as ECMAScript."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from workflowkit.base.jsonvalue import dumps

#: Whole numbers beyond this are not exact where the other side reads numbers as doubles.
_EXACT = 2**53


def canonical_json(value: Any) -> bytes:
    """Return the canonical text of a JSON value. Raises ``ValueError`` for a number that is not finite."""
    return _text(value).encode()


def _text(value: Any) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{dumps(name)}:{_text(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, float) or (type(value) is int and abs(value) > _EXACT):
        return _number(float(value))
    return dumps(value)


def _number(value: float) -> str:
    """Return a number as ECMAScript's ``String(value)``: the shortest digits that give it back."""
    if not math.isfinite(value):
        raise ValueError("a number in JSON is finite")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - of finite numbers it is
    text = "".join(map(str, digits))
    return ("-" if sign else "") + _placed(text, len(text) + exponent)


def _placed(digits: str, point: int) -> str:
    """Return digits with the decimal point after the first ``point`` of them."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
