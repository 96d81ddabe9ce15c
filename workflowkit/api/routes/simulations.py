"""What-if questions about flow control, answered from stored events."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, receives, returns
from workflowkit.api.schemas import simulations as schemas
from workflowkit.api.services import Services
from workflowkit.base.clock import epoch_ms
from workflowkit.base.scope import FUNCTION_SEPARATOR
from workflowkit.runtime.simulating import Question, Simulating

api = APIBlueprint("simulations", __name__, url_prefix="/api", tag="Workflows")


@api.post("/workflows/<workflow_id>/simulate")
@requires("workflows:read")
@receives(schemas.SimulationRequest)
@returns(schemas.Simulation, _422="No document may have these settings.")
def simulate_settings(workflow_id: str, body: dict[str, Any]) -> Response:
    """Ask what other settings would have made of events.

    The events that the published version's triggers match are put through the controls of the given settings, as if
    they came again at the same times. Nothing is executed and nothing is stored. How long a run lasts is assumed.
    Limits of concurrency are left out, for they depend on how long each step takes, and so are runs that no trigger
    starts: by hand, by schedules, by other workflows.
    """
    return _simulated(workflow_id, body)


@api.post("/functions/<app_id>/<function_id>/simulate")
@requires("workflows:read")
@receives(schemas.SimulationRequest)
@returns(schemas.Simulation, _422="No document may have these settings.")
def simulate_function(app_id: str, function_id: str, body: dict[str, Any]) -> Response:
    """Ask what other settings of a function would have made of events.

    As `POST /api/workflows/{workflow_id}/simulate`, for a code function, and the events of the caller's tenant.
    """
    return _simulated(f"{app_id}{FUNCTION_SEPARATOR}{function_id}", body)


def _simulated(workflow_id: str, body: dict[str, Any]) -> Response:
    seconds = body["run_seconds"]
    question = Question(
        settings=body["settings"],
        since_ms=epoch_ms(body["since"]) or 0,
        limit=body["limit"],
        run_ms=None if seconds is None else int(seconds * 1000),
    )
    return answer(views.simulation(_simulating().simulate(caller().scope, workflow_id, question)))


@api.post("/triggers/try")
@requires("runs:read")
@receives(schemas.TriedTrigger)
@returns(schemas.TriggerMatches, _422="No document may have this trigger.")
def try_trigger(body: dict[str, Any]) -> Response:
    """Try a trigger on past events.

    On the last 20 of its name: how many would it have matched? Nothing is started.
    """
    return answer(views.tried(_simulating().try_trigger(caller().scope, body["event"], body.get("condition"))))


def _simulating() -> Simulating:
    services, may_see = Services.current(), caller().may_decrypt
    return Simulating(
        services.opened if may_see else services.database,
        services.opened_versions if may_see else services.versions,
        services.limits,
    )
