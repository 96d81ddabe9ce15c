"""Functions that make one kind of value from another. Each takes the frame and values of the kinds that the table in
``functions`` declares for it, and answers or raises ``ExpressionError``, never with a value in the message.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timedelta
from typing import Any, Final

from workflowkit.base import jsonvalue
from workflowkit.base.errors import ExpressionError, InvalidInput, LimitExceeded
from workflowkit.definition.cel.budget import Frame
from workflowkit.definition.cel.export import text_of
from workflowkit.definition.cel.operators import in_range, in_time_range
from workflowkit.definition.cel.times import EPOCH, parse_duration, parse_timestamp, timestamp_from_number
from workflowkit.definition.cel.values import Value, is_number, kind_name

#: The variable that holds the present in milliseconds since 1970, for ``now()`` and its kin.
CLOCK_VARIABLE: Final = "now"

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_MAX_NUMBER_CHARS: Final = 400
#: Parsing JSON makes a value of every few characters, which costs more than reading text.
_JSON_CHARS_PER_STEP: Final = 8
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "t", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "f", "0"), False),
}


def to_int(frame: Frame, value: Any) -> int:
    """Truncate a number, read text, or return the seconds of a timestamp since 1970."""
    if type(value) is str:
        if not _INTEGER.fullmatch(value):
            raise ExpressionError("int() needs text that is a whole number")
        return int(in_range(int(value)))
    if type(value) is datetime:
        return int(value.timestamp())
    return int(in_range(int(in_range(value))))


def to_uint(frame: Frame, value: Any) -> int:
    """As ``to_int``, refusing negative numbers; there is one kind of integer."""
    number = to_int(frame, value)
    if number < 0:
        raise ExpressionError("uint() of a negative number")
    return number


def to_double(frame: Frame, value: Any) -> float:
    """Return a finite double of a number or of text."""
    if type(value) is not str:
        return float(in_range(value))
    if len(value) > _MAX_NUMBER_CHARS or not _DECIMAL.fullmatch(value):
        raise ExpressionError("double() needs text that is a number")
    return in_range(float(value))


def to_string(frame: Frame, value: Value) -> str:
    """Return the text that ``+`` would make of the value."""
    return text_of(value, frame)


def to_bool(frame: Frame, value: Any) -> bool:
    """Read the spellings of CEL: ``true``, ``t``, ``1`` …"""
    if type(value) is bool:
        return value
    if value not in _BOOLEANS:
        raise ExpressionError('bool() needs "true" or "false"')
    return _BOOLEANS[value]


def type_of(frame: Frame, value: Value) -> str:
    """Return the name of the kind, so that ``type(x) == string`` holds for text."""
    return kind_name(value)


def unchanged(frame: Frame, value: Value) -> Value:
    """Return the value: CEL's ``dyn()`` only quiets its type checker, and we have none."""
    return value


def to_timestamp(frame: Frame, value: Any) -> datetime:
    """Read ISO 8601 text, or a number of seconds or milliseconds."""
    if type(value) is str:
        return parse_timestamp(value)
    return timestamp_from_number(value) if is_number(value) else value


def to_duration(frame: Frame, value: Any) -> timedelta:
    """Read a duration such as ``1h30m``."""
    return parse_duration(value) if type(value) is str else value


def now(frame: Frame) -> datetime:
    """Return the present, if whoever evaluates has put it among the variables; no clock is read (purity)."""
    now_ms = frame.variables.get(CLOCK_VARIABLE)
    if type(now_ms) is not int:
        raise ExpressionError("the present is not known here")
    return in_time_range(lambda: EPOCH + timedelta(milliseconds=now_ms))


def now_plus(frame: Frame, value: Any) -> datetime:
    """Return the present and a duration from it."""
    return in_time_range(lambda: now(frame) + to_duration(frame, value))


def now_minus(frame: Frame, value: Any) -> datetime:
    """Return the present less a duration."""
    return in_time_range(lambda: now(frame) - to_duration(frame, value))


def b64decode(frame: Frame, text: str) -> str:
    """Decode base64, padded or not, to text."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        raise ExpressionError("b64decode() needs base64 of UTF-8 text") from None


def json_parse(frame: Frame, text: str) -> Value:
    """Parse JSON by the rules of the door: bounded, finite, no duplicate keys."""
    frame.spend_text(len(text), chars_per_step=_JSON_CHARS_PER_STEP)
    limits = frame.limits
    try:
        return jsonvalue.loads_strict(text, max_bytes=4 * limits.expression_output_chars, max_depth=limits.json_depth)
    except (InvalidInput, LimitExceeded):
        raise ExpressionError("json_parse() needs JSON text within the limits") from None
