"""What can be seen from a place in a document: the roots that references may have there, and actions they may name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workflowkit.base.errors import Problem
from workflowkit.definition.checks.expressions import EVENT_AND_TIME, compiled
from workflowkit.definition.checks.outputs import may_lead
from workflowkit.definition.checks.subject import GraphSubject, Subject
from workflowkit.definition.jsonpath import Path
from workflowkit.definition.model import SOURCE, OnError
from workflowkit.definition.references import ROOTS, Reference


@dataclass(frozen=True, slots=True)
class Sight:
    """The view from an action's inputs, or with ``edge_source`` from the condition of an edge below one.

    Without ``node_id`` it is the view from the end of the graph, when all of its actions are settled. ``sees_itself``
    is for what happens after the action.
    """

    subject: GraphSubject
    node_id: str | None = None
    edge_source: str | None = None
    sees_itself: bool = False

    def check(self, reference: Reference, pointer: str) -> Iterator[Problem]:
        """Yield why a reference at ``pointer`` leads nowhere, or may."""
        root = reference.root
        if root == "state":
            yield from self._check_state(reference, pointer)
        elif root == "output":
            yield from self._check_output(reference, pointer)
        elif root == "event":
            yield from _check_event(self.subject.whole, reference, pointer)
        elif root not in self.subject.roots:
            roots = [f"$.{name}" for name in (*ROOTS, *sorted(self.subject.roots))]
            message = f"{reference.text} begins with none of {', '.join(roots[:-1])} and {roots[-1]}"
            yield Problem(pointer, "unknown-root", message)

    def check_expression(self, text: str, pointer: str) -> Iterator[Problem]:
        """Yield why a CEL expression over ``event`` and ``state`` cannot be used, or what it reads may not be there."""
        variables = EVENT_AND_TIME | {"state"} | self.subject.roots
        expression = yield from compiled(text, pointer, variables, self.subject.limits)
        if expression is not None:
            for action in sorted(name for variable, name in expression.members if variable == "state"):
                yield from self._check_action(action, f"state.{action}", pointer)

    def _check_output(self, reference: Reference, pointer: str) -> Iterator[Problem]:
        if self.edge_source is None:
            message = f"{reference.text}: $.output is for the conditions of edges; here write $.state.<action id>"
            yield Problem(pointer, "unknown-root", message)
        elif self.edge_source == SOURCE:
            message = f"{reference.text}: the trigger has no output; use $.event"
            yield Problem(pointer, "unknown-root", message)
        else:
            yield from _check_path(self.subject, self.edge_source, reference, pointer)

    def _check_state(self, reference: Reference, pointer: str) -> Iterator[Problem]:
        if reference.action is None:
            message = f"{reference.text} must name an action: $.state.<action id>"
            yield Problem(pointer, "unknown-reference", message)
            return
        yield from self._check_action(reference.action, reference.text, pointer)
        if (home := self.home_of(reference.action)) is not None:
            yield from _check_path(home[0], reference.action, reference, pointer)

    def _check_action(self, action: str, shown: str, pointer: str) -> Iterator[Problem]:
        home = self.home_of(action)
        if home is None:
            is_inside = action in self.subject.whole.all_ids
            reason = f"action {action!r} is in another graph" if is_inside else f"there is no action {action!r}"
            yield Problem(pointer, "out-of-sight" if is_inside else "unknown-reference", f"{shown}: {reason}")
            return
        graph, here = home
        if here is None or action == self.edge_source or (self.sees_itself and action == here):
            return
        if graph.lineage.knows(action) and graph.lineage.knows(here):
            yield from _check_order(graph, action, here, shown, pointer)

    def home_of(self, action: str) -> tuple[GraphSubject, str | None] | None:
        """Return the graph of an action that can be seen, and the action of that graph that it is seen from."""
        graph, here = self.subject, self.node_id
        while action not in graph.nodes:
            if graph.outer is None:
                return None
            graph, here = graph.outer, graph.holder
        return graph, here


def _check_order(graph: GraphSubject, action: str, here: str, shown: str, pointer: str) -> Iterator[Problem]:
    if not graph.lineage.is_ancestor(action, here):
        message = f"{shown}: action {action!r} does not come before {here!r} on any path"
        yield Problem(pointer, "not-an-ancestor", message)
    elif graph.nodes[action].settings.may_be_passed_over or graph.lineage.may_be_skipped(action, here):
        message = f"{shown}: action {action!r} may have been skipped; the value is then missing"
        yield Problem(pointer, "maybe-skipped", message, "warning")


def _check_event(whole: Subject, reference: Reference, pointer: str) -> Iterator[Problem]:
    """Yield that a path leads into what no event declares that may start the workflow."""
    keys = reference.path.keys
    if not keys or keys[0] != "data" or not whole.event_schemas:
        return
    if not any(may_lead(schema, keys[1:]) for schema in whole.event_schemas):
        message = f"{reference.text}: the data of the events that start it declares nothing there"
        yield Problem(pointer, "unknown-path", message, "warning")


def _check_path(graph: GraphSubject, action: str, reference: Reference, pointer: str) -> Iterator[Problem]:
    """Yield that a path leads into what an output's schema does not declare."""
    path: Path = reference.path
    action_type = graph.action_of(action)
    handles_errors = graph.nodes[action].settings.on_error is not OnError.FAIL
    outputs, owner = graph.outputs_of(action)
    if action_type is None or outputs is None or handles_errors:
        return
    # Many actions are of one kind, and refer to the same keys.
    place, known = (owner, path.keys), graph.whole.leads
    if place not in known:
        known[place] = may_lead(outputs, path.keys)
    if not known[place]:
        message = f"{reference.text}: the output of {action!r} ({action_type.kind}) declares nothing there"
        yield Problem(pointer, "unknown-path", message, "warning")
