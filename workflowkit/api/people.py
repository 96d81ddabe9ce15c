"""People who call: with the cookie of a session of ours, or because the host application says who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from workflowkit.api import cookies
from workflowkit.api.services import Services
from workflowkit.base.errors import Unauthenticated
from workflowkit.base.scope import Scope
from workflowkit.runtime.hosts import HostUser
from workflowkit.runtime.roles import permissions_of
from workflowkit.runtime.sessions import Client, LoggedIn

#: Where a blueprint leaves the host's user for us. Clients cannot set it: their headers are named ``HTTP_...``.
HOST_USER = "workflowkit.host_user"
#: What follows from it and the user is what changes by users of a host carry. That it is there proves that the page's
#: origin is the host's own; that it is the user's, that nobody else has opened the page before them.
_HOST_CSRF = "host "


@dataclass(frozen=True, slots=True)
class Person:
    """Who is logged in. ``logged_in`` is ``None`` for users of the host, who have no session here."""

    actor: str
    name: str
    display_name: str
    scope: Scope
    roles: tuple[str, ...]
    csrf: str
    logged_in: LoggedIn | None = None

    @property
    def permissions(self) -> frozenset[str]:
        """What they may do."""
        return permissions_of(self.roles)

    @property
    def kind(self) -> str:
        """Where they have logged in: ``user`` here, ``host`` there."""
        return "host" if self.logged_in is None else "user"


def find() -> Person | None:
    """Return who is logged in, or ``None``; whether the request is theirs, ``cookies.check_csrf`` tells."""
    services = Services.current()
    if services.has_host:
        return _of_host(request.environ)
    token = cookies.session_token()
    if token is None:
        return None
    try:
        logged_in = services.sessions.authenticate(token)
    except Unauthenticated:
        return None
    return of_session(logged_in, token)


def of_session(logged_in: LoggedIn, token: str) -> Person:
    """Return the person of a session."""
    user, scope = logged_in.user, logged_in.session.scope
    csrf = cookies.csrf_token(token, scope)
    return Person(user.actor, user.name, user.display_name, scope, logged_in.roles, csrf, logged_in)


def client() -> Client:
    """Return from where the present request comes."""
    return Client(request.remote_addr or "", request.headers.get("User-Agent", ""))


def _of_host(environ: Mapping[str, Any]) -> Person | None:
    user = environ.get(HOST_USER)
    if user is None:
        return None
    if not isinstance(user, HostUser):
        raise TypeError(f"authenticate() returns a HostUser or None, not {type(user).__name__}")
    scope = user.scope_in(Services.current().default_scope.environment)
    csrf = cookies.csrf_token(_HOST_CSRF + user.key, scope)
    return Person(f"user:{user.key}", user.key, user.name or user.key, scope, user.all_roles, csrf)
