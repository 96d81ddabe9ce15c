"""Create callback: a URL to hand out, which somebody else calls when something is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypedDict

from workflowkit.registry import DurationInput, Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


class Created(TypedDict):
    """The URL, the id by which to wait for it, and until when it can be called."""

    id: str
    url: str
    expires_at: str


@action(
    "builtin:create_callback", name="Create a callback URL", category="Flow", icon="link", retries=0, external=False
)
def create_callback(ctx: StepContext, timeout: Annotated[DurationInput, Field(examples=("1d",))] = "1d") -> Created:
    """Make a URL that takes one POST with JSON. Hand it out, then wait for the callback.

    Args:
        timeout: How long it can be called, such as 2h or 7d; up to 366 days.
    """
    made = ctx.step.create_callback("callback", timeout=timeout)
    return {"id": made["id"], "url": made["url"], "expires_at": made["expires_at"]}
