"""Whether this process is alive, and whether it can serve. Public, so it tells nothing else."""

from __future__ import annotations

from http import HTTPStatus

import sqlalchemy.exc
from apiflask import APIBlueprint
from flask import Response

from workflowkit.api.auth import public
from workflowkit.api.contract import answer, returns
from workflowkit.api.errors import problem
from workflowkit.api.schemas.base import Health
from workflowkit.api.services import Services
from workflowkit.base.errors import StoreUnavailable
from workflowkit.runtime.readiness import is_migrated
from workflowkit.store.migrate import outgrown

api = APIBlueprint("health", __name__, url_prefix="/api", tag="Health")


@api.get("/health")
@public
@returns(Health)
def live() -> Response:
    """Tell whether the process is alive.

    Asks nothing of the database: an orchestrator that restarts processes would restart them all.
    """
    return answer({"status": "ok"})


@api.get("/health/ready")
@public
@returns(Health, _503="The database cannot be reached, lacks migrations, or is for newer versions only.")
def ready() -> Response:
    """Tell whether requests can be served.

    The database answers and has the tables of this version, or of a newer one, beside which this one still works.
    """
    database = Services.current().database
    try:
        is_ready = is_migrated(database)
        reason = None if is_ready else outgrown(database)
    except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError) as error:
        raise StoreUnavailable("the database is not available", driver_message=str(error)) from error
    if reason is not None:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "outgrown", f"the database is {reason}")
    if not is_ready:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-migrated", "run `workflowkit migrate`")
    return answer({"status": "ok"})
