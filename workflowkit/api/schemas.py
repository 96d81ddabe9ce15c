"""The shape of every request and answer, in marshmallow: checked on the way in, documented both ways.

Keys of requests are closed: a misspelt one is refused. Keys of answers may grow.
"""

from __future__ import annotations

from typing import Any

from apiflask import Schema
from marshmallow import EXCLUDE, RAISE, fields, validate

from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.runtime.keys import PERMISSIONS

_MAX_NAME_CHARS = 256
_MAX_ID_CHARS = 256


class Request(Schema):
    """A request: unknown keys are refused."""

    class Meta:  # noqa: D106 - marshmallow's own word
        unknown = RAISE


class Answer(Schema):
    """An answer."""

    class Meta:  # noqa: D106
        unknown = EXCLUDE


def _described(description: str, required: bool, nullable: bool, **more: Any) -> dict[str, Any]:
    return {"required": required, "allow_none": nullable, "metadata": {"description": description}, **more}


def text(description: str, *, required: bool = True, nullable: bool = False, **more: Any) -> fields.String:
    """Return a field for text."""
    return fields.String(**_described(description, required, nullable, **more))


def moment(description: str, *, required: bool = True, nullable: bool = False) -> fields.AwareDateTime:
    """Return a field for a time: RFC 3339 outside, an aware datetime inside."""
    return fields.AwareDateTime(format="iso", **_described(description, required, nullable))


def whole(description: str, *, required: bool = True, nullable: bool = False, **more: Any) -> fields.Integer:
    """Return a field for a whole number."""
    return fields.Integer(strict=True, **_described(description, required, nullable, **more))


def flag(description: str) -> fields.Boolean:
    """Return a field for true or false."""
    return fields.Boolean(**_described(description, True, False))


def json_object(description: str, *, required: bool = True, nullable: bool = False) -> fields.Dict:
    """Return a field for any JSON object."""
    return fields.Dict(keys=fields.String(), **_described(description, required, nullable))


def any_json(description: str, *, required: bool = True) -> fields.Raw:
    """Return a field for any JSON value, null included."""
    return fields.Raw(**_described(description, required, True))


def many(schema: type[Schema], description: str) -> fields.List[Any]:
    """Return a field for a list of objects."""
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})


def next_cursor() -> fields.String:
    """Return the field that leads to the next page."""
    return text("Give this as `cursor` to get what follows; null at the end.", nullable=True)


class Problem(Answer):
    """One thing that is wrong, and where."""

    pointer = text("JSON pointer (RFC 6901) to the place; `/query/<name>` for a query parameter.")
    code = text("A stable word for what is wrong.")
    message = text("The same for people.")
    severity = text("Only errors keep a workflow from being published.", validate=validate.OneOf(["error", "warning"]))


class ProblemDocument(Answer):
    """An error (RFC 9457)."""

    type = text("`urn:workflowkit:problem:<code>`.")
    title = text("The status in words.")
    status = whole("The HTTP status.")
    detail = text("What is wrong.")
    code = text("A stable word for what is wrong.")
    problems = many(Problem, "The places that are wrong; may be empty.")
    request_id = text("The id under which the server's log has this request.")


class PageQuery(Request):
    """Where to go on in a list."""

    limit = fields.Integer(metadata={"description": "The most items to return; bounded by the server's own limit."},
                           validate=validate.Range(1, 1_000))  # fmt: skip
    cursor = fields.String(metadata={"description": "`next_cursor` of the page before."},
                           validate=validate.Length(1, 256))  # fmt: skip


# --- events


class NewEvent(Request):
    """An event to send."""

    name = text("What happened, such as `order/paid`.", validate=validate.Length(1, _MAX_NAME_CHARS))
    data = json_object("What is to be known about it.")
    id = text("Your id: of events with the same id only the first starts workflows, within 24 hours.", required=False,
              nullable=True, validate=validate.Length(max=_MAX_ID_CHARS))  # fmt: skip
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
    received_at = moment("When it was accepted.")
    duplicate_of = text("Our id of the earlier event with the same sender's id: this one started nothing.",
                        nullable=True)  # fmt: skip
    source_run_id = text("The run that emitted it.", nullable=True)


class EventPage(Answer):
    """Events, newest first."""

    items = many(Event, "Newest first.")
    next_cursor = next_cursor()


class Decision(Answer):
    """Why an event did not start a workflow."""

    workflow_id = text("The workflow; null where the reason is the event's own.", nullable=True)
    reason = text("A stable word for the reason.")
    detail = text("The same for people.", nullable=True)
    at = moment("When this was decided.")


# --- runs


class ActionError(Answer):
    """An error of an action or a run."""

    name = text("The class of the exception.")
    message = text("Its message.")
    code = text("A stable word for what happened.")
    retryable = flag("Whether trying again could help.")


class RunQuery(PageQuery):
    """Which runs to list."""

    status = fields.List(fields.String(validate=validate.OneOf(list(RunStatus))),
                         metadata={"description": "Runs in one of these states; repeat the parameter."})  # fmt: skip
    workflow_id = text("Runs of this workflow.", required=False)
    event_id = text("Runs started by the event with this id of ours.", required=False)
    created_after = moment("Created at or after this time.", required=False)
    created_before = moment("Created before this time.", required=False)


class Run(Answer):
    """A run."""

    id = text("The run's id.")
    workflow_id = text("The workflow.")
    version = whole("The published version that it executes to its end.")
    event_id = text("Our id of the event that started it.")
    status = text("Where it stands.", validate=validate.OneOf(list(RunStatus)))
    handled_failures = whole("How many steps failed in a way that the workflow provides for.")
    rerun_of = text("The run that this one repeats.", nullable=True)
    error = fields.Nested(ActionError, **_described("Why it failed.", True, True))
    created_at = moment("When it was created.")
    started_at = moment("When its first step began.", nullable=True)
    finished_at = moment("When it ended.", nullable=True)


class RunPage(Answer):
    """Runs, newest first."""

    items = many(Run, "Newest first.")
    next_cursor = next_cursor()


class Attempt(Answer):
    """One execution of a step's action."""

    number = whole("Counts from 1.")
    outcome = text("What it came to: `retry` means failed and tried again, `lost` that its worker died, `ignored` that "
                   "its result came after the run had ended, null that it goes on.", nullable=True)  # fmt: skip
    error = fields.Nested(ActionError, **_described("Why it failed.", True, True))
    worker = text("The process that executed it.", nullable=True)
    started_at = moment("When it began.")
    finished_at = moment("When it ended.", nullable=True)
    retry_at = moment("When the next one may begin.", nullable=True)


class Step(Answer):
    """The execution of one action of the workflow in a run."""

    id = text("The action's id in the workflow.")
    kind = text("The kind of action.")
    name = text("The action's name in the workflow.")
    status = text("Where it stands.", validate=validate.OneOf(list(StepStatus)))
    inputs = json_object("What the action was given, with references resolved.", nullable=True)
    output = any_json("What later steps see of it.")
    error = fields.Nested(ActionError, **_described("Why it failed.", True, True))
    is_handled = flag("Whether the workflow provides for this failure.")
    reason = text("Why it was skipped or cancelled.", nullable=True)
    attempts = many(Attempt, "In order.")
    started_at = moment("When its first attempt began.", nullable=True)
    finished_at = moment("When it ended.", nullable=True)
    due_at = moment("When it may start, or be started again, if it has not ended.", nullable=True)


class RunDetail(Run):
    """A run with its steps."""

    output = any_json("The outputs of the last steps, by id.")
    event = fields.Nested(Event, required=True, metadata={"description": "The event that started it."})
    workflow_name = text("The name of the workflow in this version.")
    workflow_hash = text("Hash of what of the version matters for execution.")
    steps = many(Step, "Those that have begun or are decided, in the order of the workflow.")
    edges = fields.Dict(
        keys=fields.String(), values=fields.String(validate=validate.OneOf(["taken", "not_taken", "dead"])),
        **_described("What was decided about each edge, by the edge's id.", True, False),
    )  # fmt: skip


class EventDetail(Event):
    """An event with what it started and what it did not."""

    is_pending = flag("Whether it still waits to be matched with workflows.")
    runs = many(Run, "The runs it started.")
    decisions = many(Decision, "The workflows it did not start, and why.")


class Rerun(Answer):
    """A new run."""

    run_id = text("The new run's id.")


# --- workflows


class NewWorkflow(Request):
    """A workflow to create."""

    id = text("1 to 64 of a-z, 0-9, dot, hyphen and underscore. Default: a new one.", required=False)
    document = json_object("The first draft: a workflow document, which may be incomplete.")


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


class WorkflowPage(Answer):
    """Workflows."""

    items = many(Workflow, "In order of id.")
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


class VersionSummary(Answer):
    """A published version."""

    workflow_id = text("The workflow.")
    version = whole("Counts from 1.")
    hash = text("Hash of what matters for execution: equal hashes do the same.")
    created_at = moment("When it was published.")


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


# --- actions and keys


class Action(Answer):
    """The public half of an action."""

    kind = text("What a workflow document calls it.")
    name = text("Its label.")
    description = text("What it does.")
    icon = text("A URL or an inline SVG.", nullable=True)
    category = text("Where it stands in the editor's palette.", nullable=True)
    inputs = json_object("JSON Schema of the inputs, with hints for forms.")
    outputs = json_object("JSON Schema of the output.", nullable=True)
    edges = json_object("Which edges may leave it.")
    retries = whole("How often a failed attempt is repeated.")
    timeout_seconds = fields.Float(**_described("The longest an attempt may take.", True, False))
    queue = text("The queue whose workers run it.")


class ActionList(Answer):
    """The actions that workflows may use."""

    items = many(Action, "In order of kind.")


class NewKey(Request):
    """A key to make."""

    name = text("Who uses it.")
    permissions = fields.List(fields.String(validate=validate.OneOf(PERMISSIONS)), required=True,
                              metadata={"description": "What it may do; you must hold each yourself."})  # fmt: skip
    event_names = fields.List(fields.String(), allow_none=True, metadata={
        "description": "The only events that a key for sending may send: names, or beginnings of names with * at the "
                       "end. Default: all."})  # fmt: skip


class Key(Answer):
    """A key, without its secret."""

    id = text("The key's id.")
    name = text("Who uses it.")
    prefix = text("How the key begins.")
    environment = text("The environment it belongs to.")
    tenant = text("The tenant it belongs to.")
    permissions = fields.List(fields.String(), required=True, metadata={"description": "What it may do."})
    event_names = fields.List(fields.String(), **_described("The only events it may send; null for all.", True, True))
    created_at = moment("When it was made.")
    last_used_at = moment("When it was last used, to the minute.", nullable=True)
    revoked_at = moment("When it was revoked.", nullable=True)


class CreatedKey(Key):
    """A new key, with its secret."""

    key = text("The key itself. It is shown this once.")


class KeyPage(Answer):
    """Keys, revoked ones included."""

    items = many(Key, "Newest first.")
    next_cursor = next_cursor()


# --- health


class Health(Answer):
    """How the process is."""

    status = text("`ok`; anything else is answered as an error.")
