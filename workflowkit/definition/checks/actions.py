"""Check each action against its kind: that it exists, its inputs as written, its body, and the edges below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflowkit.base.errors import Problem
from workflowkit.definition.catalogue import ActionType
from workflowkit.definition.checks.action_settings import check_action_settings
from workflowkit.definition.checks.fits import check_fits
from workflowkit.definition.checks.inputs import InputCheck
from workflowkit.definition.checks.kinds import unknown_kind
from workflowkit.definition.checks.replies import check_reply
from workflowkit.definition.checks.sight import Sight
from workflowkit.definition.checks.subject import GraphSubject
from workflowkit.definition.jsvalues import Json, deep_equal, unpaid
from workflowkit.definition.model import LOOP_KIND, SOURCE, ConditionType, OnError
from workflowkit.definition.outline import ActionEntry, EdgeEntry


def check_actions(subject: GraphSubject) -> Iterator[Problem]:
    """Yield what is wrong with each action of a graph taken by itself."""
    for entry in subject.parts.actions:
        yield from check_action_settings(entry, subject)
        yield from _check_error_edges(entry, subject)
        yield from _check_body(entry)
        if not entry.kind:
            continue
        action = subject.whole.catalogue.get(entry.kind)
        if action is None:
            yield unknown_kind(entry.kind, f"{entry.pointer}/kind", subject.whole.catalogue)
            continue
        contract, pointer = subject.whole.contract_of(action), f"{entry.pointer}/inputs"
        owner = f"Action '{entry.id}'"
        yield from InputCheck(owner, entry.inputs, pointer, contract, subject.limits).problems()
        yield from check_reply(owner, entry.kind, entry.inputs, pointer)
        yield from check_fits(owner, entry, contract, Sight(subject, entry.id))
        yield from _check_offered_edges(entry, action, subject)
    for edge in subject.outgoing.get(SOURCE, ()):
        if _is_error_edge(edge):
            message = "The trigger cannot fail, so this edge is never taken"
            yield Problem(f"{edge.pointer}/conditional/type", "unexpected-error-edge", message)


def _check_body(entry: ActionEntry) -> Iterator[Problem]:
    """Yield that an action has a body and is no loop; that a loop has one is the JSON Schema's."""
    if entry.has_body and entry.kind != LOOP_KIND:
        message = f"Action '{entry.id}' has a body, but only {LOOP_KIND} executes one"
        yield Problem(f"{entry.pointer}/body", "unused-body", message, "warning")


def _check_error_edges(entry: ActionEntry, subject: GraphSubject) -> Iterator[Problem]:
    error_edges = [edge for edge in subject.outgoing.get(entry.id, ()) if _is_error_edge(edge)]
    branches = entry.settings.on_error is OnError.BRANCH
    if branches and not error_edges:
        message = f"Action '{entry.id}' branches on error, but no edge of type error leaves it"
        yield Problem(f"{entry.pointer}/settings/on_error", "missing-error-edge", message)
    for edge in () if branches else error_edges:
        message = f"This edge is never taken: set on_error of action '{entry.id}' to branch"
        yield Problem(f"{edge.pointer}/conditional/type", "unexpected-error-edge", message)


def _is_error_edge(edge: EdgeEntry) -> bool:
    return edge.conditional is not None and edge.conditional.get("type") == ConditionType.ERROR


def _check_offered_edges(entry: ActionEntry, action: ActionType, subject: GraphSubject) -> Iterator[Problem]:
    if action.edges.allow_add:
        return
    offered = [_asked(edge.conditional) for edge in action.edges.edges]
    for edge in subject.outgoing.get(entry.id, ()):
        asked = None if edge.conditional is None else _asked(edge.conditional)
        if not _is_error_edge(edge) and not any(deep_equal(asked, each, unpaid) for each in offered):
            names = ", ".join(each.name for each in action.edges.edges) or "none"
            message = f"Below action '{entry.id}' ({entry.kind}) only these edges are foreseen: {names}"
            yield Problem(edge.pointer, "edge-not-offered", message, "warning")


def _asked(conditional: Mapping[str, Json]) -> dict[str, Json]:
    return {key: conditional.get(key) for key in ("type", "ref", "value")}
