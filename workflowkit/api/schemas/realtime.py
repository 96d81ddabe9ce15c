"""Subscriptions to channels."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, moment, text
from workflowkit.engine.channels import STATUS_TOPIC
from workflowkit.runtime.publishing import DEFAULT_TTL_SECONDS

_TTL = f"How long it is good for connecting. Default: {DEFAULT_TTL_SECONDS:g}; the limit is `token_seconds`."


def _topics(description: str, *, required: bool) -> fields.List[str]:
    return fields.List(fields.String(), required=required, metadata={"description": description})


class NewSubscriptionToken(Request):
    """What a token is to admit to."""

    channel = text("The only channel that can be followed with it. That of a run is `run:<id>`.")
    topics = _topics(f"The only topics. `{STATUS_TOPIC}` of a run's channel tells what happens to it.", required=True)
    ttl_seconds = fields.Float(metadata={"description": _TTL})


class NewRunToken(Request):
    """What a token for a run's channel is to admit to."""

    topics = _topics(f"The only topics. Default: `{STATUS_TOPIC}`.", required=False)
    ttl_seconds = fields.Float(metadata={"description": _TTL})


class SubscriptionToken(Answer):
    """A new token."""

    token = text("The token.")
    expires_at = moment("Until when one can connect with it.")


class FollowQuery(Request):
    """For clients that cannot send headers, such as `EventSource`."""

    token = text("The token, if it is not sent as `Authorization: Bearer`.", required=False)
    last_event_id = text(
        "The last `id` received, if it is not sent as `Last-Event-ID`.",
        required=False,
        validate=validate.Length(max=64),
    )
