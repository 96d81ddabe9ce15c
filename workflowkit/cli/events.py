"""``workflowkit events``: which there are by name, and what became of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.base.clock import rfc3339
from workflowkit.cli.output import dim, emit_json, plain, short, status, table
from workflowkit.cli.target import opened, scope_of, scope_options
from workflowkit.cli.words import in_words

if TYPE_CHECKING:
    from workflowkit.store.queries import CollectionView, DecisionView

#: Runs of an event that are shown.
MAX_RUNS = 100


@click.group("events", short_help="Show which events there are, and what became of one.")
def command() -> None:
    """Show which events there are, and what became of one."""


@command.command("types")
@click.option("--span", type=click.Choice(["1h", "24h", "7d"]), default="24h", show_default=True, help="How far back.")
@click.option("--after", default="", metavar="NAME", help="Names behind this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def list_types(span: str, after: str, limit: int, environment: str, tenant: str, as_json: bool) -> None:
    """List the names of events: how many came, when the last one did, and which workflows listen.

    \b
    workflowkit events types --span 1h
    """
    with opened() as wk:
        from workflowkit.runtime.eventtypes import SPANS, look

        found = look(
            wk.runtime.database, scope_of(environment, tenant), SPANS[span], limit=limit, after=after,
            limits=wk.settings.limits,
        )  # fmt: skip
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.event_type(each) for each in found.types]})
    elif found.types:
        rows = (
            (
                plain(each.name),
                f"{each.count}{'+' if each.is_capped else ''}",
                "" if each.last_at_ms is None else dim(rfc3339(each.last_at_ms)),
                plain(", ".join(each.workflow_ids)),
            )
            for each in found.types
        )
        click.echo(table(rows, headers=("event", span, "last", "workflows")))
    else:
        click.echo("no events")


@command.command("show")
@click.argument("event_id", metavar="EVENT")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def show(event_id: str, environment: str, tenant: str, as_json: bool) -> None:
    """Show an event: the runs it started and resumed, what it was collected into, and why it started nothing else.

    \b
    workflowkit events show 01M817AXWA8Z4RDV7ZWESCAWYM
    """
    with opened() as wk:
        from workflowkit.runtime.stories import tell_event

        with wk.runtime.database.read() as tx:
            told = tell_event(tx, scope_of(environment, tenant), event_id, most_runs=MAX_RUNS)
    if as_json:
        from workflowkit.api import views

        emit_json(views.event_detail(told))
        return
    click.echo(f"{plain(told.event.name)} {short(told.event.data, 80)}")
    if told.event.duplicate_of is not None:
        click.echo(f"  {dim('has the id of the event')} {told.event.duplicate_of}")
    if told.is_pending:
        click.echo(f"  {dim('waits to be matched')}")
    for run in told.runs:
        click.echo(f"  {plain(run.workflow_id)}  {status(run.status.value)} {dim('run')} {run.id}")
    for one in told.resumed:
        step = dim(f"step {plain(one.step)}")
        click.echo(f"  {plain(one.workflow_id)}  {status(one.status.value)} {dim('resumed run')} {one.run_id} {step}")
    for each in told.collections:
        click.echo(f"  {plain(each.workflow_id)}  {_gathered(each)}")
    for decided in told.decisions:
        click.echo(f"  {plain(decided.workflow_id or '-')}  {status('skipped')} {_why(decided)}")


def _gathered(record: CollectionView) -> str:
    """Tell of the events that an event is with, and what became of them."""
    if record.kind == "singleton":
        return "waits for a run of the workflow to end"
    events = "1 event" if record.event_count == 1 else f"{record.event_count} events"
    what = f"{'batch' if record.kind == 'batch' else 'window of a debounce'} {dim(f'of {events}:')}"
    if record.run_id is not None:
        return f"{what} {dim('run')} {record.run_id}"
    return f"{what} {'still open' if record.reason is None else _reason(record.reason)}"


def _why(record: DecisionView) -> str:
    """Tell why an event started nothing, in words, and what is there instead."""
    parts = [_reason(record.reason)]
    if record.detail:
        parts.append(plain(record.detail))
    if record.reason == "superseded" and record.other_id is not None:
        parts.append(f"{dim('event')} {record.other_id}")
    elif record.run_id is not None:
        parts.append(f"{dim('run')} {record.run_id}")
    elif record.other_id is not None:
        parts.append(f"{dim('instead:')} {record.other_id}")
    return "; ".join(parts)


def _reason(reason: str) -> str:
    return f"{in_words(reason)} {dim(f'({reason})')}"
