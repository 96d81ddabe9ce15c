"""Jobs: cancel or repeat many runs."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import jobs as schemas
from workflowkit.api.schemas.base import PageQuery
from workflowkit.api.services import Services
from workflowkit.base.clock import epoch_ms
from workflowkit.engine.states import RunStatus
from workflowkit.runtime.jobs import DEFAULT_RATE, NewJob
from workflowkit.runtime.rerunning import ORIGINAL
from workflowkit.store.jobs import JobKind

api = APIBlueprint("jobs", __name__, url_prefix="/api", tag="Jobs")


@api.post("/jobs")
@requires("runs:write")
@receives(schemas.NewJob)
@returns(schemas.Job, 201)
def create_job(body: dict[str, Any]) -> Response:
    """Cancel or repeat many runs.

    Works through the chosen runs in the background, and goes on after a restart. Runs that are made later are left
    alone. Parts of runs go with their parents. With `skipped`, events that a pause, a drain or the archive kept from
    starting a workflow start it now.
    """
    return answer(views.job(Services.current().jobs.create(caller().scope, _wanted(body))), 201)


@api.post("/jobs/count")
@requires("runs:read")
@receives(schemas.NewJob)
@returns(schemas.JobCount)
def count_job(body: dict[str, Any]) -> Response:
    """Count the runs of a job without beginning it.

    With a condition, there may be fewer.
    """
    return answer({"matched_count": Services.current().jobs.count(caller().scope, _wanted(body))})


@api.get("/jobs")
@requires("runs:read")
@takes(PageQuery)
@returns(schemas.JobPage)
def list_jobs(query: dict[str, Any]) -> Response:
    """List jobs.

    Newest first, ended ones included.
    """
    page = Page.asked(query)
    found = Services.current().jobs.find(caller().scope, limit=page.fetch, before=page.after)
    return answer(page.show(found, views.job, lambda record: record.id))


@api.get("/jobs/<job_id>")
@requires("runs:read")
@returns(schemas.Job)
def get_job(job_id: str) -> Response:
    """Show a job.

    With how far it has come.
    """
    return answer(views.job(Services.current().jobs.get(caller().scope, job_id)))


@api.delete("/jobs/<job_id>")
@requires("runs:write")
@returns(schemas.Job)
def stop_job(job_id: str) -> Response:
    """Stop a job.

    What it has done stays done. Idempotent.
    """
    return answer(views.job(Services.current().jobs.stop(caller().scope, job_id)))


def _wanted(body: dict[str, Any]) -> NewJob:
    return NewJob(
        kind=JobKind(body["kind"]),
        statuses=tuple(RunStatus(status) for status in body.get("statuses", ())),
        workflow_id=body.get("workflow_id"),
        created_after_ms=epoch_ms(body.get("created_after")) or 0,
        created_before_ms=epoch_ms(body.get("created_before")),
        condition=body.get("condition"),
        reason=body.get("reason"),
        actor=caller().actor,
        rate_per_second=body.get("rate_per_second", DEFAULT_RATE),
        version=body.get("version", ORIGINAL),
        skipped=tuple(body.get("skipped", ())),
    )
