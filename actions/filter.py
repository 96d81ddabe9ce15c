"""Filter: keep the items of a list for which an expression is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from workflowkit.base.errors import NonRetriableError, WorkflowKitError
from workflowkit.definition.cel import compile_expression
from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


class Filtered(TypedDict):
    """The items, sorted into two lists; their order stays."""

    items: list[Any]
    rejected: list[Any]


@action("builtin:filter", name="Filter a list", category="Flow", icon="filter", retries=0, external=False)
def filter_items(
    ctx: StepContext,
    items: list[Any],
    condition: Annotated[str, Field(format="cel:item,index,event", examples=("item.price > 10 && item.in_stock",))],
) -> Filtered:
    """Keep the items for which a condition holds.

    Args:
        items: The list.
        condition: An expression over item, index (from 0) and event.
    """
    kept: list[Any] = []
    rejected: list[Any] = []
    try:
        expression = compile_expression(condition)
        for index, item in enumerate(items):
            holds = expression.matches({"item": item, "index": index, "event": ctx.event})
            (kept if holds else rejected).append(item)
    except WorkflowKitError as error:
        raise NonRetriableError(f"condition: {error.message}") from error
    return {"items": kept, "rejected": rejected}
