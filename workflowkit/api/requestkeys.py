"""The header ``Idempotency-Key`` of requests that may be sent again (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

from flask import request

from workflowkit.api.services import Services
from workflowkit.base.errors import InvalidInput
from workflowkit.definition.model import Json
from workflowkit.runtime.requestkeys import RequestKey

HEADER = "Idempotency-Key"


def request_key(asked: Json) -> RequestKey | None:
    """Return the key of the current request, which asks for ``asked`` of this path; ``None`` if it has none."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    most = Services.current().limits.idempotency_key_chars
    if not (0 < len(key) <= most and key.isascii() and key.isprintable()):
        message = f"1 to {most} printable ASCII characters"
        raise InvalidInput.at(f"/headers/{HEADER}", "invalid-value", message)
    return RequestKey.of(key, [request.path, asked])
