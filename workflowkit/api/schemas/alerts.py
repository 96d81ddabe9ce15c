"""Rules of alerts."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, Request, described, flag, many, moment, next_cursor, text, whole
from workflowkit.engine.alerts import AlertKind, AlertState

_KINDS = validate.OneOf([kind.value for kind in AlertKind])
_WINDOW, _QUIET = "How far back it looks at ended runs.", "How long the condition does not hold until it recovers."


class NewAlertCondition(Request):
    """When a rule fires."""

    kind = text("What is looked at.", validate=_KINDS)
    failures = whole("Failed runs: of `failure_count` and `consecutive_failures`.", required=False)
    rate = fields.Float(metadata={"description": "The part of the runs that failed, up to 1: of `failure_rate`."})
    min_runs = whole("How many runs must have ended for a rate to count.", required=False)


class AlertRule(Request):
    """What a rule is told."""

    name = text("What people call it.")
    workflow_id = text("The workflow or function that it is about; null for all.", required=False, nullable=True)
    condition = fields.Nested(NewAlertCondition, **described("When it fires."))
    window_seconds = whole(f"{_WINDOW} Default: 60.", required=False)
    quiet_seconds = whole(f"{_QUIET} Default: 300.", required=False)
    enabled = fields.Boolean(metadata={"description": "Whether it looks. Default: true."})


class AlertCondition(Answer):
    """When a rule fires."""

    kind = text("What is looked at.", validate=_KINDS)
    failures = whole("Failed runs: of `failure_count` and `consecutive_failures`.", required=False)
    rate = fields.Float(**described("The part of the runs that failed: of `failure_rate`.", required=False))
    min_runs = whole("How many runs must have ended for a rate to count.", required=False)


class Alert(Answer):
    """A rule, and how things stand."""

    id = text("Its id.")
    name = text("What people call it.")
    workflow_id = text("The workflow or function that it is about; null for all.", nullable=True)
    condition = fields.Nested(AlertCondition, **described("When it fires."))
    window_seconds = whole(_WINDOW)
    quiet_seconds = whole(_QUIET)
    enabled = flag("Whether it looks.")
    state = text("How things stand.", validate=validate.OneOf([state.value for state in AlertState]))
    since = moment("Since when it has this state.")
    created_at = moment("When it was made.")
    updated_at = moment("When it, or how it stands, was last changed.")


class AlertPage(Answer):
    """Rules."""

    items = many(Alert, "Oldest first.")
    next_cursor = next_cursor()
