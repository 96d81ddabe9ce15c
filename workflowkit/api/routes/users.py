"""Users: made, listed, changed, by those who may."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import users as schemas
from workflowkit.api.services import Services
from workflowkit.base.errors import Conflict
from workflowkit.runtime.users import Granter, NewUser

#: Why users are only taken away where the host application lets people log in: nobody could log in as one.
_HOSTED = "the host application lets people log in, and says what they may do."

api = APIBlueprint("users", __name__, url_prefix="/api", tag="Users")


@api.get("/users")
@requires("users:admin")
@takes(schemas.UserQuery)
@returns(schemas.UserPage)
def list_users(query: dict[str, Any]) -> Response:
    """List the users.

    Those who have a role for your tenant, by name, disabled ones included.
    """
    page = Page.asked(query)
    found = Services.current().users.find(caller().scope, limit=page.fetch, after=page.after or "")
    return answer(page.show(found, views.user, lambda member: member.user.name))


@api.post("/users")
@requires("users:admin")
@receives(schemas.NewUser)
@returns(schemas.User, 201, _409=f"There is a user of this name; or {_HOSTED}")
def create_user(body: dict[str, Any]) -> Response:
    """Make a user.

    With roles for your tenant. Tell them the password on a way of your own; they can change it.
    """
    _check_own_login()
    new = NewUser(body["name"], body["password"], tuple(body["roles"]), body.get("display_name", ""))
    return answer(views.user(Services.current().users.create(caller().scope, new, _granter())), 201)


@api.get("/users/<user_id>")
@requires("users:admin")
@returns(schemas.User)
def get_user(user_id: str) -> Response:
    """Show a user.

    With their roles for your tenant.
    """
    return answer(views.user(Services.current().users.get(caller().scope, user_id)))


@api.put("/users/<user_id>/roles")
@requires("users:admin")
@receives(schemas.NewRoles)
@returns(schemas.User, _409=f"It is yourself; or {_HOSTED}")
def set_user_roles(body: dict[str, Any], user_id: str) -> Response:
    """Change a user's roles.

    They count from the next request on. Roles of those who log in at the OpenID provider are set again by their next
    login.
    """
    users, scope = Services.current().users, caller().scope
    _check_own_login()
    _check_other(user_id)
    users.set_roles(scope, user_id, body["roles"], _granter())
    return answer(views.user(users.get(scope, user_id)))


@api.put("/users/<user_id>/password")
@requires("users:admin")
@receives(schemas.NewPassword)
@returns(schemas.User, _409=f"It is yourself; or {_HOSTED}")
def set_user_password(body: dict[str, Any], user_id: str) -> Response:
    """Set a user's password.

    Ends all their sessions. Not for users who belong to other tenants too.
    """
    users, scope = Services.current().users, caller().scope
    _check_own_login()
    _check_other(user_id)
    users.set_password(scope, user_id, body["password"], _granter())
    return answer(views.user(users.get(scope, user_id)))


@api.post("/users/<user_id>/disable")
@requires("users:admin")
@returns(schemas.User, _409="It is yourself.")
def disable_user(user_id: str) -> Response:
    """Disable a user.

    Ends all their sessions; they cannot log in. Not for users who belong to other tenants too. Idempotent.
    """
    return _set_disabled(user_id, is_disabled=True)


@api.post("/users/<user_id>/enable")
@requires("users:admin")
@returns(schemas.User, _409=f"It is yourself; or {_HOSTED}")
def enable_user(user_id: str) -> Response:
    """Enable a user.

    They can log in again. Idempotent.
    """
    _check_own_login()
    return _set_disabled(user_id, is_disabled=False)


@api.delete("/users/<user_id>")
@requires("users:admin")
@returns(schemas.User, _409="It is yourself.")
def remove_user(user_id: str) -> Response:
    """Remove a user from your tenant.

    They lose their roles for it. The account stays, to tell who it was. The answer shows the user as they were.
    """
    users, scope = Services.current().users, caller().scope
    _check_other(user_id)
    removed = users.get(scope, user_id)
    users.set_roles(scope, user_id, (), _granter())
    return answer(views.user(removed))


def _set_disabled(user_id: str, *, is_disabled: bool) -> Response:
    users, scope = Services.current().users, caller().scope
    _check_other(user_id)
    users.set_disabled(scope, user_id, _granter(), is_disabled=is_disabled)
    return answer(views.user(users.get(scope, user_id)))


def _granter() -> Granter:
    return Granter(caller().permissions, by=by())


def _check_own_login() -> None:
    if Services.current().has_host:
        raise Conflict(f"there are no users here: {_HOSTED.rstrip('.')}")


def _check_other(user_id: str) -> None:
    """Keep people from locking themselves out."""
    if caller().actor == f"user:{user_id}":
        raise Conflict("this is yourself: let somebody else do it")
