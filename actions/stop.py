"""Stop: end the run here, completed, whatever else could still have run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workflowkit.registry import action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


@action("stop", name="Stop", category="Flow", icon="octagon", edges={"allowAdd": False}, retries=0, external=False)
def stop(ctx: StepContext, output: Any = None) -> Any:
    """End the run as completed. Steps that have not started are cancelled.

    Args:
        output: What the run gives back.
    """
    ctx.stop(output)
