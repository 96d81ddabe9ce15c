"""What event a delivery becomes: a mapping that is data, never code.

    {"name": "stripe/!ref($.body.type)", "data": "!ref($.body.data.object)", "id": "!ref($.body.id)",
     "ts": "!ref($.body.created)", "if": "body.livemode == true"}

References begin with ``$.body``, ``$.headers``, ``$.query`` or ``$.raw``; the condition is CEL over the same names.
Each key may be left out. A transform without ``name`` takes the name from the body, one without ``data`` the body's
data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from workflowkit.base.clock import MAX_EVENT_TS_MS, MIN_EVENT_TS_MS
from workflowkit.base.errors import ExpressionError, InvalidInput, LimitExceeded, Problem
from workflowkit.base.jsonvalue import size_bytes
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.model import Json
from workflowkit.definition.patterns import check_event_name
from workflowkit.definition.references import (
    MISSING,
    Reference,
    ReferenceScope,
    Template,
    Unreadable,
    compile_template,
    find_texts,
    split_text,
)

#: What references may begin with, and what conditions may name.
ROOTS: Final = ("body", "headers", "query", "raw")
#: Where a body may say what kind of event it is, the first that is one.
NAME_KEYS: Final = ("type", "name", "event_type", "event")
#: Why a genuine delivery becomes no event.
CONDITION_FALSE, EVENT_NAME_NOT_ALLOWED = "condition-false", "event-name-not-allowed"

_KEYS: Final = ("name", "data", "id", "ts", "if")
_OPEN: Final = "!ref($"


@dataclass(frozen=True, slots=True)
class Mapped:
    """The event of a delivery, not yet checked as one; or, where ``event`` is ``None``, the reason why it has none."""

    event: dict[str, Any] | None
    reason: str = ""


def check_transform(value: Json, limits: Limits = DEFAULT_LIMITS) -> list[Problem]:
    """Return everything that is wrong with a transform. Raises ``LimitExceeded``."""
    if not isinstance(value, dict):
        return [Problem("/transform", "invalid-type", "a transform is an object")]
    if (bytes_used := size_bytes(value)) > limits.transform_bytes:
        raise LimitExceeded("transform_bytes", limits.transform_bytes, bytes_used, pointer="/transform")
    return [
        *(
            Problem(f"/transform/{key}", "unknown-key", f"a transform has {', '.join(_KEYS)}")
            for key in value
            if key not in _KEYS
        ),
        *_template_problems(value),
        *_condition_problems(value.get("if"), limits),
    ]


def _template_problems(value: Mapping[str, Json]) -> Iterator[Problem]:
    if "name" in value and not (isinstance(value["name"], str) and value["name"]):
        yield Problem("/transform/name", "invalid-type", "the name is text, with references if need be")
    if "data" in value and not isinstance(value["data"], str | dict):
        yield Problem("/transform/data", "invalid-type", "the data is an object, or a reference to one")
    for found in find_texts({key: value[key] for key in _KEYS if key in value and key != "if"}, "/transform"):
        for part in found.parts:
            if isinstance(part, Unreadable):
                yield Problem(found.pointer, "invalid-reference", part.message)
            elif isinstance(part, Reference) and part.root not in ROOTS:
                roots = ", ".join(f"$.{root}" for root in ROOTS)
                yield Problem(found.pointer, "unknown-root", f"a reference begins with one of {roots}")


def _condition_problems(condition: Json, limits: Limits) -> Iterator[Problem]:
    if condition is None:
        return
    try:
        expression = compile_expression(condition, limits=limits)
    except ExpressionError as error:
        yield Problem("/transform/if", "invalid-expression", error.message)
        return
    for unknown in sorted(expression.variables - {*ROOTS, "now"}):
        yield Problem(
            "/transform/if", "unknown-variable", f"there is no {unknown!r}; a condition sees {', '.join(ROOTS)}"
        )


class Transform:
    """A transform, read once and applied many times."""

    __slots__ = ("_condition", "_limits", "_templates", "_webhook")

    def __init__(self, webhook: str, value: Mapping[str, Json] | None, limits: Limits = DEFAULT_LIMITS) -> None:
        """Take a transform that ``check_transform`` found nothing wrong with; ``None`` is the default one."""
        value = value or {}
        self._webhook = webhook
        self._limits = limits
        self._condition: str | None = value.get("if")
        self._templates = {key: _template(value[key], limits) for key in _KEYS if key in value and key != "if"}

    def apply(self, roots: Mapping[str, Json], *, now_ms: int) -> Mapped:
        """Return the event of a delivery (``Delivery.as_roots``).

        Raises ``InvalidInput`` if it has no time where one was asked for, ``ExpressionError`` or ``LimitExceeded`` if
        reading it meets a limit.
        """
        if self._condition is not None:
            condition = compile_expression(self._condition, limits=self._limits)
            if not condition.matches({**roots, "now": now_ms}):
                return Mapped(None, CONDITION_FALSE)
        scope = ReferenceScope(dict(roots), {})
        found = {key: template.resolve(scope) for key, template in self._templates.items()}
        event: dict[str, Any] = {
            "name": found.get("name", MISSING),
            "data": found.get("data", MISSING),
            "id": self._event_id(found.get("id")),
            "ts": _event_ts(found.get("ts")),
        }
        if "name" not in self._templates:
            event["name"] = default_name(self._webhook, roots["body"])
        if "data" not in self._templates:
            event["data"] = default_data(roots)
        return Mapped({key: value for key, value in event.items() if value is not None and value is not MISSING})

    def _event_id(self, value: Json) -> Json:
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            return None if value == "" else value  # what is no id is refused with the rest of the event
        # So that it tells whose it is where events of the whole tenant are shown: two providers may well use the same.
        return f"{self._webhook}:{value}"


def default_name(webhook: str, body: Json) -> str:
    """Return the name of an event that the transform does not name: what the body calls it, if that is one."""
    if isinstance(body, dict):
        for key in NAME_KEYS:
            name = body.get(key)
            if isinstance(name, str) and name and check_event_name(name) is None:
                return name
    return f"webhook/{webhook}"


def default_data(roots: Mapping[str, Json]) -> dict[str, Json]:
    """Return the data of an event where the transform says nothing about it: always an object."""
    body = roots["body"]
    if not isinstance(body, dict):
        return {"body": body, "query": roots["query"]}
    data = body.get("data")
    return data if isinstance(data, dict) else body


def _template(value: Json, limits: Limits) -> Template:
    return compile_template(_below_event(value), limits)


def _below_event(value: Json) -> Json:
    """Move every reference below ``$.event``, where the machinery of workflows finds what it is given."""
    if isinstance(value, str):
        return "".join(
            part if isinstance(part, str) else "!ref(" if isinstance(part, Unreadable) else _moved(part)
            for part in split_text(value)
        )
    if isinstance(value, dict):
        return {key: _below_event(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_below_event(inner) for inner in value]
    return value


def _moved(reference: Reference) -> str:
    return f"{_OPEN}.event{reference.text[len(_OPEN) :]}"


def _event_ts(value: Json) -> int | None:
    """Return a time in milliseconds, given in seconds, milliseconds (numbers or digits) or RFC 3339."""
    if value is None or value is MISSING:
        return None
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) <= len(str(MAX_EVENT_TS_MS)) else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        # The two ranges are a factor of 77 apart: no number is a time of this age in both.
        for factor in (1, 1000):
            if MIN_EVENT_TS_MS <= value * factor <= MAX_EVENT_TS_MS:
                return int(value * factor)
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            return int(moment.timestamp() * 1000)
    raise InvalidInput.at("/ts", "out-of-range", "ts is no time between the years 1980 and 2100")
