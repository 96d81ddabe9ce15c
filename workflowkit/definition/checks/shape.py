"""Check the graph as a whole: size, start, cycles, and actions that no run can reach."""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.base.errors import LimitExceeded, Problem
from workflowkit.definition.checks.subject import GraphSubject, Subject
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import LOOP_KIND, SOURCE
from workflowkit.definition.settings.triggers import Trigger, WebhookTrigger

#: Shown at most, of a cycle's ids.
_SHOWN_IDS = 20


def check_size(subject: Subject) -> Iterator[Problem]:
    """Yield what there is too much of. A document that fails is not looked at any further."""
    limits, graphs = subject.limits, subject.graphs
    actions, edges = (sum(len(each) for each in sizes) for sizes in (
        [graph.parts.actions for graph in graphs], [graph.parts.edges for graph in graphs]
    ))  # fmt: skip
    yield from _check_limit("/actions", "actions_per_workflow", limits.actions_per_workflow, actions)
    yield from _check_limit("/edges", "edges_per_workflow", limits.edges_per_workflow, edges)
    chars = sum(map(len, _expressions(subject)))
    yield from _check_limit("", "workflow_expression_chars", limits.workflow_expression_chars, chars)
    for graph in graphs:
        if graph.depth == limits.loop_depth + 1:
            yield from _check_limit(graph.pointer, "loop_depth", limits.loop_depth, graph.depth)


def _expressions(subject: Subject) -> Iterator[str]:
    """Yield what will have to be compiled, without repetitions of a text: those cost nothing."""
    parts = subject.parts
    entries = [entry for graph in subject.graphs for entry in graph.parts.actions]
    found: list[Json] = [entry.settings.skip_if for entry in entries]
    found += [entry.inputs.get("key") for entry in entries if entry.kind == LOOP_KIND]
    found += [trigger.condition for trigger in parts.triggers if isinstance(trigger, Trigger | WebhookTrigger)]
    found += [text for rule in parts.settings.cancel_on for text in (rule.expression, rule.match)]
    found += parts.settings.flow.expressions()
    yield from {text for text in found if isinstance(text, str)}


def check_shape(subject: GraphSubject) -> Iterator[Problem]:
    """Yield why a graph cannot run."""
    topology, limits = subject.topology, subject.limits
    yield from _check_limit(f"{subject.pointer}/edges", "path_length", limits.path_length, topology.path_length)
    yield from _check_limit(f"{subject.pointer}/edges", "parallel_actions", limits.parallel_actions, topology.width)
    if topology.unordered:
        yield from _cycles(subject)
    if SOURCE not in subject.outgoing:
        graph = "Workflow" if subject.holder is None else f"The loop {subject.holder!r}"
        message = f"{graph} has no starting actions: nothing comes after the start yet"
        yield Problem(f"{subject.pointer}/edges", "no-start", message)
    elif topology.roots or topology.unordered:
        yield from _unreachable(subject)


def _check_limit(pointer: str, name: str, maximum: int, actual: int) -> Iterator[Problem]:
    if actual > maximum:
        yield Problem(pointer, LimitExceeded.code, LimitExceeded(name, maximum, actual).message)


def _cycles(subject: GraphSubject) -> Iterator[Problem]:
    from workflowkit.definition.graph import find_cycles

    # Only the nodes without a place in the order can be on a cycle.
    suspects = [node_id for node_id in subject.nodes if node_id in subject.topology.unordered]
    pointers = {
        (edge.source, edge.target): edge.pointer
        for edge in subject.edges
        if {edge.source, edge.target} <= subject.topology.unordered
    }
    for cycle in find_cycles(suspects, list(pointers)):
        path = [*cycle, cycle[0]] if len(cycle) <= _SHOWN_IDS else [*cycle[:_SHOWN_IDS], "…", cycle[0]]
        yield Problem(
            pointers[cycle[-1], cycle[0]],
            "cycle",
            f"Workflow instance must be a DAG; the given workflow has at least one cycle: {' -> '.join(path)}",
        )


def _unreachable(subject: GraphSubject) -> Iterator[Problem]:
    from workflowkit.definition.graph import find_unreachable

    for node_id in find_unreachable(list(subject.nodes), ((edge.source, edge.target) for edge in subject.edges)):
        message = f"An action is disconnected and will never run: {node_id}"
        yield Problem(subject.nodes[node_id].pointer, "disconnected", message)
