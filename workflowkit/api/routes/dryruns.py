"""Dry runs: what a document would do, with nothing that could reach the world."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, receives, returns
from workflowkit.api.schemas import dryruns as schemas
from workflowkit.api.services import Services
from workflowkit.base.clock import SystemClock
from workflowkit.definition.model import Json
from workflowkit.engine.outside import Held
from workflowkit.runtime.incoming import parse_event
from workflowkit.testing.dryrun import dry_run
from workflowkit.testing.jsonstubs import stubs_from_json
from workflowkit.testing.result import RunResult
from workflowkit.testing.scenario import DEFAULT_EVENT
from workflowkit.testing.stubs import NODE, STEP

api = APIBlueprint("dryruns", __name__, url_prefix="/api", tag="Workflows")


@api.post("/workflows/<workflow_id>/dry-run")
@requires("workflows:write")
@receives(schemas.DryRunRequest)
@returns(
    schemas.DryRun,
    _413="It went on for too long: `rehearsal_passes`, `rehearsal_days` or `rehearsal_seconds`.",
    _422="The document is not valid, or a stub stands for nothing or cannot be right.",
)
def dry_run_workflow(workflow_id: str, body: dict[str, Any]) -> Response:
    """Execute a document, or the draft, without effects.

    Conditions, references and inputs are evaluated as in a run, and waiting is skipped. An action that reaches the
    world is not executed: its stub or its own dry run stands for it, or the run stops there. Nothing is stored.
    """
    services = Services.current()
    document: Json = services.authoring.get_draft(caller().scope, workflow_id).document
    document, event = body.get("document", document), body.get("event", {})
    parse_event({"name": DEFAULT_EVENT, "data": {}, **event}, services.limits, internal=True)
    result = dry_run(
        document,
        event,
        stubs_from_json(body),
        services.registry,
        limits=services.limits,
        now_ms=SystemClock().now_ms(),
        until=body.get("until"),
        state=body.get("state"),
    )
    return answer(_shown(result))


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
    key = held.fetch if held.wait is None else held.wait.key
    return {
        "step": held.node_id,
        "kind": held.kind,
        "waits_for": None if held.wait is None else held.wait.kind.value,
        "name": None if held.wait is None else held.wait.name or None,
        "stub": NODE + held.node_id if key is None else STEP + key,
    }
