"""Logging in, and who is logged in."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, described, flag, many, moment, text
from workflowkit.base.passwords import PASSWORD_MAX_CHARS
from workflowkit.runtime.users import NAME_MAX_CHARS


class NewLogin(Request):
    """Who logs in."""

    name = text("The name, in upper or lower case.", validate=validate.Length(1, NAME_MAX_CHARS))
    password = text("The password.", validate=validate.Length(1, PASSWORD_MAX_CHARS))


class NewOwnPassword(Request):
    """Another password for oneself."""

    old_password = text("The one so far.", validate=validate.Length(1, PASSWORD_MAX_CHARS))
    password = text("The new one.", validate=validate.Length(1, PASSWORD_MAX_CHARS))


class TenantChoice(Request):
    """For which tenant to act."""

    environment = text("Its environment.")
    tenant = text("The tenant.")


class OwnTenant(Answer):
    """A tenant for which somebody has roles."""

    environment = text("The environment.")
    tenant = text("The tenant.")
    roles = fields.List(fields.String(), required=True, metadata={"description": "What they are there."})


class LoginMethods(Answer):
    """How one can log in here."""

    password = flag("Whether with a name and a password.")
    oidc = text("What the OpenID provider is called, if there is one: `GET /login/oidc` leads there.", nullable=True)
    login_url = text("Where the host application lets people log in, if that is where they do.", nullable=True)


class SessionState(Answer):
    """Who is calling, and what they may do."""

    kind = text(
        "`user` for people who have logged in, `host` for those of a host application, `key` and `embed` for tokens, "
        "`developer` on a dev server, `nobody` for strangers.",
        validate=validate.OneOf(["user", "host", "key", "embed", "developer", "nobody"]),
    )
    actor = text("Who is calling, as it is kept with what they do.", nullable=True)
    name = text("The name they have logged in with.", nullable=True)
    display_name = text("The name to show.", nullable=True)
    environment = text("The environment in which they act.", nullable=True)
    tenant = text("The tenant for which they act.", nullable=True)
    roles = fields.List(fields.String(), required=True, metadata={"description": "What they are for the tenant."})
    permissions = fields.List(fields.String(), required=True, metadata={"description": "What they may do."})
    tenants = many(OwnTenant, "All tenants for which they have a role: choose by `PUT /api/session/tenant`.")
    has_password = flag("Whether they have a password here, which they may change.")
    csrf = text("What changes must carry as `Workflowkit-Csrf`, where a cookie says who is calling.", nullable=True)
    expires_at = moment("When they are logged out, however busy they are.", nullable=True)
    methods = fields.Nested(LoginMethods, **described("How one can log in here."))


class OwnSession(Answer):
    """A place where one is logged in."""

    id = text("The session's id.")
    is_present = flag("Whether it is the one that asks.")
    address = text("The address of the login.")
    agent = text("What the browser said that it is.")
    created_at = moment("When the login was.")
    seen_at = moment("When it was last used, to the minute.")
    expires_at = moment("When it ends, however busy it is.")


class OwnSessionList(Answer):
    """Where one is logged in."""

    items = many(OwnSession, "Newest first.")
