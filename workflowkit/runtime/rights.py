"""What whoever repeats or moves a run has to be allowed besides: not to get by it what only others may have.

A run is of what somebody has published, and of what people have approved. Whoever repeats it may choose what a step is
given, and so where a secret goes, or what an approval is asked about or its decision used for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflowkit.base.errors import Forbidden
from workflowkit.base.scope import is_function_kind
from workflowkit.definition.model import Node, Workflow
from workflowkit.definition.patterns import RESERVED_PREFIXES
from workflowkit.definition.references import Reference, references_in
from workflowkit.definition.secrets import mentions_secrets
from workflowkit.engine.again import Place, downstream
from workflowkit.registry.catalogue import APPROVAL_KIND

PUBLISH, OVERRIDE = "workflows:publish", "approvals:override"
_ASKS = "the workflow asks for approval, and what people approve has to stay as it is"
_RUN_WORKFLOW_KIND = "builtin:run_workflow"

#: What a caller is allowed; ``None`` for the application itself, which may do everything.
May = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that something takes: what of the request, and why."""

    pointer: str
    permission: str
    why: str

    def check(self, may: May) -> None:
        """Raise ``Forbidden`` for a caller who does not have it."""
        if may is not None and self.permission not in may:
            raise Forbidden.at(self.pointer, f"this needs the permission {self.permission}: {self.why}")


@dataclass(frozen=True, slots=True)
class Repeated:
    """A run that is to be repeated from ``place`` on, in a version of its workflow.

    ``is_published`` tells whether that version is the published one, ``asks`` whether people are asked for approval: in
    this version, in the published one, or as handlers ask.
    """

    workflow: Workflow
    place: Place | None
    is_published: bool
    asks: bool

    def needs_of_inputs(self) -> Iterator[Need]:
        """Yield what it takes to give the step another input."""
        if self.place is None or (node := self.workflow.nodes.get(self.place.node)) is None:
            return
        # SAFETY: S18 — who chooses what stands beside a secret chooses where it goes. They could publish that, or not.
        if _reach_secrets(self.workflow, node):
            yield Need("/inputs", PUBLISH, "what is edited reaches a step that is given a secret, or another workflow")
        elif node.kind == _RUN_WORKFLOW_KIND:
            yield Need("/inputs", PUBLISH, "the step runs another workflow, whatever its triggers")
        if self.asks:
            yield Need("/inputs", OVERRIDE, _ASKS)

    def needs_of_data(self) -> Iterator[Need]:
        """Yield what it takes to give the run other data: more than to send an event where that is not the same."""
        is_anew = self.place is None and self.is_published
        is_all = is_anew or (self.is_published and self._begins_function())
        # SAFETY: S18 — the results that are kept have checked other data, and an older version may check none.
        if not (is_all and _takes_any_data(self.workflow)) and self._data_reaches_secrets():
            yield Need(
                "/data", PUBLISH, "what is edited reaches a secret or another workflow, past what was checked before it"
            )
        if self.asks and not is_anew:
            yield Need("/data", OVERRIDE, _ASKS)

    def needs_of_kept(self, before: Workflow) -> Iterator[Need]:
        """Yield what it takes to keep results of the version ``before``."""
        place, workflow = self.place, self.workflow
        if place is None or place.node not in workflow.nodes or not self._data_reaches_secrets():
            return
        again = {place.node, *downstream(workflow, place.node)}
        kept = before.nodes.keys() & workflow.nodes.keys() - again
        # SAFETY: S18 — what is kept may have checked less than the step of that name does by now.
        if any(_deeds(before.nodes[each]) != _deeds(workflow.nodes[each]) for each in kept):
            yield Need(
                "/version",
                PUBLISH,
                "a secret is reached past results of steps that were others in the run's own version",
            )

    def _begins_function(self) -> bool:
        """Tell whether it begins with a function, at its beginning: then that is all of the run."""
        place = self.place
        if place is None or place.step is not None or (node := self.workflow.nodes.get(place.node)) is None:
            return False
        return is_function_kind(node.kind)

    def _data_reaches_secrets(self) -> bool:
        workflow, place = self.workflow, self.place
        nodes = workflow.nodes
        if any(is_function_kind(node.kind) for node in nodes.values()):
            return True  # what secrets it asks for stands in its code
        if place is not None and (node := nodes.get(place.node)) is not None:
            nodes = {each: nodes[each] for each in (node.id, *downstream(workflow, node.id))}
        graphs = [graph for graph in (workflow.on_failure, workflow.on_cancel) if graph is not None]
        given = [*_given_to(nodes.values()), *(each for graph in graphs for each in _given_in(graph))]
        return any(_mixes(each, None) for each in given)


def version_needs(version: int, own: int, published: int | None) -> Iterator[Need]:
    """Yield what it takes to repeat a run in a version, or to move it there."""
    if version not in (own, published):
        yield Need("/version", PUBLISH, "the version is neither the run's own nor the published one")


def _takes_any_data(workflow: Workflow) -> bool:
    """Tell whether senders of events, or who starts it by hand, choose the data, and nothing looks at it before."""
    return workflow.is_manual or any(
        # What the engine itself tells of, such as the end of a run, nobody can send.
        trigger.condition is None and not trigger.event.startswith(RESERVED_PREFIXES)
        for trigger in workflow.triggers
    )


def asks_people(workflow: Workflow) -> bool:
    """Tell whether a workflow has an approval anywhere."""
    return any(node.kind == APPROVAL_KIND for node in workflow.every_node())


def asked_otherwise(before: Workflow, after: Workflow) -> frozenset[str]:
    """Return the nodes of ``after`` that ask people, or ask them otherwise, than the same ones of ``before`` did."""
    return frozenset(
        node_id
        for node_id, node in after.nodes.items()
        if (known := before.nodes.get(node_id)) is not None and _questions(known) != _questions(node)
    )


def _questions(node: Node) -> list[tuple[str, Mapping[str, Any]]]:
    inside = [node] if node.body is None else node.body.every_node()
    return [(each.id, each.inputs) for each in inside if each.kind == APPROVAL_KIND]


def _deeds(node: Node) -> list[Any]:
    """Return what a node does, and all inside of it."""
    inside = [node] if node.body is None else [node, *node.body.every_node()]
    return [(each.id, each.kind, each.inputs, each.skip_if, each.disabled, each.on_error) for each in inside]


def _reach_secrets(workflow: Workflow, edited: Node) -> bool:
    """Tell whether what ``edited`` is given may reach a step that is given a secret: itself, inside of it, after it."""
    if mentions_secrets(dict(edited.inputs)):
        return True
    changed = {edited.id, *downstream(workflow, edited.id)}
    # Whatever stands beside a secret there: what is edited may have checked it, or what comes after that.
    if any(_mixes(given, None) for given in _given_to(workflow.nodes[each] for each in changed)):
        return True
    return any(_reached(graph, changed) for graph in (workflow.on_failure, workflow.on_cancel) if graph is not None)


def _reached(graph: Workflow, changed: Iterable[str]) -> bool:
    """Tell whether what has changed reaches a secret in what follows the run's end, which reads its outputs."""
    known = set(changed)
    for node_id, node in graph.nodes.items():  # in order, so that what one has read is known when another reads that
        inside = [*_given_to([node])]
        if any(_mixes(given, known) for given in inside):
            return True
        if any(_reads(inputs, known) for _, inputs in inside):
            known.add(node_id)
    return False


#: The kind of an action, and what it is given.
_Given = tuple[str, Mapping[str, Any]]


def _given_in(graph: Workflow) -> Iterator[_Given]:
    for node in graph.every_node():
        yield from _given_alone(node)


def _given_to(nodes: Iterable[Node]) -> Iterator[_Given]:
    """Yield what is given to nodes of one graph, to what undoes them, and to all inside of them."""
    for node in nodes:
        yield from _given_alone(node)
        if node.body is not None:
            yield from _given_in(node.body)


def _given_alone(node: Node) -> Iterator[_Given]:
    yield node.kind, node.inputs
    if node.compensate is not None:
        yield node.compensate.kind, node.compensate.inputs


def _mixes(given: _Given, changed: Iterable[str] | None) -> bool:
    """Tell whether a secret is given beside something that was changed; ``None``: beside any reference.

    So may another workflow that is run: whichever it is, and whatever its triggers ask.
    """
    kind, inputs = given
    return (kind == _RUN_WORKFLOW_KIND or mentions_secrets(dict(inputs))) and _reads(inputs, changed)


def _reads(inputs: Mapping[str, Any], changed: Iterable[str] | None) -> bool:
    return any(_leads_to(reference, changed) for reference in references_in(dict(inputs)))


def _leads_to(reference: Reference, changed: Iterable[str] | None) -> bool:
    if changed is None:
        return True
    return reference.root == "state" and (reference.action is None or reference.action in changed)
