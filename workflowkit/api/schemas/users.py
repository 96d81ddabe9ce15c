"""Users, as those see them who manage them."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, PageQuery, Request, flag, many, moment, next_cursor, text
from workflowkit.base.passwords import PASSWORD_MAX_CHARS, PASSWORD_MIN_CHARS
from workflowkit.runtime.roles import ROLES
from workflowkit.runtime.users import NAME_MAX_CHARS

UserQuery = PageQuery
_PASSWORD = f"{PASSWORD_MIN_CHARS} to {PASSWORD_MAX_CHARS} characters."


def _roles() -> fields.List[str]:
    return fields.List(
        fields.String(validate=validate.OneOf(list(ROLES))), required=True, validate=validate.Length(min=1),
        metadata={"description": "What they may do, added up; you must hold all of it yourself."},
    )  # fmt: skip


class NewUser(Request):
    """A user to make."""

    name = text("What they log in with, such as an e-mail address; unique in the installation, in lower case.")
    display_name = text(
        "The name to show. Default: the name.", required=False, validate=validate.Length(0, NAME_MAX_CHARS)
    )
    password = text(f"Their password, until they change it: {_PASSWORD}")
    roles = _roles()


class NewRoles(Request):
    """What a user may do."""

    roles = _roles()


class NewPassword(Request):
    """Another password of a user."""

    password = text(f"The password: {_PASSWORD}")


class User(Answer):
    """Somebody who may log in, and what they are for your tenant."""

    id = text("The user's id.")
    name = text("What they log in with.")
    display_name = text("The name to show.")
    roles = fields.List(fields.String(), required=True, metadata={"description": "From the least to the most."})
    has_password = flag("Whether they have a password here; the others log in at the OpenID provider.")
    created_at = moment("When they were made a user.")
    last_login_at = moment("When they last logged in.", nullable=True)
    disabled_at = moment("Since when they cannot log in.", nullable=True)


class UserPage(Answer):
    """Users of your tenant, disabled ones included."""

    items = many(User, "By name.")
    next_cursor = next_cursor()
