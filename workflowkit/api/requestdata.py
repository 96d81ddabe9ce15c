"""A request as what a run begins with: the data of its event."""

from __future__ import annotations

from flask import request

from workflowkit.api.contract import JSON_MEDIA_TYPE
from workflowkit.api.errors import UnsupportedMediaType
from workflowkit.base import jsonvalue
from workflowkit.base.errors import InvalidInput
from workflowkit.base.limits import Limits
from workflowkit.definition.model import Json
from workflowkit.engine.replies import shown_headers
from workflowkit.webhooks.delivery import read_query


def request_data(limits: Limits) -> dict[str, Json]:
    """Return the present request: ``method``, ``body``, ``query`` and those headers that workflows are shown.

    Raises ``UnsupportedMediaType``, ``InvalidInput``, ``LimitExceeded``.
    """
    try:
        query = read_query(request.query_string.decode(), limits)
    except UnicodeDecodeError:
        raise InvalidInput.at("/query", "invalid-value", "not UTF-8") from None
    return {
        "method": request.method,
        "body": _body(limits),
        "query": {name: values[0] if len(values) == 1 else values for name, values in query.items()},
        "headers": shown_headers(request.headers),
    }


def _body(limits: Limits) -> Json:
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return None
    # SAFETY: S15 — the type can only refuse; it also keeps out what a form on another site can send without asking.
    if request.mimetype != JSON_MEDIA_TYPE:
        raise UnsupportedMediaType(f"send the body as {JSON_MEDIA_TYPE}")
    most = limits.event_bytes
    data = request.get_data(cache=False)
    return jsonvalue.loads_strict(data, max_bytes=most, max_depth=limits.json_depth, limit="event_bytes")
