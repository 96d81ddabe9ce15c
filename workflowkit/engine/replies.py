"""What a workflow answers an HTTP request with, if it says so itself: the output of its action ``builtin:reply``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflowkit.definition.jsvalues import Json
from workflowkit.definition.replyheaders import REPLY_KIND as REPLY_KIND
from workflowkit.definition.replyheaders import header_problem

MIN_STATUS, MAX_STATUS = 200, 599
#: Statuses of answers that have no body.
BODILESS = (204, 205, 304)
#: Headers of a request that a workflow is shown: none with which somebody could act in the caller's name.
SHOWN_HEADERS = (
    "accept", "accept-language", "content-type", "idempotency-key", "origin", "referer", "traceparent", "user-agent",
    "x-correlation-id", "x-request-id",
)  # fmt: skip


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


def shown_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return those headers of a request that a workflow is shown, with names in small letters."""
    return {name.lower(): value for name, value in headers if name.lower() in SHOWN_HEADERS}
