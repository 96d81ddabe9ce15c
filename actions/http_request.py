"""HTTP request: call a service on the net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from workflowkit.base.httpcall import Call, Response, call_http
from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


@action("http_request", name="HTTP request", category="Network", icon="globe")
def http_request(
    ctx: StepContext,
    url: Annotated[str, Field(min_length=1, title="URL", examples=("https://api.example.com/orders",))],
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET",
    headers: dict[str, str] | None = None,
    query: dict[str, Any] | None = None,
    body: Annotated[Any, Field(widget="textarea")] = None,
    timeout: Annotated[float | None, Field(minimum=0.1, title="Timeout in seconds")] = None,
    expected_status: list[int] | None = None,
) -> Response:
    """Send one HTTP request and use the answer in later actions.

    A status that is not expected fails the step: at once if asking again cannot help, else after the usual retries,
    and not before the time the service names in Retry-After. Requests that change something carry an Idempotency-Key
    that is the same in every attempt.

    Args:
        url: An http or https address on the public net.
        method: What to do with it.
        headers: Further request headers, by name.
        query: Values to add to the URL, by name; a list adds each of its items.
        body: Text is sent as it is; anything else as JSON, or as a form if the content type says so.
        timeout: How long the whole request may take; the installation has a maximum.
        expected_status: Statuses that count as success; by default every one from 200 to 299.
    """
    call = Call(method, url, headers, query, body, timeout, expected_status)
    return call_http(call, policy=ctx.config.network, idempotency_key=ctx.idempotency_key, pointer="/inputs")
