"""Wait for event: go on when something has happened elsewhere, or when it has not in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from workflowkit.registry import DurationInput, Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


class Equal(TypedDict):
    """A place in the awaited event, and the value that must stand there."""

    path: Annotated[str, Field(examples=("data.order_id",))]
    value: Any


class Awaited(TypedDict):
    """Whether the event came, and the event."""

    received: bool
    event: dict[str, Any] | None


@action(
    "builtin:wait_for_event",
    name="Wait for an event",
    category="Flow",
    icon="bell",
    retries=0,
    edges=[
        {"name": "Received", "conditional": {"type": "if", "ref": "!ref($.output.received)"}},
        {"name": "Timed out", "conditional": {"type": "else", "ref": "!ref($.output.received)"}},
    ],
    external=False,
)
def wait_for_event(
    ctx: StepContext,
    event: Annotated[str, Field(min_length=1, max_length=256, examples=("shop/order.paid",))],
    timeout: Annotated[DurationInput, Field(examples=("3d",))],
    equals: Equal | None = None,
    condition: Annotated[
        str | None, Field(format="cel:event,async,params", examples=("async.data.total > params.least",))
    ] = None,
    params: Annotated[dict[str, Any] | None, Field(title="Values for the condition")] = None,
    lookback: Annotated[DurationInput | None, Field(title="Count earlier events")] = None,
) -> Awaited:
    """Wait until an event of this name comes; take the way "Timed out" if it does not come in time.

    Args:
        event: The name of the event.
        timeout: How long to wait at most, such as 2h or 7d; up to 366 days.
        equals: A path in the awaited event, such as data.order_id, and the value that must stand there.
        condition: An expression over event, which started the run, async, the awaited one, and params.
        params: What the condition reads as params, by name, such as least for params.least.
        lookback: Events that came up to this long before count too, such as 10m.
    """
    found = ctx.step.wait_for_event(
        "event",
        event,
        timeout=timeout,
        if_=condition,
        equals=None if equals is None else (equals["path"], equals["value"]),
        params=params,
        lookback=lookback,
    )
    return {"received": found is not None, "event": found}
