"""Approvals: what is asked, what is decided, and what became of both."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import (
    Answer,
    PageQuery,
    Request,
    any_json,
    described,
    json_object,
    many,
    moment,
    next_cursor,
    text,
    whole,
)
from workflowkit.engine.approvals import Status, Verdict

STATUSES = [status.value for status in Status]
VERDICTS = [verdict.value for verdict in Verdict]


class ApprovalQuery(PageQuery):
    """Which approvals to list."""

    status = text("Only those that are so.", required=False, validate=validate.OneOf(STATUSES))
    assignee = text("Only those that ask this person.", required=False, validate=validate.Length(1, 256))
    run_id = text("Only those of this run.", required=False, validate=validate.Length(1, 256))
    workflow_id = text("Only those of runs of this workflow.", required=False, validate=validate.Length(1, 256))


class ApprovalDecision(Answer):
    """What one person decided."""

    actor = text("Who: an assignee, or `key:<id>` of an API key that decided in its own name.")
    decision = text("What.", validate=validate.OneOf(VERDICTS))
    comment = text("Why; may be empty.")
    data = any_json("What was entered into the form; null for a rejection, and where there is no form.")
    at = moment("When.")


class Approval(Answer):
    """An approval."""

    id = text("Its id.")
    run_id = text("The run that asks.")
    workflow_id = text("The workflow of the run.")
    workflow_name = text("What the workflow is called now; its id, if it is gone.")
    step = text("The step of the run that waits for it.")
    title = text("What is to be decided.")
    description = text("What one has to know for it; may be empty.")
    form = json_object("The JSON Schema of what is to be entered with an approval; null if there is nothing.",
                       nullable=True)  # fmt: skip
    assignees = fields.List(fields.String(), **described("Who is asked; nobody in particular if empty."))
    needed = whole("How many have to approve.")
    reject_on = text("What rejects: `any` rejection, or so many that not enough are left (`all`).",
                     validate=validate.OneOf(["any", "all"]))  # fmt: skip
    status = text("Where it is; `cancelled` if the run ended before.", validate=validate.OneOf(STATUSES))
    created_at = moment("When it began.")
    expires_at = moment("Until when it can be decided.")
    closed_at = moment("When it was decided, expired or cancelled.", nullable=True)
    decisions = many(ApprovalDecision, "What was decided so far, in order.")


class ApprovalPage(Answer):
    """A page of approvals, newest first."""

    items = many(Approval, "The approvals.")
    next_cursor = next_cursor()


class InvitedDecision(Request):
    """A decision by a link."""

    decision = text("What.", validate=validate.OneOf(VERDICTS))
    comment = text("Why.", required=False, validate=validate.Length(max=10_000))
    data = any_json("What the form asks for; only with an approval.", required=False)


class NewDecision(InvitedDecision):
    """A decision."""

    actor = text(
        "In whose name; needs the permission `approvals:impersonate`. Left out: in the name of the key.",
        required=False, validate=validate.Length(1, 256),
    )  # fmt: skip
