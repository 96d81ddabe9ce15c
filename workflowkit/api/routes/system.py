"""The installation: its processes and queues. For its operators: it shows nothing of tenants, but sums over them."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import requires
from workflowkit.api.contract import answer, returns
from workflowkit.api.schemas import system as schemas
from workflowkit.api.services import Services

api = APIBlueprint("system", __name__, url_prefix="/api", tag="System")


@api.get("/workers")
@requires("system:read")
@returns(schemas.WorkerList)
def list_workers() -> Response:
    """List workers and schedulers.

    Each reports itself every 10 seconds. One that was killed falls silent, and is forgotten after an hour.
    """
    found, now_ms = Services.current().oversight.workers()
    return answer({"items": [views.worker(record, now_ms) for record in found]})


@api.get("/connections")
@requires("system:read")
@returns(schemas.ConnectionList)
def list_connections() -> Response:
    """List workers of apps that are connected.

    They execute the functions of their apps; a gateway holds the connection of each.
    """
    return answer({"items": [views.connection(each) for each in Services.current().oversight.connections()]})


@api.get("/system")
@requires("system:read")
@returns(schemas.SystemState)
def get_system() -> Response:
    """Show how the installation is doing.

    What waits in its queues, how late the relay is, and whether database and broker answer.
    """
    oversight = Services.current().oversight
    processes, _ = oversight.workers()
    return answer(views.system(oversight.look(), processes))
