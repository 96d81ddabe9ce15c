"""Events as they are sent, listed and reported."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import (
    Answer,
    PageQuery,
    Problem,
    Request,
    any_json,
    described,
    flag,
    json_object,
    many,
    moment,
    next_cursor,
    text,
    whole,
)
from workflowkit.runtime.eventtypes import SPANS

_MAX_NAME_CHARS = 256
_MAX_ID_CHARS = 256


class NewEvent(Request):
    """An event to send."""

    name = text("What happened, such as `order/paid`.", validate=validate.Length(1, _MAX_NAME_CHARS))
    data = json_object("What is to be known about it.")
    id = text("Your id: of events with the same id only the first starts workflows, within 24 hours; batches and "
              "debounces take all of them.", required=False, nullable=True,
              validate=validate.Length(max=_MAX_ID_CHARS))  # fmt: skip
    ts = whole("When it happened, in milliseconds since 1970. Default: now.", required=False, nullable=True)
    v = text("Version of the data's shape.", required=False, nullable=True)
    user = json_object("Deprecated: put it into `data`.", required=False, nullable=True)
    meta = json_object("Metadata.", required=False, nullable=True)


class SentEvent(Answer):
    """What became of one event of a request."""

    status = text("`rejected` events are not stored.", validate=validate.OneOf(["accepted", "duplicate", "rejected"]))
    id = text("Our id of the stored event.", nullable=True)
    name = text("The event's name, where it has one.", nullable=True)
    duplicate_of = text("Our id of the earlier event with the same sender's id.", nullable=True)
    problems = many(Problem, "Why it was rejected.")


class SentEvents(Answer):
    """What became of the events of a request."""

    results = many(SentEvent, "One per event, in the order of the request.")


class SentIds(Answer):
    """The answer to clients of the Inngest event API."""

    ids = fields.List(fields.String(), required=True, metadata={"description": "Our ids, in the order of the request."})
    status = whole("The HTTP status.")


class EventQuery(PageQuery):
    """Which events to list."""

    name = text("Events of this name.", required=False)
    event_id = text("Events with this sender's id.", required=False)
    received_after = moment("Received at or after this time.", required=False)
    received_before = moment("Received before this time.", required=False)


class Event(Answer):
    """An event as stored."""

    id = text("Our id.")
    event_id = text("The sender's id.", nullable=True)
    name = text("What happened.")
    data = json_object("What is to be known about it.")
    ts = whole("When it happened, in milliseconds since 1970.")
    v = text("Version of the data's shape.", nullable=True)
    user = any_json("Deprecated field of the event.")
    meta = any_json("Metadata of the event.")
    webhook = text("The webhook it came through; null if a sender with a key sent it.", nullable=True)
    received_at = moment("When it was accepted.")
    duplicate_of = text("Our id of the earlier event with the same sender's id: this one started nothing.",
                        nullable=True)  # fmt: skip
    source_run_id = text("The run that emitted it.", nullable=True)


class EventPage(Answer):
    """Events, newest first."""

    items = many(Event, "Newest first.")
    next_cursor = next_cursor()


class EventTypeQuery(PageQuery):
    """Which names of events to list, and how far back to count."""

    name = text("Only this name.", required=False, validate=validate.Length(1, _MAX_NAME_CHARS))
    span = text("How far back events are counted. Default: 24h.", required=False, validate=validate.OneOf([*SPANS]))


class EventType(Answer):
    """The events of one name."""

    name = text("The name.")
    count = whole("How many came in the span.")
    is_capped = flag("Whether there are more: only the newest `counted_events` are counted.")
    last_at = moment("When the last one came, in the span or before.", nullable=True)
    counts = fields.List(fields.Integer(), required=True, metadata={"description":
        "How many came in each part of the span, the oldest first; the last part goes on."})  # fmt: skip
    workflow_ids = fields.List(fields.String(), required=True, metadata={"description":
        "Workflows and functions with a trigger for this name, or a pattern that takes it in; of "
        "`workflow/schedule.fired` also those with a schedule."})  # fmt: skip


class EventTypePage(Answer):
    """Names of events."""

    items = many(EventType, "In order of their names.")
    next_cursor = next_cursor()
    starts_at = moment("When the first part of the span begins.")
    part_seconds = fields.Float(required=True, metadata={"description": "How long a part is."})
    workflow_names = fields.Dict(
        keys=fields.String(), values=fields.String(),
        **described("What the workflows that it names are called now, by id; those that are gone are left out."),
    )  # fmt: skip
