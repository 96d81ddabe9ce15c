"""Secrets: listed by name, stored, replaced, deleted. No route answers with a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import secrets as schemas
from workflowkit.api.services import Services
from workflowkit.runtime.secrets import NewSecret
from workflowkit.store.secrets import SecretRecord

api = APIBlueprint("secrets", __name__, url_prefix="/api", tag="Secrets")


@api.get("/secrets")
@requires("secrets:read")
@takes(schemas.SecretQuery)
@returns(schemas.SecretPage)
def list_secrets(query: dict[str, Any]) -> Response:
    """List the secrets.

    In the order of their names, without values.
    """
    page, scope, services = Page.asked(query), caller().scope, Services.current()
    users: Mapping[str, tuple[str, ...]] | None = None
    if query["usage"]:
        caller().check_may("workflows:read")
        users = services.secrets.used_by(scope)
    if services.own_secrets is not None:
        names = [name for name in sorted(services.own_secrets.names(scope) or ()) if name > (page.after or "")]
        return answer(page.show(names[: page.fetch], lambda name: views.own_secret(name, users), lambda name: name))
    found = services.secrets.find(scope, limit=page.fetch, after=page.after or "")
    return answer(page.show(found, lambda record: views.secret(record, users), lambda record: record.name))


@api.post("/secrets")
@requires("secrets:write")
@receives(schemas.NewSecret)
@returns(schemas.Secret, 201, _409="There is a secret with this name, or the application keeps them.")
def create_secret(body: dict[str, Any]) -> Response:
    """Store a secret.

    Nothing can show its value again.
    """
    new = NewSecret(body["name"], body["value"], body.get("description"))
    return answer(views.secret(_set(new, is_new=True)), 201)


@api.put("/secrets/<secret_name>")
@requires("secrets:write")
@receives(schemas.SecretBody)
@returns(schemas.Secret, _409="The application keeps them.")
def update_secret(body: dict[str, Any], secret_name: str) -> Response:
    """Change a secret.

    Attempts that begin from now on get the new value.
    """
    new = NewSecret(secret_name, body.get("value"), body.get("description"))
    return answer(views.secret(_set(new, is_new=False)))


def _set(new: NewSecret, *, is_new: bool) -> SecretRecord:
    services = Services.current()
    services.check_keeps_secrets()
    return services.secrets.set(caller().scope, new, is_new=is_new, by=by())[0]


@api.delete("/secrets/<secret_name>")
@requires("secrets:write")
@takes(schemas.DeletionQuery)
@returns(schemas.Secret, _409="Published workflows refer to it, or the application keeps them.")
def delete_secret(secret_name: str, query: dict[str, Any]) -> Response:
    """Delete a secret.

    Refused while published workflows refer to it, unless `force` is set: then their steps fail.
    """
    services, scope = Services.current(), caller().scope
    services.check_keeps_secrets()
    record = services.secrets.get(scope, secret_name)
    services.secrets.delete(scope, secret_name, force=query["force"], by=by())
    return answer(views.secret(record))
