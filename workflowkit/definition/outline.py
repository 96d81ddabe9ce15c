"""A document's readable parts, valid or not: what every later check and the parser work on.

Whatever has the wrong shape is left out here and reported by the check against the JSON Schema, so that one broken
entry hides none of the other problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import LOOP_KIND
from workflowkit.definition.settings.action import ActionSettings, read_action_settings
from workflowkit.definition.settings.reading import mapping, text
from workflowkit.definition.settings.triggers import AnyTrigger, read_trigger
from workflowkit.definition.settings.workflow import WorkflowSettings, read_settings


@dataclass(frozen=True, slots=True)
class Graph:
    """The readable parts of one graph, in the document's order. ``pointer`` is where ``actions`` and ``edges`` stand.

    ``written`` is the object that has them.
    """

    pointer: str
    actions: tuple[ActionEntry, ...]
    edges: tuple[EdgeEntry, ...]
    written: Mapping[str, Json]

    @property
    def has_output(self) -> bool:
        """Whether it says what its output is."""
        return "output" in self.written


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """One entry of ``actions`` that has an id. ``kind`` is ``""`` if it has none; loops only have a ``body``."""

    id: str
    kind: str
    name: str
    inputs: Mapping[str, Json]
    settings: ActionSettings
    written_settings: Mapping[str, Json]
    pointer: str
    body: Graph | None
    has_body: bool


@dataclass(frozen=True, slots=True)
class EdgeEntry:
    """One entry of ``edges`` that has two ends. ``conditional`` is as written."""

    id: str
    source: str
    target: str
    conditional: Mapping[str, Json] | None
    pointer: str


@dataclass(frozen=True, slots=True)
class Outline:
    """The readable parts of one document."""

    main: Graph
    triggers: tuple[AnyTrigger, ...]
    settings: WorkflowSettings
    on_failure: Graph | None
    on_cancel: Graph | None


def outline(document: Mapping[str, Json]) -> Outline:
    """Read what can be read of a document. Never raises."""
    triggers = [read_trigger(entry, f"/triggers/{index}") for index, entry in _entries(document, "triggers")]
    if isinstance(single := document.get("trigger"), dict):
        triggers.insert(0, read_trigger(single, "/trigger"))
    settings = mapping(document, "settings")
    return Outline(
        _graph(document, ""),
        tuple(trigger for trigger in triggers if trigger is not None),
        read_settings(settings),
        _handler(settings, "on_failure"),
        _handler(settings, "on_cancel"),
    )


def _handler(settings: Mapping[str, Json], name: str) -> Graph | None:
    written = mapping(settings, name)
    return _graph(written, f"/settings/{name}") if "actions" in written else None


def _graph(written: Mapping[str, Json], pointer: str) -> Graph:
    actions = [_action(entry, f"{pointer}/actions/{index}") for index, entry in _entries(written, "actions")]
    edges = [_edge(entry, index, pointer) for index, entry in _entries(written, "edges")]
    return Graph(
        pointer,
        tuple(entry for entry in actions if entry is not None),
        tuple(entry for entry in edges if entry is not None),
        written,
    )


def _entries(document: Mapping[str, Json], key: str) -> list[tuple[int, dict[str, Json]]]:
    entries = document.get(key)
    return [(i, entry) for i, entry in enumerate(entries if isinstance(entries, list) else ()) if type(entry) is dict]


def _action(entry: dict[str, Json], pointer: str) -> ActionEntry | None:
    node_id, kind = text(entry, "id"), text(entry, "kind")
    if not node_id:
        return None
    settings = mapping(entry, "settings")
    body = entry.get("body") if kind == LOOP_KIND else None
    return ActionEntry(
        id=node_id,
        kind=kind,
        name=text(entry, "name") or node_id,
        inputs=mapping(entry, "inputs"),
        settings=read_action_settings(settings),
        written_settings=settings,
        pointer=pointer,
        body=_graph(body, f"{pointer}/body") if isinstance(body, dict) else None,
        has_body="body" in entry,
    )


def _edge(entry: dict[str, Json], index: int, pointer: str) -> EdgeEntry | None:
    source, target = text(entry, "from"), text(entry, "to")
    if not source or not target:
        return None
    conditional = entry.get("conditional")
    return EdgeEntry(
        id=text(entry, "id") or f"{source}->{target}#{index}",
        source=source,
        target=target,
        conditional=conditional if isinstance(conditional, dict) else None,
        pointer=f"{pointer}/edges/{index}",
    )
