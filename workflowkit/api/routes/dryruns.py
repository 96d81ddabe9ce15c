"""Dry runs: what a document would do, with nothing that could reach the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import Response, g

from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import EVENT_STREAM_MEDIA_TYPE, answer, receives, returns, returns_stream
from workflowkit.api.errors import document_of
from workflowkit.api.schemas import dryruns as schemas
from workflowkit.api.services import Services
from workflowkit.base.clock import SystemClock
from workflowkit.definition.model import Json
from workflowkit.engine.localnews import OnNews
from workflowkit.engine.outside import Held
from workflowkit.engine.stopswitch import StopSwitch
from workflowkit.runtime.incoming import parse_event
from workflowkit.streams import rehearsals
from workflowkit.testing.dryrun import Rehearsal, rehearsal_of
from workflowkit.testing.jsonstubs import stubs_from_json
from workflowkit.testing.result import RunResult
from workflowkit.testing.scenario import DEFAULT_EVENT
from workflowkit.testing.stubs import NODE, STEP

api = APIBlueprint("dryruns", __name__, url_prefix="/api", tag="Workflows")

_TOO_MANY = (
    "The tenant has as many dry runs going on as it may: `tenant_dry_runs`. `Retry-After` says when to ask again."
)
_BUSY = "As many dry runs are going on in this process as may: `dry_runs`."


@api.post("/workflows/<workflow_id>/dry-run")
@requires("workflows:write")
@receives(schemas.DryRunRequest)
@returns(
    schemas.DryRun,
    _413="It went on for too long: `rehearsal_passes`, `rehearsal_days` or `rehearsal_seconds`.",
    _429=_TOO_MANY,
    _503=_BUSY,
    _422="The document is not valid, or a stub stands for nothing or cannot be right.",
)
def dry_run_workflow(workflow_id: str, body: dict[str, Any]) -> Response:
    """Execute a document, or the draft, without effects.

    Conditions, references and inputs are evaluated as in a run, and waiting is skipped. An action that reaches the
    world is not executed: its stub or its own dry run stands for it, or the run stops there. Nothing is stored.
    """
    rehearsal, leave = _rehearsal(workflow_id, body), _place()
    try:
        return answer(_shown(rehearsal.run(SystemClock().now_ms())))
    finally:
        leave()


@api.post("/workflows/<workflow_id>/dry-run/live")
@requires("workflows:write")
@receives(schemas.DryRunRequest)
@returns_stream(
    "Server-sent events: `state` whenever something has changed, with `steps` (`id`, `status`) and `edges` (`id`, "
    "`state`); at last `result`, with what the request without `/live` would answer, or `problem`, with a problem "
    "document.",
    _422="The document is not valid, or a stub stands for nothing.",
    _429=_TOO_MANY,
    _503=_BUSY,
)
def follow_dry_run(workflow_id: str, body: dict[str, Any]) -> Response:
    """Execute a document, or the draft, without effects, and tell how it goes.

    As server-sent events, within a second. Whoever ends the request ends the dry run; whoever lost it asks again, since
    nothing was stored.
    """
    rehearsal, request_id = _rehearsal(workflow_id, body), str(g.get("request_id", ""))

    def perform(on_news: OnNews, switch: StopSwitch) -> tuple[str, Json]:
        try:
            return "result", _shown(rehearsal.run(SystemClock().now_ms(), on_news=on_news, switch=switch))
        except Exception as error:
            return "problem", document_of(error, request_id)

    # nginx would collect the stream before it passes any of it on.
    headers = {"X-Accel-Buffering": "no"}
    return Response(rehearsals.stream(perform, _place()), content_type=EVENT_STREAM_MEDIA_TYPE, headers=headers)


def _place() -> Callable[[], None]:
    return Services.current().dry_run_places.take(caller().scope)


def _rehearsal(workflow_id: str, body: dict[str, Any]) -> Rehearsal:
    services = Services.current()
    document: Json = services.authoring.get_draft(caller().scope, workflow_id).document
    document, event = body.get("document", document), body.get("event", {})
    parse_event({"name": DEFAULT_EVENT, "data": {}, **event}, services.limits, internal=True)
    return rehearsal_of(
        document,
        event,
        stubs_from_json(body),
        services.registry,
        limits=services.limits,
        until=body.get("until"),
        state=body.get("state"),
    )


def _shown(result: RunResult) -> dict[str, Any]:
    run = result.local.as_dict()
    return {
        "status": run["status"],
        "output": run["output"],
        "error": run["error"],
        "path": run["order"],
        "steps": [{"reason": None, **step} for step in run["steps"]],
        "edges": [
            {"id": edge.id, "from": edge.source, "to": edge.target, "state": result.edges.get(edge.id)}
            for edge in result.workflow.edges
        ],
        "missing": [_missing(held) for held in result.local.held],
        "events": [{"name": event["name"], "data": event["data"]} for event in result.events],
        "slept_seconds": result.slept_seconds,
    }


def _missing(held: Held) -> dict[str, Any]:
    key = (held.fetch or held.step) if held.wait is None else held.wait.key
    return {
        "step": held.node_id,
        "kind": held.kind,
        "waits_for": None if held.wait is None else held.wait.kind.value,
        "name": None if held.wait is None else held.wait.name or None,
        "stub": NODE + held.node_id if key is None else STEP + key,
    }
