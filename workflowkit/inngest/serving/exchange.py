"""A request and its answer, whatever web framework they come from and go to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base.jsonvalue import dumps, loads

JSON_TYPE = "application/json"
#: How often an answer that takes time sends a sign of life.
KEEP_ALIVE_SECONDS = 3.0
KEEP_ALIVE = b" "
#: The status of an answer that has begun before it is known.
STREAMED = 201


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``url`` has no query; names of headers are lower-case."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_response(status: int, value: Any, headers: Mapping[str, str]) -> Response:
    """Return an answer with a JSON value."""
    return Response(status, {"content-type": JSON_TYPE, **headers}, dumps(value).encode())


def wrapped(response: Response) -> bytes:
    """Return an answer as the body of one that has begun before: status and headers stand in it."""
    value = loads(response.body) if response.body else None
    return dumps({"status": response.status, "headers": dict(response.headers), "body": value}).encode()
