"""Events: sent, listed, and explained."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from workflowkit.api import seeding, sending, views
from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, read_json, receives_batch, returns, takes, takes_request_key
from workflowkit.api.paging import Page
from workflowkit.api.requestkeys import request_key
from workflowkit.api.schemas import events as schemas
from workflowkit.api.schemas.runs import EventDetail
from workflowkit.api.services import Services
from workflowkit.base.clock import epoch_ms, rfc3339
from workflowkit.runtime.eventtypes import SPANS, look
from workflowkit.runtime.stories import tell_event
from workflowkit.store import queries
from workflowkit.store.database import Database

#: A field of the data of events that SDKs read as said by the server.
RESERVED_DATA = "_inngest"

api = APIBlueprint("events", __name__, tag="Events")


@api.post("/api/events")
@requires("events:send")
@receives_batch(schemas.NewEvent)
@takes_request_key
@returns(
    schemas.SentEvents,
    _207="Some events were refused; the others are stored.",
    _409="The `Idempotency-Key` was sent with another request.",
)
def send_events() -> Response:
    """Send events.

    The body is one event, a list of events, or `{"events": [...]}` with at most 5,000 of them. Each is judged by
    itself: `results` says in the order of the request what became of it. Whatever is reported as accepted is stored
    for good. If none is valid the answer is an error (400, or 413) with pointers into the body. A key that may not send
    one of the events sends none of them (403). Sending an event with an `id` again within 24 hours stores it, and
    starts nothing. A request that is repeated with the same `Idempotency-Key` within that time stores nothing a second
    time and gets the same answer; so does one with the same `X-Inngest-Event-Id-Seed`.
    """
    services = Services.current()
    body = read_json()
    items = seeding.seeded(sending.read_items(body, services), request.headers.get(seeding.SEED_HEADER))
    results = sending.send_valid(items, caller(), services, request_key(sending.asked(body, items)))
    status = 207 if any(result["status"] == "rejected" for result in results) else 200
    return answer({"results": results}, status)


@api.post("/e/<key>")
@requires("events:send", credential="path")
@receives_batch(schemas.NewEvent)
@returns(schemas.SentIds)
def send_events_with_key_in_path(key: str) -> Response:
    """Send events as the Inngest event API takes them.

    For clients that cannot set a header. The body is one event or a list. Unlike `/api/events` this is all or nothing:
    one event that is not valid refuses them all. A request that is repeated with the same `X-Inngest-Event-Id-Seed` has
    the same ids, and its events start nothing again. An event may have no data; `_inngest` in it is taken
    out: that is the protocol's own. Errors also say `error` and `ids`.
    """
    services = Services.current()
    items = sending.read_items(as_sdks_send(read_json()), services)
    items = seeding.seeded(items, request.headers.get(seeding.SEED_HEADER))
    return answer({"ids": [event.id for event in sending.send_all(items, caller(), services)], "status": 200})


@api.get("/api/events")
@requires("runs:read")
@takes(schemas.EventQuery)
@returns(schemas.EventPage)
def list_events(query: dict[str, Any]) -> Response:
    """List events.

    Newest first. Pages stay the same while events arrive.
    """
    page = Page.asked(query)
    where = queries.EventFilter(
        name=query.get("name"),
        event_id=query.get("event_id"),
        received_after_ms=epoch_ms(query.get("received_after")),
        received_before_ms=epoch_ms(query.get("received_before")),
    )
    with _database().read() as tx:
        found = queries.find_events(tx, caller().scope, where, limit=page.fetch, before=page.after)
    return answer(page.show(found, views.event, lambda record: record.id))


@api.get("/api/event-types")
@requires("runs:read")
@takes(schemas.EventTypeQuery)
@returns(schemas.EventTypePage)
def list_event_types(query: dict[str, Any]) -> Response:
    """List the names of events.

    Each with how many came when, and which workflows listen to it.
    """
    page, services = Page.asked(query), Services.current()
    span = SPANS[query.get("span", "24h")]
    found = look(
        services.database, caller().scope, span, limit=page.fetch, after=page.after or "", name=query.get("name"),
        limits=services.limits,
    )  # fmt: skip
    shown = page.show(found.types, views.event_type, lambda each: each.name)
    at = {"starts_at": rfc3339(found.starts_at_ms), "part_seconds": found.part_ms / 1000}
    return answer({**shown, **at, "workflow_names": found.workflow_names})


@api.get("/api/events/<event_id>")
@requires("runs:read")
@returns(EventDetail)
def get_event(event_id: str) -> Response:
    """Show an event, the runs it started, and why it did not start others.

    `decisions` has a reason for each workflow that was considered and not started, `collections` the batches and
    windows that it shares with other events. An event that no workflow is waiting for has none of all that once
    `is_pending` is false.
    """
    with _database().read() as tx:
        told = tell_event(tx, caller().scope, event_id, most_runs=Services.current().limits.page_size)
    return answer(views.event_detail(told))


def as_sdks_send(body: Any) -> Any:
    """Return events with the data that SDKs leave out, and without what only the protocol itself puts into it."""
    if isinstance(body, list):
        return [as_sdks_send(each) for each in body]
    if not isinstance(body, dict):
        return body
    data = body.get("data")
    if data is None:
        return {**body, "data": {}}
    if not isinstance(data, dict) or RESERVED_DATA not in data:
        return body
    return {**body, "data": {name: value for name, value in data.items() if name != RESERVED_DATA}}


def _database() -> Database:
    """Return the database as the caller may see it."""
    services = Services.current()
    return services.opened if caller().may_decrypt else services.database
