"""Schedules: what fires when."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import schedules as schemas
from workflowkit.api.schemas.base import PageQuery
from workflowkit.api.services import Services
from workflowkit.base.errors import InvalidInput
from workflowkit.store import schedules
from workflowkit.store.schedules import ScheduleRow

api = APIBlueprint("schedules", __name__, url_prefix="/api", tag="Schedules")


@api.get("/schedules")
@requires("workflows:read")
@takes(PageQuery)
@returns(schemas.SchedulePage)
def list_schedules(query: dict[str, Any]) -> Response:
    """List schedules.

    The cron triggers of published workflows: when each fires next, and how far it has come.
    """
    page = Page.asked(query)
    workflow_id, position = ("", 0) if page.after is None else _read_name(page.after)
    with Services.current().database.read() as tx:
        found = schedules.find(
            tx, caller().scope, limit=page.fetch, after_workflow_id=workflow_id, after_position=position
        )
    return answer(page.show(found, views.schedule, _name))


def _name(record: ScheduleRow) -> str:
    return f"{record.position} {record.workflow_id}"


def _read_name(name: str) -> tuple[str, int]:
    position, _, workflow_id = name.partition(" ")
    if not (position.isascii() and position.isdigit() and len(position) < 10):
        raise InvalidInput.at("/query/cursor", "invalid-value", "take the cursor from next_cursor")
    return workflow_id, int(position)
