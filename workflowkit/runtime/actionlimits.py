"""Limits of single actions: what the nodes of a run are under besides what the whole run is.

There are two levels. A registered action may say how many steps of its kind execute at once, wherever they are; and a
workflow may say it of one of its actions. Both are frozen when a run begins, like all of its flow control; but how high
they are is what the code says that is deployed, and the version that is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from workflowkit.definition.model import ON_CANCEL, ON_FAILURE, Node, Workflow
from workflowkit.definition.settings.flow import Concurrency
from workflowkit.engine.parts import path_in
from workflowkit.flow.concurrency import Ceiling, Owner, action_ceiling, kind_ceiling
from workflowkit.registry import Registry
from workflowkit.runtime.runflow import RunFlow, flow_of
from workflowkit.store.runs import RunRecord


def with_action_limits(
    run: RunRecord, workflow: Workflow, registry: Registry, *, queued_at_ms: int | None = None
) -> RunRecord:  # fmt: skip
    """Return a new run with the limits of the actions of what it executes; the same if there are none.

    Limits that it had for another version are replaced. Without flow control of its own its place in line is that of
    ``queued_at_ms``, or when it was created.
    """
    under = {node.id: tuple(_ceilings(run, node, registry)) for node in workflow.nodes.values()}
    actions = {node_id: ceilings for node_id, ceilings in under.items() if ceilings}
    flow = flow_of(run)
    if not actions and (flow is None or not flow.actions):
        return run
    flow = flow or RunFlow(score_ms=run.created_at_ms if queued_at_ms is None else queued_at_ms, sequence=run.event_id)
    return replace(run, flow=replace(flow, actions=actions).as_json())


def has_action_limits(workflow: Workflow, registry: Registry) -> bool:
    """Tell whether an action of a workflow has a limit of its own, or of its kind."""
    return any(node.concurrency or _kind_rule(node, registry) is not None for node in workflow.nodes.values())


def own_limits(workflow: Workflow, path: str | None = None) -> dict[str, int]:
    """Return the limit that each action of a workflow has by itself, by its path; 0 for none."""
    found = {}
    for node in workflow.nodes.values():
        own_path = path_in(path, node.id)
        found[own_path] = node.concurrency
        if node.body is not None:
            found |= own_limits(node.body, own_path)
    for name, part in ((ON_FAILURE, workflow.on_failure), (ON_CANCEL, workflow.on_cancel)):
        if part is not None:
            found |= own_limits(part, path_in(path, name))
    return found


def _ceilings(run: RunRecord, node: Node, registry: Registry) -> Iterator[Ceiling]:
    if node.concurrency:
        # The path tells nodes of different parts of one document apart.
        yield action_ceiling(node.concurrency, Owner(run.scope, run.workflow_id), path_in(run.path, node.id))
    rule = _kind_rule(node, registry)
    if rule is not None:
        yield kind_ceiling(rule, run.scope, node.kind)


def _kind_rule(node: Node, registry: Registry) -> Concurrency | None:
    spec = registry.executable(node.kind)
    return None if spec is None else spec.concurrency
