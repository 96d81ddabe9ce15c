"""What a part of a document can see besides its own outputs: the graph around it, and what it was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from workflowkit.definition.model import SOURCE, Json, Workflow
from workflowkit.definition.references import END_ROOTS, EVENTS_ROOT, LOOP_ROOTS

_NOTHING: Final[Mapping[str, Json]] = MappingProxyType({})
#: Of what a part was given, only these can be read: the rest is for the engine.
_ROOTS: Final = frozenset({*LOOP_ROOTS, *END_ROOTS})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``state`` has the outputs of the graphs around a part by action id, ``roots`` the values of its extra roots.

    Neither ever changes: what a part may refer to was settled before the part began.
    """

    state: Mapping[str, Json] = field(default_factory=lambda: _NOTHING)
    roots: Mapping[str, Json] = field(default_factory=lambda: _NOTHING)

    def inside(self, outputs: Mapping[str, Json], given: Any) -> Surroundings:
        """Return what a part of this graph sees that was ``given`` something; ``outputs`` are this graph's own."""
        roots = {name: value for name, value in given.items() if name in _ROOTS} if isinstance(given, dict) else {}
        return Surroundings({**self.state, **outputs} if outputs else self.state, {**self.roots, **roots})

    def with_events(self, events: Sequence[Json]) -> Surroundings:
        """Return what a run sees that a batch of events started."""
        return replace(self, roots={**self.roots, EVENTS_ROOT: list(events)}) if events else self


NO_SURROUNDINGS: Final = Surroundings()


def upstream(workflow: Workflow, node_id: str) -> frozenset[str]:
    """Return the ids of the actions from which a path leads to ``node_id``."""
    found: set[str] = set()
    waiting = [node_id]
    while waiting:
        for edge in workflow.incoming[waiting.pop()]:
            if edge.source != SOURCE and edge.source not in found:
                found.add(edge.source)
                waiting.append(edge.source)
    return frozenset(found)


def seen_from(workflow: Workflow, outputs: Mapping[str, Json], node_id: str) -> dict[str, Json]:
    """Return the outputs that the body of ``node_id`` can see: those of what comes before it."""
    return chosen(outputs, upstream(workflow, node_id))


def chosen(outputs: Mapping[str, Json], ids: Iterable[str]) -> dict[str, Json]:
    """Return some of the outputs, those that there are."""
    return {node_id: outputs[node_id] for node_id in ids if node_id in outputs}
