"""The login of a host application: who it says is calling, and that nobody else can say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from people import PASSWORD, a_user
from webapi import OTHER_TENANT, Web, a_document, a_web

from workflowkit import HostUser
from workflowkit.api import create_blueprint
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.roles import ROLES
from workflowkit.runtime.sessions import Client


def _who() -> HostUser | None:
    return HostUser("7", session["roles"], tenant="other", name="Ann") if "roles" in session else None


def _ours(client: FlaskClient) -> dict[str, str]:
    """Return what a page of ours sends along with a change."""
    state = client.get("/flows/api/session").get_json()
    return {"Origin": "http://localhost", "Workflowkit-Csrf": state["csrf"]}


@contextmanager
def a_host(database_url: str, authenticate: Callable[[], HostUser | None] = _who) -> Iterator[tuple[Web, FlaskClient]]:
    """A host application whose sessions are its own."""
    with a_web(database_url) as web:
        app = Flask("host")
        app.secret_key = "secret"
        services = replace(web.services, login_url="/login")
        app.register_blueprint(create_blueprint(services, url_prefix="/flows", authenticate=authenticate))

        @app.post("/login/<roles>")
        def login(roles: str) -> str:
            session["roles"] = tuple(roles.split("+"))
            return ""

        yield web, app.test_client()


def test_whom_the_host_knows_may_do_what_their_roles_say(database_url: str) -> None:
    with a_host(database_url) as (web, client):
        web.services.authoring.deploy(OTHER_TENANT, "theirs", a_document())
        web.services.authoring.deploy(DEFAULT_SCOPE, "ours", a_document())
        client.post("/login/viewer+publisher")
        state = client.get("/flows/api/session").get_json()
        assert (state["kind"], state["actor"], state["display_name"]) == ("host", "user:7", "Ann")
        assert set(state["permissions"]) == ROLES["publisher"]
        assert state["methods"] == {"password": False, "oidc": None, "login_url": "/login"}
        listed = client.get("/flows/api/workflows").get_json()["items"]
        assert [each["id"] for each in listed] == ["theirs"]
        assert client.get("/flows/api/users").status_code == 403
        assert client.post("/flows/api/workflows/theirs/pause", json={}, headers=_ours(client)).status_code == 200
        (row,) = web.harness.rows("SELECT actor FROM pauses")
        assert row["actor"] == "user:7"


def test_the_owner_alone_is_told_of_the_installation_and_the_class_names_every_role(
    sqlite_url: str,
) -> None:
    with a_host(sqlite_url) as (_, client):
        for role in ROLES:
            client.post(f"/login/{role}")
            state = client.get("/flows/api/session").get_json()
            assert set(state["permissions"]) == ROLES[role]
            is_told = role == "owner"
            assert client.get("/flows/api/system").status_code == (200 if is_told else 403)
            assert ("limits:share" in state["permissions"]) is is_told
            assert f"``{role}``" in (HostUser.__doc__ or "")


def test_whom_it_does_not_know_is_nobody(sqlite_url: str) -> None:
    with a_host(sqlite_url) as (web, client):
        for headers in ({}, {"Workflowkit-Host-User": "7"}, {"workflowkit.host_user": "7"}):
            assert client.get("/flows/api/workflows", headers=headers).status_code == 401
        assert client.get("/flows/api/session").get_json()["kind"] == "nobody"
        _, key = web.services.keys.create(DEFAULT_SCOPE, "program", ["workflows:read"])
        assert client.get("/flows/api/workflows", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_there_is_one_login_and_it_is_the_hosts(sqlite_url: str) -> None:
    with a_host(sqlite_url) as (web, client):
        a_user(web)
        body = {"name": "ann@example.org", "password": PASSWORD}
        assert client.post("/flows/api/session", json=body).status_code == 403
        opened = web.services.logins.with_password("ann@example.org", PASSWORD, Client("203.0.113.5", "Testfox"))
        client.set_cookie("__Host-workflowkit", opened.token, secure=True)
        assert client.get("/flows/api/workflows", base_url="https://localhost").status_code == 401


def test_there_are_no_users_of_ours_beside_those_of_the_host(database_url: str) -> None:
    with a_host(database_url) as (web, client):
        left = a_user(web, scope=OTHER_TENANT).id
        client.post("/login/admin")
        new = {"name": "ben@example.org", "password": PASSWORD, "roles": ["viewer"]}
        for method, path, body in (
            ("POST", "/flows/api/users", new),
            ("PUT", f"/flows/api/users/{left}/roles", {"roles": ["admin"]}),
            ("PUT", f"/flows/api/users/{left}/password", {"password": PASSWORD}),
            ("POST", f"/flows/api/users/{left}/enable", None),
        ):
            refused = client.open(path, method=method, json=body, headers=_ours(client))
            assert (refused.status_code, refused.get_json()["code"]) == (409, "conflict"), path
            assert "the host application lets people log in" in refused.get_json()["detail"]
        assert web.count("users") == 1
        # Those of another time are seen, and can be taken away; what was done is told.
        assert [each["id"] for each in client.get("/flows/api/users").get_json()["items"]] == [left]
        assert client.post(f"/flows/api/users/{left}/disable", headers=_ours(client)).status_code == 200
        assert client.delete(f"/flows/api/users/{left}", headers=_ours(client)).status_code == 200
        told = client.get("/flows/api/audit").get_json()["items"]
        assert [each["action"] for each in told][:2] == ["user.roles_changed", "user.disabled"]


@pytest.mark.parametrize("change", [{"Workflowkit-Csrf": ""}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_other_sites_change_nothing_with_the_hosts_cookie(sqlite_url: str, change: dict[str, str]) -> None:
    with a_host(sqlite_url) as (web, client):
        client.post("/login/admin")
        headers = {name: value for name, value in (_ours(client) | change).items() if value}
        response = client.post("/flows/api/workflows", json={"document": {}}, headers=headers)
        assert (response.status_code, response.get_json()["code"]) == (403, "csrf-refused")
        assert web.count("workflows") == 0
        assert client.post("/flows/api/workflows", json={"document": {}}, headers=_ours(client)).status_code == 201


def test_a_page_that_somebody_else_has_opened_changes_nothing(database_url: str) -> None:
    present = [HostUser("ada", "editor", tenant="acme")]
    with a_host(database_url, lambda: present[0]) as (web, client):
        for tenant in ("acme", "globex"):
            web.services.authoring.deploy(Scope("default", tenant), "orders", a_document())
        address = "/flows/api/workflows/orders/draft"
        theirs = client.get(address)
        opened, document = _ours(client), theirs.get_json()["document"] | {"name": "Of acme"}
        etag = {"If-Match": theirs.headers["ETag"]}
        for user in (HostUser("ada", "editor", tenant="globex"), HostUser("eve", "editor", tenant="acme")):
            present[0] = user
            # The revision is the same in both tenants.
            assert client.get(address).headers["ETag"] == theirs.headers["ETag"]
            refused = client.put(address, json={"document": document}, headers=opened | etag)
            assert (refused.status_code, refused.get_json()["code"]) == (403, "csrf-refused")
            own = client.put(address, json={"document": document}, headers=_ours(client) | etag)
            assert own.status_code == 200


def test_a_host_that_fails_lets_nobody_in(sqlite_url: str) -> None:
    def failing() -> HostUser | None:
        raise RuntimeError("no connection to the user store")

    with a_host(sqlite_url, failing) as (_, client):
        assert client.get("/flows/api/workflows").status_code == 500


def test_without_the_hook_people_log_in_here(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        a_user(web)
        app = Flask("host")
        app.register_blueprint(create_blueprint(web.services, url_prefix="/flows"))
        client = app.test_client()
        body = {"name": "ann@example.org", "password": PASSWORD}
        state = client.post("/flows/api/session", json=body, base_url="https://localhost").get_json()
        assert (state["kind"], state["methods"]["password"]) == ("user", True)
        assert client.get("/flows/api/runs", base_url="https://localhost").status_code == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "", "roles": "viewer"}, "id"),
        ({"id": "x" * 201, "roles": "viewer"}, "id"),
        ({"id": "7", "roles": "root"}, "roles are"),
        ({"id": "7", "roles": ("viewer", "root")}, "roles are"),
        ({"id": "7", "roles": "viewer", "tenant": ""}, "tenant"),
    ],
)
def test_a_user_of_a_host_that_makes_no_sense_is_a_mistake_of_the_program(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HostUser(**fields)
    assert HostUser("7", ()).all_roles == ()


def test_people_of_a_host_act_in_its_environment_unless_another_is_named(database_url: str) -> None:
    present = [HostUser(7, "editor")]
    with a_host(database_url) as (web, _):
        services = replace(web.services, default_scope=Scope("production", "default"))
        app = Flask("host")
        app.register_blueprint(create_blueprint(services, url_prefix="/flows", authenticate=lambda: present[0]))
        client = app.test_client()
        assert client.get("/flows/api/session").get_json()["environment"] == "production"
        present[0] = HostUser(7, "editor", environment="staging")
        assert client.get("/flows/api/session").get_json()["environment"] == "staging"


def test_ids_of_an_application_may_be_numbers_and_uuids() -> None:
    user = HostUser(7, "editor", tenant=UUID(int=3))
    assert (user.id, user.scope.tenant) == ("7", "00000000-0000-0000-0000-000000000003")
    assert user == HostUser("7", "editor", tenant="00000000-0000-0000-0000-000000000003")
    for wrong in (None, True, 1.5, b"7"):
        with pytest.raises(TypeError, match="an id is text, a whole number or a UUID, not"):
            HostUser(wrong, "editor")  # type: ignore[arg-type]


def test_what_is_no_user_is_a_mistake_of_the_program_and_nobody(database_url: str) -> None:
    with a_host(database_url, authenticate=lambda: True) as (_, client):  # type: ignore[arg-type, return-value]
        assert client.get("/flows/api/runs").status_code == 500
