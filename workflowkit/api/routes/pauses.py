"""Pauses and drains: of one workflow, and of everything of a tenant."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import pauses as schemas
from workflowkit.api.schemas.base import PageQuery
from workflowkit.api.services import Services
from workflowkit.runtime.pausing import Pausing, Target
from workflowkit.store.pauses import EVERYTHING, PauseRow, Running

api = APIBlueprint("pauses", __name__, url_prefix="/api", tag="Pauses")


@api.get("/pauses")
@requires("workflows:read")
@takes(PageQuery)
@returns(schemas.PausePage)
def list_pauses(query: dict[str, Any]) -> Response:
    """List pauses and drains.

    Those of the tenant's workflows, of the tenant, and of the environment.
    """
    page = Page.asked(query)
    found = [row for row in _pausing().find(caller().scope) if page.after is None or _name(row) > page.after]
    return answer(page.show(found[: page.fetch], views.pause, _name))


@api.get("/workflows/<workflow_id>/pause")
@requires("workflows:read")
@returns(schemas.PauseState)
def get_pause(workflow_id: str) -> Response:
    """Show whether a workflow is paused or drained.

    And how many of its runs have not ended: once a drained workflow has none, nothing of it is left.
    """
    return _answer_state(workflow_id)


@api.post("/workflows/<workflow_id>/pause")
@requires("workflows:pause")
@receives(schemas.NewPause)
@returns(schemas.PauseState)
def pause_workflow(workflow_id: str, body: dict[str, Any]) -> Response:
    """Pause a workflow.

    Events start no run of it, then or later; a decision says why. Runs are frozen after the steps that are running, and
    cancelled after 7 days; or they are cancelled at once. Idempotent.
    """
    return _pause(workflow_id, body)


@api.post("/workflows/<workflow_id>/resume")
@requires("workflows:pause")
@returns(schemas.PauseState)
def resume_workflow(workflow_id: str) -> Response:
    """Lift the pause of a workflow.

    Frozen runs go on with their next step, unless another pause concerns them. A drain stays. Idempotent.
    """
    _pausing().resume(_target(workflow_id), by=by())
    return _answer_state(workflow_id)


@api.post("/workflows/<workflow_id>/drain")
@requires("workflows:pause")
@receives(schemas.NewDrain)
@returns(schemas.PauseState)
def drain_workflow(workflow_id: str, body: dict[str, Any]) -> Response:
    """Drain a workflow.

    Events start no run of it, and those there are run to their end. Idempotent.
    """
    return _drain(workflow_id, body)


@api.post("/workflows/<workflow_id>/undrain")
@requires("workflows:pause")
@returns(schemas.PauseState)
def undrain_workflow(workflow_id: str) -> Response:
    """Lift the drain of a workflow.

    Events start runs again, unless there is a pause. Idempotent.
    """
    _pausing().undrain(_target(workflow_id), by=by())
    return _answer_state(workflow_id)


@api.post("/pause")
@requires("workflows:pause")
@receives(schemas.NewPause)
@returns(schemas.PauseState)
def pause_all(body: dict[str, Any]) -> Response:
    """Pause all workflows.

    Those of the tenant, and what functions of the application do for it. See pausing a workflow.
    """
    return _pause(EVERYTHING, body)


@api.post("/resume")
@requires("workflows:pause")
@returns(schemas.PauseState)
def resume_all() -> Response:
    """Lift the pause of all workflows.

    Those that are paused by themselves stay paused.
    """
    _pausing().resume(_target(EVERYTHING), by=by())
    return _answer_state(EVERYTHING)


@api.post("/drain")
@requires("workflows:pause")
@receives(schemas.NewDrain)
@returns(schemas.PauseState)
def drain_all(body: dict[str, Any]) -> Response:
    """Drain all workflows.

    Those of the tenant, and what functions of the application do for it. See draining a workflow.
    """
    return _drain(EVERYTHING, body)


@api.post("/undrain")
@requires("workflows:pause")
@returns(schemas.PauseState)
def undrain_all() -> Response:
    """Lift the drain of all workflows.

    Those that are drained by themselves stay drained.
    """
    _pausing().undrain(_target(EVERYTHING), by=by())
    return _answer_state(EVERYTHING)


def _pausing() -> Pausing:
    return Services.current().pausing


def _target(workflow_id: str) -> Target:
    return Target(caller().scope, workflow_id)


def _pause(workflow_id: str, body: dict[str, Any]) -> Response:
    running = Running(body["running"])
    _pausing().pause(_target(workflow_id), running=running, reason=body.get("reason"), by=by())
    return _answer_state(workflow_id)


def _drain(workflow_id: str, body: dict[str, Any]) -> Response:
    _pausing().drain(_target(workflow_id), reason=body.get("reason"), by=by())
    return _answer_state(workflow_id)


def _answer_state(workflow_id: str) -> Response:
    return answer(views.pause_state(_pausing().state_of(_target(workflow_id))))


def _name(row: PauseRow) -> str:
    return " ".join((row.workflow_id or "-", row.scope.tenant, row.hold.value))
