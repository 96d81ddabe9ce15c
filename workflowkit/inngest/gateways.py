"""Requests that an app wants sent for it, to services and to models, through the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from workflowkit.base.errors import NonRetriableError, WorkflowKitError
from workflowkit.base.jsonvalue import dumps, loads
from workflowkit.base.netguard import GuardedResponse, NetworkPolicy, request
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import ERROR_MESSAGE_CHARS, failed_by, storable
from workflowkit.engine.outcome import Failed
from workflowkit.inngest.replies import Operation, pause_seconds

_MODEL = "AIGateway"
#: Statuses of models below 500 after which the same request may succeed later.
_WORTH_ANOTHER_TRY = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step of a request comes to."""

    data: Any


class Gateway:
    """Sends the requests of apps, under the policy for addresses that somebody else chose."""

    def __init__(self, policy: NetworkPolicy) -> None:
        self._policy = policy

    def send(self, operation: Operation) -> Answer | Failed:
        """Send what an operation wants sent; return the answer, or why there is none.

        The status of a service is a part of its answer; a model that answers with another one than success has failed.
        """
        options = operation.options
        is_model = operation.code == _MODEL
        try:
            url, headers = _addressed(options) if is_model else (_text(options, "url"), _headers(options))
            method = "POST" if is_model else str(options.get("method") or "POST")
            response = request(method, url, policy=self._policy, headers=headers, body=_body(options))
        except WorkflowKitError as error:
            failed = failed_by(error)
            name = "AIGatewayError" if is_model else "GatewayError"
            return Failed(
                ErrorInfo(name, failed.error.message, failed.error.code, failed.error.retryable),
                failed.retry_after_seconds,
            )
        return _of_model(response) if is_model else Answer(_shown(response))


def _addressed(options: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return where a model is and the headers it wants, with the key where its maker wants that."""
    url, key, kind = _text(options, "url"), options.get("auth_key"), options.get("format")
    headers = {"Content-Type": "application/json"}
    if isinstance(key, str) and key:
        if kind == "anthropic":
            headers["x-api-key"] = key
        elif kind == "gemini":
            parts = urlsplit(url)
            query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "key"]
            url = urlunsplit(parts._replace(query=urlencode([*query, ("key", key)])))
        else:
            headers["Authorization"] = key if kind == "bedrock" else f"Bearer {key}"
    return url, headers | _headers(options)


def _of_model(response: GuardedResponse) -> Answer | Failed:
    text = response.body.decode(errors="replace")
    if not 200 <= response.status < 300:
        message = storable(
            f"Error making AI request: unsuccessful status code: {response.status}: {text}", ERROR_MESSAGE_CHARS
        )
        may_help = response.status >= 500 or response.status in _WORTH_ANOTHER_TRY
        info = ErrorInfo("AIGatewayError", message, retryable=may_help)
        return Failed(info, pause_seconds(response.headers.get("retry-after"), None))
    try:
        return Answer(loads(text))
    except ValueError:
        return Answer(text)


def _shown(response: GuardedResponse) -> dict[str, Any]:
    return {
        "url": response.url,
        "headers": dict(response.headers),
        "body": response.body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
        "status_code": response.status,
    }


def _text(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    if not isinstance(value, str) or not value:
        raise NonRetriableError(f"a request needs the {name} that it goes to")
    return value


def _headers(options: Mapping[str, Any]) -> dict[str, str]:
    given = options.get("headers")
    return {str(name): str(value) for name, value in (given if isinstance(given, dict) else {}).items()}


def _body(options: Mapping[str, Any]) -> bytes | None:
    body = options.get("body")
    if body is None:
        return None
    return body.encode() if isinstance(body, str) else dumps(body).encode()
