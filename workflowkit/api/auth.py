"""Who calls, and what they may do. Deny by default: a view says what it needs, or the application does not start.

One guard runs before every view. It decides by the matched view, never by the path's text (S11), and before anything of
the body is read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request

from workflowkit.api import cookies, embedreach, people
from workflowkit.api.people import Person
from workflowkit.api.services import Services
from workflowkit.base.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from workflowkit.base.scope import Scope
from workflowkit.runtime.auditing import By
from workflowkit.runtime.embedding import PREFIX as EMBED_PREFIX
from workflowkit.runtime.embedding import Embed
from workflowkit.runtime.keys import PERMISSIONS, may_send
from workflowkit.runtime.sessions import LoggedIn
from workflowkit.store.keys import KeyRecord

View = TypeVar("View", bound=Callable[..., Any])

#: A client may say in which environment and for which tenant it believes to act.
ENVIRONMENT_HEADER, TENANT_HEADER = "Workflowkit-Environment", "Workflowkit-Tenant"
_FORWARDED_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


@dataclass(frozen=True, slots=True)
class Access:
    """What a view demands. ``permission`` is ``None`` for a public one, and empty for one that needs a login only."""

    permission: str | None
    credential: Literal["header", "path", "session"] = "header"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: with a ``key``, from a host's page by an ``embed`` token, a ``person`` who is logged in, or,
    without all of these, the developer at the dev server's own machine."""

    scope: Scope
    permissions: frozenset[str]
    key: KeyRecord | None = None
    embed: Embed | None = None
    person: Person | None = None

    @property
    def actor(self) -> str:
        """Who is calling, as it is kept with what they do."""
        if self.person is not None:
            return self.person.actor
        if self.embed is not None:
            return f"embed:{self.embed.user}"
        return "developer" if self.key is None else f"key:{self.key.id}"

    @property
    def may_decrypt(self) -> bool:
        """Whether what is encrypted is shown to them, as far as this process has the key."""
        return "runs:decrypt" in self.permissions

    def check_may(self, permission: str) -> None:
        """Raise ``Forbidden`` without ``permission``: for what a route shows or does beside its main thing."""
        if permission not in self.permissions:
            raise Forbidden(f"this needs the permission {permission}")

    @property
    def is_limited(self) -> bool:
        """Whether the caller's key is limited to events of some names."""
        return self.key is not None and self.key.event_names is not None

    def check_may_send(self, event_name: str) -> None:
        """Raise ``Forbidden`` if the caller's key is limited to other events."""
        if self.key is not None and not may_send(self.key, event_name):
            raise Forbidden(f"this key may not send events named {event_name!r}")

    def check_may_grant(self, permissions: frozenset[str]) -> None:
        """Raise ``Forbidden`` unless the caller holds all of ``permissions``: nobody can grant more than they have."""
        if missing := sorted(permissions - self.permissions):
            raise Forbidden(f"you cannot grant what you do not have: {', '.join(missing)}")


def requires(permission: str, *, credential: Literal["header", "path"] = "header") -> Callable[[View], View]:
    """Let only callers with ``permission`` reach a view. The key stands in the ``Authorization`` header, or, for old
    clients of the event endpoint, in the path."""
    if permission not in PERMISSIONS:
        raise ValueError(f"unknown permission {permission!r}")
    return _marked(Access(permission, credential))


def requires_login(view: View) -> View:
    """Let only people reach a view who have logged in, with whatever permissions. It is about their own session."""
    return _marked(Access("", "session"))(view)


def public(view: View) -> View:
    """Let everybody reach a view."""
    return _marked(Access(None))(view)


def _marked(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]  # read by access_of
        return view

    return mark


def access_of(view: Callable[..., Any]) -> Access:
    """Return what a view demands. Raises ``LookupError`` for a view that does not say."""
    access = getattr(view, "access", None)
    if not isinstance(access, Access):
        raise LookupError(f"the view {view.__name__} declares neither @requires nor @public")
    return access


def install_guard(app: Flask) -> None:
    """Guard every view of ``app``. Call it when all routes are registered; ``LookupError`` for an undeclared view."""
    for view in app.view_functions.values():
        access_of(view)
    app.before_request(_guard)


def caller() -> Caller:
    """Return the caller of the present request, which has passed the guard."""
    found: Caller = g.caller
    return found


def by() -> By:
    """Return the caller of the present request as the audit log names them."""
    return By(caller().actor, request.remote_addr or "")


def find_caller() -> Caller | None:
    """Return who calls a public view, or ``None`` for strangers and for credentials that are worth nothing."""
    try:
        return _authenticate(Access(None))
    except Unauthenticated:
        return None


def logged_in() -> LoggedIn:
    """Return the session of the present caller, of a view that requires a login."""
    person = caller().person
    if person is None or person.logged_in is None:
        raise Forbidden("this is for people who have logged in here")
    return person.logged_in


def _guard() -> None:
    if request.endpoint is None:
        return  # no route: Flask answers 404 or 405 next
    access = access_of(current_app.view_functions[request.endpoint])
    if access.permission is not None:
        found = _authenticate(access)
        _check_permission(access, found)
        if found.embed is not None:
            embedreach.check(found.embed)
        _check_scope_headers(found.scope)
        g.caller = found
    if any("\0" in value for value in (request.view_args or {}).values() if isinstance(value, str)):
        raise NotFound("no id has such characters")


def _check_permission(access: Access, found: Caller) -> None:
    if access.credential == "session":
        if found.person is None or found.person.logged_in is None:
            raise Forbidden("this is for people who have logged in here")
    elif access.permission is not None:
        found.check_may(access.permission)


def _authenticate(access: Access) -> Caller:
    services = Services.current()
    key = (request.view_args or {}).get("key", "") if access.credential == "path" else _bearer_key()
    is_developer = services.dev_mode and is_from_this_machine()
    if key is None and (person := people.find()) is not None:
        cookies.check_csrf(person.csrf)
        return Caller(person.scope, person.permissions, person=person)
    if key is None and is_developer:
        return _developer(services)
    if key is None:
        raise Unauthenticated("log in, or send an API key: Authorization: Bearer wk_...")
    if key.startswith(EMBED_PREFIX):
        return _embedded(services, key)
    try:
        record = services.keys.authenticate(key)
    except Unauthenticated:
        # Clients of the old endpoint cannot leave the key out of the path; a dev server takes any.
        if access.credential == "path" and is_developer:
            return _developer(services)
        raise
    return Caller(record.scope, record.permissions, record)


def _embedded(services: Services, token: str) -> Caller:
    embed = services.embed_tokens.read(token)
    if embed is None:
        raise Unauthenticated("this embed token is not genuine, or its time is over")
    return Caller(embed.scope, embed.permissions, embed=embed)


def _developer(services: Services) -> Caller:
    return Caller(services.default_scope, frozenset(PERMISSIONS))


def _bearer_key() -> str | None:
    if "Authorization" not in request.headers:
        return None
    given = request.authorization
    return given.token or "" if given is not None and given.type == "bearer" else ""


def is_from_this_machine() -> bool:
    """Return whether a program on this machine calls, rather than a web page or a proxy that happens to run here."""
    if any(header in request.headers for header in _FORWARDED_HEADERS):
        return False
    # A page of another site that the developer has open can reach us; its Host (after DNS rebinding) or its Origin
    # give it away.
    if not _is_loopback(request.remote_addr or "") or not _is_loopback(urlsplit(f"//{request.host}").hostname or ""):
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_scope_headers(scope: Scope) -> None:
    for header, value in ((ENVIRONMENT_HEADER, scope.environment), (TENANT_HEADER, scope.tenant)):
        if (named := request.headers.get(header)) is not None and named != value:
            # The same words whether it exists or not (S30).
            code = "unknown-tenant" if header == TENANT_HEADER else "unknown-environment"
            raise InvalidInput.at(f"/headers/{header}", code, "the key gives no access to it")
