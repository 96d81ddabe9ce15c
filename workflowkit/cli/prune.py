"""``workflowkit prune``: deletes what is older than it is to be kept, now."""

from __future__ import annotations

import click

from workflowkit.cli.output import Invalid, emit_json
from workflowkit.cli.target import opened

_days = click.IntRange(min=1)


@click.command("prune", short_help="Delete what is older than it is to be kept.")
@click.option("--runs-days", type=_days, help="Keep runs that have ended for so many days.")
@click.option("--events-days", type=_days, help="Keep events that no run needs for so many days.")
@click.option("--audit-days", type=_days, help="Keep entries of audit logs for so many days.")
@click.option("--dry-run", is_flag=True, help="Only count what is old enough.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def command(
    runs_days: int | None, events_days: int | None, audit_days: int | None, dry_run: bool, as_json: bool
) -> None:
    """Delete what is older than it is to be kept, of all tenants, directly in the database.

    Schedulers and workers do this by themselves if the settings say how long things are kept; options take the place of
    the settings here. Runs that go on stay, and so do their parents, children and events.

    \b
    workflowkit prune --runs-days 30 --dry-run
    """
    with opened() as wk:
        from workflowkit.runtime.pruning import Kept, Pruning

        said = Kept.by(wk.settings)
        kept = Kept(runs_days or said.runs_days, events_days or said.events_days, audit_days or said.audit_days)
        if kept.is_everything:
            raise Invalid("say how long things are kept: WORKFLOWKIT_KEEP_RUNS_DAYS and so on, or --runs-days")
        pruning = Pruning(wk.runtime.database, kept)
        counted = pruning.count() if dry_run else pruning.run()
    if as_json:
        emit_json({"runs": counted.runs, "events": counted.events, "audit_entries": counted.audit_entries})
        return
    word = "old enough" if dry_run else "deleted"
    click.echo(f"{word}: {counted.runs} runs, {counted.events} events, {counted.audit_entries} audit entries")
