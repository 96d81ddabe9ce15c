"""The identity of a workflow version: a hash of what a run depends on, and of nothing else.

Names, descriptions, metadata, positions, unknown keys and the order of keys may change without a new version. Ids,
kinds, inputs, settings, edges, triggers and the order of actions and edges (it breaks ties) may not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from workflowkit.base.jsonvalue import canonical
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.outline import ActionEntry, EdgeEntry, outline

#: Raise when the same document would run differently.
_FORMAT = 1


def execution_hash(document: Mapping[str, Json]) -> str:
    """Return the SHA-256 (hex) of a document's execution-relevant parts; equal hashes mean equal runs."""
    parts = outline(document)
    relevant = {
        "format": _FORMAT,
        "actions": [_action(entry) for entry in parts.actions],
        "edges": [_edge(entry) for entry in parts.edges],
        "triggers": [[entry.event, entry.condition] for entry in parts.triggers],
    }
    return hashlib.sha256(canonical(relevant)).hexdigest()


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
    }


def _edge(entry: EdgeEntry) -> dict[str, Any]:
    relevant: dict[str, Any] = {"id": entry.id, "from": entry.source, "to": entry.target}
    if entry.conditional is not None:
        relevant["conditional"] = {key: entry.conditional.get(key) for key in ("type", "ref", "value")}
    return relevant
