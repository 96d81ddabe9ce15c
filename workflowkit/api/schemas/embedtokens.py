"""Embed tokens."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, moment, text
from workflowkit.runtime.embedding import DEFAULT_TTL_SECONDS, RIGHTS


class NewEmbedToken(Request):
    """What a token is to allow."""

    workflow_id = text("The only workflow that it opens. Default: all of the tenant.", required=False, nullable=True)
    rights = fields.List(
        fields.String(validate=validate.OneOf(list(RIGHTS))),
        metadata={"description": "What it allows; you must hold the permissions for it yourself. Default: `view`."},
    )
    ttl_seconds = fields.Float(
        metadata={
            "description": f"How long it is good. Default: {DEFAULT_TTL_SECONDS:g}; the limit is `embed_token_seconds`."
        }
    )
    user = text("The name of your user, kept with what they do.", required=False, nullable=True)


class EmbedToken(Answer):
    """A new token."""

    token = text("The token. It is shown this once.")
    expires_at = moment("When it ends.")
