"""``workflowkit runs list``: find runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from workflowkit.base.clock import rfc3339
from workflowkit.base.jsonvalue import MAX_INTEGER
from workflowkit.cli.moments import MOMENT, milliseconds
from workflowkit.cli.output import dim, emit_json, mark, plain, short, status, table
from workflowkit.cli.target import of_tenant, opened, scope_of, scope_options
from workflowkit.engine.states import RunStatus

if TYPE_CHECKING:
    from workflowkit.runtime.history import Step
    from workflowkit.runtime.searching import Found, Wanted
    from workflowkit.store.queries import RunView

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON as the API does, for programs.")


@click.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([word.value for word in RunStatus]),
    help="May be repeated.",
)
@click.option("--workflow", "workflow_id", metavar="ID", help="Only runs of this workflow.")
@click.option("--version", type=click.IntRange(1, MAX_INTEGER), metavar="N", help="Only runs of this version.")
@click.option("--app", "app_id", metavar="ID", help="Only runs of this application's functions.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Created at or after this time in UTC.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Created before this time in UTC.")
@click.option(
    "--where",
    multiple=True,
    metavar="EXPR",
    help="Only runs for which this holds, over event and output; all, if repeated.",
)
@click.option("--contains", metavar="TEXT", help="Only runs with this text in a value of their event or output.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="PATH",
    help="Show this value, such as event.data.id. Repeatable.",
)
@click.option("--after", metavar="RUN", help="Go on behind this run.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@scope_options
@json_option
def list_runs(*, limit: int, after: str | None, environment: str, tenant: str, as_json: bool, **options: Any) -> None:
    """List runs, newest first.

    \b
    workflowkit runs list --status failed --workflow orders
    workflowkit runs list --contains ada@example.com
    workflowkit runs list --where "event.data.order_id == 'A-17'" --column output.total
    """
    wanted = _wanted(**options)
    with opened() as wk:
        found = wk.runtime.searching.find(scope_of(environment, tenant), wanted, limit=limit, before=after)
    if as_json:
        from workflowkit.api import views

        items = [views.listed_run(run, found) for run in found.runs]
        emit_json({"items": items, "next_id": found.next_id, "looked": views.looked(found)})
        return
    if found.runs:
        headers = ("", "run", "workflow", "status", "created", "took", *wanted.columns, "error")
        click.echo(table((_row(run, found, wanted.columns) for run in found.runs), headers=headers))
    else:
        click.echo(f"no runs {of_tenant(environment, tenant)}")
    if found.is_stopped:
        click.echo(dim(_stopped(found)))


def took(ended: RunView | Step) -> str:
    """Return how long something took; empty while it goes on."""
    if ended.started_at_ms is None or ended.finished_at_ms is None:
        return ""
    return f"{ended.finished_at_ms - ended.started_at_ms} ms"


def _wanted(
    *,
    statuses: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    where: tuple[str, ...],
    contains: str | None,
    columns: tuple[str, ...],
    **fields: Any,
) -> Wanted:
    from workflowkit.runtime.searching import Wanted
    from workflowkit.store.runsearch import RunChoice

    choice = RunChoice(
        statuses=[RunStatus(word) for word in statuses],
        created_after_ms=_milliseconds(since),
        created_before_ms=_milliseconds(until),
        **fields,
    )
    return Wanted(choice, "\n".join(where) if where else None, columns, contains)


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds(moment)


def _row(run: RunView, found: Found, columns: Sequence[str]) -> tuple[str, ...]:
    error = "" if run.error is None else plain(run.error.message)
    values = found.values.get(run.id) or {}
    return (
        mark(run.status.value),
        run.id,
        plain(run.workflow_id),
        status(run.status.value),
        dim(rfc3339(run.created_at_ms)),
        took(run),
        *("" if values.get(column) is None else short(values[column], 40) for column in columns),
        error if len(error) <= 60 else error[:59] + "…",
    )


def _stopped(found: Found) -> str:
    back_to = "" if found.back_to_ms is None else f", back to {rfc3339(found.back_to_ms)}"
    hint = "" if found.hint is None else f" {found.hint}"
    return f"looked through {found.looked_through} runs{back_to}; go on with --after {found.next_id}.{hint}"
