"""From a request's body to stored events, item by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.api.auth import Caller
from workflowkit.api.errors import problems_of
from workflowkit.api.services import Services
from workflowkit.api.views import problems as shown_problems
from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.definition.model import Json
from workflowkit.runtime.incoming import IncomingEvent
from workflowkit.runtime.intake import Accepted
from workflowkit.runtime.requestkeys import RequestKey

#: A batch can be wrong in thousands of places; a reader needs some of them.
MAX_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the body: the event, or what keeps it from being one."""

    value: Json
    event: IncomingEvent | None
    error: InvalidInput | LimitExceeded | None


def read_items(body: Json, services: Services) -> list[Item]:
    """Read one event, a list of events, or ``{"events": [...]}``. Raises ``LimitExceeded`` for too many."""
    if isinstance(body, dict) and body.keys() == {"events"}:
        values, pointer = body["events"], "/events"
        if not isinstance(values, list):
            raise InvalidInput.at(pointer, "invalid-type", "events must be a list of events")
    elif isinstance(body, list):
        values, pointer = body, ""
    else:
        return [_read(body, "", services)]
    most = services.limits.events_per_request
    if len(values) > most:
        raise LimitExceeded("events_per_request", most, len(values), pointer=pointer)
    return [_read(value, child_pointer(pointer, index), services) for index, value in enumerate(values)]


def _read(value: Json, pointer: str, services: Services) -> Item:
    try:
        return Item(value, services.intake.parse(value, pointer=pointer), None)
    except (InvalidInput, LimitExceeded) as error:
        return Item(value, None, error)


def asked(body: Json, items: Sequence[Item]) -> Json:
    """Return what a request asks for: its body, and which of its entries are refused.

    If other ones were refused by the limits of then, its answer was that of another request.
    """
    refused: list[Json] = [index for index, item in enumerate(items) if item.event is None]
    return [body, refused] if refused else body


def send_valid(
    items: Sequence[Item], caller: Caller, services: Services, key: RequestKey | None = None
) -> list[dict[str, Any]]:
    """Store the valid ones; return in order what became of each. Raises what is wrong if none is valid."""
    events = [item.event for item in items if item.event is not None]
    if not events:
        raise _refusal(items)
    accepted = iter(_store(events, caller, services, key))
    return [_accepted(next(accepted)) if item.event is not None else _rejected(item) for item in items]


def send_all(items: Sequence[Item], caller: Caller, services: Services) -> list[Accepted]:
    """Store all of them, or raise what is wrong with some."""
    if any(item.error is not None for item in items):
        raise _refusal(items)
    return _store([item.event for item in items if item.event is not None], caller, services)


def _store(
    events: Sequence[IncomingEvent], caller: Caller, services: Services, key: RequestKey | None = None
) -> list[Accepted]:
    for event in events:
        caller.check_may_send(event.name)
    if caller.is_limited:
        events = [replace(event, is_limited=True) for event in events]
    return services.intake.accept(caller.scope, events, key=key)


def _refusal(items: Sequence[Item]) -> InvalidInput | LimitExceeded:
    errors = [item.error for item in items if item.error is not None]
    if not errors:
        return InvalidInput.at("", "empty", "send at least one event")
    if len(errors) == 1:
        return errors[0]
    return InvalidInput([problem for error in errors for problem in problems_of(error)][:MAX_PROBLEMS])


def _accepted(stored: Accepted) -> dict[str, Any]:
    return {
        "status": "accepted" if stored.duplicate_of is None else "duplicate",
        "id": stored.id,
        "name": stored.name,
        "duplicate_of": stored.duplicate_of,
        "problems": [],
    }


def _rejected(item: Item) -> dict[str, Any]:
    name = item.value.get("name") if isinstance(item.value, dict) else None
    return {
        "status": "rejected",
        "id": None,
        "name": name if isinstance(name, str) else None,
        "duplicate_of": None,
        "problems": [] if item.error is None else shown_problems(problems_of(item.error)),
    }
