"""Check ids, and that edges lead from and to something that exists."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workflowkit.base.errors import Problem
from workflowkit.definition.checks.subject import GraphSubject, Subject
from workflowkit.definition.model import ON_CANCEL, ON_FAILURE, SOURCE
from workflowkit.definition.outline import EdgeEntry

#: Ids with a meaning of their own, here or in the JavaScript of editors.
RESERVED_IDS = frozenset({SOURCE, ON_FAILURE, ON_CANCEL, "$blank", "__proto__", "constructor", "prototype"})
MAX_ID_CHARS = 200

_PLAIN_ID = re.compile(r"[A-Za-z0-9_\-\u0080-\U0010ffff]+")
# A step's key is "<node id>", "<node id>/<step id>" or "<node id>[<item key>]".
_RESERVED_CHARACTERS = re.compile(r"[/\[\]\x00-\x1f\x7f]")


def check_names(subject: Subject) -> Iterator[Problem]:
    """Yield what is wrong with the ids of actions and with the ids and ends of edges."""
    seen: set[str] = set()
    for entry in (entry for graph in subject.graphs for entry in graph.parts.actions):
        pointer = f"{entry.pointer}/id"
        if entry.id in RESERVED_IDS:
            yield Problem(pointer, "reserved-id", f"The ID {entry.id} is reserved")
        elif entry.id in seen:
            yield Problem(pointer, "duplicate-id", f"Workflow has two actions with the same ID: {entry.id}")
        else:
            yield from _check_spelling(entry.id, pointer)
        seen.add(entry.id)
    for graph in subject.graphs:
        yield from _check_edges(graph)


def _check_spelling(node_id: str, pointer: str) -> Iterator[Problem]:
    if len(node_id) > MAX_ID_CHARS:
        yield Problem(pointer, "invalid-id", f"An ID has at most {MAX_ID_CHARS} characters, got {len(node_id)}")
    elif _RESERVED_CHARACTERS.search(node_id):
        yield Problem(pointer, "invalid-id", "An ID must not contain /, [, ] or control characters")
    elif not _PLAIN_ID.fullmatch(node_id):
        message = f"References to this ID need brackets: $.state['{node_id}']"
        yield Problem(pointer, "unusual-id", message, "warning")


def _check_edges(subject: GraphSubject) -> Iterator[Problem]:
    seen: set[str] = set()
    for edge in subject.parts.edges:
        if edge.id in seen:
            yield Problem(f"{edge.pointer}/id", "duplicate-id", f"Workflow has two edges with the same ID: {edge.id}")
        seen.add(edge.id)
        yield from _check_ends(edge, subject)


def _check_ends(edge: EdgeEntry, subject: GraphSubject) -> Iterator[Problem]:
    if edge.source != SOURCE and edge.source not in subject.nodes:
        yield _unknown(f"{edge.pointer}/from", edge.source)
    if edge.target == SOURCE:
        yield Problem(f"{edge.pointer}/to", "edge-into-source", "No edge can lead to the trigger ($source)")
    elif edge.target not in subject.nodes:
        yield _unknown(f"{edge.pointer}/to", edge.target)
    elif edge.source == edge.target:
        yield Problem(edge.pointer, "self-edge", f"An edge leads from {edge.source} to itself")


def _unknown(pointer: str, node_id: str) -> Problem:
    return Problem(pointer, "unknown-action", f"Workflow references an unknown action: {node_id}")
