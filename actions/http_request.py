"""HTTP request: call a service on the net."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypedDict
from urllib.parse import urljoin, urlsplit

from workflowkit.base.errors import DefinitionError, InvalidInput, NonRetriableError
from workflowkit.base.httpcall import Call, Response, call_http
from workflowkit.definition.writtenschema import WrittenSchema, schema_problems
from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext

_NEXT_LINK = re.compile(r'<([^<>]*)>[^,<]*;\s*rel="?next"?(?=[;,\s]|$)')
#: Most mistakes of an answer that are told.
_TOLD = 3


class Pages(TypedDict):
    """Ask for page after page, and give the items of all of them as one list."""

    items: Annotated[str, Field(title="Path of the items", examples=("data.orders",))]
    next: NotRequired[Annotated[str, Field(title="Path of the next address", examples=("links.next",))]]
    limit: NotRequired[Annotated[int, Field(minimum=1, maximum=100, title="Most pages")]]


class Basic(TypedDict):
    """Who asks, as HTTP's basic authentication has it."""

    username: str
    password: Annotated[str, Field(secret=True)]


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
    response_schema: Annotated[dict[str, Any] | None, Field(title="Answer (JSON Schema)")] = None,
    pages: Pages | None = None,
    bearer: Annotated[str | None, Field(title="Bearer token", secret=True)] = None,
    basic: Annotated[Basic | None, Field(title="User and password")] = None,
    secret_headers: dict[str, Annotated[str, Field(secret=True)]] | None = None,
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
        response_schema: What the body of an answer must be; one that is not fails the step for good.
        pages: Where the items of a page and the address of the next one are; without next, in the header Link.
        bearer: A token for the header Authorization; choose a secret.
        basic: A user name and a password for the header Authorization; choose a secret as the password.
        secret_headers: Request headers whose values are secrets, by name.
    """
    if response_schema is not None:
        _check_schema(response_schema)
    headers = _with_credentials(headers or {}, bearer, basic, secret_headers or {})
    if pages is not None:
        if method != "GET":
            raise InvalidInput.at("/inputs/pages", "conflicting-inputs", "only what is asked for by GET has pages")
        return _all_pages(
            ctx, Call(method, url, headers, query, None, timeout, expected_status), pages, response_schema
        )
    call = Call(method, url, headers, query, body, timeout, expected_status)
    answer = call_http(call, policy=ctx.config.network, idempotency_key=ctx.idempotency_key, pointer="/inputs")
    return _checked(answer, response_schema)


def _with_credentials(
    headers: dict[str, str], bearer: str | None, basic: Basic | None, secret_headers: dict[str, str]
) -> dict[str, str]:
    """Return all headers. Raises ``InvalidInput`` for one that is given twice."""
    added = [*secret_headers.items()]
    if bearer:
        added.append(("Authorization", f"Bearer {bearer}"))
    if basic is not None:
        pair = f"{basic['username']}:{basic['password']}"
        added.append(("Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
    names = [name.lower() for name in (*headers, *(name for name, _ in added))]
    if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
        raise InvalidInput.at("/inputs/headers", "conflicting-inputs", f"the header {twice} is given twice")
    return {**headers, **dict(added)}


def _check_schema(schema: dict[str, Any]) -> None:
    try:
        WrittenSchema(schema)
    except DefinitionError as error:
        raise InvalidInput.at("/inputs/response_schema", "invalid-schema", error.message) from error


def _checked(answer: Response, schema: dict[str, Any] | None) -> Response:
    """Return an answer that is as it was promised. Raises ``NonRetriableError``."""
    found = [] if schema is None else schema_problems(schema, answer["body"])
    if found:
        told = "; ".join(f"{each.pointer or 'the body'}: {each.message}" for each in found[:_TOLD])
        raise NonRetriableError(f"the answer is not what was promised: {told}")
    return answer


def _all_pages(ctx: StepContext, first: Call, pages: Pages, schema: dict[str, Any] | None) -> Response:
    """Return the answer to the last request, with the items of all as its body. Each request is a step of its own."""
    items: list[Any] = []
    url, query, limit = first.url, first.query, pages.get("limit", 10)
    for number in range(limit):
        answer = _checked(
            ctx.step.fetch(
                "page", "GET", url, headers=first.headers, query=query, timeout=first.timeout_seconds,
                expected_status=first.expected_status, key=number + 1,
            ),
            schema,
        )  # fmt: skip
        found = _value_at(answer["body"], pages["items"])
        if not isinstance(found, list):
            raise NonRetriableError(f"pages: there is no list at {pages['items']!r} of page {number + 1}")
        items += found
        following = _next_url(answer, pages.get("next"), url)
        if following is None:
            return {**answer, "body": items, "body_format": "json"}
        url, query = following, None
    raise NonRetriableError(f"pages: there are more than {limit}")


def _next_url(answer: Response, path: str | None, url: str) -> str | None:
    if path is None:
        link = _NEXT_LINK.search(answer["headers"].get("link", ""))
        found: Any = None if link is None else link[1]
    else:
        found = _value_at(answer["body"], path)
    if not isinstance(found, str) or not found:
        return None
    following = urljoin(url, found)
    # What the headers say of us is for the one that was named.
    if urlsplit(following)[:2] != urlsplit(url)[:2]:
        raise NonRetriableError(f"pages: the next page is on another host, {urlsplit(following).netloc!r}")
    return following


def _value_at(value: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        value = value.get(name) if isinstance(value, dict) else None
    return value
