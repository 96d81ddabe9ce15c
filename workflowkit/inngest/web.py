"""The paths that SDKs call, in front of the API: registration, what a dev server says of itself, and runs.

They answer in the protocol's own forms, so they are an application of their own; every other path is the API's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request

from workflowkit import __version__
from workflowkit.api.auth import is_from_this_machine
from workflowkit.base.clock import rfc3339
from workflowkit.base.errors import (
    Conflict,
    DefinitionError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    Unauthenticated,
    WorkflowKitError,
)
from workflowkit.base.jsonvalue import dumps, loads_strict
from workflowkit.base.scope import Scope
from workflowkit.inngest.client import keys_of
from workflowkit.inngest.identities import identity
from workflowkit.inngest.server import AppServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SERVER_KIND_HEADER, _EXPECTED_KIND_HEADER = "X-Inngest-Server-Kind", "X-Inngest-Expected-Server-Kind"
_PREFIXES = ("/fn/", "/v1/")
_PATHS = frozenset({"/dev"})


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
        _authenticate(server, dev_mode=dev_mode)

    def name_kind(response: Response) -> Response:
        response.headers[_SERVER_KIND_HEADER] = kind
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def register() -> Response:
        return _register(server, kind)

    def dev() -> Response:
        if not dev_mode:
            raise NotFound("this is no dev server")
        return _json({"version": __version__, "authed": False, "functions": server.functions(), "startOpts": {}})

    app.before_request(guard)
    app.after_request(name_kind)
    app.register_error_handler(WorkflowKitError, _refused)
    app.add_url_rule("/fn/register", view_func=register, methods=["POST"])
    app.add_url_rule("/dev", view_func=dev)
    _add_rest(app, server)
    return app


def _add_rest(app: Flask, server: AppServer) -> None:
    def get_run(run_id: str) -> Response:
        return _data(server, server.run(_scope(server), run_id))

    def cancel_run(run_id: str) -> Response:
        server.cancel(_scope(server), run_id)
        return Response(status=200)

    def runs_of_event(event_id: str) -> Response:
        return _data(server, server.runs_of_event(_scope(server), event_id))

    app.add_url_rule("/v1/runs/<run_id>", view_func=get_run)
    app.add_url_rule("/v1/runs/<run_id>", view_func=cancel_run, methods=["DELETE"])
    app.add_url_rule("/v1/events/<event_id>/runs", view_func=runs_of_event)


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


def _register(server: AppServer, kind: str) -> Response:
    expected = request.headers.get(_EXPECTED_KIND_HEADER, kind)
    if expected != kind:
        return _json({"error": f"Expected server kind {expected}, got {kind}"}, 400)
    limits = server.parts().settings.limits
    data = request.get_data(cache=False)
    payload = loads_strict(data, max_bytes=limits.request_bytes, max_depth=limits.json_depth, limit="request_bytes")
    name, is_modified = server.register(payload)
    return _json(
        {"ok": True, "modified": is_modified, "sync_id": identity("sync", name, data), "app_id": identity("app", name)}
    )


def _scope(server: AppServer) -> Scope:
    return server.parts().settings.scope


def _data(server: AppServer, value: Any) -> Response:
    now_ms = server.parts().database.now_ms()
    return _json({"data": value, "metadata": {"fetched_at": rfc3339(now_ms), "cached_until": None}})


def _json(value: Any, status: int = 200) -> Response:
    return Response(dumps(value), status, content_type="application/json")


_STATUSES: tuple[tuple[type[WorkflowKitError], int], ...] = (
    (Unauthenticated, 401),
    (NotFound, 404),
    (Conflict, 409),
    (LimitExceeded, 413),
)


def _refused(error: WorkflowKitError) -> Response:
    status = next((each for kind, each in _STATUSES if isinstance(error, kind)), 400)
    message = error.message
    if isinstance(error, InvalidInput | DefinitionError):
        message = "; ".join(f"{problem.pointer}: {problem.message}" for problem in error.problems)
    return _json({"error": message, "data": None, "status": status, "code": error.code}, status)
