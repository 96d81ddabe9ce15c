"""Running a run again from one of its steps: what is kept of it, and what is executed anew. Pure.

The step and everything that follows it are executed again; all other results are kept, also where the version has
changed, as long as the ids are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workflowkit.definition.model import Condition, Workflow
from workflowkit.engine.facts import UNDONE, Fact, FactKind
from workflowkit.engine.memo import STEP_SEPARATOR

_PLACE = re.compile(r"(?P<node>[^/\[\]]+)(?:/(?P<step>.+)|\[(?P<item>.*)\])?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is to begin again: a node, one of the steps that its handler opened, or one item of a loop.

    Written ``invoice``, ``welcome/load user``, ``each[A-1]``.
    """

    node: str
    step: str | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a new run takes over: ``results`` are final facts by node, ``memo`` those of steps inside of the place."""

    results: Mapping[str, Fact] = field(default_factory=dict)
    memo: tuple[Fact, ...] = ()


def read_place(text: str) -> Place | None:
    """Return the place that a text names; ``None`` if it names none."""
    found = _PLACE.fullmatch(text)
    return None if found is None else Place(found["node"], found["step"], found["item"])


def keep(
    workflow: Workflow,
    facts: Iterable[Fact],
    place: Place,
    changed: Iterable[str] = (),
    *,
    before: Workflow | None = None,
) -> Kept:
    """Return what is kept of a run with these facts (in order) that begins again at ``place`` in ``workflow``.

    Of ``changed``, nodes whose results mean something else by now, nothing is. ``before`` is what it was a run of, if
    that is another version: a way on from a step that is another one by now is decided anew.
    """
    again = {place.node, *downstream(workflow, place.node), *changed}
    results: dict[str, Fact] = {}
    memo: list[Fact] = []
    prefix = place.node + STEP_SEPARATOR
    is_before = place.step is not None
    for fact in facts:
        if fact.step.startswith(prefix):
            is_before = is_before and fact.step != f"{prefix}{place.step}"
            if is_before and fact.kind.is_final:
                memo.append(_taken_over(fact))
        elif fact.step in workflow.nodes and fact.step not in again and _is_result(fact):
            is_same = before is None or _ways_on(before, fact.step) == _ways_on(workflow, fact.step)
            results[fact.step] = fact if is_same else replace(fact, edges=None)
    return Kept(results, tuple(memo))


def _ways_on(workflow: Workflow, node_id: str) -> list[tuple[str, str, Condition | None]]:
    return [(edge.id, edge.target, edge.condition) for edge in workflow.outgoing.get(node_id, ())]


def downstream(workflow: Workflow, node_id: str) -> frozenset[str]:
    """Return the ids of the nodes that can be reached from one."""
    found: set[str] = set()
    waiting = [node_id]
    while waiting:
        for edge in workflow.outgoing[waiting.pop()]:
            if edge.target not in found:
                found.add(edge.target)
                waiting.append(edge.target)
    return frozenset(found)


def changes_of(given: Any) -> Mapping[str, Any]:
    """Return what is said about how a run differs from the one it repeats (``inputs`` and ``items`` by node)."""
    said = given.get("again") if isinstance(given, dict) else None
    return said if isinstance(said, dict) else {}


def _taken_over(fact: Fact) -> Fact:
    """Return the result of a step for another run: what undoes it is the business of the run that executed it."""
    detail = fact.detail
    return replace(fact, detail={"kind": detail["kind"]}) if detail is not None and UNDONE in detail else fact


def _is_result(fact: Fact) -> bool:
    return fact.kind in (FactKind.COMPLETED, FactKind.FAILED) and not fact.stop
