"""``workflowkit events``: what became of an event."""

from __future__ import annotations

import click

from workflowkit.cli.output import dim, emit_json, plain, short, status
from workflowkit.cli.target import opened, scope_of, scope_options


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
        from workflowkit.api import views
        from workflowkit.store import queries

        scope = scope_of(environment, tenant)
        with wk.runtime.database.read() as tx:
            record = queries.get_event(tx, scope, event_id)
            runs = queries.find_runs(tx, scope, queries.RunFilter(event_id=event_id), limit=100)
            decisions = queries.find_decisions(tx, scope, event_id)
            collections = queries.find_collections(tx, scope, event_id)
            is_pending = queries.is_pending(tx, scope, event_id)
    if as_json:
        emit_json(
            views.event_detail(record, is_pending=is_pending, runs=runs, decisions=decisions, collections=collections)
        )
        return
    click.echo(f"{plain(record.name)} {short(record.data, 80)}")
    if is_pending:
        click.echo(f"  {dim('waits to be matched')}")
    for run in runs:
        click.echo(f"  {plain(run.workflow_id)}  {status(run.status.value)} {dim('run')} {run.id}")
    for each in collections:
        became = f"run {each.run_id}" if each.run_id else each.reason or "open"
        click.echo(f"  {plain(each.workflow_id)}  {each.kind} {dim(f'of {each.event_count} events:')} {plain(became)}")
    for decided in decisions:
        why = " ".join(part for part in (decided.reason, decided.detail, decided.other_id) if part)
        click.echo(f"  {plain(decided.workflow_id or '-')}  {status('skipped')} {plain(why)}")
