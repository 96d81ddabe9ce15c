"""Jobs over many runs."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, described, many, moment, next_cursor, text, whole
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.jobs import REPLAYABLE
from workflowkit.store.jobs import JobKind, JobState


class NewJob(Request):
    """What is to be done to which runs."""

    kind = text("`cancel`, or `replay`: repeat them.", validate=validate.OneOf(list(JobKind)))
    statuses = fields.List(fields.String(validate=validate.OneOf(list(RunStatus))), metadata={
        "description": "Runs in these states. Default: all that have not ended (cancel), or failed ones (replay)."
    })  # fmt: skip
    workflow_id = text("Runs of this workflow or function. Default: all.", required=False)
    created_after = moment("Runs created from then on; events skipped from then on.", required=False)
    created_before = moment("Runs created, or events skipped, before then. Default: now.", required=False)
    condition = text("An expression over `event` that must be true.", required=False)
    skipped = fields.List(fields.String(validate=validate.OneOf(REPLAYABLE)), metadata={
        "description": "Of a replay: not runs, but the events that a workflow skipped for these reasons in this time. "
        "Each of them starts that workflow only, on its published version, under its flow control, as if it came now."
    })  # fmt: skip
    reason = text("Why, for people.", required=False)
    rate_per_second = fields.Float(
        **described("How many runs or events are repeated a second, 0.001 to 1000. Default: 50.", required=False)
    )
    version = text("Repeat on the `original` version (the default) or the `latest`.", required=False)


class Job(Answer):
    """A job, and how far it has come."""

    id = text("The job's id.")
    kind = fields.String(required=True, validate=validate.OneOf(list(JobKind)),
                         metadata={"description": "What it does to its runs."})  # fmt: skip
    state = fields.String(required=True, validate=validate.OneOf(list(JobState)),
                          metadata={"description": "Where it is."})  # fmt: skip
    skipped = fields.List(fields.String(), required=True, metadata={
        "description": "The reasons for which the events were skipped that it replays; empty if it is about runs."
    })  # fmt: skip
    matched_count = whole("How many runs or events were chosen when it was made.")
    begun_count = whole("How many it has taken up.")
    done_count = whole("How many of those are done with.")
    reason = text("Why.", nullable=True)
    created_at = moment("When it was made.")
    finished_at = moment("When it ended.", nullable=True)


class JobCount(Answer):
    """What a job would be about."""

    matched_count = whole("How many runs or events; at most, if there is a condition.")


class JobPage(Answer):
    """Jobs."""

    items = many(Job, "Newest first.")
    next_cursor = next_cursor()
