"""Requests that pages of other origins send from the browser: those of host applications, and of nobody else.

No cookie counts here (``Access-Control-Allow-Credentials`` is never sent): whoever calls from a host's page shows a
token.
"""

from __future__ import annotations

from flask import Flask, Response, request

_EXPOSED = "ETag, X-Request-Id"
_HEADERS = "Authorization, Content-Type, If-Match, Last-Event-ID"
_METHODS = "GET, POST, PUT, PATCH, DELETE"
#: How long a browser may remember the answer to its question.
_MAX_AGE_SECONDS = 600


def install(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of ``origins`` call ``app``. Call it before the guard is installed: a question carries no token."""
    if not origins:
        return

    def answer_question() -> Response | None:
        is_question = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204) if is_question and _origin(origins) is not None else None

    def add_headers(response: Response) -> Response:
        response.vary.add("Origin")
        if (origin := _origin(origins)) is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = _METHODS
                response.headers["Access-Control-Allow-Headers"] = _HEADERS
                response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_SECONDS)
        return response

    app.before_request(answer_question)
    app.after_request(add_headers)


def _origin(origins: tuple[str, ...]) -> str | None:
    origin = request.headers.get("Origin")
    return origin if origin in origins else None
