"""A document's readable parts, valid or not: what every later check and the parser work on.

Whatever has the wrong shape is left out here and reported by the check against the JSON Schema, so that one broken
entry hides none of the other problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.definition.durations import duration_seconds
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import JoinMode, OnError

SETTING_NAMES = frozenset({"retries", "timeout", "on_error", "fallback", "join"})


@dataclass(frozen=True, slots=True)
class Settings:
    """An action's ``settings``; what the document does not say, or says wrongly, has its default."""

    retries: int | None = None
    timeout_seconds: float | None = None
    on_error: OnError = OnError.FAIL
    fallback: Json = None
    join: JoinMode = JoinMode.ANY
    join_count: int = 1


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """One entry of ``actions`` that has an id. ``kind`` is ``""`` if it has none."""

    id: str
    kind: str
    name: str
    inputs: Mapping[str, Json]
    settings: Settings
    written_settings: Mapping[str, Json]
    pointer: str


@dataclass(frozen=True, slots=True)
class EdgeEntry:
    """One entry of ``edges`` that has two ends. ``conditional`` is as written."""

    id: str
    source: str
    target: str
    conditional: Mapping[str, Json] | None
    pointer: str


@dataclass(frozen=True, slots=True)
class TriggerEntry:
    """One trigger that names an event."""

    event: str
    condition: str | None
    pointer: str


@dataclass(frozen=True, slots=True)
class Outline:
    """The readable parts of one document, in its order."""

    actions: tuple[ActionEntry, ...]
    edges: tuple[EdgeEntry, ...]
    triggers: tuple[TriggerEntry, ...]


def outline(document: Mapping[str, Json]) -> Outline:
    """Read what can be read of a document. Never raises."""
    actions = [_action(entry, f"/actions/{index}") for index, entry in _entries(document, "actions")]
    edges = [_edge(entry, index) for index, entry in _entries(document, "edges")]
    triggers = [_trigger(entry, f"/triggers/{index}") for index, entry in _entries(document, "triggers")]
    if isinstance(single := document.get("trigger"), dict):
        triggers.insert(0, _trigger(single, "/trigger"))
    return Outline(
        tuple(entry for entry in actions if entry is not None),
        tuple(entry for entry in edges if entry is not None),
        tuple(entry for entry in triggers if entry is not None),
    )


def _entries(document: Mapping[str, Json], key: str) -> list[tuple[int, dict[str, Json]]]:
    entries = document.get(key)
    return [(i, entry) for i, entry in enumerate(entries if isinstance(entries, list) else ()) if type(entry) is dict]


def _action(entry: dict[str, Json], pointer: str) -> ActionEntry | None:
    node_id = _text(entry, "id")
    if not node_id:
        return None
    settings = _object(entry, "settings")
    return ActionEntry(
        id=node_id,
        kind=_text(entry, "kind"),
        name=_text(entry, "name") or node_id,
        inputs=_object(entry, "inputs"),
        settings=_settings(settings),
        written_settings=settings,
        pointer=pointer,
    )


def _settings(entry: Mapping[str, Json]) -> Settings:
    retries = entry.get("retries")
    join, join_count = _join(entry.get("join"))
    on_error = entry.get("on_error")
    return Settings(
        retries=retries if type(retries) is int else None,
        timeout_seconds=duration_seconds(entry.get("timeout")),
        on_error=OnError(on_error) if on_error in tuple(OnError) else OnError.FAIL,
        fallback=entry.get("fallback"),
        join=join,
        join_count=join_count,
    )


def _join(value: Any) -> tuple[JoinMode, int]:
    if isinstance(value, dict):
        count = value.get("n_of")
        return (JoinMode.N_OF, count) if type(count) is int and count > 0 else (JoinMode.ANY, 1)
    return (JoinMode.ALL if value == "all" else JoinMode.ANY), 1


def _edge(entry: dict[str, Json], index: int) -> EdgeEntry | None:
    source, target = _text(entry, "from"), _text(entry, "to")
    if not source or not target:
        return None
    conditional = entry.get("conditional")
    return EdgeEntry(
        id=_text(entry, "id") or f"{source}->{target}#{index}",
        source=source,
        target=target,
        conditional=conditional if isinstance(conditional, dict) else None,
        pointer=f"/edges/{index}",
    )


def _trigger(entry: dict[str, Json], pointer: str) -> TriggerEntry | None:
    event = _text(entry, "event")
    return TriggerEntry(event, _text(entry, "if") or None, pointer) if event else None


def _text(entry: Mapping[str, Json], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _object(entry: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}
