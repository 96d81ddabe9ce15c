"""``workflowkit jobs``: cancel or repeat many runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workflowkit.cli.output import emit_json, plain, status, table
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflowkit.app import WorkflowKit
    from workflowkit.base.scope import Scope
    from workflowkit.store.jobs import JobRow

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_ACTOR = "the command line"


@click.group("jobs", short_help="Cancel or repeat many runs.")
def command() -> None:
    """Cancel or repeat many runs at a time. The scheduler works them off; they go on after a restart."""


@command.command("create")
@click.argument("kind", type=click.Choice(["cancel", "replay"]))
@click.option("--workflow", "workflow_id", metavar="ID", help="Runs of this workflow. Default: all.")
@click.option("--status", "statuses", multiple=True, metavar="STATUS", help="Runs in this state; may be repeated.")
@click.option(
    "--skipped", "skipped", multiple=True, type=click.Choice(["drained", "paused", "archived", "disabled"]),
    help="Of a replay: events that were skipped for this reason, instead of runs; may be repeated.",
)  # fmt: skip
@click.option("--if", "condition", metavar="EXPRESSION", help="An expression over event that must be true.")
@click.option("--reason", metavar="TEXT", help="Why, for people.")
@click.option("--rate", type=float, default=50.0, show_default=True, help="Repeated runs a second.")
@click.option("--latest", is_flag=True, help="Repeat on the latest version.")
@click.option("--dry-run", is_flag=True, help="Only count the runs.")
@scope_options
@json_option
def create(
    kind: str,
    workflow_id: str | None,
    statuses: tuple[str, ...],
    skipped: tuple[str, ...],
    condition: str | None,
    reason: str | None,
    rate: float,
    latest: bool,
    dry_run: bool,
    environment: str,
    tenant: str,
    as_json: bool,
) -> None:
    """Begin a job over the runs that there are now.

    \b
    workflowkit jobs create cancel --workflow order-placed --dry-run
    workflowkit jobs create replay --workflow order-placed --status failed --rate 10 --latest
    workflowkit jobs create replay --workflow order-placed --skipped drained --skipped paused
    """
    from workflowkit.engine.states import RunStatus
    from workflowkit.runtime.jobs import NewJob
    from workflowkit.store.jobs import JobKind

    try:
        chosen = tuple(RunStatus(word) for word in statuses)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--status") from None
    wanted = NewJob(
        JobKind(kind), chosen, workflow_id, condition=condition, reason=reason, actor=_ACTOR, rate_per_second=rate,
        version="latest" if latest else "original", skipped=skipped,
    )  # fmt: skip
    with opened() as wk:
        scope = scope_of(environment, tenant)
        if workflow_id is not None:
            _check_workflow(wk, scope, workflow_id)
        if dry_run:
            count = wk.runtime.jobs.count(scope, wanted)
            if as_json:
                emit_json({"matched_count": count})
            else:
                click.echo(f"{count} {_things(skipped)}")
            return
        _show(wk.runtime.jobs.create(scope, wanted), as_json=as_json)


def _check_workflow(wk: WorkflowKit, scope: Scope, workflow_id: str) -> None:
    """Raise ``NotFound`` for a workflow that does not exist: a slip of the hand must not look like work well done."""
    from workflowkit.base.scope import owner_of
    from workflowkit.store import workflows

    with wk.runtime.database.read() as tx:
        workflows.get(tx, owner_of(scope, workflow_id), workflow_id)


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@scope_options
@json_option
def list_jobs(limit: int, environment: str, tenant: str, as_json: bool) -> None:
    """List jobs, the newest first.

    \b
    workflowkit jobs list
    """
    with opened() as wk:
        found = wk.runtime.jobs.find(scope_of(environment, tenant), limit=limit)
    if as_json:
        from workflowkit.api import views

        emit_json({"items": [views.job(job) for job in found]})
    elif found:
        click.echo(table(map(_row, found), headers=("job", "kind", "state", "done", "of")))
    else:
        click.echo("no jobs")


@command.command("stop")
@click.argument("job_id", metavar="JOB")
@scope_options
@json_option
def stop(job_id: str, environment: str, tenant: str, as_json: bool) -> None:
    """Let a job do nothing more. What it has done stays done.

    \b
    workflowkit jobs stop 01M817AXWA8Z4RDV7ZWESCAWYM
    """
    with opened() as wk:
        _show(wk.runtime.jobs.stop(scope_of(environment, tenant), job_id), as_json=as_json)


def _show(job: JobRow, *, as_json: bool) -> None:
    if as_json:
        from workflowkit.api import views

        emit_json(views.job(job))
    else:
        click.echo(
            f"{status(job.state.value)} {job.id}  {job.kind.value} {job.matched_count} {_things(job.chosen.skipped)}"
        )


def _things(skipped: Sequence[str]) -> str:
    return "events" if skipped else "runs"


def _row(job: JobRow) -> tuple[str, ...]:
    return (job.id, plain(job.kind.value), status(job.state.value), str(job.done_count), str(job.matched_count))
