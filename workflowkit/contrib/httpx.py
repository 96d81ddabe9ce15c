"""Requests of an ``httpx`` client become durable steps: for libraries that talk to a service by a client of their own.

``httpx.Client(transport=StepTransport(ctx))`` sends each request as ``ctx.step.fetch`` does: once, with its answer kept
for whenever the handler is entered again, through the network guard, tried again by the engine. Switch the retries of
the library off, or they multiply.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import httpx

from workflowkit.base.errors import StepError, WorkflowKitError
from workflowkit.base.httpcall import WORTH_ANOTHER_TRY, Call, Response, call_http
from workflowkit.base.ids import idempotency_key
from workflowkit.base.jsonvalue import dumps
from workflowkit.engine.context import AsyncStepContext, StepContext

#: What is the connection's, and not the request's to say.
_OF_THE_CONNECTION = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "keep-alive", "te", "transfer-encoding", "upgrade"}
)
#: What is not true of an answer any more that was unpacked.
_UNPACKED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
#: Answers that the caller gets; after all others asking again may help, which is the engine's to do.
_ANSWERS = tuple(status for status in range(100, 500) if status not in WORTH_ANOTHER_TRY)


class StepTransport(httpx.BaseTransport):
    """The transport of a synchronous handler's client.

    A request is the step ``<method> <host><path>``, numbered if there are several; ``extensions={"step": "load"}`` of a
    request gives it an id. The answer is given back up to status 499; with 408, 409, 425, 429 and from 500 up the step
    is tried again, and in the end ``httpx.TransportError`` is raised, as it is for what the guard refuses. Inside of
    ``ctx.step.run``, where no step can begin, a request is sent at once: it is a part of that step.
    """

    def __init__(self, ctx: StepContext) -> None:
        self._ctx = ctx

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request as a step."""
        call = _call(request, request.read())
        if self._ctx.session.inside_key_or_none is not None:
            return _sent(self._ctx, call, request)
        try:
            found = self._ctx.step.fetch(
                _step_id(request, self._ctx), call.method, call.url, headers=call.headers, body=call.body,
                timeout=call.timeout_seconds, expected_status=_ANSWERS,
            )  # fmt: skip
        except StepError as error:
            raise httpx.TransportError(error.message, request=request) from error
        return _response(found, request)


class AsyncStepTransport(httpx.AsyncBaseTransport):
    """The transport of an asynchronous handler's client: see ``StepTransport``."""

    def __init__(self, ctx: AsyncStepContext) -> None:
        self._ctx = ctx

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request as a step."""
        call = _call(request, await request.aread())
        if self._ctx.session.inside_key_or_none is not None:
            import asyncio

            return await asyncio.to_thread(_sent, self._ctx, call, request)
        try:
            found = await self._ctx.step.fetch(
                _step_id(request, self._ctx), call.method, call.url, headers=call.headers, body=call.body,
                timeout=call.timeout_seconds, expected_status=_ANSWERS,
            )  # fmt: skip
        except StepError as error:
            raise httpx.TransportError(error.message, request=request) from error
        return _response(found, request)


def _sent(ctx: StepContext, call: Call, request: httpx.Request) -> httpx.Response:
    """Send a request from inside of a step."""
    session = ctx.session
    session.permit_fetch(session.inside_key(), f"{call.method} {call.url}")
    key = idempotency_key(session.run_id, session.inside_key())
    try:
        return _response(call_http(call, policy=ctx.config.network, idempotency_key=key), request)
    except WorkflowKitError as error:
        raise httpx.TransportError(error.message, request=request) from error


def _call(request: httpx.Request, content: bytes) -> Call:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_THE_CONNECTION}
    try:
        body = content.decode() if content else None
    except UnicodeDecodeError as error:
        message = "the body of a request that is a step is text"
        raise httpx.UnsupportedProtocol(message, request=request) from error
    seconds = (request.extensions.get("timeout") or {}).get("read")
    return Call(request.method, str(request.url), headers, body=body, timeout_seconds=seconds, expected_status=_ANSWERS)


def _step_id(request: httpx.Request, ctx: StepContext) -> str:
    given: Any = request.extensions.get("step")
    step_id = f"{request.method} {request.url.host}{request.url.path}" if given is None else str(given)
    return step_id[: ctx.session.limits.step_id_chars]


def _response(found: Response, request: httpx.Request) -> httpx.Response:
    headers = {name: value for name, value in found["headers"].items() if name.lower() not in _UNPACKED}
    body = found["body"]
    if found["body_format"] == "base64":
        content = b64decode(body)
    elif found["body_format"] == "json":
        content = dumps(body).encode()
    else:
        content = _encoded(body, headers)
    return httpx.Response(found["status"], headers=headers, content=content, request=request)


def _encoded(text: str, headers: dict[str, str]) -> bytes:
    """Return text as its content type says that it is, so that the client reads what was sent."""
    encoding = httpx.Response(200, headers=headers).charset_encoding or "utf-8"
    try:
        return text.encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return text.encode()
