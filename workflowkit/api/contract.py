"""What a view takes and gives: decorators that check the request and write the same into the OpenAPI document.

Bodies are read by our own strict parser, never by Flask's (R5, S15). What a view returns is described here and held
against the description by the tests, not at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, TypeVar

from apiflask import Schema
from apiflask.scaffold import APIScaffold
from flask import Response, request
from marshmallow import ValidationError, fields

from workflowkit.api.errors import UnsupportedMediaType
from workflowkit.api.services import Services
from workflowkit.base import jsonvalue
from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.definition.model import Json

View = TypeVar("View", bound=Callable[..., Any])

JSON_MEDIA_TYPE = "application/json"
EVENT_STREAM_MEDIA_TYPE = "text/event-stream"

#: Writes what it is told into the OpenAPI document; the view it returns is not used.
_document = APIScaffold()
_CODES = {
    fields.Field.default_error_messages["required"]: "missing-key",
    fields.Field.default_error_messages["null"]: "invalid-type",
    "Unknown field.": "unknown-key",
    "Invalid input type.": "invalid-type",
}


class _RequestKey(Schema):
    key = fields.String(
        data_key="Idempotency-Key",
        metadata={"description": "Chosen by the sender: of several requests with one key the first one counts."},
    )


def takes(schema: type[Schema]) -> Callable[[View], View]:
    """Check the query string and pass it to the view as ``query``."""

    def decorate(view: View) -> View:
        @wraps(_document.input(schema, location="query")(view))
        def checked(*args: Any, **kwargs: Any) -> Any:
            return view(*args, query=read_query(schema()), **kwargs)

        return checked  # type: ignore[return-value]  # wraps keeps the view's signature, less `query`

    return decorate


def receives(schema: type[Schema], *, is_optional: bool = False) -> Callable[[View], View]:
    """Check the JSON body and pass it to the view as ``body``; one that ``is_optional`` may be left out, or null,
    for ``{}``."""

    def decorate(view: View) -> View:
        @wraps(_document.input(schema, location="json")(view))
        def checked(*args: Any, **kwargs: Any) -> Any:
            given = {} if is_optional and not request.content_length else read_json()
            if is_optional and given is None:
                given = {}
            return view(*args, body=load(schema(), given), **kwargs)

        return checked  # type: ignore[return-value]  # wraps keeps the view's signature, less `body`

    return decorate


def receives_batch(schema: type[Schema]) -> Callable[[View], View]:
    """Describe a JSON body of one or many items, which the view reads itself, item by item."""

    def decorate(view: View) -> View:
        @wraps(_document.input(schema, location="json")(view))
        def unchanged(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        unchanged.takes_batch = True  # type: ignore[attr-defined]  # read by openapi
        return unchanged  # type: ignore[return-value]

    return decorate


def takes_request_key(view: View) -> View:
    """Describe a view that reads the header ``Idempotency-Key``."""

    @wraps(_document.input(_RequestKey, location="headers")(view))
    def unchanged(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return unchanged  # type: ignore[return-value]


def returns(schema: type[Schema], status: int = 200, **also: str) -> Callable[[View], View]:
    """Describe a view's answer; ``also`` describes further statuses, as ``_207="some were refused"``."""

    def decorate(view: View) -> View:
        described = _document.output(schema, status_code=status)(view)
        if also:
            described = _document.doc(responses={int(name.lstrip("_")): text for name, text in also.items()})(described)

        @wraps(described)
        def unchanged(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        return unchanged  # type: ignore[return-value]

    return decorate


def returns_stream(description: str, **also: str) -> Callable[[View], View]:
    """Describe a view that answers with server-sent events; ``also`` as for ``returns``."""
    return returns_text(description, (EVENT_STREAM_MEDIA_TYPE,), **also)


def returns_text(description: str, media_types: Sequence[str] = ("text/plain",), **also: str) -> Callable[[View], View]:
    """Describe a view that answers with text; ``also`` as for ``returns``."""

    def decorate(view: View) -> View:
        statuses: dict[int, Any] = {int(name.lstrip("_")): text for name, text in also.items()}
        described = {
            "description": description,
            "content": {media_type: {"schema": {"type": "string"}} for media_type in media_types},
        }

        @wraps(_document.doc(responses={200: described, **statuses})(view))
        def unchanged(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        return unchanged  # type: ignore[return-value]

    return decorate


def answer(value: Json, status: int = 200, *, headers: dict[str, str] | None = None) -> Response:
    """Return ``value`` as JSON."""
    return Response(jsonvalue.dumps(value), status, headers, content_type=JSON_MEDIA_TYPE)


def read_json(limit: str = "request_bytes") -> Json:
    """Return the body, parsed strictly. Raises ``UnsupportedMediaType``, ``InvalidInput``, ``LimitExceeded``.

    ``limit`` names what bounds its size.
    """
    # SAFETY: S15 — one parser per route, chosen by the route; the content type can only refuse. It also keeps out what
    # a form on another site can send without asking.
    if request.mimetype != JSON_MEDIA_TYPE:
        raise UnsupportedMediaType(f"send the body as {JSON_MEDIA_TYPE}")
    limits = Services.current().limits
    data = request.get_data(cache=False)
    return jsonvalue.loads_strict(data, max_bytes=getattr(limits, limit), max_depth=limits.json_depth, limit=limit)


def load(schema: Schema, value: Json) -> dict[str, Any]:
    """Return a parsed body, checked. Raises ``InvalidInput``."""
    return _load(schema, value, "", "the body must be a JSON object")


def read_query(schema: Schema) -> dict[str, Any]:
    """Return the query string's parameters. Raises ``InvalidInput``."""
    values: dict[str, Any] = {}
    for name, given in request.args.lists():
        if any("\0" in text for text in given):
            raise InvalidInput.at(_place("/query", name), "nul-character", "not allowed here")
        if isinstance(schema.fields.get(name), fields.List):
            values[name] = given
        elif len(given) > 1:
            raise InvalidInput.at(_place("/query", name), "repeated", "give this parameter once")
        else:
            values[name] = given[0]
    return _load(schema, values, "/query", "")


def _load(schema: Schema, value: Json, pointer: str, not_an_object: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput.at(pointer, "invalid-type", not_an_object)
    try:
        loaded: dict[str, Any] = schema.load(value)
    except ValidationError as error:
        raise InvalidInput(_problems(error.messages, pointer)) from error
    return loaded


def _problems(messages: Any, pointer: str) -> Iterator[Problem]:
    """Flatten marshmallow's nested messages into problems with places."""
    if isinstance(messages, dict):
        for key, nested in messages.items():
            yield from _problems(nested, pointer if key == "_schema" else _place(pointer, key))
    else:
        for message in messages:
            yield Problem(pointer, _code(message), message)


def _code(message: str) -> str:
    return _CODES.get(message) or ("invalid-type" if message.startswith("Not a valid") else "invalid-value")


def _place(pointer: str, key: str | int) -> str:
    return jsonvalue.child_pointer(pointer, key)
