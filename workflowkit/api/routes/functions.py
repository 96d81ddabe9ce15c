"""Code functions: which there are, and what starts them."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import functions as schemas
from workflowkit.api.services import Services
from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.store import apps

api = APIBlueprint("functions", __name__, url_prefix="/api", tag="Functions")


@api.get("/functions")
@requires("workflows:read")
@takes(schemas.FunctionQuery)
@returns(schemas.FunctionPage)
def list_functions(query: dict[str, Any]) -> Response:
    """List code functions.

    They belong to applications, not to tenants: every tenant of the environment sees the same ones, and its own runs
    of them.
    """
    page = Page.asked(query)
    scope = Scope(caller().scope.environment, APP_TENANT)
    with Services.current().database.read() as tx:
        found = apps.find_functions(
            tx, scope, limit=page.fetch, after=page.after or "", app_id=query.get("app_id"), function_id=query.get("id")
        )
    return answer(page.show(found, views.function, lambda record: record.id))
