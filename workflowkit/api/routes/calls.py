"""Workflows that are started by hand, and those that answer an HTTP request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, receives, returns, takes, takes_request_key
from workflowkit.api.requestdata import request_data
from workflowkit.api.requestkeys import request_key
from workflowkit.api.results import Awaited
from workflowkit.api.schemas import calls as schemas
from workflowkit.api.services import Services
from workflowkit.base.errors import InvalidData, Problem
from workflowkit.engine.replies import REPLY_KIND

api = APIBlueprint("calls", __name__, tag="Runs")


@api.post("/api/workflows/<workflow_id>/runs")
@requires("runs:write")
@receives(schemas.NewRun, is_optional=True)
@takes_request_key
@returns(
    schemas.RequestedRun,
    202,
    _409="It has no manual trigger, is switched off, archived, paused or drained; or the `Idempotency-Key` is another "
    "request's.",
    _422="The data does not fit the workflow's `inputs`.",
)
def start_run(body: dict[str, Any], workflow_id: str) -> Response:
    """Start a run by hand.

    Of the published version, with `data` as its event's. The workflow must have a trigger `manual`, unless the caller
    has the permission `workflows:write` too and may try out what they edit. A request that is repeated with the same
    `Idempotency-Key` within 24 hours starts no second run and gets the same answer.
    """
    who, key = caller(), request_key(body)
    is_author = "workflows:write" in who.permissions
    requesting = Services.current().requesting
    started = requesting.by_hand(who.scope, workflow_id, body.get("data"), is_author=is_author, key=key)
    return answer({"run_id": started.run_id, "event_id": started.event_id}, 202)


@api.post("/h/<workflow_id>")
@requires("http:call")
@returns(
    schemas.Result,
    _202="It goes on: ask at `Location` for the result.",
    _400="The body is no JSON.",
    _409="It is switched off, archived, paused or drained; or the run was cancelled.",
    _413="The body is too large.",
    _415="The body is not JSON.",
    _422="The request does not fit the workflow's `inputs`.",
    _500="The run failed.",
)
def call_workflow(workflow_id: str) -> Response:
    """Call a workflow.

    Of a workflow with a trigger `http`. The request becomes the event's data, as `body`, `query`, `headers` and
    `method`; the answer is the run's output, or what its action `builtin:reply` says, with any status and body. If
    there is neither within the trigger's `wait`, 202 and where to ask.
    """
    services = Services.current()
    data = request_data(services.limits)
    try:
        started, wait_ms = services.requesting.by_request(caller().scope, workflow_id, data)
    except InvalidData as error:
        raise InvalidData(_in_request(error.problems)) from None
    replies = [node.id for node in started.workflow.nodes.values() if node.kind == REPLY_KIND]
    awaited = Awaited.by_caller(started.run_id, started.event_id, replies)
    services.waiting.until(awaited.look_patiently, seconds=wait_ms / 1000)
    return awaited.answer()


@api.get("/api/runs/<run_id>/result")
@requires("http:call")
@takes(schemas.ResultQuery)
@returns(
    schemas.Result,
    _202="It goes on: ask again.",
    _409="It was cancelled.",
    _500="It failed.",
)
def get_result(run_id: str, query: dict[str, Any]) -> Response:
    """Show the result of a run.

    The answer is the run's output and nothing else. With `wait` it comes when the run has ended, or after so many
    seconds.
    """
    awaited = Awaited.by_caller(run_id)
    Services.current().waiting.until(awaited.look, seconds=query.get("wait", 0))
    return awaited.answer()


def _in_request(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems of the event's data with pointers as everywhere: into the body, or ``/query/<name>``."""
    found = []
    for problem in problems:
        pointer = problem.pointer.removeprefix("/data")
        pointer = pointer.removeprefix("/body") if pointer.startswith("/body") else pointer
        found.append(Problem(pointer, problem.code, problem.message, problem.severity))
    return found
