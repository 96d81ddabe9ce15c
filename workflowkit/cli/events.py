"""``workflowkit events``: what became of an event."""

from __future__ import annotations

import click

from workflowkit.cli.output import dim, emit_json, plain, short, status
from workflowkit.cli.target import opened, scope_of, scope_options

#: Runs of an event that are shown.
MAX_RUNS = 100


@click.group("events", short_help="Show what became of an event.")
def command() -> None:
    """Show what became of events."""


@command.command("show")
@click.argument("event_id", metavar="EVENT")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def show(event_id: str, environment: str, tenant: str, as_json: bool) -> None:
    """Show an event: the runs it started, what it was collected into, and why it started nothing else.

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
    if told.is_pending:
        click.echo(f"  {dim('waits to be matched')}")
    for run in told.runs:
        click.echo(f"  {plain(run.workflow_id)}  {status(run.status.value)} {dim('run')} {run.id}")
    for each in told.collections:
        became = f"run {each.run_id}" if each.run_id else each.reason or "open"
        click.echo(f"  {plain(each.workflow_id)}  {each.kind} {dim(f'of {each.event_count} events:')} {plain(became)}")
    for decided in told.decisions:
        why = " ".join(part for part in (decided.reason, decided.detail, decided.other_id) if part)
        click.echo(f"  {plain(decided.workflow_id or '-')}  {status('skipped')} {plain(why)}")
