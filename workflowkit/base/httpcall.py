"""One HTTP request as a step: what is sent, what its answer means, and whether asking again can help.

The destination comes from somebody who is not trusted, so every request goes through ``netguard``: private networks,
odd URLs and oversized answers are refused there.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import urlencode

from workflowkit.base.clock import SystemClock
from workflowkit.base.errors import (
    ActionError,
    InvalidInput,
    LimitExceeded,
    NonRetriableError,
    Problem,
    RetryAfterError,
)
from workflowkit.base.jsonvalue import DEFAULT_MAX_DEPTH, dumps, loads_strict

if TYPE_CHECKING:
    from workflowkit.base.netguard import GuardedResponse, NetworkPolicy

#: Statuses below 500 after which the same request may succeed later.
WORTH_ANOTHER_TRY = frozenset({408, 409, 425, 429})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = "application/x-www-form-urlencoded"

#: The labels that are honoured; others are tried as UTF-8. Python knows codecs that no response should be able to name.
_CHARSETS = {
    "us-ascii": "ascii",
    "iso-8859-1": "latin-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "shift_jis": "shift_jis",
    "euc-jp": "euc-jp",
    "gb18030": "gb18030",
}
_EXCERPT_CHARS = 200


class Response(TypedDict):
    """The answer. ``body`` is a JSON value, text, or base64 of what is neither, as ``body_format`` says."""

    status: int
    headers: dict[str, str]
    body: Any
    body_format: Literal["json", "text", "base64"]


@dataclass(frozen=True, slots=True)
class Call:
    """A request to send.

    Text in ``body`` is sent as it is; anything else as JSON, or as a form if the content type says so.
    ``expected_status`` are the statuses that count as success: without it, those from 200 to 299.
    """

    method: str
    url: str
    headers: Mapping[str, str] | None = None
    query: Mapping[str, Any] | None = None
    body: Any = None
    timeout_seconds: float | None = None
    expected_status: Sequence[int] | None = None


def call_http(call: Call, *, policy: NetworkPolicy, idempotency_key: str, pointer: str = "") -> Response:
    """Send a request and return its answer. Blocks for as long as that takes.

    Requests that change something carry the ``Idempotency-Key``. Raises ``InvalidInput`` with pointers below
    ``pointer``, ``RetryAfterError`` where the service says when to come back, ``ActionError`` for other statuses after
    which the same request may succeed, ``NonRetriableError`` for those after which it will not, and what ``netguard``
    raises.
    """
    from workflowkit.base.netguard import request  # HTTP and TLS, which few processes need

    sent_headers = dict(call.headers or {})
    given = {name.lower(): value for name, value in sent_headers.items()}
    payload, content_type = _encoded(call.body, given.get("content-type", ""), pointer)
    if content_type and "content-type" not in given:
        sent_headers["Content-Type"] = content_type
    if call.method not in SAFE_METHODS and "idempotency-key" not in given:
        sent_headers["Idempotency-Key"] = idempotency_key
    response = request(
        call.method,
        _with_query(call.url, call.query or {}, pointer),
        policy=policy,
        headers=sent_headers,
        body=payload,
        timeout_seconds=call.timeout_seconds,
    )
    _raise_unless_expected(response, call.method, call.expected_status)
    content, content_format = _decoded(response)
    return {
        "status": response.status,
        "headers": dict(response.headers),
        "body": content,
        "body_format": content_format,
    }


def _encoded(body: Any, content_type: str, pointer: str) -> tuple[bytes | None, str]:
    """Return the bytes to send and the content type that describes them."""
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    if _media_type(content_type) == FORM and isinstance(body, dict):
        return _form(body, f"{pointer}/body").encode(), FORM
    return dumps(body).encode(), "application/json"


def _with_query(url: str, query: Mapping[str, Any], pointer: str) -> str:
    if not query:
        return url
    address, hash_mark, fragment = url.partition("#")
    separator = "&" if "?" in address else "?"
    return address + separator + _form(query, f"{pointer}/query") + hash_mark + fragment


def _form(fields: Mapping[str, Any], pointer: str) -> str:
    pairs = []
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict | list):
                raise InvalidInput(
                    [Problem(pointer, "not-flat", f"{name!r} must be text, a number or a list of those")]
                )
            if item is not None:
                pairs.append((name, item if isinstance(item, str) else dumps(item)))
    return urlencode(pairs)


def _raise_unless_expected(response: GuardedResponse, method: str, expected: Sequence[int] | None) -> None:
    status = response.status
    if status in expected if expected else 200 <= status < 300:
        return
    host = response.url.split("/")[2]
    excerpt = "".join(c if c.isprintable() else " " for c in response.body.decode(errors="replace")[:_EXCERPT_CHARS])
    message = f"{method} {host} answered {status}" + (f": {excerpt.strip()}" if excerpt.strip() else "")
    if status < 500 and status not in WORTH_ANOTHER_TRY:
        raise NonRetriableError(message)
    if status in (429, 503) and (delay := _retry_after_seconds(response)) is not None:
        raise RetryAfterError(message, delay)
    raise ActionError(message)


def _retry_after_seconds(response: GuardedResponse) -> float | None:
    """Return the delay that ``Retry-After`` asks for: seconds, or a date (RFC 9110, section 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until = _seconds_of_date(value)
    if until is None:
        return None
    # The server's own clock, if it tells: ours may be wrong, and only the difference matters.
    now = _seconds_of_date(response.headers.get("date", ""))
    return max(0.0, until - (SystemClock().now_ms() / 1000 if now is None else now))


def _seconds_of_date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _decoded(response: GuardedResponse) -> tuple[Any, Literal["json", "text", "base64"]]:
    content_type = response.headers.get("content-type", "")
    media_type = _media_type(content_type)
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            # One level less than a value may have: the body is a part of the output.
            depth = DEFAULT_MAX_DEPTH - 1
            return loads_strict(response.body, max_bytes=len(response.body), max_depth=depth), "json"
        except (InvalidInput, LimitExceeded):
            pass
    try:
        text = response.body.decode(_CHARSETS.get(_charset(content_type), "utf-8"))
    except UnicodeDecodeError:
        text = "\0"
    return (b64encode(response.body).decode(), "base64") if "\0" in text else (text, "text")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""
