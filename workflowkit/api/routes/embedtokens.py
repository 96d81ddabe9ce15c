"""Embed tokens, for hosts that are not written in Python."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns
from workflowkit.api.schemas import embedtokens as schemas
from workflowkit.api.services import Services
from workflowkit.runtime.embedding import DEFAULT_TTL_SECONDS, Embed

api = APIBlueprint("embedtokens", __name__, url_prefix="/api", tag="Embedding")


@api.post("/embed-tokens")
@requires("embed:issue")
@receives(schemas.NewEmbedToken)
@returns(schemas.EmbedToken, 201)
def create_embed_token(body: dict[str, Any]) -> Response:
    """Make an embed token.

    For the browser of somebody who is logged in to your application: with it the editor inside your page opens one
    workflow of your tenant, or all. It can do no more than you can, is stored nowhere, and cannot be called back.
    """
    embed = Embed(caller().scope, body.get("workflow_id"), tuple(body.get("rights", ())), body.get("user") or "")
    caller().check_may_grant(embed.permissions)
    ttl_seconds = body.get("ttl_seconds", DEFAULT_TTL_SECONDS)
    made = Services.current().embed_tokens.issue(embed, ttl_seconds=ttl_seconds, by=by())
    expires_at = datetime.fromtimestamp(made.expires_at_ms / 1000, UTC).isoformat()
    return answer({"token": made.token, "expires_at": expires_at}, 201)
