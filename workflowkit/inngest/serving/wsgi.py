"""An endpoint as a WSGI application, alone or in front of another one, and as a route of Flask."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from wsgiref.util import application_uri

from workflowkit.inngest.serving.endpoint import METHODS, ServeEndpoint
from workflowkit.inngest.serving.exchange import KEEP_ALIVE, KEEP_ALIVE_SECONDS, STREAMED, Request, Response, wrapped

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask


class WsgiApp:
    """Answers requests for ``path``, and hands all others to the application ``behind``, if there is one."""

    def __init__(self, endpoint: ServeEndpoint, path: str, behind: WSGIApplication | None = None) -> None:
        self._endpoint, self._path, self._behind = endpoint, path.rstrip("/"), behind

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").rstrip("/") == self._path:
            return answer(self._endpoint, environ, start_response)
        if self._behind is not None:
            return self._behind(environ, start_response)
        return _send(Response(404, {"content-type": "text/plain"}, b"not found"), start_response)


def add_to_flask(app: Flask, endpoint: ServeEndpoint, path: str) -> None:
    """Let a Flask application answer at ``path``."""
    from flask import request
    from werkzeug.wrappers import Response as FlaskResponse

    def serve() -> FlaskResponse:
        def served(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return answer(endpoint, environ, start_response)

        return FlaskResponse.from_app(served, request.environ, buffered=not endpoint.config.streaming)

    app.add_url_rule(
        path, f"workflowkit_serve{path.replace('/', '_').replace('.', '_')}", serve, methods=METHODS,
        provide_automatic_options=False,
    )  # fmt: skip


def answer(endpoint: ServeEndpoint, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request that is for the endpoint."""
    request = _request(environ, endpoint.means.limits.serve_request_bytes)
    if not endpoint.streams(request):
        return _send(endpoint.handle(request), start_response)
    headers = {"content-type": "application/json", **endpoint.headers()}
    start_response(_status(STREAMED), list(headers.items()))
    return _streamed(endpoint, request)


def _streamed(endpoint: ServeEndpoint, request: Request) -> Iterator[bytes]:
    """Yield signs of life until the answer is there, then it."""
    done: SimpleQueue[Response] = SimpleQueue()
    threading.Thread(target=lambda: done.put(endpoint.handle(request)), name="workflowkit-serve", daemon=True).start()
    yield KEEP_ALIVE
    while True:
        try:
            response = done.get(timeout=KEEP_ALIVE_SECONDS)
        except Empty:
            yield KEEP_ALIVE
            continue
        yield wrapped(response)
        return


def _request(environ: WSGIEnvironment, max_bytes: int) -> Request:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    # One byte more than may be: the parser says that it is too much.
    body = environ["wsgi.input"].read(min(length, max_bytes + 1)) if length > 0 else b""
    url = application_uri(environ).rstrip("/") + environ.get("PATH_INFO", "")
    return Request(environ["REQUEST_METHOD"], url, dict(parse_qsl(environ.get("QUERY_STRING", ""))), headers, body)


def _send(response: Response, start_response: StartResponse) -> list[bytes]:
    headers = {**response.headers, "content-length": str(len(response.body))}
    start_response(_status(response.status), list(headers.items()))
    return [response.body]


def _status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
