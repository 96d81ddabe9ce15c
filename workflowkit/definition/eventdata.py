"""What the data of the events that start a workflow looks like, as far as anybody has said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from workflowkit.definition.jsvalues import Json
from workflowkit.definition.schema import Schema
from workflowkit.definition.settings.triggers import AnyTrigger, CronTrigger, HttpTrigger, Trigger

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
