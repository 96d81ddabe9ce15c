"""Simulations: what other settings would have made of the events that are stored."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, described, json_object, many, moment, text, whole
from workflowkit.flow.simulation import Fate

#: Most events that one simulation looks at.
MAX_EVENTS = 10_000


class SimulationRequest(Request):
    """Which settings, and which events."""

    settings = json_object("The settings, as in a document.")
    since = moment("Events received at or after this time.")
    limit = whole("How many events, the oldest first.", required=False, load_default=1_000,
                  validate=validate.Range(1, MAX_EVENTS))  # fmt: skip
    run_seconds = fields.Float(
        load_default=None, allow_none=True, validate=validate.Range(0),
        metadata={"description": "How long each run is taken to last; the median of its own last runs if absent."},
    )  # fmt: skip


class TriedTrigger(Request):
    """A trigger on events, as a document has it."""

    event = text("The name of the event, or a pattern such as `app/*`.")
    condition = text("Its condition.", required=False, data_key="if", nullable=True)


class TriggerMatches(Answer):
    """What a trigger would have made of the last events."""

    seen = whole("How many events of its name it was tried on: the last 20 at most.")
    matched = whole("How many of them it matches.")
    event_ids = fields.List(fields.String(), **described("Our ids of those, the newest first."))
    detail = text("Why its condition could not be evaluated for one of them; or empty.")


class SimulatedEvent(Answer):
    """What would have become of an event."""

    event_id = text("Our id of the event.")
    at = moment("When it came.")
    fate = text("A `run`, perhaps together with others; a `cancelled` run; or `skipped`.",
                validate=validate.OneOf(list(Fate)))  # fmt: skip
    reason = text("Why it would have been skipped.", nullable=True)
    run = text("The event whose run it would have been in: of a batch the first, of a window the last.", nullable=True)
    starts_at = moment(
        "When the throttle would have let that run start, unless it was cancelled before.", nullable=True
    )


class Simulation(Answer):
    """What would have become of events."""

    runs = whole("How many runs would have started.")
    skipped = whole("How many events would have been skipped.")
    run_seconds = fields.Float(**described("How long each run was taken to last."))
    measured_runs = whole("Of how many ended runs that is the median; 0 if it was given, or if none has ended.")
    items = many(SimulatedEvent, "In the order in which they came.")
