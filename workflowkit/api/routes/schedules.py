"""Schedules: what fires when."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response

from workflowkit.api import views
from workflowkit.api.auth import caller, requires
from workflowkit.api.contract import answer, receives, returns, takes
from workflowkit.api.paging import Page
from workflowkit.api.schemas import schedules as schemas
from workflowkit.api.schemas.base import PageQuery
from workflowkit.api.services import Services
from workflowkit.base.clock import SystemClock, epoch_ms, rfc3339
from workflowkit.base.errors import InvalidInput
from workflowkit.definition import parse_triggers
from workflowkit.definition.calendar import Calendar
from workflowkit.definition.model import Json
from workflowkit.definition.settings.triggers import CronTrigger
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


@api.post("/schedules/next")
@requires("workflows:read")
@receives(schemas.TriedSchedule)
@returns(schemas.ScheduleTimes, _422="No document may have this schedule.")
def next_times(body: dict[str, Any]) -> Response:
    """Say when a schedule would fire.

    Computed as a published one is, without its jitter, also where clocks are changed. Nothing is stored.
    """
    after_ms, count = epoch_ms(body.pop("after", None)), body.pop("count")
    triggers = parse_triggers([body], Services.current().limits)
    (calendar,) = (Calendar.of(trigger) for trigger in triggers if isinstance(trigger, CronTrigger))
    zone = ZoneInfo(calendar.cron.timezone)
    found = calendar.following(SystemClock().now_ms() if after_ms is None else after_ms, count)
    return answer({"timezone": calendar.cron.timezone, "items": [_time(slot, zone) for slot in found]})


def _time(slot_ms: int, zone: ZoneInfo) -> Json:
    local = datetime.fromtimestamp(slot_ms / 1000, zone)
    return {"at": rfc3339(slot_ms), "local": local.isoformat(timespec="seconds")}


def _name(record: ScheduleRow) -> str:
    return f"{record.position} {record.workflow_id}"


def _read_name(name: str) -> tuple[str, int]:
    position, _, workflow_id = name.partition(" ")
    if not (position.isascii() and position.isdigit() and len(position) < 10):
        raise InvalidInput.at("/query/cursor", "invalid-value", "take the cursor from next_cursor")
    return workflow_id, int(position)
