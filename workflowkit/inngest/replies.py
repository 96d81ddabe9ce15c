"""What an app answered to a call: the function's result, what its steps came to, or an error. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from workflowkit.base.jsonvalue import dumps, loads, text_fault
from workflowkit.base.limits import Limits
from workflowkit.engine.calling import AttemptFailed
from workflowkit.engine.facts import ErrorInfo
from workflowkit.engine.failures import ERROR_MESSAGE_CHARS, ERROR_NAME_CHARS, storable
from workflowkit.engine.outcome import Failed

SDK_HEADER, NO_RETRY_HEADER, RETRY_HEADER = "x-inngest-sdk", "x-inngest-no-retry", "retry-after"
VERSION_HEADER = "x-inngest-req-version"
#: A pause that an app asks for is held within these.
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 1.0, 86_400.0

_STREAMED, _DONE, _OPERATIONS = 201, 200, 206
_EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Finished:
    """The function has returned."""

    output: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of a reply: ``code`` says what a step did or wants; ``hashed`` is the SDK's id of the step."""

    code: str
    hashed: str
    name: str
    display_name: str | None
    index: int | None
    options: Mapping[str, Any]
    data: Any
    error: Mapping[str, Any] | None

    @property
    def result(self) -> Any:
        """What a step came to; the oldest form has it wrapped."""
        if self.code == "Step" and isinstance(self.data, dict) and self.data.keys() == {"data"}:
            return self.data["data"]
        return self.data


@dataclass(frozen=True, slots=True)
class Operations:
    """The function goes on. ``is_final`` and ``retry_after_seconds`` are meant for steps that failed."""

    items: tuple[Operation, ...]
    is_final: bool = False
    retry_after_seconds: float | None = None
    version: int | None = None
    sdk: str = ""


@dataclass(frozen=True, slots=True)
class RawReply:
    """A reply as it came. Names of headers are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def read_reply(reply: RawReply, now_seconds: float, limits: Limits) -> Finished | Operations:
    """Return what a reply says. Raises ``AttemptFailed`` for an error of the function, and for what is no reply."""
    headers = reply.headers
    if SDK_HEADER not in headers:
        excerpt = "".join(c if c.isprintable() else " " for c in reply.body.decode(errors="replace")[:_EXCERPT_CHARS])
        raise failure("NotAnApp", f"the app's server answered {reply.status}, without an SDK: {excerpt}", "not-sdk")
    status, value = reply.status, _json(reply.body)
    if status == _STREAMED:
        status, headers, value = _unwrapped(value, headers)
    if status == _DONE:
        return Finished(value)
    retry_after = pause_seconds(headers.get(RETRY_HEADER), now_seconds)
    no_retry = headers.get(NO_RETRY_HEADER, "").lower() == "true"
    if status == _OPERATIONS:
        entries = value if isinstance(value, list) else [value]
        if len(entries) > limits.steps_per_run:
            raise failure("TooManySteps", f"the reply has {len(entries)} steps", "limit-exceeded", is_final=True)
        version = headers.get(VERSION_HEADER, "")
        return Operations(
            tuple(map(_known_operation, entries)), no_retry, retry_after,
            int(version[:9]) if version.isdecimal() else None, headers[SDK_HEADER],
        )  # fmt: skip
    raise AttemptFailed(failed_step(value if isinstance(value, dict) else {"message": value}, no_retry, retry_after))


def failed_step(error: Mapping[str, Any], is_final: bool, retry_after_seconds: float | None) -> Failed:
    """Return a failure from an SDK's description of an error."""
    name, message = error.get("name") or "Error", error.get("message")
    text = message if isinstance(message, str) else "" if message is None else dumps(message)
    info = ErrorInfo(storable(str(name), ERROR_NAME_CHARS), storable(text, ERROR_MESSAGE_CHARS), retryable=not is_final)
    return Failed(info, retry_after_seconds)


def failure(name: str, message: str, code: str, *, is_final: bool = False) -> AttemptFailed:
    """Return the end of an attempt for a reason of ours."""
    return AttemptFailed(Failed(ErrorInfo(name, storable(message, ERROR_MESSAGE_CHARS), code, not is_final)))


def _json(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        # Not strictly: SDKs add nanoseconds and other things that nobody reads. What is kept is checked when it is.
        return loads(body)
    except ValueError:
        return body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _unwrapped(value: Any, outer: Mapping[str, str]) -> tuple[int, Mapping[str, str], Any]:
    """Return status, headers and value of a reply inside a streamed one, which keeps the connection busy meanwhile."""
    if not isinstance(value, dict) or type(value.get("status")) is not int:
        raise failure("BadReply", "a streamed reply has a status, headers and a body", "bad-reply")
    inner = value.get("headers")
    headers = {str(name).lower(): str(each) for name, each in (inner if isinstance(inner, dict) else {}).items()}
    body = value.get("body")
    return value["status"], {**outer, **headers}, _json(body.encode()) if isinstance(body, str) else body


def _known_operation(entry: Any) -> Operation:
    found = read_operation(entry)
    if found is None:
        raise failure("BadReply", f"an entry of the reply has no op: {dumps(entry)[:_EXCERPT_CHARS]}", "bad-reply")
    return found


def read_operation(entry: Any) -> Operation | None:
    """Return what an entry of a reply says; ``None`` if it is none."""
    if not isinstance(entry, dict) or not isinstance(entry.get("op"), str):
        return None
    hashed, userland, options, error = (entry.get(name) for name in ("id", "userland", "opts", "error"))
    of_author = userland if isinstance(userland, dict) else {}
    index = of_author.get("index")
    name = of_author.get("id") or entry.get("displayName")
    return Operation(
        code=entry["op"],
        hashed=hashed if isinstance(hashed, str) and text_fault(hashed) is None else "",
        name=entry["name"] if isinstance(entry.get("name"), str) else "",
        display_name=name if isinstance(name, str) else None,
        index=index if type(index) is int else None,
        options=options if isinstance(options, dict) else {},
        data=entry.get("data"),
        error=error if isinstance(error, dict) else None,
    )


def pause_seconds(value: str | None, now_seconds: float | None) -> float | None:
    """Return what ``Retry-After`` asks for: seconds, or a date of RFC 1123 or RFC 3339 where the time is known."""
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        at = _date(text)
        seconds = math.nan if at is None or now_seconds is None else at - now_seconds
    return min(max(seconds, MIN_PAUSE_SECONDS), MAX_PAUSE_SECONDS) if math.isfinite(seconds) else None


def _date(text: str) -> float | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found: datetime = parse(text)
        except (ValueError, OverflowError):
            continue
        if found.tzinfo is not None:
            return found.timestamp()
    return None
