"""For each: execute a graph for each item of a list.

The engine executes the body of the loop, each item as a run of its own; here are its form and its output.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from workflowkit.registry import Field, action


class FailedItem(TypedDict):
    """An item that did not complete, and why."""

    key: str
    index: int
    error: dict[str, Any]


class Items(TypedDict):
    """What the items gave, in the order of the list; null for those that failed, which are listed."""

    items: list[Any]
    failed: list[FailedItem]


@action("builtin:for_each", name="For each", category="Flow", icon="repeat", retries=0, external=False)
def for_each(
    items: list[Any],
    key: Annotated[str | None, Field(format="cel:item,index", examples=("item.id",))] = None,
    concurrency: Annotated[int, Field(minimum=1, maximum=1000)] = 10,
    on_item_error: Literal["fail", "continue"] = "fail",
) -> Items:
    """Execute the steps inside for each item of a list.

    Args:
        items: The list.
        key: An expression over item and index that names an item; its index, if absent.
        concurrency: How many items may go on at the same time.
        on_item_error: Whether an item that fails ends the loop, or leaves null in its place.
    """
    # A loop without a body, which no valid workflow has: each item gives itself.
    return {"items": items, "failed": []}
