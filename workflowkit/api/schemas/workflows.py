"""Workflows with their drafts and versions."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import (
    Answer,
    PageQuery,
    Problem,
    Request,
    described,
    flag,
    json_object,
    many,
    moment,
    next_cursor,
    text,
    whole,
)
from workflowkit.engine.states import RunStatus

#: How many of a workflow's last runs a list shows at most.
MOST_LAST_RUNS = 10
#: Which workflows a list has: those that are archived, others, or all.
ARCHIVED = {"false": False, "true": True, "all": None}


class NewWorkflow(Request):
    """A workflow to create."""

    id = text("1 to 64 of a-z, 0-9, dot, hyphen and underscore. Default: a new one.", required=False)
    document = json_object("The first draft: a workflow document, which may be incomplete.")


class NewDuplicate(Request):
    """What the duplicate of a workflow is called."""

    id = text("1 to 64 of a-z, 0-9, dot, hyphen and underscore. Default: a new one.", required=False)
    name = text("The name in its draft, 1 to 200 characters. Default: that of the other.", required=False)


class DocumentBody(Request):
    """A workflow document."""

    document = json_object("A workflow document, as described by schemas/workflow.schema.json.")


class Workflow(Answer):
    """A workflow."""

    id = text("The workflow's id.")
    name = text("The name in its draft.")
    enabled = flag("Whether events start it, once it is published.")
    published_version = whole("The version that new runs execute.", nullable=True)
    created_at = moment("When it was created.")
    updated_at = moment("When it was last changed.")
    archived_at = moment("Since when it is archived: it starts nothing, and nobody changes it.", nullable=True)


class WorkflowQuery(PageQuery):
    """Which workflows, and what of their runs."""

    archived = fields.String(
        metadata={"description": "Whether those that are archived are wanted: `true`, `false` or `all`."},
        validate=validate.OneOf(list(ARCHIVED)), load_default="false",
    )  # fmt: skip
    last_runs = fields.Integer(
        metadata={"description": "How many of each workflow's last runs to show; needs the permission `runs:read`."},
        validate=validate.Range(0, MOST_LAST_RUNS), load_default=0,
    )  # fmt: skip


class LastRun(Answer):
    """How one of the last runs of a workflow stands."""

    id = text("The run's id.")
    status = text("Where it stands.", validate=validate.OneOf(list(RunStatus)))
    created_at = moment("When it was created.")


class ListedWorkflow(Workflow):
    """A workflow in a list."""

    last_runs = many(LastRun, "The newest first, as many as were asked for.")


class WorkflowPage(Answer):
    """Workflows."""

    items = many(ListedWorkflow, "In order of id.")
    next_cursor = next_cursor()


class Draft(Answer):
    """The document being edited. Its revision is also the answer's `ETag`."""

    workflow_id = text("The workflow.")
    revision = whole("Grows by one with every change.")
    document = json_object("The document.")
    updated_at = moment("When it was last changed.")


class Validation(Answer):
    """Everything that is wrong with a document."""

    is_valid = flag("Whether it could be published.")
    problems = many(Problem, "Errors and warnings with pointers into the document, in order of place.")


class DeclaredEvent(Answer):
    """An event whose data the application has declared."""

    name = text("Its name.")
    data = json_object("A JSON Schema of its data.")


class PossibleTriggers(Answer):
    """By what workflows of the tenant may be started."""

    kinds = fields.List(fields.String(), **described("Of `event`, `cron`, `webhook`, `manual` and `http`."))
    event_names = fields.List(
        fields.String(),
        **described(
            "Names of the events that are allowed, or beginnings of names with `*` at the end; null for all.",
            nullable=True,
        ),
    )
    events = many(DeclaredEvent, "Those of them whose data is declared, by name.")
    webhooks = fields.List(
        fields.String(), **described("Names of webhooks that bring events: the first 200, in their order.")
    )


class Publishing(Request):
    """What is said about a version."""

    note = text("For those who look at the versions later; up to 1,000 characters.", required=False)


class VersionSummary(Answer):
    """A published version."""

    workflow_id = text("The workflow.")
    version = whole("Counts from 1.")
    hash = text("Hash of what matters for execution: equal hashes do the same.")
    created_at = moment("When it was published.")
    published_by = text("Who published it, as the audit log names them; null for old versions.", nullable=True)
    note = text("What they said about it.", nullable=True)


class Version(VersionSummary):
    """A published version with its document."""

    document = json_object("The document.")


class VersionPage(Answer):
    """Published versions."""

    items = many(VersionSummary, "Newest first.")
    next_cursor = next_cursor()


class PublishedVersion(Version):
    """The version that is in force after publishing."""

    created = flag("False if the draft was the published version already.")
    warnings = many(Problem, "What is dubious about it.")
