"""The catalogue of actions: public halves only."""

from __future__ import annotations

from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, receives, returns
from workflowkit.api.hostcontext import app_context_of_host
from workflowkit.api.schemas import actions as schemas
from workflowkit.api.services import Services
from workflowkit.base.errors import NotFound
from workflowkit.definition.references import references_in
from workflowkit.definition.secrets import mentions_secrets
from workflowkit.engine.optionlists import FindUsers, no_users
from workflowkit.registry import ActionSpec

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
    return answer(_action(kind).public())


@api.post("/actions/<path:kind>/options")
@requires("workflows:write")
@receives(schemas.OptionsRequest)
@returns(
    schemas.OptionList,
    _424="The function that lists them failed, or took too long: it may be asked again.",
    _429="The tenant has as many of these functions at work as it may: `tenant_option_lists`.",
    _503="The process has as many of them at work as it may: `option_lists`.",
)
def list_options(kind: str, body: dict[str, Any]) -> Response:
    """List the options of an input.

    Of an input whose schema has `x-options`, by calling the action's function for them. Values that are not in the
    list are allowed, too.
    """
    name = body["input"]
    source = _action(kind).options.get(name)
    if source is None:
        raise NotFound(f"the action {kind!r} has no options for an input {name!r}")
    # Whoever may not pick a secret does not get lists that are made with one.
    may_use_secrets = "secrets:read" in caller().permissions
    known = {
        name: value
        for name, value in body["inputs"].items()
        if not references_in(value) and (may_use_secrets or not mentions_secrets(value))
    }
    options = Services.current().option_lists.list(
        source, caller().scope, known, body["search"], _find_users(), app_context_of_host()
    )
    return answer(options.as_dict())


def _find_users() -> FindUsers:
    """Return what finds the users of the caller's tenant: names, which whoever edits may choose from (decision 23)."""
    services, who = Services.current(), caller()
    # SAFETY: S10 — people of a host are no users here: whose names stand here is none of their business.
    is_guest = who.embed is not None or services.has_host
    return no_users if is_guest else partial(services.users.named, who.scope)


def _action(kind: str) -> ActionSpec:
    spec = Services.current().registry.get(kind)
    if spec is None:
        raise NotFound(f"there is no action {kind!r}")
    return spec
