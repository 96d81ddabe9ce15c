"""The web application, alone or as a part of somebody else's Flask application.

Importing this costs about a second (APIFlask): do it only where requests are served.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from apiflask import APIFlask
from flask import Blueprint, Flask, Response, g, request
from werkzeug.wrappers import Response as ForwardedResponse

from workflowkit import __version__
from workflowkit.api import auth, crossorigin, errors, hostcontext, openapi, people
from workflowkit.api.routes import (
    actions,
    alerts,
    approvals,
    apps,
    audit,
    callbacks,
    calls,
    deliveries,
    docs,
    dryruns,
    embed,
    embedtokens,
    events,
    functions,
    health,
    invitations,
    jobs,
    keys,
    metrics,
    oidclogin,
    pages,
    pauses,
    realtime,
    runs,
    schedules,
    secrets,
    sessions,
    signals,
    simulations,
    system,
    users,
    webhooks,
    workflows,
)
from workflowkit.api.services import Services
from workflowkit.base import ids
from workflowkit.runtime.hosts import Authenticate

REQUEST_ID_HEADER = "X-Request-Id"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(services: Services) -> APIFlask:
    """Return the application that serves ``services``.

    Raises ``LookupError`` if a view does not say what it requires.
    """
    app = APIFlask(
        "workflowkit.api",
        title="Workflow Kit",
        version=__version__,
        spec_path=None,
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]  # as in Flask: there is no such route
        json_errors=False,
    )
    # One byte more than our parser takes: werkzeug cuts a body without a length off at this mark without a word.
    app.config["MAX_CONTENT_LENGTH"] = services.limits.request_bytes + 1
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # every method of every route is declared, none is made up
    # A path is one route or none: no redirects between spellings of it (S11).
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    services.install(app.extensions)
    openapi.configure(app)
    for routes in (
        events, workflows, dryruns, simulations, pauses, functions, runs, jobs, schedules, actions, keys, webhooks,
        secrets, deliveries, signals, approvals, invitations, callbacks, calls, alerts, embedtokens, system, metrics,
        apps, sessions, users, audit, oidclogin, realtime, health, docs, pages, embed,
    ):  # fmt: skip
        app.register_blueprint(routes.api)
    errors.register(app)
    app.before_request(_name_request)
    crossorigin.install(app, services.embed_origins)
    auth.install_guard(app)
    app.after_request(_add_headers)
    openapi.publish(app)
    return app


def create_blueprint(
    services: Services, *, name: str = "workflowkit", url_prefix: str | None = None,
    authenticate: Authenticate | None = None, extend: Callable[[Flask], None] = lambda app: None,
) -> Blueprint:  # fmt: skip
    """Return a blueprint that serves the whole application below ``url_prefix``, or the one it is registered with.

    It works in any Flask application: the routes live in an application of their own behind it, so that neither one's
    error handlers, limits and settings touch the other's (docs/decisions/0002). ``authenticate`` says, in the host's
    own context, who is calling; without it people log in here. ``extend`` may add to what is served.
    """
    authoring = services.authoring
    if (policy := authoring.tenants.trigger_policy) is not None:
        tenants = replace(authoring.tenants, trigger_policy=hostcontext.of_host(policy))
        authoring = replace(authoring, tenants=tenants)
    app = create_app(replace(services, authoring=authoring, has_host=authenticate is not None))
    extend(app)
    blueprint = Blueprint(name, __name__, url_prefix=url_prefix)

    def serve(path: str) -> ForwardedResponse:
        environ = dict(request.environ)
        environ[people.HOST_USER] = None if authenticate is None else authenticate()
        hostcontext.keep_context(environ)
        # The prefix's length in the bytes as which WSGI passes paths; what follows stays exactly as it was sent.
        length = len(request.path.removesuffix(path).rstrip("/").encode())
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"][:length]
        environ["PATH_INFO"] = environ["PATH_INFO"][length:]
        return ForwardedResponse.from_app(app, environ)

    # Not as a default of one rule: werkzeug would redirect from one spelling to the other.
    blueprint.add_url_rule("/", "index", lambda: serve(""), methods=_METHODS, provide_automatic_options=False)
    blueprint.add_url_rule("/<path:path>", "serve", serve, methods=_METHODS, provide_automatic_options=False)
    return blueprint


def _name_request() -> None:
    """Give the request an id for the log: the caller's own, if it can be shown safely."""
    given = request.headers.get(REQUEST_ID_HEADER, "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else ids.random_token(10)


def _add_headers(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = g.get("request_id", "")
    for header, value in SECURITY_HEADERS.items():
        response.headers.setdefault(header, value)
    return response
