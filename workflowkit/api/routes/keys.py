"""API keys: made, listed, revoked."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import keys as schemas
from workflowkit.api.schemas.base import PageQuery
from workflowkit.api.services import Services

api = APIBlueprint("keys", __name__, url_prefix="/api", tag="Keys")


@api.post("/keys")
@requires("keys:admin")
@receives(schemas.NewKey)
@returns(schemas.CreatedKey, 201)
def create_key(body: dict[str, Any]) -> Response:
    """Make a key.

    It belongs to your own environment and tenant and can do no more than you can. The answer has the key itself; only
    its hash is stored, so it cannot be shown again.
    """
    permissions = frozenset(body["permissions"])
    caller().check_may_grant(permissions)
    record, key = Services.current().keys.create(
        caller().scope, body["name"], permissions, event_names=body.get("event_names"), by=by()
    )
    return answer({**views.key(record), "key": key}, 201)


@api.get("/keys")
@requires("keys:admin")
@takes(PageQuery)
@returns(schemas.KeyPage)
def list_keys(query: dict[str, Any]) -> Response:
    """List the keys.

    Newest first, revoked ones included. Without their secrets, which are not stored.
    """
    page = Page.asked(query)
    found = Services.current().keys.find(caller().scope, limit=page.fetch, before=page.after or "")
    return answer(page.show(found, views.key, lambda record: record.id))


@api.get("/keys/<key_id>")
@requires("keys:admin")
@returns(schemas.Key)
def get_key(key_id: str) -> Response:
    """Show a key.

    Without its secret, which is not stored.
    """
    return answer(views.key(Services.current().keys.get(caller().scope, key_id)))


@api.delete("/keys/<key_id>")
@requires("keys:admin")
@returns(schemas.Key)
def revoke_key(key_id: str) -> Response:
    """Revoke a key.

    It stops working within a second, everywhere, for good. Its row stays, to tell who it was. Idempotent.
    """
    return answer(views.key(Services.current().keys.revoke(caller().scope, key_id, by=by())))
