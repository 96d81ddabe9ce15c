"""An endpoint as an ASGI application, alone or in front of another one. Handlers are performed on threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from workflowkit.base import forks
from workflowkit.inngest.serving.endpoint import ServeEndpoint
from workflowkit.inngest.serving.exchange import KEEP_ALIVE, KEEP_ALIVE_SECONDS, STREAMED, Request, Response, wrapped

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]


class AsgiApp:
    """Answers requests for ``path``, and hands everything else to the application ``behind``, if there is one."""

    def __init__(self, endpoint: ServeEndpoint, path: str, behind: AsgiApplication | None = None) -> None:
        self._endpoint, self._path, self._behind = endpoint, path.rstrip("/"), behind
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        # In a child as well, which has none of the threads.
        threads = self._endpoint.config.max_threads
        self._pool = None if threads is None else ThreadPoolExecutor(threads, "workflowkit-serve")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/") == self._path:
            await self._answer(scope, receive, send)
        elif self._behind is not None:
            await self._behind(scope, receive, send)
        elif scope["type"] == "http":
            await _send(send, Response(404, {"content-type": "text/plain"}, b"not found"))
        elif scope["type"] == "lifespan":
            await _live(receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        import asyncio

        endpoint = self._endpoint
        request = _request(scope, await _body(receive, endpoint.means.limits.serve_request_bytes))
        if not endpoint.streams(request):
            await _send(send, await self._handled(request))
            return
        headers = {"content-type": "application/json", **endpoint.headers()}
        await send({"type": "http.response.start", "status": STREAMED, "headers": _encoded(headers)})
        await send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})
        task = asyncio.ensure_future(self._handled(request))
        while not (await asyncio.wait({task}, timeout=KEEP_ALIVE_SECONDS))[0]:
            await send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})
        await send({"type": "http.response.body", "body": wrapped(task.result())})

    def _handled(self, request: Request) -> Awaitable[Response]:
        """Answer a request on another thread, with the context of this one."""
        import asyncio

        called = partial(copy_context().run, self._endpoint.handle, request)
        return asyncio.get_running_loop().run_in_executor(self._pool, called)


async def _body(receive: Receive, max_bytes: int) -> bytes:
    """Return a request's body: one byte more than may be, if it is larger. The parser says that it is too much."""
    body = bytearray()
    while len(body) <= max_bytes:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body[: max_bytes + 1])


def _request(scope: Scope, body: bytes) -> Request:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    server = scope.get("server") or ("localhost", None)
    host = headers.get("host") or (f"{server[0]}:{server[1]}" if server[1] else server[0])
    url = f"{scope.get('scheme', 'http')}://{host}{scope['path']}"
    return Request(scope["method"], url, dict(parse_qsl(scope.get("query_string", b"").decode())), headers, body)


async def _send(send: Send, response: Response) -> None:
    headers = {**response.headers, "content-length": str(len(response.body))}
    await send({"type": "http.response.start", "status": response.status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": response.body})


async def _live(receive: Receive, send: Send) -> None:
    """Begin and end with the server: there is nothing to prepare."""
    while True:
        phase = (await receive())["type"]
        await send({"type": f"{phase}.complete"})
        if phase == "lifespan.shutdown":
            return


def _encoded(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
