"""Reply: answer the HTTP request that started the run, while the run goes on."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from workflowkit.base.errors import NonRetriableError
from workflowkit.definition.replyheaders import header_problem
from workflowkit.engine.replies import MAX_STATUS, MIN_STATUS
from workflowkit.registry import Field, action


class Replied(TypedDict):
    """The answer."""

    status: int
    headers: dict[str, str]
    body: Any


@action("builtin:reply", name="Reply", category="Flow", icon="reply", retries=0, external=False)
def reply(
    status: Annotated[int, Field(minimum=MIN_STATUS, maximum=MAX_STATUS)] = MIN_STATUS,
    headers: dict[str, str] | None = None,
    body: Annotated[Any, Field(widget="textarea")] = None,
) -> Replied:
    """Answer the HTTP request that started the run; the run goes on.

    The first reply of a run is the answer. Nobody hears one in a loop, or in a run that no request waits for.

    Args:
        status: The HTTP status, 200 to 599.
        headers: Further headers, by name, such as Location, Cache-Control or X-Workflow-Order.
        body: What is sent, as JSON.
    """
    if (problem := header_problem(headers or {})) is not None:
        raise NonRetriableError(problem)
    return {"status": status, "headers": dict(headers or {}), "body": body}
