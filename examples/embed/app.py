"""A host application: its own users and pages, and in them the workflow editor, embedded in three ways, and what
workflows ask these users.

The server of Workflow Kit may be a part of this application (below ``/workflows``) or stand elsewhere
(``WORKFLOWKIT_URL``); both need the same database and secret key, because this application makes the tokens.
"""

from __future__ import annotations

import functools
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash, generate_password_hash

from workflowkit import OptionsContext, Scope, WorkflowKit
from workflowkit.app import Right
from workflowkit.base.errors import NotFound

WORKFLOW_ID = "orders"
TOTAL = "!ref($.event.data.total)"
DOCUMENT = {
    "name": "Orders",
    "triggers": [{"event": "shop/order.placed"}],
    "actions": [
        {"id": "large", "kind": "builtin:if", "name": "Is it large?", "inputs": {"condition": {">": [TOTAL, 100]}}},
        {"id": "note", "kind": "log", "name": "Note it", "inputs": {"message": f"A large order: {TOTAL}"}},
    ],
    "edges": [
        {"from": "$source", "to": "large"},
        {"from": "large", "to": "note", "name": "True", "conditional": {"type": "if", "ref": "!ref($.output.result)"}},
    ],
}  # fmt: skip
RETURNS_ID = "returns"
RETURN_WANTED = "shop/return.wanted"
RETURNS = {
    "name": "Returns",
    "triggers": [{"event": RETURN_WANTED}],
    "actions": [
        {
            "id": "ask",
            "kind": "builtin:approval",
            "name": "Take it back?",
            "inputs": {
                "title": "Take back: !ref($.event.data.article)",
                "description": "Asked for by !ref($.event.data.asked_by).",
                "assignees": "!ref($.event.data.deciders)",
                "form": {
                    "type": "object",
                    "required": ["refund"],
                    "properties": {"refund": {"type": "integer", "title": "Refund", "minimum": 0}},
                },
            },
        },
        {"id": "note", "kind": "log", "name": "Note it", "inputs": {"message": "Refund !ref($.state.ask.data.refund)"}},
    ],
    "edges": [
        {"from": "$source", "to": "ask"},
        {
            "from": "ask", "to": "note", "name": "Approved",
            "conditional": {"type": "match", "ref": "!ref($.output.status)", "value": "approved"},
        },
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in: what they may do in the editor, and whether they decide about returns.

    The passwords of this example are the names.
    """

    name: str
    tenant: str
    rights: tuple[Right, ...]
    password_hash: str
    is_decider: bool


def _user(name: str, tenant: str, *rights: Right, is_decider: bool = False) -> User:
    return User(name, tenant, rights, generate_password_hash(name.lower()), is_decider)


USERS = {
    "ada": _user("Ada", "acme", "edit", "publish", "run"),
    "ben": _user("Ben", "acme", "view", is_decider=True),
    "eve": _user("Eve", "umbrella", "edit", is_decider=True),
}


def create_app(wk: WorkflowKit | None = None) -> Flask:
    """Return the host application."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax")
    wk = wk or WorkflowKit("embed-example")
    wk.people(deciders)
    wk.migrate()
    for tenant in sorted({user.tenant for user in USERS.values()}):
        _create_workflow(wk, tenant, WORKFLOW_ID, DOCUMENT)
        _create_workflow(wk, tenant, RETURNS_ID, RETURNS)
    elsewhere = os.environ.get("WORKFLOWKIT_URL", "").rstrip("/")
    if not elsewhere:
        app.register_blueprint(wk.blueprint(url_prefix="/workflows"))
    app.extensions["workflowkit"] = wk
    _add_pages(app, server=elsewhere or "/workflows")
    _add_tokens(app, wk)
    _add_returns(app, wk)
    return app


def deciders(ctx: OptionsContext) -> list[str]:
    """Whom approvals may ask: those of a tenant who decide, by the name that their token has."""
    return [user.name for user in USERS.values() if user.tenant == ctx.tenant and user.is_decider]


def _create_workflow(wk: WorkflowKit, tenant: str, workflow_id: str, document: dict[str, Any]) -> None:
    """Give a tenant a first workflow, as a product would when a customer signs up."""
    scope = Scope(wk.settings.environment, tenant)
    try:
        wk.runtime.authoring.get(scope, workflow_id)
    except NotFound:
        wk.publish(workflow_id, document, scope=scope)


def logged_in(view: Callable[[User], ResponseReturnValue]) -> Callable[[], ResponseReturnValue]:
    """Let only users of this application reach a view, which is told who they are."""

    @functools.wraps(view)
    def checked() -> ResponseReturnValue:
        user = USERS.get(session.get("user", ""))
        if user is None:
            return redirect(url_for("login")) if request.method == "GET" else Response(status=401)
        return view(user)

    return checked


def _add_pages(app: Flask, server: str) -> None:
    @app.route("/login", methods=["GET", "POST"])
    def login() -> ResponseReturnValue:
        if request.method == "GET":
            return render_template("login.html")
        name = request.form.get("name", "").lower()
        user = USERS.get(name)
        if user is None or not check_password_hash(user.password_hash, request.form.get("password", "")):
            return render_template("login.html", is_wrong=True), 403
        session["user"] = name
        return redirect(url_for("show_element"))

    def page(name: str) -> Callable[[User], ResponseReturnValue]:
        return lambda user: render_template(
            f"{name}.html", user=user, server=server, workflow_id=WORKFLOW_ID, returns_id=RETURNS_ID, page=name
        )

    app.add_url_rule("/", "index", lambda: redirect(url_for("show_element")))
    for name in ("element", "iframe", "react", "approvals"):
        app.add_url_rule(f"/{name}", f"show_{name}", logged_in(page(name)))

    @app.after_request
    def add_policy(response: Response) -> Response:
        # All that a page with the editor needs: scripts, styles, requests and frames of two origins, nothing inline.
        own, other = "'self'", "{0.scheme}://{0.netloc}".format(urlsplit(server)) if "://" in server else "'self'"
        both = own if own == other else f"{own} {other}"
        response.headers.setdefault(
            "Content-Security-Policy",
            f"default-src 'none'; script-src {both}; connect-src {both}; frame-src {other}; style-src 'self'; "
            "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        )
        return response


def _add_tokens(app: Flask, wk: WorkflowKit) -> None:
    @app.post("/embed-token")
    @logged_in
    def embed_token(user: User) -> ResponseReturnValue:
        """Give the browser of a user a token for a few minutes. Who they are says our own session, not the request."""
        return issued(user, WORKFLOW_ID, *user.rights)

    @app.post("/approvals-token")
    @logged_in
    def approvals_token(user: User) -> ResponseReturnValue:
        """Give it one that decides in their name what they are asked about returns, and sees that workflow alone."""
        if not user.is_decider:
            abort(403)
        return issued(user, RETURNS_ID, "decide")

    def issued(user: User, workflow_id: str, *rights: Right) -> ResponseReturnValue:
        if not request.is_json:
            abort(415)  # a form on another site could be sent without asking; this cannot
        token = wk.embed_token(tenant=user.tenant, workflow=workflow_id, rights=rights, ttl_seconds=300, user=user.name)
        return {"token": token}


def _add_returns(app: Flask, wk: WorkflowKit) -> None:
    @app.post("/returns")
    @logged_in
    def ask_for_return(user: User) -> ResponseReturnValue:
        """Send the event that starts the workflow; who is asked are users of this application, of the same tenant."""
        deciders = [other.name for other in USERS.values() if other.tenant == user.tenant and other.is_decider]
        data = {"article": request.form.get("article", ""), "asked_by": user.name, "deciders": deciders}
        wk.send({"name": RETURN_WANTED, "data": data}, scope=Scope(wk.settings.environment, user.tenant))
        return redirect(url_for("show_approvals", asked=1))
