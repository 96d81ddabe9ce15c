"""What the data of the events that start a workflow looks like, as far as anybody has said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from workflowkit.base.spelling import hint
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.schema import Schema
from workflowkit.definition.settings.triggers import AnyTrigger, CronTrigger, HttpTrigger, Trigger

#: What an event has. ``webhook`` is set by us, for those that came through one.
EVENT_NAMES: Final = ("id", "name", "data", "ts", "v", "user", "meta", "webhook")
#: Schemas by the names of events, as an application declares them.
EventSchemas = Mapping[str, Mapping[str, Any]]

NO_EVENTS: Final[EventSchemas] = {}
#: Nothing is known: all is possible.
_ANYTHING: Final = True
_FIRING: Final[Schema] = {
    "type": "object",
    "properties": {name: {} for name in ("workflow_id", "cron", "timezone", "slot", "slot_ms", "late_by_ms")},
}
_REQUEST: Final[Schema] = {"type": "object", "properties": {"body": {}, "query": {}, "headers": {}, "method": {}}}


def unknown_in_event(name: str, text: str, *, variable: str = "") -> str | None:
    """Return why ``name``, which ``text`` reads from an event directly, is never there; ``None`` if it may be.

    ``variable`` is what the event is called where ``text`` stands, with a dot.
    """
    if name in EVENT_NAMES:
        return None
    if name in ("event", "async"):
        meant = " (leave that out, as in data.id: it is a place in both events)"
    else:
        alike = [each for each in EVENT_NAMES if abs(len(each) - len(name)) <= 1]  # user is not meant by customer
        meant = hint(name, alike) or f" (did you mean {variable}data.{name}?)"
    return f"{text}: an event has {', '.join(EVENT_NAMES[:-1])}, and no {name!r}{meant}"


def data_schemas(triggers: Iterable[AnyTrigger], inputs: Json, declared: EventSchemas) -> list[Any]:
    """Return a schema of the data of each event that may start a workflow.

    What the workflow says itself, by its ``inputs``, comes before what the application declares.
    """
    if isinstance(inputs, Mapping) and inputs:
        return [inputs]
    return [_data_schema(trigger, declared) for trigger in triggers]


def _data_schema(trigger: AnyTrigger, declared: EventSchemas) -> Any:
    if isinstance(trigger, Trigger):
        return declared.get(trigger.event, _ANYTHING)
    if isinstance(trigger, CronTrigger):
        return _FIRING
    return _REQUEST if isinstance(trigger, HttpTrigger) else _ANYTHING
