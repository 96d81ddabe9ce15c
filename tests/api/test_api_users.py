"""Users: who may make and change them, and how far that reaches."""

from __future__ import annotations

from typing import Any

import pytest
from people import PASSWORD, Browser, a_user
from webapi import OTHER_TENANT, Client, a_web, problems_of

from workflowkit.base.errors import AlreadyExists, Forbidden, InvalidInput, NotFound
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.roles import ROLES
from workflowkit.runtime.users import OWNER, Granter, NewUser

NEW = {"name": "bob@example.org", "password": PASSWORD, "roles": ["editor"]}


def test_an_admin_makes_users_who_can_log_in(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web)
        admin, bob = Browser(web), Browser(web)
        admin.log_in()
        made = admin.send("POST", "/api/users", NEW | {"name": " BOB@example.org", "display_name": "Bob"})
        assert made.status_code == 201
        user = made.get_json()
        assert (user["name"], user["display_name"], user["roles"]) == ("bob@example.org", "Bob", ["editor"])
        assert PASSWORD not in made.get_data(as_text=True)
        assert admin.get(f"/api/users/{user['id']}").get_json() == user
        assert bob.log_in("bob@example.org").get_json()["display_name"] == "Bob"


def test_users_are_listed_by_name_page_by_page(database_url: str) -> None:
    with a_web(database_url) as web:
        for name in ("c", "a", "b"):
            a_user(web, name, "viewer", "operator")
        a_user(web, "theirs", scope=OTHER_TENANT)
        admin = web.client()
        first = admin.get("/api/users?limit=2").get_json()
        rest = admin.get(f"/api/users?limit=2&cursor={first['next_cursor']}").get_json()
        assert [(user["name"], user["roles"]) for user in first["items"] + rest["items"]] == [
            (name, ["viewer", "operator"]) for name in "abc"
        ]


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"name": ""}, [("/name", "invalid-name")]),
        ({"name": "two words"}, [("/name", "invalid-name")]),
        ({"name": "x" * 201}, [("/name", "invalid-name")]),
        ({"password": "short"}, [("/password", "weak-password")]),
        ({"password": "bob@example.org"}, [("/password", "weak-password")]),
        ({"password": "x" * 1_001}, [("/password", "weak-password")]),
        ({"roles": []}, [("/roles", "invalid-value")]),
        ({"roles": ["root"]}, [("/roles/0", "invalid-value")]),
        ({"tenant": "other"}, [("/tenant", "unknown-key")]),
    ],
)
def test_a_user_that_makes_no_sense_is_refused(sqlite_url: str, changes: Any, problems: Any) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().post("/api/users", NEW | changes)
        assert (response.status_code, problems_of(response)) == (400, problems)
        assert web.count("users") == 0


def test_a_name_is_given_once_in_all_tenants(database_url: str) -> None:
    with a_web(database_url) as web:
        a_user(web, "bob@example.org", scope=OTHER_TENANT)
        response = web.client().post("/api/users", NEW | {"name": "BOB@EXAMPLE.ORG"})
        assert (response.status_code, response.get_json()["code"]) == (409, "already-exists")


@pytest.mark.parametrize("role", [role for role in ROLES if role != "viewer"])
def test_nobody_grants_more_than_they_have(sqlite_url: str, role: str) -> None:
    with a_web(sqlite_url) as web:
        user = a_user(web, "bob@example.org", "viewer")
        weak = web.client([*ROLES["viewer"], "users:admin"])
        assert weak.post("/api/users", NEW | {"name": "x", "roles": ["viewer"]}).status_code == 201
        assert weak.post("/api/users", NEW | {"name": "y", "roles": [role]}).status_code == 403
        assert weak.put(f"/api/users/{user.id}/roles", {"roles": ["viewer", role]}).status_code == 403
        assert web.services.users.get(DEFAULT_SCOPE, user.id).roles == ("viewer",)


def _changes(client: Client, user_id: str) -> list[int]:
    return [
        client.put(f"/api/users/{user_id}/roles", {"roles": ["viewer"]}).status_code,
        client.put(f"/api/users/{user_id}/password", {"password": "a password of theirs"}).status_code,
        client.post(f"/api/users/{user_id}/disable").status_code,
        client.post(f"/api/users/{user_id}/enable").status_code,
        client.delete(f"/api/users/{user_id}").status_code,
    ]


def test_nobody_manages_who_may_do_more_than_they(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        user = a_user(web, "bob@example.org", "admin")
        weak = web.client([*ROLES["viewer"], "users:admin"])
        assert _changes(weak, user.id) == [403] * 5
        assert Browser(web).log_in("bob@example.org").status_code == 200
        assert _changes(web.client(), user.id) == [200] * 5
        assert Browser(web).log_in("bob@example.org").status_code == 401


def test_an_account_of_several_tenants_is_not_taken_over_through_one_of_them(database_url: str) -> None:
    with a_web(database_url) as web:
        user = a_user(web, "bob@example.org", "viewer")
        web.services.users.set_roles(OTHER_TENANT, user.id, ["admin"], OWNER)
        admin = web.client()
        assert _changes(admin, user.id) == [200, 403, 403, 403, 200]
        assert admin.get(f"/api/users/{user.id}").status_code == 404
        with web.services.database.read() as tx:
            from workflowkit.store import users

            assert users.roles_by_scope(tx, user.id) == {OTHER_TENANT: ("admin",)}
        assert Browser(web).log_in("bob@example.org").get_json()["tenant"] == "other"


def test_nobody_changes_themselves(database_url: str) -> None:
    with a_web(database_url) as web:
        user = a_user(web)
        browser = Browser(web)
        browser.log_in()
        for method, path, body in (
            ("PUT", "roles", {"roles": ["viewer"]}),
            ("PUT", "password", {"password": "a password of theirs"}),
            ("POST", "disable", None),
            ("DELETE", "", None),
        ):
            path = f"/api/users/{user.id}/{path}".rstrip("/")
            assert browser.send(method, path, body).get_json()["code"] == "conflict", path
        assert web.services.users.get(DEFAULT_SCOPE, user.id).roles == ("admin",)


def test_another_password_ends_all_sessions(database_url: str) -> None:
    with a_web(database_url) as web:
        user = a_user(web, "bob@example.org", "viewer")
        bob = Browser(web)
        bob.log_in("bob@example.org")
        web.client().put(f"/api/users/{user.id}/password", {"password": "a password of theirs"})
        assert bob.get("/api/runs").status_code == 401
        assert bob.log_in("bob@example.org", "a password of theirs").status_code == 200


def test_a_program_is_told_what_is_wrong_with_a_user(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        users = web.services.users
        with pytest.raises(InvalidInput) as caught:
            users.create(DEFAULT_SCOPE, NewUser(" ", "short", ("root",)), OWNER)
        assert [problem.code for problem in caught.value.problems] == ["invalid-name", "unknown-role", "weak-password"]
        user = a_user(web)
        with pytest.raises(AlreadyExists):
            users.create(DEFAULT_SCOPE, NewUser(user.name, PASSWORD, ("viewer",)), OWNER)
        with pytest.raises(InvalidInput):
            users.set_roles(DEFAULT_SCOPE, user.id, ["root"], OWNER)
        with pytest.raises(NotFound):
            users.id_of("nobody")
        with pytest.raises(NotFound):
            users.set_roles(DEFAULT_SCOPE, "missing", ["viewer"], OWNER)
        with pytest.raises(Forbidden):
            users.set_password(DEFAULT_SCOPE, user.id, "a password of theirs", Granter(ROLES["viewer"]))
        assert PASSWORD not in repr(NewUser("x", PASSWORD, ("viewer",)))
