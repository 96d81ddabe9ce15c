"""Runs with their steps and attempts, and events with what came of them."""

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
from workflowkit.api.schemas.events import Event
from workflowkit.api.waiting import MAX_WAIT_SECONDS
from workflowkit.base.ids import ID_LENGTH
from workflowkit.base.jsonvalue import MAX_INTEGER
from workflowkit.engine.states import RunStatus, StepStatus
from workflowkit.runtime.logs import LEVELS


class ActionError(Answer):
    """An error of an action or a run."""

    name = text("The class of the exception.")
    message = text("Its message.")
    code = text("A stable word for what happened.")
    retryable = flag("Whether trying again could help.")
    step = text("The id of the handler's step that failed for good and ended it.", required=False)


class RunQuery(PageQuery):
    """Which runs to list."""

    status = fields.List(fields.String(validate=validate.OneOf(list(RunStatus))),
                         metadata={"description": "Runs in one of these states; repeat the parameter."})  # fmt: skip
    workflow_id = text("Runs of this workflow.", required=False)
    version = fields.Integer(validate=validate.Range(1, MAX_INTEGER), metadata={"description": "Runs of this version."})
    app_id = text("Runs of the functions of this application.", required=False)
    event_id = text("Runs started by the event with this id of ours.", required=False)
    parent_run_id = text("Runs that this run began: items of its loops, workflows it runs.", required=False)
    id = text("Runs whose id begins like this.", required=False,
              validate=validate.Regexp(f"^[0-9A-Za-z]{{1,{ID_LENGTH}}}$"))  # fmt: skip
    created_after = moment("Created at or after this time.", required=False)
    created_before = moment("Created before this time.", required=False)
    where = text("Runs for which this holds: expressions over `event.id`, `.name`, `.ts`, `.v`, `.data` and `output`, "
                 "one per line, all of which must hold.", required=False)  # fmt: skip
    contains = text("Runs with this text in a value of the data, the id or the name of their event, or of their output "
                    "or error, in capital letters or not.", required=False)  # fmt: skip
    column = fields.List(fields.String(), metadata={"description":
        "Show this value of each run, such as `event.data.order_id`; repeat the parameter."})  # fmt: skip


class WaitQuery(Request):
    """How long to wait for a run's end."""

    wait = fields.Float(
        validate=validate.Range(0, MAX_WAIT_SECONDS),
        metadata={"description": "Seconds to wait for the run's end, at most 30. Default: answer at once."},
    )


class ReasonQuery(Request):
    """Why somebody does something, in their own words."""

    reason = text("Why, for people; kept with what it is about.", required=False)


class NewTime(Request):
    """When a run is to begin."""

    at = moment("When it is to begin; at most 366 days ahead.")


class SkippedWait(Request):
    """Which wait of a run is to end."""

    step = text("Its key, such as `rest/wait`; or the id of the action that waits, if it waits for one thing.")


class Cause(Answer):
    """By whom or what a run was cancelled."""

    actor = text("Who did it: `key:` and the id of an API key, `developer`, `cli`, or what an application said.",
                 nullable=True)  # fmt: skip
    event_id = text("Our id of the event that did it.", nullable=True)
    run_id = text("The run whose end did it.", nullable=True)
    text = text("The reason in the words of who did it.", nullable=True)


class Run(Answer):
    """A run."""

    id = text("The run's id.")
    workflow_id = text("The workflow.")
    version = whole("The published version that it executes to its end.")
    event_id = text("Our id of the event that started it.")
    status = text("Where it stands.", validate=validate.OneOf(list(RunStatus)))
    handled_failures = whole("How many steps failed in a way that the workflow provides for.")
    rerun_of = text("The run that this one repeats.", nullable=True)
    rerun_by = text("Who has repeated that one: `user:` or `key:` and an id, `developer`, `cli`, `program`, or what an "
                    "application said.", nullable=True)  # fmt: skip
    path = text("The part of the workflow that it executes, such as the id of a loop whose item it is; null for all of "
                "it.", nullable=True)  # fmt: skip
    parent_run_id = text("The run that began it.", nullable=True)
    parent_step = text("The step of that run which did.", nullable=True)
    error = fields.Nested(ActionError, **described("Why it failed.", nullable=True))
    reason = text("Why it was cancelled: a stable word.", nullable=True)
    cause = fields.Nested(Cause, **described("By whom or what it was cancelled.", nullable=True))
    created_at = moment("When it was created.")
    started_at = moment("When its first step began.", nullable=True)
    finished_at = moment("When it ended.", nullable=True)


class ListedRun(Run):
    """A run in a list."""

    workflow_name = text("What the workflow is called now; its id, if it is gone.")
    values = json_object("What the columns that were asked for show of it, by column: a list or an object as text, and "
                         "long ones cut off. Null without columns, or if it is too large to look into.",
                         nullable=True)  # fmt: skip


class Looked(Answer):
    """How far was looked for one page. However many runs there are, a request looks through a bounded number."""

    runs = whole("How many runs were looked through.")
    back_to = moment("The time of the last one.", nullable=True)
    is_stopped = flag("Whether a limit ended it before the page was full: `next_cursor` goes on from there.")
    unreadable = whole("On how many of them the expression could not be evaluated; those are left out.")
    hint = text("What would let less be looked through.", nullable=True)


class RunPage(Answer):
    """Runs, newest first."""

    items = many(ListedRun, "Newest first.")
    next_cursor = next_cursor()
    looked = fields.Nested(Looked, required=True, metadata={"description": "How far was looked."})


class TraceDocument(Answer):
    """Spans, in the shape of OpenTelemetry's JSON (OTLP, `ExportTraceServiceRequest`)."""

    resource_spans = fields.List(fields.Dict(), required=True, data_key="resourceSpans", metadata={"description":
        "One resource with the spans of the run, each before those inside of it. Attributes begin with `workflowkit.`; "
        "`workflowkit.span` says what a span is of."})  # fmt: skip


class LogQuery(PageQuery):
    """Which lines to list."""

    step = text("The step, with all that its handler opened; or one of the latter.", required=False)
    attempt = fields.Integer(
        metadata={"description": "The attempt, counted from 1."}, validate=validate.Range(1, MAX_INTEGER)
    )
    level = text("From this level on. Default: all.", required=False, validate=validate.OneOf([*LEVELS]))


class LogLine(Answer):
    """A line that a handler has logged."""

    id = text("Its id; ids are in the order of time.")
    step = text("The step; `<id of the action>/<id of the step>` inside a step that the handler opened.")
    attempt = whole("The attempt of the action.")
    level = text("How serious it is.", validate=validate.OneOf([*LEVELS]))
    message = text("What it says, with the traceback if there is one.")
    at = moment("When it was logged.")


class LogPage(Answer):
    """Lines."""

    items = many(LogLine, "Oldest first.")
    next_cursor = next_cursor()


class Attempt(Answer):
    """One execution of a step's action."""

    number = whole("Counts from 1.")
    outcome = text("What it came to: `retry` means failed and tried again, `lost` that its worker died, `ignored` that "
                   "its result came after the run had ended, null that it goes on.", nullable=True)  # fmt: skip
    error = fields.Nested(ActionError, **described("Why it failed.", nullable=True))
    worker = text("The process that executed it.", nullable=True)
    started_at = moment("When it began.")
    finished_at = moment("When it ended.", nullable=True)
    retry_at = moment("When the next one may begin.", nullable=True)


class InnerStep(Answer):
    """Something that an action's handler did, or waits for."""

    id = text("Its key: `<id of the action>/<id of the step>`.")
    type = text("`code` that was executed, or what is waited for: `sleep`, `event`, `signal`, `run`, `loop`, "
                "`approval` or `callback`.")  # fmt: skip
    name = text("The event, the signal or the workflow that is waited for; may be empty.")
    condition = text("What the event has to fulfil, besides.", nullable=True)
    status = text("Where it stands.", validate=validate.OneOf(list(StepStatus)))
    output = any_json("What it came to.")
    error = fields.Nested(ActionError, **described("Why it failed, or failed last.", nullable=True))
    started_at = moment("When waiting began.", nullable=True)
    finished_at = moment("When it ended.", nullable=True)
    until = moment("When an open wait ends by itself, or what failed is repeated.", nullable=True)


class WaitsFor(Answer):
    """The control of flow control in whose queue a step stands, as it was at the time of the answer."""

    control = text("`throttle`, `concurrency`, `singleton`, or the limit of an `action` or of a `kind` of action.",
                   validate=validate.OneOf(["throttle", "concurrency", "singleton", "action", "kind"]))  # fmt: skip
    mode = text("What `concurrency` counts: `steps` or `runs`.", nullable=True)
    key = text("The value of the key, or which action or kind; null if all share the limit.", nullable=True)
    limit = whole("How many may be under way; of a throttle, how many start in the period.")
    held = whole("How many are under way.", nullable=True)
    period_seconds = fields.Float(**described("The period of a throttle.", nullable=True))
    ahead = whole("How many come before it in its queue, counted up to 1000.")
    until = moment("It does not start before then, as far as is known.", nullable=True)


class Step(Answer):
    """The execution of one action of the workflow in a run."""

    id = text("The action's id in the workflow.")
    kind = text("The kind of action.")
    name = text("The action's name in the workflow.")
    status = text("Where it stands.", validate=validate.OneOf(list(StepStatus)))
    inputs = json_object("What the action was given, with references resolved.", nullable=True)
    output = any_json("What later steps see of it.")
    error = fields.Nested(ActionError, **described("Why it failed.", nullable=True))
    is_handled = flag("Whether the workflow provides for this failure.")
    reason = text("Why it was skipped or cancelled.", nullable=True)
    attempts = many(Attempt, "In order.")
    started_at = moment("When its first attempt began.", nullable=True)
    finished_at = moment("When it ended.", nullable=True)
    due_at = moment("When it may start, or be started again, if it has not ended and does not queue.", nullable=True)
    waits_for = fields.Nested(WaitsFor, **described("What it waits for, if it queues.", nullable=True))
    inner = many(InnerStep, "What its handler did and waits for, in order of beginning.")


class ChildRun(Run):
    """A run that another one began."""

    key = text("Of a loop's item: its key.", nullable=True)
    index = whole("Of a loop's item: its place in the list, from 0.", nullable=True)


class Gathered(Answer):
    """The events that started a run together."""

    kind = text("`batch`, or the window of a `debounce`.", validate=validate.OneOf(["batch", "debounce"]))
    events = whole("How many there are.")
    event_ids = fields.List(
        fields.String(), required=True,
        metadata={"description": "Their ids, in order of arrival; no more than a page."},
    )  # fmt: skip


class RunMove(Answer):
    """That a run was moved to another version."""

    version = whole("The version.")
    actor = text("Who has moved it.", nullable=True)
    at = moment("When.")


class RunDetail(Run):
    """A run with its steps."""

    output = any_json("The outputs of the last steps, by id.")
    event = fields.Nested(Event, required=True, metadata={"description": "The event that started it."})
    gathered = fields.Nested(Gathered, **described(
        "The events that it stands for: of its batch, or of the window that it ended. Null for a run of one event.",
        nullable=True,
    ))  # fmt: skip
    moves = many(RunMove, "The versions to which it was moved, in order.")
    workflow_name = text("The name of the workflow in this version.")
    workflow_hash = text("Hash of what of the version matters for execution.")
    steps = many(Step, "Those that have begun or are decided, in the order of the workflow.")
    edges = fields.Dict(
        keys=fields.String(), values=fields.String(validate=validate.OneOf(["taken", "not_taken", "dead"])),
        **described("What was decided about each edge, by the edge's id."),
    )  # fmt: skip
    children = many(
        ChildRun, "The runs that it began, by step and item; no more than a page. The list of runs has all."
    )


class Decision(Answer):
    """Why an event did not start a workflow."""

    workflow_id = text("The workflow; null where the reason is the event's own.", nullable=True)
    reason = text("A stable word for the reason.")
    detail = text("The same for people.", nullable=True)
    other_id = text(
        "The run that is there instead, or the event, if the reason is `idempotent`, `duplicate` or `superseded`.",
        nullable=True,
    )
    run_id = text("The run that is there instead, or that the event there began.", nullable=True)
    at = moment("When this was decided.")


class Collection(Answer):
    """Events that start one run together, with this one among them."""

    id = text("The id of the batch or window.")
    workflow_id = text("The workflow.")
    kind = text(
        "`batch`, the window of a `debounce`, or `singleton`: it waits for a run to end.",
        validate=validate.OneOf(["batch", "debounce", "singleton"]),
    )
    events = whole("How many events it has by now.")
    run_id = text("The run that it started.", nullable=True)
    reason = text("Why it started none.", nullable=True)
    opened_at = moment("When its first event came.")
    closed_at = moment("When it started its run, or was given up.", nullable=True)


class Resumed(Answer):
    """A run that waited for an event, and goes on by it."""

    run_id = text("The run.")
    workflow_id = text("What it is a run of.")
    status = text("Where it stands.", validate=validate.OneOf(list(RunStatus)))
    step = text("Where it waited: `<id of the action>/<id of the step>`.")
    at = moment("When it went on.")


class EventDetail(Event):
    """An event with what it started and what it did not."""

    is_pending = flag("Whether it still waits to be matched with workflows.")
    runs = many(Run, "The runs it started.")
    resumed = many(Resumed, "The runs that waited for it.")
    decisions = many(Decision, "The workflows it did not start, and why.")
    collections = many(Collection, "The batches and windows that it is in: it starts runs together with others.")
    workflow_names = fields.Dict(
        keys=fields.String(), values=fields.String(),
        **described("What the workflows that it names are called now, by id; those that are gone are left out."),
    )  # fmt: skip


class RerunBody(Request):
    """How a run is to be repeated; an empty object repeats all of it."""

    from_step = text(
        "Where to begin: the id of an action, `<id>/<step>` for a step of a function, `<id>[<key>]` for one item of a "
        "loop. Default: the trigger.",
        required=False,
    )
    inputs = json_object("What that step is given instead of what the workflow says.", required=False)
    data = json_object("The event's data, instead of the original's.", required=False)
    version = any_json("The version to execute: a number, `original` (the default) or `latest`.", required=False)


class RerunQuery(Request):
    """How a run is to be repeated."""

    from_step = text("Where to begin, as it is written to repeat it.", required=False)
    version = text("The version: a number, `original` (the default) or `latest`.", required=False)


class Editable(Answer):
    """What of a run that is repeated the caller may edit."""

    version = whole("The version that would be executed.")
    inputs_need = fields.List(fields.String(), required=True, metadata={
        "description": "The permissions that the caller lacks to edit the inputs of the step."})  # fmt: skip
    data_need = fields.List(fields.String(), required=True, metadata={
        "description": "The permissions that the caller lacks to edit the data."})  # fmt: skip


class MoveBody(Request):
    """Where a run is to be moved."""

    version = any_json("The version: its number, or `latest` (the default).", required=False)
    dry_run = fields.Boolean(**described("Only say what stands against it.", required=False))


class Move(Answer):
    """What moving a run came to."""

    is_moved = flag("Whether it was moved.")
    version = whole("The version.")
    problems = many(Problem, "What stands against it.")
    removed_steps = fields.List(fields.String(), required=True, metadata={
        "description": "Steps that have ended, and that the version does not have."})  # fmt: skip
    added_steps = fields.List(fields.String(), required=True, metadata={
        "description": "Steps that the version has, and the run's own has not."})  # fmt: skip


class Rerun(Answer):
    """A new run."""

    run_id = text("The new run's id.")
