"""Applications: listed, synced, archived."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import by, caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import apps as schemas
from workflowkit.api.schemas.base import PageQuery
from workflowkit.api.services import Services
from workflowkit.base.errors import NotFound
from workflowkit.store.apps import AppRecord
from workflowkit.store.appsyncs import UNATTACHED

api = APIBlueprint("apps", __name__, url_prefix="/api", tag="Apps")


@api.get("/apps")
@requires("workflows:read")
@takes(PageQuery)
@returns(schemas.AppPage)
def list_apps(query: dict[str, Any]) -> Response:
    """List applications.

    They belong to the environment, not to tenants: those whose code runs in this installation, those that are called
    over HTTP, and those whose workers connect.
    """
    page, environment, services = Page.asked(query), caller().scope.environment, Services.current()
    found = services.apps.find(environment, limit=page.fetch, after=page.after or "")
    counts = services.apps.connection_counts(environment)
    return answer(page.show(found, lambda record: views.app(record, counts), lambda record: record.id))


@api.get("/apps/<app_id>")
@requires("workflows:read")
@returns(schemas.App)
def get_app(app_id: str) -> Response:
    """Show an application.

    Its functions are listed by `GET /api/functions?app_id=<id>`.
    """
    return _shown(Services.current().apps.get(caller().scope.environment, app_id))


@api.get("/app-syncs")
@requires("workflows:read")
@takes(schemas.AppSyncQuery)
@returns(schemas.AppSyncPage)
def list_app_syncs(query: dict[str, Any]) -> Response:
    """List syncs of applications.

    Newest first: those that changed something, and those that failed, also such as no application could be told of.
    """
    page = Page.asked(query)
    app_id = UNATTACHED if query.get("unattached") else query.get("app_id")
    found = Services.current().apps.syncs(
        caller().scope.environment, limit=page.fetch, app_id=app_id, before=page.after
    )
    return answer(page.show(found, views.app_sync, lambda sync: sync.id))


@api.post("/apps/sync")
@requires("apps:write")
@receives(schemas.AppToSync)
@returns(schemas.AppSync)
def sync_app(body: dict[str, Any]) -> Response:
    """Ask an app for its functions.

    The app at the address is called. A sync that fails is answered with the reason, and is in the list of syncs.
    """
    services, environment = Services.current(), caller().scope.environment
    # SAFETY: apps register in the environment of the installation; nobody lets one in from another.
    if services.sync_app is None or environment != services.default_scope.environment:
        raise NotFound("apps of this environment are not called from here")
    return answer(views.app_sync(services.sync_app(environment, body["url"])))


@api.post("/apps/<app_id>/archive")
@requires("apps:write")
@returns(schemas.App)
def archive_app(app_id: str) -> Response:
    """Archive an application.

    Its functions begin no runs any more, and runs that have begun go on. Changed code that is synced brings it back.
    """
    scope = caller().scope
    return _shown(Services.current().apps.archive(scope.environment, app_id, by=by(), tenant=scope.tenant))


@api.post("/apps/<app_id>/unarchive")
@requires("apps:write")
@returns(schemas.App)
def unarchive_app(app_id: str) -> Response:
    """Bring an archived application back.

    The functions that were in force when it was archived are so again.
    """
    scope = caller().scope
    return _shown(Services.current().apps.unarchive(scope.environment, app_id, by=by(), tenant=scope.tenant))


def _shown(record: AppRecord) -> Response:
    return answer(views.app(record, Services.current().apps.connection_counts(caller().scope.environment)))
