"""From what handlers return to plain JSON values."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.jsonvalue import DEFAULT_MAX_DEPTH, child_pointer


def to_json(value: object, *, max_depth: int = DEFAULT_MAX_DEPTH, max_values: int = 10_000_000) -> Any:
    """Return ``value`` as plain JSON: a copy that shares nothing with it.

    Converts dataclasses, pydantic models, enums (to their values), dates and times (ISO 8601), decimals and UUIDs (as
    text), tuples, mappings and subclasses of the JSON types. Whether numbers and text keep the rules is for
    ``check_json``. Raises ``InvalidInput`` (codes ``not-json``, ``key-not-text``, ``too-deep``, ``no-time-zone``) with
    a pointer, ``LimitExceeded`` past ``max_values`` values.
    """
    return _Encoder(max_depth, max_values).encode(value, "", 0)


class _Encoder:
    __slots__ = ("_max_depth", "_max_values", "_seen")

    def __init__(self, max_depth: int, max_values: int) -> None:
        self._max_depth, self._max_values, self._seen = max_depth, max_values, 0

    def encode(self, value: Any, pointer: str, depth: int) -> Any:
        # Counted because parts may be shared: thirty nested pairs are a billion values once they are copied.
        self._seen += 1
        if self._seen > self._max_values:
            raise LimitExceeded("json_values", self._max_values)
        if depth > self._max_depth:
            raise _problem(pointer, "too-deep", f"nested more than {self._max_depth} levels deep")
        if isinstance(value, Mapping):
            return self._object(value, pointer, depth)
        if isinstance(value, list | tuple):
            return [self.encode(item, child_pointer(pointer, i), depth + 1) for i, item in enumerate(value)]
        if isinstance(value, Enum):
            return self.encode(value.value, pointer, depth + 1)
        if is_dataclass(value) and not isinstance(value, type):
            return self._object({f.name: getattr(value, f.name) for f in fields(value)}, pointer, depth)
        if is_model(type(value)):
            return self.encode(value.model_dump(mode="json", by_alias=True), pointer, depth + 1)
        return _scalar(value, pointer)

    def _object(self, members: Mapping[Any, Any], pointer: str, depth: int) -> dict[str, Any]:
        result = {}
        for key, item in members.items():
            name = key.value if isinstance(key, Enum) else key
            if not isinstance(name, str):
                raise _problem(pointer, "key-not-text", f"the key {key!r} is not text")
            result[str(name)] = self.encode(item, child_pointer(pointer, name), depth + 1)
        return result


def is_model(candidate: type) -> bool:
    """Return whether a class is a pydantic model, without importing pydantic."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(candidate, pydantic.BaseModel)


def _scalar(value: Any, pointer: str) -> Any:
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise no_zone(pointer, value)
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    # As pydantic writes them. A decimal as a number would lose what it is one for.
    if isinstance(value, Decimal | UUID):
        return str(value)
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain(value)
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    raise _problem(pointer, "not-json", f"{name} has no JSON form; take text, numbers, lists, dicts or a dataclass")


def no_zone(pointer: str, value: datetime) -> InvalidInput:
    """Return the error for a time without a time zone: the next action that takes a time would refuse it."""
    message = f"{value.isoformat()} has no time zone: take datetime.now(UTC), or say which with .replace(tzinfo=...)"
    return _problem(pointer, "no-time-zone", message)


def _problem(pointer: str, code: str, message: str) -> InvalidInput:
    return InvalidInput.at(pointer, code, message)
