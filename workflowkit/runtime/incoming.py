"""Events as they come in from outside: checked once, at the door (R5). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.clock import MAX_EVENT_TS_MS, MIN_EVENT_TS_MS
from workflowkit.base.errors import InvalidInput, LimitExceeded, Problem
from workflowkit.base.limits import Limits
from workflowkit.definition.patterns import check_event_name
from workflowkit.typeschema import to_json

_OPTIONAL = ("v", "user", "meta")


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """A well-formed event. ``event_id`` is the sender's id; ``extra`` the optional fields that were given.

    With ``is_of_request`` the id is that of the request's place: the same again is the request repeated, no event more.
    With ``is_limited`` it was sent with a key for some names of events.
    """

    name: str
    data: Mapping[str, Any]
    event_id: str | None
    ts_ms: int | None
    extra: Mapping[str, Any]
    is_of_request: bool = False
    is_limited: bool = False

    @property
    def webhook(self) -> str | None:
        """The webhook that it came through; no sender can set this."""
        return self.extra.get("webhook")


def parse_event(value: Any, limits: Limits, *, pointer: str = "", internal: bool = False) -> IncomingEvent:
    """Check one event ``{"name", "data", "id"?, "ts"?, "v"?, "user"?, "meta"?}``.

    In it may stand what outputs of actions may have: dates with their zone, enums, dataclasses, models.
    Raises ``InvalidInput`` with every problem, each pointing below ``pointer``, or ``LimitExceeded``. ``internal``
    events may use the reserved names.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput.at(pointer, "wrong-type", "an event must be a JSON object")
    value = _plain(value, limits, pointer)
    problems = [
        Problem(f"{pointer}/{field}", code, message)
        for field, code, message in (
            *_name_problems(value.get("name"), limits, internal=internal),
            *_data_problems(value),
            *_id_problems(value.get("id"), limits),
            *_ts_problems(value.get("ts")),
        )
    ]
    if problems:
        raise InvalidInput(problems)
    if (size_bytes := jsonvalue.size_bytes(value)) > limits.event_bytes:
        raise LimitExceeded("event_bytes", limits.event_bytes, size_bytes, pointer=pointer)
    ts = value.get("ts")
    return IncomingEvent(
        name=value["name"],
        data=value.get("data") or {},
        event_id=value.get("id") or None,
        ts_ms=None if ts is None else int(ts),
        extra={field: value[field] for field in _OPTIONAL if value.get(field) is not None},
    )


#: What is wrong with values that have a JSON form and are none.
_NOT_YET_JSON = frozenset({"not-json", "key-not-text"})


def _plain(value: Mapping[str, Any], limits: Limits, pointer: str) -> Mapping[str, Any]:
    """Return an event as JSON. Raises ``InvalidInput`` with pointers below ``pointer``."""
    try:
        try:
            jsonvalue.check_json(value, max_depth=limits.json_depth)
        except InvalidInput as error:
            if _NOT_YET_JSON.isdisjoint(problem.code for problem in error.problems):
                raise
            value = to_json(value, max_depth=limits.json_depth, max_values=limits.event_bytes)
            jsonvalue.check_json(value, max_depth=limits.json_depth)
    except InvalidInput as error:
        raise InvalidInput([replace(each, pointer=pointer + each.pointer) for each in error.problems]) from None
    return value


_Found = tuple[str, str, str]  # field, code, message


def _name_problems(name: Any, limits: Limits, *, internal: bool) -> list[_Found]:
    if not isinstance(name, str) or not name:
        return [("name", "required", "an event needs a name, such as order/paid")]
    found = check_event_name(name, limits.event_name_chars)
    if found is None or (internal and found[0] == "reserved-name"):
        return []
    return [("name", *found)]


def _data_problems(value: Mapping[str, Any]) -> list[_Found]:
    if "data" not in value:
        return [("data", "required", "an event needs data, a JSON object (which may be empty)")]
    if not isinstance(value["data"], dict):
        return [("data", "wrong-type", "data must be a JSON object")]
    return []


def _id_problems(event_id: Any, limits: Limits) -> list[_Found]:
    if event_id is None:
        return []
    if not isinstance(event_id, str):
        return [("id", "wrong-type", "id must be text")]
    if len(event_id) > limits.event_id_chars:
        return [("id", "too-long", f"limit event_id_chars exceeded: at most {limits.event_id_chars}")]
    return []


def _ts_problems(ts: Any) -> list[_Found]:
    if ts is None:
        return []
    if isinstance(ts, bool) or not isinstance(ts, int | float) or ts != int(ts):
        return [("ts", "wrong-type", "ts must be a whole number of milliseconds since 1970")]
    if not MIN_EVENT_TS_MS <= ts <= MAX_EVENT_TS_MS:
        return [("ts", "out-of-range", "ts is in milliseconds and lies between the years 1980 and 2100")]
    return []
