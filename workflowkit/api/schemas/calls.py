"""Runs that are started by hand or by an HTTP request, and their results."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, json_object, text
from workflowkit.api.waiting import MAX_RESULT_WAIT_SECONDS


class NewRun(Request):
    """What a run begins with."""

    data = json_object("The data of its event. Default: an empty object.", required=False)


class RequestedRun(Answer):
    """A run that was started."""

    run_id = text("The run's id.")
    event_id = text("Our id of the event that it begins with.")


class Result(Answer):
    """What a run gives, any JSON; while it goes on, an object with its `run_id` and `status`."""


class ResultQuery(Request):
    """How long to wait for a result."""

    wait = fields.Float(
        validate=validate.Range(0, MAX_RESULT_WAIT_SECONDS),
        metadata={"description": "Seconds to wait for the run's end, at most 300. Default: answer at once."},
    )
