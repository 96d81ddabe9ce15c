"""The protocol's own forms of answers: values, errors, and pages of values."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import (
    Conflict,
    Forbidden,
    Gone,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Problem,
    StoreUnavailable,
    Unauthenticated,
    WorkflowKitError,
)
from workflowkit.base.jsonvalue import dumps, loads, loads_strict
from workflowkit.base.limits import Limits

#: The nearest one decides; whatever is none of them is the caller's mistake.
_STATUSES: tuple[tuple[type[WorkflowKitError], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Gone, 410),
    (Conflict, 409),
    (LimitExceeded, 413),
    (StoreUnavailable, 503),
)


def json_answer(value: Any, status: int = 200) -> Response:
    """Return a value as it is."""
    return Response(dumps(value), status, content_type="application/json")


def data_answer(value: Any, now_ms: int, status: int = 200) -> Response:
    """Return a value as the first version of the REST API does: with the time at which it was read."""
    return json_answer({"data": value, "metadata": {"fetched_at": rfc3339(now_ms), "cached_until": None}}, status)


def refusal(error: WorkflowKitError) -> Response:
    """Return an error."""
    return error_answer(error.in_one_line, status_of(error), error.code)


def error_answer(message: str, status: int, code: str) -> Response:
    """Return what is wrong."""
    return json_answer({"error": message, "data": None, "status": status, "code": code}, status)


def status_of(error: WorkflowKitError) -> int:
    """Return the status of an error."""
    return next((each for kind, each in _STATUSES if isinstance(error, kind)), 400)


def read_body(limits: Limits) -> Any:
    """Return the JSON of the present request. Raises ``InvalidInput`` and ``LimitExceeded``."""
    data = request.get_data(cache=False)
    return loads_strict(data, max_bytes=limits.request_bytes, max_depth=limits.json_depth, limit="request_bytes")


def read_lenient_body(limits: Limits) -> Any:
    """Return the JSON of the present request, which may have what nobody reads, such as times in nanoseconds.

    What is kept of it has to be checked. Raises ``InvalidInput`` and ``LimitExceeded``.
    """
    data = request.get_data(cache=False)
    if len(data) > limits.request_bytes:
        raise LimitExceeded("request_bytes", limits.request_bytes, len(data))
    try:
        return loads(data)
    except ValueError:
        raise InvalidInput([Problem("", "invalid-json", "the body is no JSON")]) from None


def limit_asked(default: int, most: int) -> int:
    """Return the ``limit`` of the query, between 1 and ``most``. Raises ``InvalidInput``."""
    text = request.args.get("limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise InvalidInput([Problem("/query/limit", "invalid-value", "must be a whole number above 0")])
    return min(int(text), most)
