"""Delay until: go on at a time, or in the next business hour."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, TypedDict
from zoneinfo import ZoneInfo

from workflowkit.base.errors import NonRetriableError
from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext

_SATURDAY = 5
_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class Resumed(TypedDict):
    """When the run went on."""

    at: str


@action("builtin:delay_until", name="Delay until", category="Flow", icon="calendar-clock", retries=0, external=False)
def delay_until(
    ctx: StepContext,
    until: Annotated[str | None, Field(title="Date and time", examples=("2026-12-24T08:00:00",))] = None,
    timezone: Annotated[str, Field(title="Time zone", examples=("Europe/Berlin",))] = "UTC",
    business_hours: Annotated[bool, Field(title="Only in business hours")] = False,
    opens: Annotated[str, Field(pattern=_TIME_OF_DAY)] = "09:00",
    closes: Annotated[str, Field(pattern=_TIME_OF_DAY)] = "17:00",
) -> Resumed:
    """Continue at a time; at once if it has passed.

    Args:
        until: RFC 3339 text; without an offset it is local time of the time zone. Empty: now.
        timezone: Where local times and business hours are meant.
        business_hours: Then wait for the next time between opens and closes from Monday to Friday.
        opens: When business hours begin.
        closes: When business hours end.
    """
    zone = _zone(timezone)
    moment = datetime.fromtimestamp(ctx.step.run("now", ctx.session.now_ms) / 1000, UTC)
    if until:
        moment = max(moment, _moment(until, zone))
    if business_hours:
        moment = next_business_hour(moment.astimezone(zone), time.fromisoformat(opens), time.fromisoformat(closes))
    ctx.step.sleep_until("until", moment)
    return {"at": moment.isoformat()}


def next_business_hour(moment: datetime, opens: time, closes: time) -> datetime:
    """Return ``moment`` if it is in business hours, else the next opening: Monday to Friday, in its own time zone."""
    if opens >= closes:
        raise NonRetriableError("business hours must open before they close")
    day = moment.date() if moment.time() < closes else moment.date() + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    opening = datetime.combine(day, opens, moment.tzinfo)
    return max(moment, opening)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise NonRetriableError(f"timezone: there is no {name!r}") from None


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NonRetriableError(f"until: RFC 3339 text such as 2026-12-24T08:00:00+01:00, got {text!r}") from None
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
