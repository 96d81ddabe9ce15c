"""A part of a document that is not finished: an action and what leads to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflowkit.base.errors import DefinitionError


def part_until(document: Mapping[str, Any], action_id: str) -> dict[str, Any] | None:
    """Return the document with that action and those before it only; ``None`` where it is not a graph with it."""
    actions, edges = document.get("actions"), document.get("edges")
    if not isinstance(actions, list) or not isinstance(edges, list):
        return None
    leading: dict[Any, list[Any]] = {}
    for edge in edges:
        if not isinstance(edge, dict) or not isinstance(edge.get("to"), str):
            return None
        leading.setdefault(edge["to"], []).append(edge.get("from"))
    kept, open_ids = {action_id}, [action_id]
    while open_ids:
        found = [one for one in leading.get(open_ids.pop(), ()) if isinstance(one, str) and one not in kept]
        kept.update(found)
        open_ids.extend(found)
    if action_id not in ids_of(document):
        return None
    inside = [action for action in actions if isinstance(action, dict) and ids_of({"actions": [action]}) & kept]
    return {**document, "actions": inside, "edges": [edge for edge in edges if edge["to"] in kept]}


def ids_of(document: Mapping[str, Any]) -> set[str]:
    """Return the ids of the actions of a graph, as far as they are any."""
    ids = [action.get("id") for action in document["actions"] if isinstance(action, dict)]
    return {one for one in ids if isinstance(one, str)}


def about_part(error: DefinitionError, document: Mapping[str, Any], part: Mapping[str, Any]) -> DefinitionError:
    """Return the error with what is wrong in the part, at its places in the whole; as it was if that is nothing."""
    outside = {
        f"/{key}/{index}"
        for key in ("actions", "edges")
        for index, entry in enumerate(document[key])
        if entry not in part[key]
    }
    inside = [one for one in error.problems if "/".join(one.pointer.split("/")[:3]) not in outside]
    return DefinitionError(inside) if inside else error
