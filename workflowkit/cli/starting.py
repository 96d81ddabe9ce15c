"""``workflowkit workflows run``: start one by hand, and wait for what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workflowkit.base.errors import NotFound
from workflowkit.cli import documents
from workflowkit.cli.output import INVALID, dim, emit_json, plain, status
from workflowkit.cli.send import json_argument
from workflowkit.cli.target import opened, scope_of, scope_options

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.base.scope import Scope
    from workflowkit.store.queries import RunView

#: How often the end of the run is looked for.
LOOK_SECONDS = 0.2


@click.command("run", short_help="Start a run.")
@click.argument("workflow_id", metavar="WORKFLOW")
@click.option("--data", metavar="JSON", default="{}", help="The data of the run's event, an object. Default: {}.")
@click.option("--wait", "is_waited_for", is_flag=True, help="Return when the run has ended; 1 unless it completed.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer; then exit with 1.")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def run(
    ctx: click.Context,
    workflow_id: str,
    data: str,
    is_waited_for: bool,
    timeout: float | None,
    environment: str,
    tenant: str,
    as_json: bool,
) -> None:
    """Start a run of the published version of a workflow or function, whatever its triggers.

    Workers perform it; without one that runs, --wait waits for ever.

    \b
    workflowkit workflows run orders --data '{"id": 7}' --wait
    """
    try:
        value = json_argument(data)
    except documents.InvalidDocument as error:
        documents.echo_problems(error.source, error.problems)
        ctx.exit(INVALID)
    scope = scope_of(environment, tenant)
    with opened(writes=True) as wk:
        started = wk.runtime.requesting.by_hand(scope, workflow_id, value, is_author=True)
        found = _wait(wk, scope, started.run_id, timeout) if is_waited_for else None
    _tell(started.run_id, started.event_id, found, as_json=as_json)
    if is_waited_for:
        ctx.exit(0 if found is not None and found.status.value == "completed" else 1)


def _wait(wk: WorkflowKit, scope: Scope, run_id: str, timeout_seconds: float | None) -> RunView | None:
    """Return the run once it has ended, or the time is over; ``None`` if there is none yet."""
    from workflowkit.base.clock import monotonic_seconds, sleep
    from workflowkit.store import queries

    ends_at = None if timeout_seconds is None else monotonic_seconds() + timeout_seconds
    while True:
        with wk.runtime.database.view(None).read() as tx:  # as it is stored
            try:
                found = queries.get_run(tx, scope, run_id)
            except NotFound:
                found = None
        is_over = ends_at is not None and monotonic_seconds() >= ends_at
        if is_over or (found is not None and found.status.is_terminal):
            return found
        sleep(LOOK_SECONDS)


def _tell(run_id: str, event_id: str, found: RunView | None, *, as_json: bool) -> None:
    if as_json:
        shown: dict[str, Any] = {"run_id": run_id, "event_id": event_id}
        if found is not None:
            error = None if found.error is None else found.error.as_dict()
            shown |= {"status": found.status.value, "output": found.output, "error": error}
        emit_json(shown)
        return
    if found is None:
        click.echo(f"{status('queued', text='started')} {run_id}")
        return
    click.echo(f"{status(found.status.value)} {run_id}")
    if found.error is not None:
        click.echo(f"  {plain(found.error.message)}")
    elif found.output is not None:
        from workflowkit.base.jsonvalue import dumps

        click.echo(dim(plain(dumps(found.output))))
