"""Following channels: tokens, and streams of server-sent events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from workflowkit.api.auth import caller, public, requires
from workflowkit.api.contract import EVENT_STREAM_MEDIA_TYPE, answer, receives, returns, returns_stream, takes
from workflowkit.api.schemas import realtime as schemas
from workflowkit.api.services import Services
from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.engine.channels import STATUS_TOPIC, run_channel, run_id_of
from workflowkit.runtime.following import Place
from workflowkit.runtime.publishing import DEFAULT_TTL_SECONDS
from workflowkit.store import queries

api = APIBlueprint("realtime", __name__, url_prefix="/api", tag="Realtime")

LAST_EVENT_ID_HEADER = "Last-Event-ID"


@api.post("/realtime/tokens")
@requires("runs:read")
@receives(schemas.NewSubscriptionToken)
@returns(schemas.SubscriptionToken, 201, _404="There is no such run.")
def create_subscription_token(body: dict[str, Any]) -> Response:
    """Make a token to follow a channel.

    For the browser of somebody who may see the channel. It admits to some topics of one channel of your tenant, is
    stored nowhere, and cannot be called back.
    """
    if (run_id := run_id_of(body["channel"])) is not None:
        _check_run(run_id)
    return _token(body["channel"], body["topics"], body)


@api.post("/runs/<run_id>/token")
@requires("runs:read")
@receives(schemas.NewRunToken, is_optional=True)
@returns(schemas.SubscriptionToken, 201)
def create_run_token(run_id: str, body: dict[str, Any]) -> Response:
    """Make a token to follow a run.

    With it a browser is told what happens to the run, until the run ends.
    """
    _check_run(run_id)
    return _token(run_channel(run_id), body.get("topics", [STATUS_TOPIC]), body)


@api.get("/realtime")
@public
@takes(schemas.FollowQuery)
@returns_stream("Server-sent events: `status`, `message`, and `end` when nothing will follow.", _401="A bad token.")
def follow_channel(query: dict[str, Any]) -> Response:
    """Follow a channel.

    What a token admits to, as server-sent events. The token is the credential; with the last `id` that was received the
    stream goes on behind it. Servers end streams after a while: come back with a new token.
    """
    services = Services.current()
    subscription = services.subscription_tokens.read(_sent_token(query))
    place = _place(request.headers.get(LAST_EVENT_ID_HEADER) or query.get("last_event_id"))
    if request.method == "HEAD":
        return Response(content_type=EVENT_STREAM_MEDIA_TYPE)
    body = services.streams.body(request.environ, subscription, place)
    # nginx would collect the stream before it passes any of it on.
    return Response(body, content_type=EVENT_STREAM_MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})


def _check_run(run_id: str) -> None:
    with Services.current().database.read() as tx:
        queries.get_run(tx, caller().scope, run_id)


def _token(channel: str, topics: Sequence[str], body: dict[str, Any]) -> Response:
    ttl_seconds = body.get("ttl_seconds", DEFAULT_TTL_SECONDS)
    made = Services.current().subscription_tokens.mint(caller().scope, channel, topics, ttl_seconds=ttl_seconds)
    expires_at = datetime.fromtimestamp(made.expires_at_ms / 1000, UTC).isoformat()
    return answer({"token": made.token, "expires_at": expires_at}, 201)


def _sent_token(query: dict[str, Any]) -> str:
    given = request.authorization
    if given is not None and given.type == "bearer":
        return given.token or ""
    return str(query.get("token", ""))


def _place(last_id: str | None) -> Place:
    """Return where to go on. Raises ``InvalidInput`` for an id that no stream has given."""
    if not last_id:
        return Place()
    place = Place.parse(last_id)
    if place is None:
        message = "this is no id of an event of a stream"
        raise InvalidInput([Problem(f"/headers/{LAST_EVENT_ID_HEADER}", "invalid-value", message)])
    return place
