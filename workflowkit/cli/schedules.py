"""``workflowkit schedules``: what fires when."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import SystemClock, rfc3339
from workflowkit.base.errors import CronError
from workflowkit.cli.moments import MOMENT, milliseconds
from workflowkit.cli.output import Invalid, dim, emit_json, explain, mark, plain, status, table
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.store.schedules import ScheduleRow

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group("schedules", short_help="List schedules, and see when one fires.")
def command() -> None:
    """List the schedules of published workflows, and see when a cron expression fires."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@scope_options
@json_option
def list_schedules(limit: int, environment: str, tenant: str, as_json: bool) -> None:
    """List schedules by workflow: when each fires next, and the newest slot that it is done with.

    \b
    workflowkit schedules list
    """
    with opened() as wk:
        from workflowkit.store import schedules

        with wk.runtime.database.read() as tx:
            found = schedules.find(tx, scope_of(environment, tenant), limit=limit)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.schedule(row) for row in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("", "workflow", "cron", "timezone", "next", "last slot", "queued")))
    else:
        click.echo("no schedules")


@command.command("next")
@click.argument("cron", metavar="CRON")
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin; UTC if neither this nor CRON names one.")
@click.option("--count", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many.")
@click.option("--after", type=MOMENT, metavar="TIME", help="Begin behind this time in UTC, not behind the present.")
@json_option
def show_next(cron: str, timezone: str | None, count: int, after: datetime | None, as_json: bool) -> None:
    """Show when a cron expression fires, in its own time zone and in UTC.

    \b
    workflowkit schedules next "0 9 * * MON" --timezone Europe/Berlin --count 3
    """
    from zoneinfo import ZoneInfo

    from workflowkit.definition.cron import parse_cron

    try:
        schedule = parse_cron(cron, timezone)
    except CronError as error:
        place = "" if error.position is None else f" (character {error.position + 1})"
        raise Invalid(explain(error) + place) from error
    start_ms = SystemClock().now_ms() if after is None else milliseconds(after)
    slots = list(islice(schedule.slots_after(start_ms), count))
    if as_json:
        emit_json({"timezone": schedule.timezone, "slots": [rfc3339(each) for each in slots]})
        return
    zone = ZoneInfo(schedule.timezone)
    for each in slots:
        local = datetime.fromtimestamp(each / 1000, zone)
        click.echo(f"{local:%a %Y-%m-%d %H:%M %z}  {dim(rfc3339(each))}")


def _next(row: ScheduleRow) -> str:
    if row.is_paused:
        return status("cancelled", text="archived" if row.is_archived else "paused")
    return dim("over") if row.is_over else rfc3339(row.next_due_at_ms)


def _row(row: ScheduleRow) -> tuple[str, ...]:
    return (
        mark("skipped" if row.is_paused else "scheduled"),
        plain(row.workflow_id),
        plain(row.cron),
        row.timezone,
        _next(row),
        dim("" if row.last_slot_ms is None else rfc3339(row.last_slot_ms)),
        str(len(row.queued) or ""),
    )
