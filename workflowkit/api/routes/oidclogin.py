"""Logging in at an OpenID provider: the way there, and the way back."""

from __future__ import annotations

import logging

from apiflask import APIBlueprint
from flask import redirect, request
from werkzeug.wrappers import Response

from workflowkit.api import cookies, people
from workflowkit.api.auth import public
from workflowkit.api.services import Services
from workflowkit.base.errors import AlreadyExists, Forbidden, NotFound, StoreUnavailable, WorkflowKitError
from workflowkit.runtime.oidc import Oidc

api = APIBlueprint("oidclogin", __name__, url_prefix="/login/oidc", enable_openapi=False)

logger = logging.getLogger("workflowkit.login")
#: Codes that the page explains; whatever else went wrong is for the log.
_EXPLAINED = (Forbidden, AlreadyExists)


@api.get("")
@public
def begin() -> Response:
    """Lead to the provider; ``return`` is the path to go on at."""
    try:
        attempt = _oidc().begin(_redirect_uri(), _own_path(request.args.get("return", "/")))
    except WorkflowKitError as error:
        return _failed(error)
    response = redirect(attempt.url)
    cookies.set_attempt(response, attempt.cookie)
    return response


@api.get("/callback")
@public
def finish() -> Response:
    """Take back somebody whom the provider vouches for, and log them in."""
    oidc, services = _oidc(), Services.current()
    try:
        returned = oidc.finish(request.args.to_dict(), cookies.attempt() or "")
        opened = services.logins.vouched(returned.who, people.client())
    except WorkflowKitError as error:
        response = _failed(error)
    else:
        response = redirect(request.script_root + returned.return_to)
        cookies.set_session(response, opened.token)
    cookies.clear_attempt(response)
    return response


def _oidc() -> Oidc:
    services = Services.current()
    if services.oidc is None or services.has_host:
        raise NotFound("there is no OpenID provider")
    return services.oidc


def _failed(error: WorkflowKitError) -> Response:
    if isinstance(error, NotFound | StoreUnavailable):
        raise error
    logger.warning("a login at the OpenID provider failed: %s: %s", error.code, error.message)
    code = error.code if isinstance(error, _EXPLAINED) and type(error) in _EXPLAINED else "failed"
    return redirect(f"{request.script_root}/?login_problem={code}")


def _redirect_uri() -> str:
    # Where the address is not set, the Host header is believed: the provider leads to addresses that it knows only.
    own = Services.current().public_url or request.host_url.rstrip("/") + request.script_root
    return f"{own}/login/oidc/callback"


def _own_path(path: str) -> str:
    """Return a path of ours, and ``/`` for anything that could lead somewhere else."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_own and len(path) <= 1_000 else "/"
