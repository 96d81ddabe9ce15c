"""The catalogue of actions: public halves only."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import requires
from workflowkit.api.contract import answer, returns
from workflowkit.api.schemas import actions as schemas
from workflowkit.api.services import Services
from workflowkit.base.errors import NotFound

api = APIBlueprint("actions", __name__, url_prefix="/api", tag="Actions")


@api.get("/actions")
@requires("actions:read")
@returns(schemas.ActionList)
def list_actions() -> Response:
    """List the actions.

    What workflows of this installation may use, with JSON Schemas of inputs and outputs.
    """
    return answer({"items": Services.current().registry.public()})


@api.get("/actions/<path:kind>")
@requires("actions:read")
@returns(schemas.Action)
def get_action(kind: str) -> Response:
    """Show an action.

    By its kind, such as `builtin:if`.
    """
    spec = Services.current().registry.get(kind)
    if spec is None:
        raise NotFound(f"there is no action {kind!r}")
    return answer(spec.public())
