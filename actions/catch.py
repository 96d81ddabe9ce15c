"""Catch: where the error edges of several actions lead together. It tells what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from workflowkit.registry import action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


class Caught(TypedDict):
    """The errors that led here, in the order of the edges; ``first`` is the first of them."""

    first: dict[str, Any] | None
    errors: list[dict[str, Any]]


@action("builtin:catch", name="Catch errors", category="Flow", icon="life-buoy", retries=0, external=False)
def catch(ctx: StepContext) -> Caught:
    """Continue where actions have failed: draw their error edges here.

    The actions need "on error: branch". What went wrong is in the output, one entry for each action that failed.
    """
    sources = [edge["from"] for edge in _edges_to(ctx.workflow, ctx.step.node_id)]
    errors = [
        {"action": source, **output["error"]}
        for source in dict.fromkeys(sources)
        if isinstance(output := ctx.state.get(source), dict) and isinstance(output.get("error"), dict)
    ]
    return {"first": errors[0] if errors else None, "errors": errors}


def _edges_to(graph: Any, node_id: str) -> list[Any]:
    """Return the edges to an action in the graph that has it: the document's own, or one inside of it."""
    found = [edge for edge in graph.get("edges") or () if edge.get("to") == node_id]
    for action_entry in () if found else graph.get("actions") or ():
        found += _edges_to(action_entry.get("body") or {}, node_id)
    return found
