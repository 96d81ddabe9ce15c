"""Warn of keys that mean nothing where they look like a slip: an ``if`` at an edge, which then always holds.

Other keys that are not known are kept without a word: editors keep their own things there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, reduce
from itertools import islice
from typing import Any, Final

from workflowkit.assets import asset_dir
from workflowkit.base.errors import Problem
from workflowkit.base.jsonvalue import child_pointer, loads
from workflowkit.definition.checks.subject import Subject

#: What others call the same: of edges, of actions, of the document.
_EDGE: Final = dict.fromkeys(("if", "when", "condition", "expression"), "conditional")
_ACTION: Final = {"params": "inputs", "parameters": "inputs", "arguments": "inputs", "retries": "settings.retries",
                  "timeout": "settings.timeout"}  # fmt: skip
_DOCUMENT: Final = {"steps": "actions", "nodes": "actions", "connections": "edges", "on": "triggers"}
#: How alike a name must be to be a slip. "position" is none of "description".
_ALIKE: Final = 0.8
#: Keys that are looked at in all: documents may have any number, and comparing takes time.
_MOST: Final = 100
_LONGEST: Final = 20


def check_keys(subject: Subject) -> Iterator[Problem]:
    """Yield warnings of keys that were meant for others."""
    yield from filter(None, (_slip(*each) for each in islice(_unknown(subject), _MOST)))


def _unknown(subject: Subject) -> Iterator[tuple[str, str, frozenset[str], Mapping[str, str]]]:
    """Yield pointer, key, known keys and other names of each key that is not known."""
    document, action, edge = _known()
    places = [("", document, _DOCUMENT)]
    for graph in subject.graphs:
        places += [(entry.pointer, action, _ACTION) for entry in graph.parts.actions]
        places += [(entry.pointer, edge, _EDGE) for entry in graph.parts.edges]
    for pointer, known, others in places:
        for key in _at(subject.document, pointer):
            if key not in known and len(key) <= _LONGEST:
                yield pointer, key, known, others


def _slip(pointer: str, key: str, known: frozenset[str], others: Mapping[str, str]) -> Problem | None:
    from difflib import get_close_matches  # only for documents with keys that are not known

    close = [others[key]] if key in others else get_close_matches(key.lower(), known, n=1, cutoff=_ALIKE)
    if not close:
        return None
    message = f"This key means nothing here: {key} (did you mean {close[0]}?)"
    return Problem(child_pointer(pointer, key), "unknown-setting", message, "warning")


def _at(document: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """Return the object at the pointer of an action or an edge: indexes and plain names only."""
    found: Any = document
    for token in pointer.split("/")[1:]:
        found = found[int(token)] if isinstance(found, list) else found[token]
    return found if isinstance(found, Mapping) else {}


@lru_cache(maxsize=1)
def _known() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the keys of a document, an action and an edge."""
    schema = loads((asset_dir("schemas") / "workflow.schema.json").read_bytes())
    parts = [(), ("$defs", "action"), ("$defs", "edge")]
    document, action, edge = (
        frozenset(reduce(lambda here, step: here[step], path, schema)["properties"]) for path in parts
    )
    return document, action, edge
