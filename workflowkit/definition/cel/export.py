"""Values to plain JSON and to text: where a result leaves the evaluation, and where ``+`` makes a text of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from workflowkit.base import jsonvalue
from workflowkit.base.errors import ExpressionError, InvalidInput
from workflowkit.definition.cel.budget import BudgetExceededError, Frame
from workflowkit.definition.cel.times import duration_text, timestamp_text
from workflowkit.definition.cel.values import MAX_INT64, MIN_INT64, MISSING, Value, kind_name
from workflowkit.definition.model import Json

#: From here on Python writes whole floats with an exponent.
_FIRST_EXPONENT = 1e16


def to_json(value: Value, frame: Frame) -> Json:
    """Return ``value`` as strict JSON that shares no list or map with the variables.

    Missing becomes null, timestamps RFC 3339 text, durations text such as ``5400s``. Raises ``ExpressionError`` for
    what JSON cannot hold and for results above ``expression_output_chars`` or ``json_depth``; every item is a step.
    """
    max_depth = frame.limits.json_depth
    result = _Export(frame).convert(value, max_depth)
    try:
        jsonvalue.check_json(result, max_depth=max_depth)
    except InvalidInput as error:
        # The code and not the message: that one may show a piece of the data.
        raise ExpressionError(f"the result cannot be stored as JSON ({error.problems[0].code})") from None
    return result


def text_of(value: Value, frame: Frame) -> str:
    """Return ``value`` as text: empty for null, ``9`` for ``9.0``, compact JSON for lists and maps."""
    kind = type(value)
    if kind is str:
        return str(value)
    if value is None or value is MISSING:
        return ""
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is float:
        return _number_text(value)
    if kind is list or kind is dict:
        text = jsonvalue.dumps(to_json(value, frame))
        frame.admit_text(len(text))
        return text
    return str(_scalar(value))


def _number_text(number: float) -> str:
    if type(number) is float:
        return str(int(number)) if number.is_integer() and abs(number) < _FIRST_EXPONENT else repr(number)
    # str() of a very long integer raises ValueError (sys.int_info).
    if not MIN_INT64 <= number <= MAX_INT64:
        raise ExpressionError("this number is out of range")
    return str(number)


def _scalar(value: Value) -> Json:
    kind = type(value)
    if kind is datetime:
        return timestamp_text(value)
    if kind is timedelta:
        return duration_text(value)
    if value is MISSING:
        return None
    if value is None or kind is str or kind is bool or kind is int or kind is float:
        return value
    raise ExpressionError(f"the result has a part that is no JSON value: {kind_name(value)}")


class _Export:
    """Counts while it copies: values that share parts can be far larger written out than they are in memory."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._max_chars = frame.limits.expression_output_chars
        self._chars_left = self._max_chars

    def convert(self, value: Value, depth_left: int) -> Json:
        kind = type(value)
        if kind is not list and kind is not dict:
            result = _scalar(value)
            self._count(len(result) if type(result) is str else 1)
            return result
        if depth_left == 0:
            raise BudgetExceededError("stopped: the result is nested deeper than json_depth")
        self._frame.spend(len(value))
        self._count(2)
        if kind is list:
            return [self.convert(item, depth_left - 1) for item in value]
        return {self._key(key): self.convert(item, depth_left - 1) for key, item in value.items()}

    def _key(self, key: Value) -> str:
        if type(key) is not str:
            raise ExpressionError("the result has a key that is not text")
        self._count(len(key))
        return key

    def _count(self, chars: int) -> None:
        self._chars_left -= chars
        if self._chars_left < 0:
            raise BudgetExceededError(f"stopped: the result is larger than expression_output_chars = {self._max_chars}")
