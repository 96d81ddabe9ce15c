"""Emit event: send an event, which may start other workflows.

It is stored in the same transaction as this step's result: sent exactly once, and not at all if the step fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


class Sent(TypedDict):
    """The event that was sent."""

    name: str


@action("emit_event", name="Send an event", category="Flow", icon="radio-tower", retries=0, external=False)
def emit_event(
    ctx: StepContext,
    name: Annotated[str, Field(min_length=1, max_length=256, examples=("shop/order.approved",))],
    data: dict[str, Any] | None = None,
    id: Annotated[str | None, Field(title="Event id")] = None,
) -> Sent:
    """Send an event when this step is done.

    Args:
        name: The event's name; names that begin with "workflow/" are reserved.
        data: The event's data.
        id: A second event with the same id is dropped.
    """
    ctx.send_event(name, data or {}, id=id)
    return {"name": name}
