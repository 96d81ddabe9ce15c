"""What a workflow answers an HTTP request with, if it says so itself: the output of its action ``builtin:reply``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflowkit.definition.jsvalues import Json

REPLY_KIND = "builtin:reply"
MIN_STATUS, MAX_STATUS = 200, 599
#: Statuses of answers that have no body.
BODILESS = (204, 205, 304)
#: Headers of a request that a workflow is shown: none with which somebody could act in the caller's name.
SHOWN_HEADERS = (
    "accept", "accept-language", "content-type", "idempotency-key", "origin", "referer", "traceparent", "user-agent",
    "x-correlation-id", "x-request-id",
)  # fmt: skip

#: Headers that a reply may set, besides ``X-`` ones: none that decides how a browser reads or keeps what we serve.
_SETTABLE = frozenset(
    {"cache-control", "content-language", "etag", "expires", "last-modified", "link", "location", "retry-after", "vary"}
)
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_OWN = ("x-content-type-options", "x-frame-options", "x-request-id", "x-xss-protection")
_MAX_VALUE_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a status, headers, and a body that is sent as JSON."""

    status: int = MIN_STATUS
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None

    @classmethod
    def from_output(cls, output: Any) -> Reply | None:
        """Return the reply that an action has left; ``None`` if this cannot be one: it was encrypted, or made up."""
        if not isinstance(output, dict) or not isinstance(output.get("headers"), dict):
            return None
        status, headers = output.get("status"), output["headers"]
        if not isinstance(status, int) or not MIN_STATUS <= status <= MAX_STATUS or header_problem(headers) is not None:
            return None
        return cls(status, headers, output.get("body"))


def header_problem(headers: Mapping[str, Any]) -> str | None:
    """Return why a reply may not have these headers; ``None`` if it may."""
    for name, value in headers.items():
        lowered = name.lower()
        is_extension = lowered.startswith("x-") and lowered not in _OWN and _NAME.fullmatch(lowered) is not None
        if lowered not in _SETTABLE and not is_extension:
            return f"a reply cannot set the header {name!r}"
        # SAFETY: a line break would begin a header, or a body, of somebody else's.
        if not isinstance(value, str) or len(value) > _MAX_VALUE_CHARS or not (value.isascii() and value.isprintable()):
            return f"header {name!r}: up to {_MAX_VALUE_CHARS} printable ASCII characters"
    return None


def shown_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return those headers of a request that a workflow is shown, with names in small letters."""
    return {name.lower(): value for name, value in headers if name.lower() in SHOWN_HEADERS}
