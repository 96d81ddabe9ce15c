"""The identity of a workflow version: a hash of what a run depends on, and of nothing else.

Names, descriptions, metadata, positions, unknown keys and the order of keys may change without a new version. Ids,
kinds, inputs, settings, edges, triggers and the order of actions and edges (it breaks ties) may not.

A setting that is as if it were not there is left out. So documents keep their hash when the format gains settings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from workflowkit.base.jsonvalue import canonical
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.outline import ActionEntry, EdgeEntry, Graph, Outline, outline
from workflowkit.definition.settings.triggers import (
    AnyTrigger,
    CronTrigger,
    HttpTrigger,
    ManualTrigger,
    Trigger,
    WebhookTrigger,
)

#: Raise when the same document would run differently.
_FORMAT = 1
#: Settings of an action that were there in the first version of the format; they are hashed whatever they are.
_FIRST_SETTINGS = frozenset({"retries", "timeout_seconds", "on_error", "fallback", "join", "join_count"})
#: Names that stay when a class is renamed.
_KINDS: dict[type, str] = {CronTrigger: "cron", WebhookTrigger: "webhook", ManualTrigger: "manual", HttpTrigger: "http"}


def execution_hash(document: Mapping[str, Json]) -> str:
    """Return the SHA-256 (hex) of a document's execution-relevant parts; equal hashes mean equal runs."""
    return hash_of(outline(document))


def hash_of(parts: Outline) -> str:
    """Return the execution hash of a document that has been read."""
    written = parts.main.written
    relevant = {
        "format": _FORMAT,
        **_graph(parts.main),
        "triggers": [_trigger(trigger) for trigger in parts.triggers],
        **{key: written[key] for key in ("inputs", "outputs") if key in written},
        **({"settings": settings} if (settings := _changed(parts.settings)) else {}),
        **({"on_failure": _graph(parts.on_failure)} if parts.on_failure else {}),
        **({"on_cancel": _graph(parts.on_cancel)} if parts.on_cancel else {}),
    }
    return hashlib.sha256(canonical(relevant)).hexdigest()


def _graph(graph: Graph) -> dict[str, Any]:
    return {
        "actions": [_action(entry) for entry in graph.actions],
        "edges": [_edge(entry) for entry in graph.edges],
        **({"output": graph.written["output"]} if graph.has_output else {}),
    }


def _trigger(trigger: AnyTrigger) -> Json:
    if isinstance(trigger, Trigger):
        return [trigger.event, trigger.condition]
    return {_KINDS[type(trigger)]: {name: value for name, value in _changed(trigger).items() if name != "pointer"}}


def _action(entry: ActionEntry) -> dict[str, Any]:
    settings = entry.settings
    return {
        "id": entry.id,
        "kind": entry.kind,
        "inputs": entry.inputs,
        "retries": settings.retries,
        "timeout": settings.timeout_seconds,
        "on_error": settings.on_error.value,
        "fallback": settings.fallback,
        "join": [settings.join.value, settings.join_count],
        **{name: value for name, value in _changed(settings).items() if name not in _FIRST_SETTINGS},
        **({} if entry.body is None else {"body": _graph(entry.body)}),
    }


def _edge(entry: EdgeEntry) -> dict[str, Any]:
    relevant: dict[str, Any] = {"id": entry.id, "from": entry.source, "to": entry.target}
    if entry.conditional is not None:
        relevant["conditional"] = {key: entry.conditional.get(key) for key in ("type", "ref", "value")}
    return relevant


def _changed(settings: Any) -> dict[str, Any]:
    """Return the fields of a settings value that differ from what stands there when nothing is written."""
    found = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.default is MISSING or value != field.default:
            found[field.name] = _plain(value)
    return found


def _plain(value: Any) -> Json:
    if is_dataclass(value):
        return _changed(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
