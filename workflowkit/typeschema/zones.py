"""Times that models and schemas of other libraries have written: with their zone, as our own are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workflowkit.base.jsonvalue import child_pointer
from workflowkit.typeschema.encode import no_zone, to_json
from workflowkit.typeschema.shape import Encode, Schema


def zoned(schema: Schema, write: Encode | None = None) -> Encode | None:
    """Return what writes values as ``write`` does, and raises ``InvalidInput`` for a date-time without its zone."""
    if not _has_times(schema):
        return write
    plain = write or to_json

    def encode(value: Any) -> Any:
        written = plain(value)
        _check(schema, written, "")
        return written

    return encode


def _has_times(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return schema.get("format") == "date-time" or any(map(_has_times, schema.values()))
    return isinstance(schema, list) and any(map(_has_times, schema))


def _check(schema: Any, value: Any, pointer: str) -> None:
    if not isinstance(schema, Mapping):
        return
    for each in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        _check(each, value, pointer)
    if isinstance(value, str):
        if schema.get("format") == "date-time":
            _check_time(value, pointer)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(schema.get("items"), item, child_pointer(pointer, index))
    elif isinstance(value, dict):
        properties = schema.get("properties", {})
        for key, item in value.items():
            _check(properties.get(key, schema.get("additionalProperties")), item, child_pointer(pointer, key))


def _check_time(text: str, pointer: str) -> None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return  # written in a form of its own
    if at.utcoffset() is None:
        raise no_zone(pointer, at)
