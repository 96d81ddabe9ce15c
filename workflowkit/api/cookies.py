"""The cookie of somebody who has logged in, and what keeps other sites from using it.

A browser sends a cookie along with whatever a page asks for, also a page of somebody else. So a change needs more: it
comes from our own origin, and carries a token that only our own pages can read (S14). API keys and embed tokens are
sent by nobody but who has them, and need none of this.
"""

from __future__ import annotations

import base64
import hmac
from urllib.parse import urlsplit

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from workflowkit.api.errors import CsrfRefused
from workflowkit.api.services import Services
from workflowkit.base import jsonvalue
from workflowkit.base.scope import Scope

#: What a change must carry that is made with a cookie.
CSRF_HEADER = "Workflowkit-Csrf"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Browsers take a cookie with this prefix only if it is Secure, for this host alone and for all of its paths: no other
# host of the domain, and nobody who can change plain HTTP, can plant one.
_SECURE_NAME, _DEV_NAME = "__Host-workflowkit", "workflowkit"
_ATTEMPT = "-login"


def session_token() -> str | None:
    """Return the token that the present request carries in its cookie, whatever it is worth."""
    return request.cookies.get(_name())


def set_session(response: BaseResponse, token: str) -> None:
    """Let the browser keep a token, until it is closed at the latest."""
    response.set_cookie(_name(), token, path="/", secure=_is_secure(), httponly=True, samesite="Lax")


def clear_session(response: BaseResponse) -> None:
    """Let the browser forget its token."""
    response.delete_cookie(_name(), path="/", secure=_is_secure(), httponly=True, samesite="Lax")


def attempt() -> str | None:
    """Return what the present request carries of a login that was begun at an OpenID provider."""
    return request.cookies.get(_name() + _ATTEMPT)


def set_attempt(response: BaseResponse, token: str) -> None:
    """Let the browser keep what belongs to a login that it leaves for."""
    response.set_cookie(_name() + _ATTEMPT, token, path="/", secure=_is_secure(), httponly=True, samesite="Lax")


def clear_attempt(response: BaseResponse) -> None:
    """Let the browser forget it."""
    response.delete_cookie(_name() + _ATTEMPT, path="/", secure=_is_secure(), httponly=True, samesite="Lax")


def csrf_token(token: str, scope: Scope) -> str:
    """Return what changes made with the session of ``token`` must carry: it follows from it, and does not tell it.

    It is another one for each scope: a page that was opened for one tenant changes nothing of the next.
    """
    message = jsonvalue.canonical(["workflowkit csrf", scope.environment, scope.tenant])
    return base64.urlsafe_b64encode(hmac.digest(token.encode(), message, "sha256")).decode().rstrip("=")


def check_csrf(expected: str) -> None:
    """Let the present request pass if it changes nothing, or proves that one of our own pages sent it.

    Raises ``CsrfRefused``.
    """
    if request.method in _SAFE_METHODS:
        return
    check_origin()
    # SAFETY: S14 — a header of our own cannot be sent from another origin unasked, and its value not be known there.
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), expected.encode()):
        raise CsrfRefused(f"send the token of GET /api/session as {CSRF_HEADER}")


def check_origin() -> None:
    """Raise ``CsrfRefused`` if a page of another origin has sent the present request, as far as the browser says so."""
    origin = request.headers.get("Origin")
    if origin is None:
        is_ours = request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    else:
        is_ours = origin in _own_origins()
    if not is_ours:
        raise CsrfRefused("a page of another origin has sent this")


def _own_origins() -> set[str]:
    """Return the origins under which a browser may know this application; a proxy may have ended the TLS."""
    own = {f"https://{request.host}", f"{request.scheme}://{request.host}"}
    public_url = Services.current().public_url
    if public_url is None:
        return own
    parts = urlsplit(public_url)
    if parts.scheme == "https":
        own.discard(f"http://{request.host}")
    return own | {f"{parts.scheme}://{parts.netloc}"}


def _is_secure() -> bool:
    return not Services.current().dev_mode


def _name() -> str:
    return _SECURE_NAME if _is_secure() else _DEV_NAME
