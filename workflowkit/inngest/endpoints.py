"""Durable endpoints: functions that are requests to an app, which begins their runs by itself.

The app executes steps while its caller waits, and tells of them. What it cannot do in one go, it hands over: from then
on the endpoint is called as its caller did, and fetches what is known of the run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from workflowkit.base.errors import InvalidInput, NonRetriableError, Problem
from workflowkit.base.jsonvalue import loads
from workflowkit.definition.model import SOURCE
from workflowkit.engine.waitspecs import ENDPOINT_EVENT
from workflowkit.inngest.addresses import Address
from workflowkit.inngest.canonical import canonical_json
from workflowkit.inngest.client import AppClient
from workflowkit.inngest.naming import function_id, own_id
from workflowkit.inngest.registration import RemoteFunction
from workflowkit.inngest.replies import RawReply
from workflowkit.inngest.signing import SIGNATURE_HEADER
from workflowkit.registry import REMOTE_PREFIX, ActionSpec

#: Clients of our own methods, and what a request begins a run with: all of them texts.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_FIELDS = ("domain", "method", "path", "content_type", "query_params", "body", "ip")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
#: How many times a step is tried again at most, as everywhere in the protocol.
_MOST_RETRIES = 20
#: The methods whose bodies are JSON to the SDK, and are signed as such.
_WITH_JSON = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request to an app that began a run. ``fields`` are what is kept of it."""

    run_id: str
    function: str
    retries: int | None
    fields: Mapping[str, str]

    @property
    def app_id(self) -> str:
        """The id of the app: of where it is."""
        return own_id(self.fields["domain"])

    @property
    def function_id(self) -> str:
        """The id of the function that the endpoint is."""
        return function_id(self.fields["domain"], self.function)

    def document(self, sdk: str) -> dict[str, Any]:
        """Return the workflow that stands for the endpoint."""
        own, domain = self.function_id, self.fields["domain"]
        node_id = own.partition("/")[2]
        return {
            "name": self.function,
            "metadata": {
                "app_id": self.app_id, "app": domain, "slug": self.function, "url": domain + self.fields["path"],
                "sdk": sdk, "endpoint": True,
            },
            **({} if self.retries is None else {"settings": {"retries": self.retries}}),
            "triggers": [],
            "actions": [{"id": node_id, "kind": f"{REMOTE_PREFIX}{own}"}],
            "edges": [{"from": SOURCE, "to": node_id}],
            "output": f"!ref($.state['{node_id}'])",
        }  # fmt: skip


def read_request(payload: Any) -> Request:
    """Return the request with which an app has begun a run. Raises ``InvalidInput``."""
    given: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    event = given.get("event")
    data = event.get("data") if isinstance(event, dict) else None
    told: Mapping[str, Any] = data if isinstance(data, dict) else {}
    fields = {name: told[name] for name in _FIELDS if isinstance(told.get(name), str)}
    run_id, retries = given.get("run_id"), given.get("retries")
    problems = [
        *([] if _is_id(run_id) else [Problem("/run_id", "invalid-value", "the id of a run is a ULID")]),
        *([] if _is_origin(fields.get("domain")) else [Problem("/event/data/domain", "invalid-url", "an origin")]),
        *([] if fields.get("method") in _METHODS else [Problem("/event/data/method", "invalid-value", "a method")]),
        *([] if fields.get("path", "").startswith("/") else [Problem("/event/data/path", "invalid-value", "a path")]),
    ]
    if problems:
        raise InvalidInput(problems)
    name = told.get("fn")
    return Request(
        str(run_id), name if isinstance(name, str) and name else f"{fields['method']} {fields['path']}",
        min(retries, _MOST_RETRIES) if type(retries) is int and retries >= 0 else None, fields,
    )  # fmt: skip


def remote_function(request: Request, sdk: str, spec: ActionSpec) -> RemoteFunction:
    """Return the function that an endpoint is."""
    return RemoteFunction(request.document(sdk), spec)


def send(
    client: AppClient, address: Address, event: Mapping[str, Any], headers: Mapping[str, str], *, plans_only: bool
) -> RawReply:
    """Call an endpoint as the caller did whose request began the run.

    Raises what ``AppClient.send`` raises, and ``NonRetriableError`` for a run that nobody's request began.
    """
    if event.get("name") != ENDPOINT_EVENT:
        # SAFETY: where it is called is taken from the event, so only one that we made ourselves will do.
        raise NonRetriableError(f"{address.slug!r} is an endpoint: its runs begin with requests to it")
    data = event["data"]
    method, text, query = data["method"], data.get("body", ""), data.get("query_params", "")
    url = data["domain"] + data["path"] + (f"?{query}" if query else "")
    sent = {**headers, "X-Inngest-Force-Step-Plan": str(plans_only).lower()}
    if data.get("content_type"):
        sent["Content-Type"] = data["content_type"]
    # By a signature the app tells our calls from those of its callers: in development there is one that proves nothing.
    sent.setdefault(SIGNATURE_HEADER, "t=0&s=")
    body = text.encode() if text and method != "GET" else None
    return client.send_bytes(method, url, body, sent, signed=_signed(method, text))


def _signed(method: str, text: str) -> bytes:
    """Return what the SDK checks the signature of: JSON in its canonical form, where it reads a body at all."""
    if method not in _WITH_JSON or not text:
        return b""
    try:
        return canonical_json(loads(text))
    except ValueError:
        return text.encode()


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ULID.fullmatch(value) is not None


def _is_origin(value: Any) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        return False
    return (
        parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
        and not (parts.path or parts.query or parts.fragment)
    )  # fmt: skip
