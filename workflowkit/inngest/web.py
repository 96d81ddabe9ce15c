"""The paths that SDKs call, in front of the API: registration, what a dev server says of itself, and runs.

They answer in the protocol's own forms, so they are an application of their own; every other path is the API's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from workflowkit import __version__
from workflowkit.api.app import SECURITY_HEADERS
from workflowkit.api.auth import is_from_this_machine
from workflowkit.base.errors import NotFound, Unauthenticated, WorkflowKitError
from workflowkit.base.jsonvalue import loads_strict
from workflowkit.inngest.answers import error_answer, json_answer, refusal
from workflowkit.inngest.checkpointroutes import OUTPUT
from workflowkit.inngest.client import keys_of
from workflowkit.inngest.connect.starting import add_connect
from workflowkit.inngest.identities import identity
from workflowkit.inngest.realtimeroutes import CONNECT, SSE
from workflowkit.inngest.rest import add_rest
from workflowkit.inngest.restv2 import PREFIXES, refusal_v2
from workflowkit.inngest.server import AppServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)

_SERVER_KIND_HEADER, _EXPECTED_KIND_HEADER = "X-Inngest-Server-Kind", "X-Inngest-Expected-Server-Kind"
_PREFIXES = ("/fn/", "/v0/", "/v1/", "/v2/", "/api/v2/", "/invoke/")
_PATHS = frozenset({"/dev", "/health"})
#: The endpoints that anybody may call, or whoever has a token.
_PUBLIC = frozenset({"health", CONNECT, SSE, OUTPUT, f"{OUTPUT}.http"})


class _Door:
    """Gives requests for our paths to us, and all others to the application behind."""

    def __init__(self, own: WSGIApplication, behind: WSGIApplication) -> None:
        self._own, self._behind = own, behind

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        is_ours = path in _PATHS or path.startswith(_PREFIXES)
        return (self._own if is_ours else self._behind)(environ, start_response)


def mount(app: Flask, server: AppServer, *, dev_mode: bool) -> None:
    """Let an application answer the SDKs' calls too. In ``dev_mode`` callers of this machine need no key."""
    app.wsgi_app = _Door(create_app(server, dev_mode=dev_mode), app.wsgi_app)  # type: ignore[method-assign]


def create_app(server: AppServer, *, dev_mode: bool) -> Flask:
    """Return the application behind the paths that SDKs call."""
    app = Flask("workflowkit.inngest", static_folder=None)
    kind = "dev" if dev_mode else "cloud"
    limits = server.parts().settings.limits
    app.config["MAX_CONTENT_LENGTH"] = limits.request_bytes + 1

    def guard() -> None:
        if request.endpoint not in _PUBLIC:
            _authenticate(server, dev_mode=dev_mode)

    def name_kind(response: Response) -> Response:
        response.headers[_SERVER_KIND_HEADER] = kind
        for header, value in SECURITY_HEADERS.items():
            response.headers.setdefault(header, value)
        return response

    def register() -> Response:
        return _register(server, kind)

    def dev() -> Response:
        if not dev_mode:
            raise NotFound("this is no dev server")
        return json_answer({"version": __version__, "authed": False, "functions": server.functions(), "startOpts": {}})

    app.before_request(guard)
    app.after_request(name_kind)
    app.register_error_handler(WorkflowKitError, _refused)
    app.register_error_handler(HTTPException, _refused_by_flask)
    app.register_error_handler(Exception, _failed)
    app.add_url_rule("/health", "health", lambda: json_answer({"status": 200, "message": "OK"}))
    app.add_url_rule("/fn/register", view_func=register, methods=["POST"])
    app.add_url_rule("/dev", view_func=dev)
    add_rest(app, server)
    add_connect(app, server)
    return app


def _authenticate(server: AppServer, *, dev_mode: bool) -> None:
    """Let in who has the signing key, and in development who calls from this machine. Raises ``Unauthenticated``."""
    keys = keys_of(server.parts().settings)
    if not keys.all:
        # SAFETY: fail closed: a server without a key registers nothing, unless it serves one developer.
        if dev_mode and is_from_this_machine():
            return
        raise Unauthenticated("this server has no signing key: set WORKFLOWKIT_SIGNING_KEY")
    given = request.authorization
    keys.check_bearer(given.token or "" if given is not None and given.type == "bearer" else "")


def _refused(error: WorkflowKitError) -> Response:
    return refusal_v2(error) if request.path.startswith(PREFIXES) else refusal(error)


def _refused_by_flask(error: HTTPException) -> Response:
    status = error.code or 500
    answer = error_answer(error.name, status, error.name.lower().replace(" ", "-"))
    answer.headers.update({name: value for name, value in error.get_headers() if name == "Allow"})
    return answer


def _failed(error: Exception) -> Response:
    # SAFETY: S26 — what went wrong inside goes to the log only.
    _log.error("a request of an app failed", exc_info=error)
    return error_answer("something went wrong on the server", 500, WorkflowKitError.code)


def _register(server: AppServer, kind: str) -> Response:
    expected = request.headers.get(_EXPECTED_KIND_HEADER, kind)
    if expected != kind:
        return json_answer({"error": f"Expected server kind {expected}, got {kind}"}, 400)
    limits = server.parts().settings.limits
    data = request.get_data(cache=False)
    payload = loads_strict(data, max_bytes=limits.request_bytes, max_depth=limits.json_depth, limit="request_bytes")
    name, is_modified = server.register(payload)
    return json_answer(
        {"ok": True, "modified": is_modified, "sync_id": identity("sync", name, data), "app_id": identity("app", name)}
    )
