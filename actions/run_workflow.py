"""Run workflow: let another workflow do a part of the work, and go on with what it gives.

The other run goes on by itself, with its own version, retries and history. It is linked with this one both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from workflowkit.base.errors import NonRetriableError
from workflowkit.base.scope import FUNCTION_SEPARATOR
from workflowkit.registry import DurationInput, Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


@action("builtin:run_workflow", name="Run a workflow", category="Flow", icon="workflow", retries=0, external=False)
def run_workflow(
    ctx: StepContext,
    workflow: Annotated[str, Field(min_length=1, examples=("send-invoice",))],
    data: dict[str, Any] | None = None,
    wait: bool = True,
    timeout: Annotated[DurationInput | None, Field(examples=("1h",))] = None,
    on_cancel: Annotated[Literal["cancel", "abandon"], Field(title="When this run is cancelled")] = "cancel",
) -> Any:
    """Run another workflow. Gives its output or, without waiting, the id of its run.

    Args:
        workflow: The id of the workflow; its published version is executed.
        data: What its event holds, as its inputs ask for.
        wait: Whether to go on only when it has ended.
        timeout: How long to wait for it at most, such as 2h or 7d; a year by default.
        on_cancel: Whether it is cancelled together with this run, while that waits for it.
    """
    if FUNCTION_SEPARATOR in workflow:
        # The id may come from an event, and functions trust who calls them: they are for code.
        raise NonRetriableError(f"{workflow!r} is a function of the application, which only its code may run")
    if not wait:
        return {"run_id": ctx.start_run(workflow, data or {})}
    return ctx.step.invoke("run", workflow, data, timeout=timeout, on_cancel=on_cancel)
