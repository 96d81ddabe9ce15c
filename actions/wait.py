"""Wait: go on after a while. No worker is held, and a restart changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from workflowkit.registry import DurationInput, Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


@action("builtin:wait", name="Wait", category="Flow", icon="timer", retries=0, external=False)
def wait(ctx: StepContext, duration: Annotated[DurationInput, Field(examples=("30m", "2d"))]) -> None:
    """Continue after a while, up to 366 days.

    Args:
        duration: How long, such as 30s, 15m, 2h or 7d.
    """
    ctx.step.sleep("wait", duration)
