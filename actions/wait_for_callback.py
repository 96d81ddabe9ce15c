"""Wait for callback: go on when somebody has called a URL, or when nobody has in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


class Received(TypedDict):
    """Whether the URL was called, and the JSON that was sent."""

    received: bool
    data: Any


@action(
    "builtin:wait_for_callback",
    name="Wait for a callback",
    category="Flow",
    icon="phone-incoming",
    retries=0,
    edges=[
        {"name": "Received", "conditional": {"type": "if", "ref": "!ref($.output.received)"}},
        {"name": "Timed out", "conditional": {"type": "else", "ref": "!ref($.output.received)"}},
    ],
    external=False,
)
def wait_for_callback(
    ctx: StepContext, callback: Annotated[str, Field(examples=("!ref($.state.callback.id)",))]
) -> Received:
    """Wait until the URL of a callback is called. One that was called before counts too.

    Args:
        callback: The id that "Create a callback URL" returned.
    """
    found = ctx.step.wait_for_callback("callback", callback)
    return {"received": found["received"], "data": found["data"]}
