"""People for tests: users with a password, and browsers in which they log in."""

from __future__ import annotations

import json
from typing import Any

from webapi import Web
from werkzeug.test import TestResponse

from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.users import OWNER, NewUser
from workflowkit.store.users import UserRecord

PASSWORD = "correct horse battery staple"
ORIGIN = "https://flows.example"


def a_user(
    web: Web, name: str = "ann@example.org", *roles: str, scope: Scope = DEFAULT_SCOPE, password: str = PASSWORD
) -> UserRecord:
    """Make a user; an admin, unless roles are named."""
    return web.services.users.create(scope, NewUser(name, password, roles or ("admin",)), OWNER).user


class Browser:
    """A page of ours in a browser of its own: it keeps cookies, and does with the CSRF token what the page does."""

    def __init__(self, web: Web, *, origin: str = ORIGIN) -> None:
        self.csrf: str | None = None
        self.origin = origin
        self.http = web.app.test_client()
        self._contract = web.contract

    def log_in(self, name: str = "ann@example.org", password: str = PASSWORD, **options: Any) -> TestResponse:
        return self.send("POST", "/api/session", {"name": name, "password": password}, **options)

    def get(self, path: str) -> TestResponse:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None,
             address: str = "203.0.113.5") -> TestResponse:  # fmt: skip
        """Send what the page would; ``headers`` replace its own, an empty one takes it away."""
        own = {"Workflowkit-Csrf": self.csrf or "", "User-Agent": "Testfox 1"}
        if method not in ("GET", "HEAD"):
            own["Origin"] = self.origin
        sent = {name: value for name, value in (own | (headers or {})).items() if value}
        options: dict[str, Any] = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        response = self.http.open(
            path, method=method, headers=sent, base_url=ORIGIN, environ_overrides={"REMOTE_ADDR": address}, **options
        )
        self._contract.check(method, path, response)
        if path.startswith("/api/session") and response.status_code == 200:
            self.csrf = response.get_json().get("csrf", self.csrf)
        return response

    def cookie(self) -> str | None:
        """Return the session's token."""
        found = self.http.get_cookie("__Host-workflowkit", "flows.example")
        return None if found is None else found.value
