"""Runs: listed, told step by step, cancelled, and repeated."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import otlp, views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page, cursor
from workflowkit.api.schemas import runs as schemas
from workflowkit.api.services import Services
from workflowkit.base.clock import epoch_ms
from workflowkit.base.errors import Conflict
from workflowkit.base.scope import Scope
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.logs import LEVELS
from workflowkit.runtime.rerunning import LATEST, ORIGINAL, Again
from workflowkit.runtime.searching import Wanted
from workflowkit.runtime.spans import spans_of
from workflowkit.runtime.tracing import Trace, trace
from workflowkit.store import loglines, queries
from workflowkit.store.loglines import LineFilter
from workflowkit.store.runsearch import RunChoice

api = APIBlueprint("runs", __name__, url_prefix="/api", tag="Runs")


@api.get("/runs")
@requires("runs:read")
@takes(schemas.RunQuery)
@returns(schemas.RunPage)
def list_runs(query: dict[str, Any]) -> Response:
    """List runs.

    Newest first. Pages stay the same while runs are added. Runs of parts of a workflow, such as the items of a loop,
    are listed with `parent_run_id` only. One request looks through a bounded number of runs: `looked` says how far it
    came, and a page that is not full may have a next one. Encrypted values cannot be searched.
    """
    page, services = Page.asked(query), Services.current()
    choice = RunChoice(
        statuses=[RunStatus(status) for status in query.get("status", ())],
        created_after_ms=epoch_ms(query.get("created_after")),
        created_before_ms=epoch_ms(query.get("created_before")),
        id_prefix=query["id"].upper() if "id" in query else None,
        **{name: query.get(name) for name in ("workflow_id", "version", "app_id", "event_id", "parent_run_id")},
    )
    wanted = Wanted(choice, query.get("where"), query.get("column", ()), query.get("contains"))
    found = services.searching.find(caller().scope, wanted, limit=page.limit, before=page.after)
    return answer(
        {
            "items": [views.listed_run(run, found) for run in found.runs],
            "next_cursor": None if found.next_id is None else cursor(found.next_id),
            "looked": views.looked(found),
        }
    )


@api.get("/runs/<run_id>")
@requires("runs:read")
@takes(schemas.WaitQuery)
@returns(schemas.RunDetail)
def get_run(run_id: str, query: dict[str, Any]) -> Response:
    """Show a run with its steps.

    Each step with what it was given, what it returned, every attempt, and what it waits for; what was decided about
    each edge; and the runs that it began. With `wait` the answer comes when the run has ended, or after so many
    seconds: look at `status` to know which.
    """
    services = Services.current()
    services.waiting.until_ended(caller().scope, run_id, seconds=query.get("wait", 0))
    return answer(_detail(caller().scope, run_id))


@api.get("/runs/<run_id>/trace")
@requires("runs:read")
@returns(schemas.TraceDocument)
def get_trace(run_id: str) -> Response:
    """Show a run as spans.

    In the shape of OpenTelemetry's JSON: the run, its steps from the moment at which they could have begun, their time
    in the queue, each attempt, what lies between attempts, what handlers did and waited for, and the runs they began.
    """
    return answer(otlp.document(spans_of(_trace(caller().scope, run_id))))


@api.get("/runs/<run_id>/logs")
@requires("runs:read")
@takes(schemas.LogQuery)
@returns(schemas.LogPage)
def list_logs(run_id: str, query: dict[str, Any]) -> Response:
    """List what handlers have logged.

    Oldest first: what `ctx.logger` was told, from `run_log_level` upwards and up to `run_log_bytes` of a run. A handler
    that is entered again logs only what is new.
    """
    page, scope = Page.asked(query), caller().scope
    where = LineFilter(query.get("step"), query.get("attempt"), LEVELS[query.get("level", "debug")])
    services = Services.current()
    database = services.opened if caller().may_decrypt else services.database
    with database.read() as tx:
        queries.get_run(tx, scope, run_id)
        found = loglines.find(tx, scope, run_id, where, limit=page.fetch, after=page.after or "")
    return answer(page.show(found, views.log_line, lambda line: line.id))


@api.post("/runs/<run_id>/cancel")
@requires("runs:write")
@takes(schemas.ReasonQuery)
@returns(schemas.RunDetail, _409="The run has ended in another way.")
def cancel_run(run_id: str, query: dict[str, Any]) -> Response:
    """Cancel a run.

    No further step starts. An action that is running goes on to its end, and its result changes nothing. Runs that it
    has invoked and waits for are cancelled too. Idempotent.
    """
    who = caller()
    status = Services.current().control.cancel(who.scope, run_id, reason=query.get("reason"), actor=who.actor)
    if status is not RunStatus.CANCELLED:
        raise Conflict(f"the run has ended before: it is {status.value}")
    return answer(_detail(caller().scope, run_id))


@api.post("/runs/<run_id>/reschedule")
@requires("runs:write")
@receives(schemas.NewTime)
@returns(schemas.RunDetail, _409="The run has begun, or has ended.")
def reschedule_run(run_id: str, body: dict[str, Any]) -> Response:
    """Move the beginning of a run.

    Of one that has not begun: it begins at the new time and not at the old one, at once if that has passed.
    """
    at_ms = epoch_ms(body["at"])
    assert at_ms is not None  # noqa: S101 - the schema asks for it
    Services.current().scheduling.reschedule(caller().scope, run_id, at_ms)
    return answer(_detail(caller().scope, run_id))


@api.post("/runs/<run_id>/skip-wait")
@requires("runs:write")
@receives(schemas.SkippedWait)
@returns(schemas.RunDetail, _409="It has ended, is paused, is at work, or waits for something that is not skipped.")
def skip_wait(run_id: str, body: dict[str, Any]) -> Response:
    """End a wait now.

    As if its time had come: a sleep is over, and an event or a signal has not come. Other runs, loops, approvals and
    callbacks are not skipped.
    """
    who = caller()
    Services.current().skipping.skip(who.scope, run_id, body["step"], actor=who.actor)
    return answer(_detail(who.scope, run_id))


@api.post("/runs/<run_id>/rerun")
@requires("runs:write")
@receives(schemas.RerunBody, is_optional=True)
@returns(
    schemas.Rerun,
    201,
    _403="It takes more to edit this, or to choose this version; `problems` says what.",
    _422="The data does not fit the workflow's `inputs`.",
    _409="It is a part of a run, which is repeated with its parent; or its workflow is drained or archived; or the "
    "items of a loop that are not to be repeated, or an event of the run, are gone.",
)
def rerun(run_id: str, body: dict[str, Any]) -> Response:
    """Repeat a run.

    Starts a new run from the same event: all of it, or from one step on. Then this step and everything that follows it
    are executed again, and all other results are kept. The earlier run stays as it is.

    Inputs that reach a step with a secret are edited with `workflows:publish`; where people are asked for approval,
    inputs, and data of a run that keeps results, with `approvals:override`. A version that is neither the run's own nor
    the published one takes `workflows:publish`.
    """
    who, again = caller(), _again(body)
    new_id = Services.current().rerunning.rerun(who.scope, run_id, again, by=by(), may=who.permissions)
    return answer({"run_id": new_id}, 201)


@api.get("/runs/<run_id>/rerun")
@requires("runs:write")
@takes(schemas.RerunQuery)
@returns(schemas.Editable)
def show_rerun(run_id: str, query: dict[str, Any]) -> Response:
    """Show what may be edited.

    Of a run that is repeated: the permissions that the caller lacks to give the step other inputs, or the run other
    data.
    """
    version = query.get("version", ORIGINAL)
    again = _again({**query, "version": int(version) if version.isdecimal() else version})
    who = caller()
    return answer(views.editable(Services.current().rerunning.editable(who.scope, run_id, again), who.permissions))


@api.post("/runs/<run_id>/move")
@requires("runs:write")
@receives(schemas.MoveBody, is_optional=True)
@returns(
    schemas.Move,
    _403="It is not the published version.",
    _409="It has ended, is a part of another run, or a step of it runs just now.",
)
def move(run_id: str, body: dict[str, Any]) -> Response:
    """Move a waiting run to another version of its workflow.

    A run stays on the version it started with unless it is moved. What has happened stays; what it has not come to is
    as the new version has it. The answer says what stands against it, and then nothing has changed. A version that is
    not the published one takes `workflows:publish`.
    """
    version = body.get("version", LATEST)
    dry_run = body.get("dry_run", False)
    who = caller()
    moved = Services.current().moving.move(who.scope, run_id, version, dry_run=dry_run, by=by(), may=who.permissions)
    return answer(views.move(moved))


def _again(asked: dict[str, Any]) -> Again:
    return Again(asked.get("from_step"), asked.get("inputs"), asked.get("data"), asked.get("version", ORIGINAL))


def _detail(scope: Scope, run_id: str) -> views.Shown:
    found = _trace(scope, run_id)
    run, workflow, told = found.run, found.workflow, found.history
    return {
        **views.run(run),
        "output": run.output,
        "event": views.event(found.event),
        "gathered": views.gathered(found.gathered),
        "moves": [views.run_move(each) for each in found.moves],
        "workflow_name": workflow.name,
        "workflow_hash": workflow.hash,
        "steps": [views.step(step) for step in told.steps],
        "edges": {edge_id: state.value for edge_id, state in told.edges.items()},
        "children": [views.child(each) for each in found.children],
    }


def _trace(scope: Scope, run_id: str) -> Trace:
    services, may_decrypt = Services.current(), caller().may_decrypt
    database, versions = services.database, services.versions
    if may_decrypt:
        database, versions = services.opened, services.opened_versions
    with database.read() as tx:
        return trace(tx, scope, run_id, versions, services.registry, most_children=services.limits.page_size)
