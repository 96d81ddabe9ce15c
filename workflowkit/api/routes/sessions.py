"""Logging in and out, and one's own sessions."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import cookies, people, views
from workflowkit.api.auth import Caller, by, find_caller, logged_in, public, requires_login
from workflowkit.api.contract import answer, receives, returns
from workflowkit.api.schemas import sessions as schemas
from workflowkit.api.services import Services
from workflowkit.base.errors import Forbidden
from workflowkit.base.scope import Scope
from workflowkit.runtime.sessions import LoggedIn

api = APIBlueprint("sessions", __name__, url_prefix="/api", tag="Sessions")


@api.get("/session")
@public
@returns(schemas.SessionState)
def get_session() -> Response:
    """Show who is calling.

    And what they may do, and how one can log in. Strangers are answered as well; nothing here is anybody's.
    """
    return answer(views.session_state(find_caller(), Services.current()))


@api.post("/session")
@public
@receives(schemas.NewLogin)
@returns(
    schemas.SessionState,
    _401="The name or the password is wrong, or there is no such user, or they are disabled.",
    _403="A page of another origin has sent this.",
    _429="Too many attempts have failed; `Retry-After` says how long to wait.",
)
def log_in(body: dict[str, Any]) -> Response:
    """Log in.

    Sets a cookie, which says from now on who is calling.
    """
    services = Services.current()
    # SAFETY: S14 — logging somebody in as somebody else is an attack, too.
    cookies.check_origin()
    if services.has_host:
        raise Forbidden("the host application lets people log in")
    opened = services.logins.with_password(body["name"], body["password"], people.client())
    response = _state(opened.logged_in, opened.token)
    cookies.set_session(response, opened.token)
    return response


@api.delete("/session")
@requires_login
@returns(schemas.SessionState)
def log_out() -> Response:
    """Log out.

    Ends the session that asks.
    """
    present = logged_in()
    Services.current().sessions.end(present, present.session.id, by=by())
    return _stranger()


@api.put("/session/password")
@requires_login
@receives(schemas.NewOwnPassword)
@returns(schemas.SessionState, _429="Too many attempts have failed.")
def change_own_password(body: dict[str, Any]) -> Response:
    """Change one's password.

    Ends all other sessions.
    """
    present = logged_in()
    Services.current().logins.change_password(present, body["old_password"], body["password"], people.client())
    return _state(present, cookies.session_token() or "")


@api.put("/session/tenant")
@requires_login
@receives(schemas.TenantChoice)
@returns(schemas.SessionState)
def choose_tenant(body: dict[str, Any]) -> Response:
    """Choose a tenant.

    The session acts for it from now on.
    """
    scope = Scope(body["environment"], body["tenant"])
    moved = Services.current().sessions.move(logged_in(), scope)
    return _state(moved, cookies.session_token() or "")


@api.get("/sessions")
@requires_login
@returns(schemas.OwnSessionList)
def list_own_sessions() -> Response:
    """List one's sessions.

    Where one is logged in, newest first.
    """
    present = logged_in()
    found = Services.current().sessions.of_user(present.user.id)
    items = [views.own_session(each, is_present=each.id == present.session.id) for each in found]
    return answer({"items": items})


@api.delete("/sessions")
@requires_login
@returns(schemas.SessionState)
def log_out_everywhere() -> Response:
    """Log out everywhere.

    Ends all of one's sessions, the one that asks included.
    """
    Services.current().sessions.end_all(logged_in(), by=by())
    return _stranger()


@api.delete("/sessions/<session_id>")
@requires_login
@returns(schemas.OwnSessionList)
def end_own_session(session_id: str) -> Response:
    """End one of one's sessions.

    It counts no more from the next request on. The answer has those that are left.
    """
    Services.current().sessions.end(logged_in(), session_id, by=by())
    return list_own_sessions()


def _state(present: LoggedIn, token: str) -> Response:
    person = people.of_session(present, token)
    who = Caller(person.scope, person.permissions, person=person)
    return answer(views.session_state(who, Services.current()))


def _stranger() -> Response:
    response = answer(views.session_state(None, Services.current()))
    cookies.clear_session(response)
    return response
